"""The commands of the timeline, as records for menu, shortcuts and palette.

Keys that every control uses for itself (Space, Delete, Home, End) are shortcuts of the canvas; the
track answers to them on its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from app.ui.actions import ActionRecord
from app.ui.timeline import editing
from app.ui.timeline.turntable import turntable_of

if TYPE_CHECKING:
    from app.ui.panels.timeline import TimelinePanel
    from app.ui.shell import Shell
    from app.ui.timeline.player import Player

_KEYS, _PLAY, _PATH = 5, 6, 7
"""Sections of the Camera menu."""


def use_turntable(shell: Shell) -> None:
    """Replace the path by one turn around the scene."""
    path = turntable_of(shell.document)
    if path is not None:
        shell.document.edit_path(path, "Make turntable")
        shell.document.select_keys(frozenset())
        shell.document.set_time(0.0)


def _player(shell: Shell) -> Player:
    return cast("TimelinePanel", shell.panel("timeline")).player


def _has_keys(shell: Shell) -> bool:
    return bool(shell.document.path.keys)


def _has_view(shell: Shell) -> bool:
    return shell.document.view is not None


def _rename(shell: Shell) -> None:
    shell.show_panel("timeline")
    index = min(shell.document.selection)
    cast("TimelinePanel", shell.panel("timeline")).track.edit_name(index)


ACTIONS = [
    ActionRecord(
        id="timeline.add_key",
        title="Add keyframe",
        menu="Camera",
        shortcut="K",
        tip="Keep the view that is shown as a key at the playhead",
        icon="key-add",
        run=lambda shell: editing.add_key(shell.document),
        enabled_when=_has_view,
        section=_KEYS,
    ),
    ActionRecord(
        id="timeline.overwrite_key",
        title="Overwrite keyframe",
        menu="Camera",
        shortcut="Ctrl+K",
        tip="Give the selected key, or the nearest one, the view that is shown",
        icon="key-overwrite",
        run=lambda shell: editing.overwrite_key(shell.document),
        enabled_when=lambda shell: _has_view(shell) and _has_keys(shell),
        section=_KEYS,
    ),
    ActionRecord(
        id="timeline.rename_key",
        title="Rename keyframe",
        menu="Camera",
        tip="Name the selected key (F2 on the timeline)",
        icon="rename",
        run=_rename,
        enabled_when=lambda shell: len(shell.document.selection) == 1,
        section=_KEYS,
    ),
    ActionRecord(
        id="timeline.delete_keys",
        title="Delete selected keyframes",
        menu="Camera",
        shortcut="Delete",
        tip="Take the selected keys out of the path",
        icon="key-delete",
        run=lambda shell: editing.delete_selected(shell.document),
        enabled_when=lambda shell: bool(shell.document.selection),
        section=_KEYS,
        context="canvas",
    ),
    ActionRecord(
        id="timeline.play",
        title="Play",
        menu="Camera",
        shortcut="Space",
        tip="Play the camera path, or pause it",
        icon="play",
        run=lambda shell: _player(shell).toggle(),
        enabled_when=_has_keys,
        checked=lambda shell: _player(shell).playing,
        section=_PLAY,
        context="canvas",
    ),
    ActionRecord(
        id="timeline.every_frame",
        title="Play every frame",
        menu="Camera",
        tip="Wait for each picture instead of keeping real time",
        icon="film",
        run=lambda shell: _player(shell).set_every_frame(not _player(shell).every_frame),
        checked=lambda shell: _player(shell).every_frame,
        section=_PLAY,
    ),
    ActionRecord(
        id="timeline.loop",
        title="Loop",
        menu="Camera",
        tip="Close the path from its last key to its first",
        icon="loop",
        run=lambda shell: editing.set_clip(shell.document, loop=not shell.document.path.loop),
        checked=lambda shell: shell.document.path.loop,
        section=_PLAY,
    ),
    ActionRecord(
        id="timeline.step_back",
        title="One frame back",
        menu="Camera",
        shortcut=",",
        tip="Show the frame before the playhead",
        icon="step-back",
        run=lambda shell: _player(shell).step(-1),
        enabled_when=_has_keys,
        section=_PLAY,
    ),
    ActionRecord(
        id="timeline.step_forward",
        title="One frame forward",
        menu="Camera",
        shortcut=".",
        tip="Show the frame after the playhead",
        icon="step-forward",
        run=lambda shell: _player(shell).step(1),
        enabled_when=_has_keys,
        section=_PLAY,
    ),
    ActionRecord(
        id="timeline.previous_key",
        title="Previous keyframe",
        menu="Camera",
        shortcut="Ctrl+Left",
        tip="Go to the key before the playhead",
        icon="to-start",
        run=lambda shell: _player(shell).jump_key(-1),
        enabled_when=_has_keys,
        section=_PLAY,
        context="canvas",
    ),
    ActionRecord(
        id="timeline.next_key",
        title="Next keyframe",
        menu="Camera",
        shortcut="Ctrl+Right",
        tip="Go to the key after the playhead",
        icon="to-end",
        run=lambda shell: _player(shell).jump_key(1),
        enabled_when=_has_keys,
        section=_PLAY,
        context="canvas",
    ),
    ActionRecord(
        id="timeline.start",
        title="First frame",
        menu="Camera",
        shortcut="Home",
        tip="Go to the start of the clip",
        run=lambda shell: _player(shell).jump_to_start(),
        enabled_when=_has_keys,
        section=_PLAY,
        context="canvas",
    ),
    ActionRecord(
        id="timeline.end",
        title="Last frame",
        menu="Camera",
        shortcut="End",
        tip="Go to the last frame of the clip",
        run=lambda shell: _player(shell).jump_to_end(),
        enabled_when=_has_keys,
        section=_PLAY,
        context="canvas",
    ),
    ActionRecord(
        id="timeline.turntable",
        title="Make a turntable",
        menu="Camera",
        tip="Replace the path by one turn around the scene, from the view that is shown",
        icon="orbit",
        run=use_turntable,
        enabled_when=lambda shell: shell.document.scene is not None,
        section=_PATH,
    ),
]
