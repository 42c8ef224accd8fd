"""Reading the file of a scene another way: its axes in another frame, another level of detail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from app.ui.tasks import Task, Work
from scenes.gaussians import GaussianScene
from scenes.registry import Cancel, Format, Progress
from scenes.scene import Scene

if TYPE_CHECKING:
    from app.ui.shell import Shell

QUICK_SPLATS = 50_000
"""Scenes of up to this many are turned at once (under 0.15 s), larger ones in a task."""


def open_as(
    file: Path,
    axes: str,
    level: int | None,
    progress: Progress,
    cancel: Cancel,
    choices: Mapping[str, Any] | None = None,
) -> Scene:
    """Open a scene at a level of detail and with the axes and read options that were chosen for it.

    An empty ``axes`` and no ``level`` leave it to the file. Call it on a worker.

    Raises
    ------
    SceneError, Cancelled
    """
    from app.ui.save_as.choices import fitting
    from scenes.frames import reinterpreted
    from scenes.open import open_scene, sniff_scene

    format = sniff_scene(file)
    known = {} if format is None else {option.name: option for option in format.read_options}
    # A project may come from a stranger, or from another version.
    options = {
        name: fitting(known[name], value)
        for name, value in (choices or {}).items()
        if name in known
    }
    if level is not None:
        options["lod"] = level
    from render.render import prepared

    scene = open_scene(file, progress, cancel, **options)
    scene = prepared(scene, progress=progress, cancel=cancel)
    if axes and isinstance(scene, GaussianScene):
        scene = reinterpreted(scene, axes, progress, cancel)
    _ = scene.focus, scene.bounds  # computed here, where it may take its time
    return scene


def chosen_axes(scene: Scene) -> str:
    """The frame that a person chose for the scene's file; empty where nobody did."""
    if scene.metadata.get("frame_source") != "chosen":
        return ""
    return str(scene.metadata["stored_frame"])


def levels_of(scene: Scene) -> tuple[int, ...]:
    """Splats of each level of detail that the scene's file can be opened at, the finest first.

    Empty for a file that has only one, and for a format that cannot be asked for a level.
    """
    counts = scene.metadata.get("levels")
    if scene.source is None or not isinstance(counts, list | tuple) or len(counts) < 2:
        return ()
    format = _format_of(scene)
    if format is None or all(option.name != "lod" for option in format.read_options):
        return ()
    return tuple(int(count) for count in counts)


def _format_of(scene: Scene) -> Format | None:
    from scenes.open import scene_formats

    return next((format for format in scene_formats() if format.name == scene.format), None)


class Rereader:
    """Replaces the current scene by another reading of its file.

    One reading at a time: another choice cancels the one under way. ``given_up`` is called where a
    reading was cancelled or failed, so that fields can show again what is.
    """

    def __init__(self, shell: Shell, given_up: Callable[[], object]) -> None:
        self._shell = shell
        self._given_up = given_up
        self._task: Task | None = None

    def read_axes(self, frame: str) -> None:
        """Take the axes of the file to point as ``frame`` says; the scene turns at once."""
        from scenes.frames import reinterpreted, stored_frame

        scene = self._shell.document.scene
        if not isinstance(scene, GaussianScene) or frame == stored_frame(scene):
            self._cancel()
            return
        label = f"Read axes as {frame.upper()}"
        if scene.count <= QUICK_SPLATS:
            self._cancel()
            self._replace(scene, reinterpreted(scene, frame), label, keep_view=False)
            return

        def work(progress: Progress, cancel: Cancel) -> Scene:
            turned = reinterpreted(scene, frame, progress, cancel)
            _ = turned.focus, turned.bounds
            return turned

        self._start(f"Turning {scene.name}", work, scene, label, keep_view=False)

    def open_level(self, level: int) -> None:
        """Open the file at another level of detail; name and view stay."""
        scene = self._shell.document.scene
        if scene is None or scene.source is None or level == scene.metadata.get("level"):
            self._cancel()
            return
        source = scene.source

        def work(progress: Progress, cancel: Cancel) -> Scene:
            found = open_as(source, chosen_axes(scene), level, progress, cancel)
            # Only scenes of splats come in levels.
            return replace(cast(GaussianScene, found), name=scene.name)

        label = f"Open level {level}"
        self._start(f"Opening level {level} of {scene.name}", work, scene, label, keep_view=True)

    def _start(
        self, title: str, work: Work[Scene], old: Scene, label: str, keep_view: bool
    ) -> None:
        self._cancel()

        # A reading that another choice has cancelled may end after that one has begun.
        def done(new: Scene) -> None:
            if self._task is task:
                self._task = None
                self._replace(old, new, label, keep_view)

        def failed(error: BaseException) -> None:
            if self._task is task:
                cancelled()
                self._shell.show_error(error)

        def cancelled() -> None:
            if self._task is task:
                self._task = None
                self._given_up()

        task = self._shell.tasks.start(title, work, done, failed, cancelled)
        self._task = task

    def _cancel(self) -> None:
        if self._task is not None:
            task, self._task = self._task, None
            task.cancel()

    def _replace(self, old: Scene, new: Scene, label: str, keep_view: bool) -> None:
        document = self._shell.document
        for index, scene in enumerate(document.scenes):
            if scene is old:
                document.replace_scene(index, new, label, keep_view)
                return
