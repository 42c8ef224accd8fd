"""View: what is drawn over the picture, panels, theme, full screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.ui import theme
from app.ui.actions import ActionRecord
from app.ui.settings_dialog import MODE_TITLES

if TYPE_CHECKING:
    from app.ui.shell import Shell

_OVERLAYS = (
    ("path", "Camera path", "The way of the camera, with a dot for every frame"),
    ("keys", "Keyframes", "The keys of the path as small cameras"),
    (
        "cameras",
        "Cameras of the capture",
        "The cameras of an opened set as small frusta; a click looks through one",
    ),
    ("axes", "Axes", "The axes of the world in the corner"),
    ("pivot", "Pivot", "The point that the view turns around"),
    (
        "safe_range",
        "Safe range",
        "Where the eye is relative to where a multiplane image is right (ring, lower right)",
    ),
    ("export_frame", "Frame of the video", "The border of what will be exported"),
    ("chip", "Resolution and backend", "The label in the corner of the picture"),
)


_OVERLAY_KEYS = {"cameras": "C"}


def _overlay(name: str, title: str, tip: str) -> ActionRecord:
    def toggle(shell: Shell) -> None:
        shell.set_overlays(**{name: not getattr(shell.overlays, name)})

    return ActionRecord(
        id=f"view.{name}",
        title=title,
        menu="View/Over the picture",
        shortcut=_OVERLAY_KEYS.get(name, ""),
        tip=tip,
        run=toggle,
        checked=lambda shell: getattr(shell.overlays, name),
        section=1,
    )


def _theme(mode: theme.Mode) -> ActionRecord:
    return ActionRecord(
        id=f"view.theme.{mode}",
        title=MODE_TITLES[mode],
        menu="View/Theme",
        tip=f"Colours of the window: {MODE_TITLES[mode].lower()}",
        run=lambda shell: shell.change_settings(theme=mode),
        checked=lambda shell: shell.settings.theme == mode,
        section=2,
    )


ACTIONS = [
    *(_overlay(*overlay) for overlay in _OVERLAYS),
    *(_theme(mode) for mode in theme.MODES),
    ActionRecord(
        id="view.hide_panels",
        title="Hide or show the panels",
        menu="View",
        shortcut="Tab",
        tip="Only the picture, or all panels again",
        icon="panels",
        run=lambda shell: shell.window.toggle_panels(),
        section=3,
        context="canvas",
    ),
    ActionRecord(
        id="view.full_screen",
        title="Full screen",
        menu="View",
        shortcut="F11",
        tip="Fill the screen",
        icon="full-screen",
        run=lambda shell: shell.window.toggle_full_screen(),
        checked=lambda shell: shell.window.isFullScreen(),
        section=3,
    ),
    ActionRecord(
        id="view.reset_layout",
        title="Reset layout",
        menu="View",
        tip="Put all panels back where they were at first",
        icon="reset",
        run=lambda shell: shell.window.reset_layout(),
        section=3,
    ),
]
