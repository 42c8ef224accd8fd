"""Opening files of any kind in the background, and the sample scenes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from PyQt6.QtCore import QObject, pyqtSignal

from app.document import Bookmark
from app.settings import with_recent
from app.ui.canvas.driver import display_transform
from scenes.errors import SceneError
from scenes.paths.camera_sets import placed_in
from scenes.paths.edit import turned
from scenes.paths.path import CameraPath
from scenes.registry import Cancel, Progress, head_of
from scenes.scene import Scene
from scenes.transforms import suggest_orientation

if TYPE_CHECKING:
    from app.ui.shell import Shell
    from scenes.paths.camera_sets import CameraSet

Kind = Literal["scene", "path", "cameras", "project"]
_MADE_OF = {"gaussians": "Gaussians", "planes": "a multiplane image", "field": "a neural field"}
_CAMERA_FOLDERS_UP = 3


@dataclass(frozen=True, eq=False)
class OpenedScene:
    """A scene that was read, and what lies beside it.

    ``cameras`` is a file of training cameras near the scene. ``path`` is the camera path that the
    scene's own file carries; ``problem`` says why it cannot be used although it is there.
    """

    scene: Scene
    cameras: Path | None
    path: CameraPath | None
    problem: SceneError | None


@dataclass(frozen=True)
class Known:
    """What a file is: which of our kinds, what its format is called, what a scene is made of."""

    kind: Kind
    title: str
    made_of: str = ""


def look(path: Path) -> Known | None:
    """What a file is, from its first bytes; None when unknown. Reads: call it on a worker.

    Raises
    ------
    SceneError
        If the file cannot be read.
    """
    from app.project import SUFFIX
    from scenes.open import sniff_scene
    from scenes.paths.camera_sets import CameraSetFormat
    from scenes.paths.files import sniff_path

    if path.name.lower().endswith(SUFFIX):
        return Known("project", "Plenoscope project")
    scene = sniff_scene(path)
    if scene is not None:
        return Known("scene", scene.title, _MADE_OF.get(scene.kind, ""))
    chosen = sniff_path(path)
    if chosen is None:
        return None
    return Known("cameras" if isinstance(chosen, CameraSetFormat) else "path", chosen.title)


def describe(path: Path) -> str:
    """One sentence on what dropping a file will do. Reads: call it on a worker."""
    try:
        known = look(path)
    except SceneError as error:
        return str(error)
    except OSError as error:
        return f"{path.name} cannot be read: {error.strerror}"
    if known is None:
        what = "holds no scene that is known" if path.is_dir() else "is of an unknown kind"
        return f"{path.name} {what}. Known are: {known_kinds()}"
    if known.kind == "scene":
        words = f" as {known.made_of}" if known.made_of else ""
        return f"Open {path.name}{words} ({known.title})"
    if known.kind == "path":
        return f"Use {path.name} as camera path ({known.title})"
    if known.kind == "cameras":
        return f"Add the cameras of {path.name} to the views ({known.title})"
    return f"Open the project {path.name}"


def known_kinds() -> str:
    """The endings of all files that can be opened, for a sentence.

    An ending that ends in a shorter one (``.compressed.ply``) goes without saying.
    """
    from app.project import SUFFIX
    from scenes.open import scene_formats
    from scenes.paths.files import path_formats

    formats = (*scene_formats(), *path_formats())
    endings = list(dict.fromkeys(ending for format in formats for ending in format.extensions))
    told = [
        ending
        for ending in endings
        if not any(ending != other and ending.endswith(other) for other in endings)
    ]
    return ", ".join([*told, SUFFIX])


def scene_filters() -> list[tuple[str, tuple[str, ...]]]:
    """What the file dialog offers for Open; formats that are folders have nothing to offer."""
    from app.project import SUFFIX
    from scenes.open import scene_formats

    filters = [(f.title, f.extensions) for f in scene_formats() if f.extensions]
    cameras = (".json", "images.bin", "images.txt", "poses_bounds.npy")
    return [*filters, ("Camera path or cameras", cameras), ("Plenoscope project", (SUFFIX,))]


def path_filters(writable: bool = False) -> list[tuple[str, tuple[str, ...]]]:
    """What the file dialog offers for camera paths."""
    from scenes.paths.files import path_formats

    return [(f.title, f.extensions) for f in path_formats() if f.write or not writable]


class Opener(QObject):
    """Opens things as tasks; the document changes only once they are ready."""

    recent_changed = pyqtSignal()
    cameras_found = pyqtSignal(object)
    """A file of training cameras lies beside the scene that was just opened; its Path, or None."""

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell)
        self._shell = shell

    # Files ----------------------------------------------------------------------------------

    def open_paths(self, paths: list[Path]) -> None:
        """Open files of any kind, each in a task of its own."""
        for path in paths:
            self._open(Path(path).absolute())

    def _open(self, path: Path) -> None:
        def work(progress: Progress, cancel: Cancel) -> tuple[Kind, Any]:
            known = look(path)
            if known is None:
                raise SceneError(path, f"one of these kinds: {known_kinds()}", "another kind")
            return known.kind, _READERS[known.kind](path, progress, cancel)

        self._shell.tasks.start(
            f"Opening {path.name}", work, lambda found: self._opened(path, *found), self._failed
        )

    def _opened(self, path: Path, kind: Kind, found: Any) -> None:
        if kind == "scene":
            self._scene_opened(path, found)
        elif kind == "path":
            self.use_path(found, path.name)
        elif kind == "cameras":
            self.add_cameras(found, path.name)
            for warning in found.warnings[:1]:
                self._shell.status(warning)
        else:
            self._shell.projects.opened(path, found)

    def _scene_opened(self, file: Path, found: OpenedScene) -> None:
        self.add_recent(file)
        self.show_scene(found.scene)
        self.cameras_found.emit(found.cameras)
        document = self._shell.document
        if found.problem is not None:
            self._shell.status(f"The camera path in the file cannot be used. {found.problem}")
        elif found.path is not None and not document.path.keys:
            modified = document.modified
            self.use_path(found.path, file.name)
            keys, seconds = len(found.path.keys), found.path.duration
            self._shell.status(f"{file.name} brought a camera path: {keys} keys, {seconds:.1f} s")
            if not modified:
                document.mark_saved()

    def _failed(self, error: BaseException) -> None:
        self._shell.show_error(error)

    def show_scene(self, scene: Scene) -> None:
        """Add a scene to the document, make it current and look at it."""
        shell = self._shell
        modified = shell.document.modified
        shell.document.add_scene(scene)
        shell.document.set_orientation(suggest_orientation(scene))
        if not modified:
            # Opening a scene is not yet work that could be lost.
            shell.document.mark_saved()
        for warning in scene.warnings[:1]:
            shell.status(warning)

    def use_path(self, path: CameraPath, name: str) -> None:
        """Take over a camera path as one step of undo; files speak the scene file's frame."""
        turn = display_transform(self._shell.document.orientation)
        if turn is not None:
            path = turned(path, turn)
        self._shell.document.edit_path(path, f"Open camera path {name}")
        self._shell.document.set_time(0.0)
        self._shell.status(f"{name}: {len(path.keys)} keys, {path.duration:.1f} s")

    def add_cameras(self, found: CameraSet, name: str) -> None:
        """Add the cameras of a capture to the bookmarks as one step of undo, and draw them.

        They are in the frame of the scene's file, and are turned with it as it is displayed.
        """
        document = self._shell.document
        turn = display_transform(document.orientation)
        scene = document.scene
        cameras = found.cameras if scene is None else placed_in(found, scene)
        if turn is not None:
            cameras = tuple(camera.transformed(turn) for camera in cameras)
        capture = _free_name(name, {mark.capture for mark in document.bookmarks})
        views = tuple(
            Bookmark(name, camera, capture, picture)
            for name, camera, picture in zip(found.names, cameras, found.pictures, strict=True)
        )
        document.edit_bookmarks(document.bookmarks + views, f"Add {len(views)} views")
        self._shell.set_overlays(cameras=True)
        self._shell.status(f"{len(views)} views added.")

    # Samples --------------------------------------------------------------------------------

    def open_sample(self, name: str, then: Callable[[], object] | None = None) -> None:
        """Make a sample scene in the background and show it, then call ``then``."""

        def work(progress: Progress, cancel: Cancel) -> Scene:
            from render.render import prepared
            from scenes.samples import make_sample

            scene = make_sample(name, progress=progress, cancel=cancel)
            return prepared(scene, progress=progress, cancel=cancel)

        def done(scene: Scene) -> None:
            self.show_scene(scene)
            if then is not None:
                then()

        from scenes.samples import sample_titles

        title = sample_titles()[name]
        self._shell.tasks.start(f"Making the sample “{title}”", work, done, self._failed)

    # Recent files ---------------------------------------------------------------------------

    def add_recent(self, path: Path) -> None:
        """Remember a file as the newest."""
        changed = with_recent(self._shell.settings, path)
        self._shell.change_settings(recent_files=changed.recent_files)
        self.recent_changed.emit()

    def clear_recent(self) -> None:
        """Forget all recent files."""
        self._shell.change_settings(recent_files=())
        self.recent_changed.emit()


