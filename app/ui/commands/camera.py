"""Camera: views, turning, projection, a tour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.navigation import PRESETS, Preset
from app.ui.actions import ActionRecord
from scenes.paths.path import CameraPath
from scenes.registry import Cancel, Progress

if TYPE_CHECKING:
    from app.ui.shell import Shell

_AXES = (
    ("front", "Front", "1"),
    ("right", "Right", "3"),
    ("top", "Top", "7"),
    ("back", "Back", "Ctrl+1"),
    ("left", "Left", "Ctrl+3"),
    ("bottom", "Bottom", "Ctrl+7"),
)


def _has_scene(shell: Shell) -> bool:
    return shell.document.scene is not None


def _has_cameras(shell: Shell) -> bool:
    return _has_scene(shell) and bool(shell.capture.members)


def _axis(name: str, title: str, keys: str) -> ActionRecord:
    return ActionRecord(
        id=f"camera.axis.{name}",
        title=title,
        menu="Camera/Look along an axis",
        shortcut=keys,
        tip=f"Look at the pivot from the {title.lower()}",
        run=lambda shell: shell.pointer.axis_view(name),
        enabled_when=_has_scene,
        section=1,
    )


def _mouse(preset: Preset) -> ActionRecord:
    return ActionRecord(
        id=f"camera.mouse.{preset.name}",
        title=preset.title,
        menu="Camera/Mouse as in",
        tip=preset.hint,
        run=lambda shell: shell.change_settings(navigation=preset.name),
        checked=lambda shell: shell.pointer.navigator.preset is preset,
        section=5,
    )


def _tour(shell: Shell) -> None:
    scene = shell.document.scene
    assert scene is not None

    def work(progress: Progress, cancel: Cancel) -> CameraPath:
        from scenes.samples import tour

        return tour(scene)

    def done(path: CameraPath) -> None:
        shell.document.edit_path(path, "Make a tour")
        shell.document.set_time(0.0)

    shell.tasks.start("Making a tour", work, done, shell.show_error)


ACTIONS = [
    ActionRecord(
        id="camera.frame",
        title="Frame the scene",
        menu="Camera",
        shortcut="F",
        tip="Show all of the scene from the same direction",
        icon="frame",
        run=lambda shell: shell.pointer.frame(),
        enabled_when=_has_scene,
    ),
    ActionRecord(
        id="camera.home",
        title="Home",
        menu="Camera",
        shortcut="H",
        tip="Back to the view the scene began with",
        icon="home",
        run=lambda shell: shell.pointer.home(),
        enabled_when=_has_scene,
    ),
    *(_axis(*axis) for axis in _AXES),
    ActionRecord(
        id="camera.projection",
        title="Orthographic",
        menu="Camera",
        shortcut="5",
        tip="Perspective or orthographic",
        run=lambda shell: shell.pointer.toggle_projection(),
        enabled_when=_has_scene,
        checked=lambda shell: shell.pointer.navigator.camera.projection == "orthographic",
        section=1,
    ),
    ActionRecord(
        id="camera.roll",
        title="Level the horizon",
        menu="Camera",
        shortcut="R",
        tip="Take the roll out of the view",
        run=lambda shell: shell.pointer.reset_roll(),
        enabled_when=_has_scene,
        section=1,
    ),
    ActionRecord(
        id="camera.turn",
        title="Turn slowly",
        menu="Camera",
        shortcut="T",
        tip="Turn around the pivot until the next touch",
        icon="orbit",
        run=lambda shell: shell.pointer.turn(not shell.pointer.turning),
        enabled_when=_has_scene,
        checked=lambda shell: shell.pointer.turning,
        section=1,
    ),
    ActionRecord(
        id="camera.capture.next",
        title="Next camera of the capture",
        menu="Camera",
        shortcut="Ctrl+]",
        tip="Look through the next camera of the opened set",
        run=lambda shell: shell.capture.step(1),
        enabled_when=_has_cameras,
        section=3,
    ),
    ActionRecord(
        id="camera.capture.previous",
        title="Previous camera of the capture",
        menu="Camera",
        shortcut="Ctrl+[",
        tip="Look through the previous camera of the opened set",
        run=lambda shell: shell.capture.step(-1),
        enabled_when=_has_cameras,
        section=3,
    ),
    ActionRecord(
        id="camera.tour",
        title="Make a tour",
        menu="Camera",
        tip="Replace the camera path by one around the scene",
        icon="path",
        run=_tour,
        enabled_when=_has_scene,
        section=4,
    ),
    *(_mouse(preset) for preset in PRESETS.values()),
]
