"""File: open, samples, recent files, scenes, projects, paths, pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.ui import files
from app.ui.actions import ActionRecord
from app.ui.opening import path_filters, scene_filters
from scenes.fields import WITH_SURFACE, FieldScene
from scenes.registry import Cancel, Progress
from scenes.samples import sample_titles

if TYPE_CHECKING:
    from app.ui.shell import Shell

_IMAGES = [("PNG picture", (".png",))]


def _open(shell: Shell) -> None:
    shell.open_paths(files.ask_open_many(shell.window, "Open", scene_filters()))


def _open_folder(shell: Shell) -> None:
    folder = files.ask_folder(shell.window, "Open a scene that is a folder")
    if folder is not None:
        shell.open_paths([folder])


def _save_scene(shell: Shell) -> None:
    from app.ui.save_as.dialog import SaveAsDialog

    scene = shell.document.scene
    if scene is not None:
        SaveAsDialog(shell, scene).open()


def _has_surface(shell: Shell) -> bool:
    scene = shell.document.scene
    return isinstance(scene, FieldScene) and scene.model.form in WITH_SURFACE


def _save_mesh(shell: Shell) -> None:
    from app.ui.meshing import MeshDialog

    scene = shell.document.scene
    if isinstance(scene, FieldScene):
        MeshDialog(shell, scene).open()


def _can_be_reopened(shell: Shell) -> bool:
    from app.ui.reopen import format_of

    return format_of(shell.document.scene) is not None


def _reopen(shell: Shell) -> None:
    from app.ui.reopen import ReopenDialog, format_of

    scene = shell.document.scene
    format = format_of(scene)
    if scene is not None and format is not None:
        ReopenDialog(shell, scene, format).open()


def _import(shell: Shell) -> None:
    filters = [*path_filters(), ("Training cameras", (".json", "images.bin", "images.txt"))]
    path = files.ask_open(shell.window, "Import camera path or cameras", filters)
    if path is not None:
        shell.open_paths([path])


def _save_path(shell: Shell) -> None:
    from app.ui.canvas.driver import display_transform
    from scenes.paths.edit import turned
    from scenes.paths.files import write_path

    file = files.ask_save(
        shell.window, "Save camera path", path_filters(writable=True), "camera_path.json"
    )
    if file is None:
        return
    path = shell.document.path
    display = display_transform(shell.document.orientation)
    if display is not None:
        # A path on disk lies in the frame of the scene's file, whichever way up that is shown.
        path = turned(path, display.T)

    def work(progress: Progress, cancel: Cancel) -> None:
        write_path(path, file)

    shell.tasks.start(
        f"Saving {file.name}", work, lambda _: shell.status(f"Saved {file.name}."), shell.show_error
    )


def _save_image(shell: Shell) -> None:
    view = shell.document.view
    scene = shell.document.scene
    if view is None or scene is None:
        return
    file = files.ask_save(shell.window, "Save picture", _IMAGES, f"{Path(scene.name).stem}.png")
    request = shell.driver.request_of(view)
    if file is None or request is None:
        return

    def work(progress: Progress, cancel: Cancel) -> None:
        from PIL import Image

        from render.render import render

        part = file.with_name(file.name + ".part")
        Image.fromarray(render(request).rgba8, "RGBA").save(part, format="PNG")
        part.replace(file)

    shell.tasks.start(
        f"Saving {file.name}", work, lambda _: shell.status(f"Saved {file.name}."), shell.show_error
    )


def _sample(name: str, title: str) -> ActionRecord:
    return ActionRecord(
        id=f"file.sample.{name}",
        title=title,
        menu="File/Open sample",
        tip=f"Show the sample scene “{title}”",
        run=lambda shell: shell.opener.open_sample(name),
    )


def _has_scene(shell: Shell) -> bool:
    return shell.document.scene is not None


def _can_be_saved(shell: Shell) -> bool:
    from app.ui.save_as.choices import writable

    return shell.document.scene is not None and bool(writable(shell.document.scene.kind))


ACTIONS = [
    ActionRecord(
        id="file.open",
        title="Open…",
        menu="File",
        shortcut="Ctrl+O",
        tip="Open scenes, camera paths or projects",
        icon="open",
        run=_open,
    ),
    ActionRecord(
        id="file.open_folder",
        title="Open folder…",
        menu="File",
        shortcut="Ctrl+Shift+O",
        tip="Open a scene that is a folder: an unpacked bundle, or one file for each frame",
        icon="folder",
        run=_open_folder,
    ),
    *(_sample(*item) for item in sample_titles().items()),
    ActionRecord(
        id="file.save_scene_as",
        title="Save scene as…",
        menu="File",
        shortcut="Ctrl+Shift+E",
        tip="Write the current scene in this or another format, whole or reduced",
        icon="save",
        run=_save_scene,
        enabled_when=_can_be_saved,
        section=1,
    ),
    ActionRecord(
        id="file.reopen",
        title="Open again with options…",
        menu="File",
        shortcut="Ctrl+Alt+O",
        tip="Read the scene's file another way: depths and shape of layers, frame, axes, level",
        run=_reopen,
        enabled_when=_can_be_reopened,
        section=1,
    ),
    ActionRecord(
        id="file.close_scene",
        title="Close scene",
        menu="File",
        shortcut="Ctrl+W",
        tip="Close the current scene",
        icon="close",
        run=lambda shell: shell.document.close_scene(shell.document.current),
        enabled_when=_has_scene,
        section=1,
    ),
    ActionRecord(
        id="file.save",
        title="Save project",
        menu="File",
        shortcut="Ctrl+S",
        tip="Keep scene, path, views and settings in one file",
        icon="save",
        run=lambda shell: shell.projects.save(),
        section=2,
    ),
    ActionRecord(
        id="file.save_as",
        title="Save project as…",
        menu="File",
        shortcut="Ctrl+Shift+S",
        tip="Keep scene, path, views and settings in another file",
        run=lambda shell: shell.projects.save_as(),
        section=2,
    ),
    ActionRecord(
        id="file.import",
        title="Import camera path or cameras…",
        menu="File",
        shortcut="Ctrl+I",
        tip="Read a path of nerfstudio, instant-ngp or ours, or the cameras of a training",
        icon="import",
        run=_import,
        section=3,
    ),
    ActionRecord(
        id="file.save_path",
        title="Save camera path as…",
        menu="File",
        tip="Write the path for this or another program",
        icon="path",
        run=_save_path,
        enabled_when=lambda shell: bool(shell.document.path.keys),
        section=3,
    ),
    ActionRecord(
        id="file.save_mesh",
        title="Save surface as mesh…",
        menu="File",
        shortcut="Ctrl+Alt+M",
        tip="Write where a neural field has its surface as triangles (.ply, .obj, .stl)",
        run=_save_mesh,
        enabled_when=_has_surface,
        section=4,
    ),
    ActionRecord(
        id="file.save_image",
        title="Save picture…",
        menu="File",
        shortcut="Ctrl+Shift+I",
        tip="Write what the canvas shows as a PNG",
        icon="image",
        run=_save_image,
        enabled_when=_has_scene,
        section=4,
    ),
    ActionRecord(
        id="file.quit",
        title="Quit",
        menu="File",
        shortcut="Ctrl+Q",
        tip="Close the window",
        run=lambda shell: shell.window.close(),
        section=9,
    ),
]