def _free_name(name: str, taken: set[str]) -> str:
    """``name``, or with the first number that tells it from the others."""
    free, number = name, 2
    while free in taken:
        free, number = f"{name} ({number})", number + 1
    return free


def _read_scene(path: Path, progress: Progress, cancel: Cancel) -> OpenedScene:
    from render.render import prepared
    from scenes.open import open_scene

    scene = prepared(open_scene(path, progress, cancel), progress=progress, cancel=cancel)
    _ = scene.focus, scene.bounds  # computed here, where it may take its time
    try:
        carried, problem = _path_inside(path), None
    except SceneError as error:
        # The scene is worth having even where its path is not.
        carried, problem = None, error
    return OpenedScene(scene, _camera_file(path), carried, problem)


def _path_inside(file: Path) -> CameraPath | None:
    """The camera path that a scene's file carries, if its content says that it does."""
    from scenes.paths.files import read_path, sniff_path

    if file.is_dir():
        return None
    format = sniff_path(file)
    if format is None or format.kind != "path" or not format.sniff(file, head_of(file)):
        return None
    path = read_path(file)
    return path if path.keys else None


def _camera_file(path: Path) -> Path | None:
    """The cameras.json of a training: beside the scene or a few folders up."""
    folder = path if path.is_dir() else path.parent
    for candidate in (folder, *folder.parents[: _CAMERA_FOLDERS_UP - 1]):
        file = candidate / "cameras.json"
        if file.is_file() and file != path:
            return file
    return None


def _read_path(path: Path, progress: Progress, cancel: Cancel) -> CameraPath:
    from scenes.paths.files import read_path

    return read_path(path)


def _read_cameras(path: Path, progress: Progress, cancel: Cancel) -> CameraSet:
    from scenes.paths.files import read_camera_set

    return read_camera_set(path)


def _read_project(path: Path, progress: Progress, cancel: Cancel) -> Any:
    from app.ui.projects import read

    return read(path, progress, cancel)


_READERS: dict[Kind, Callable[[Path, Progress, Cancel], Any]] = {
    "scene": _read_scene,
    "path": _read_path,
    "cameras": _read_cameras,
    "project": _read_project,
}
