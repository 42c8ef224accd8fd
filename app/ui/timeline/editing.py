"""What the timeline's commands do to a document: each is one step of undo. No Qt.

Gestures that change several keys at once are built from the edits of :mod:`scenes.paths.edit`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

from app.document import Document
from app.ui.timeline.playback import frame_at, last_frame_time
from app.ui.timeline.scale import snapped
from scenes.camera import Camera
from scenes.paths import edit
from scenes.paths.interpolate import camera_at
from scenes.paths.path import CameraPath, Easing, Interpolation, Keyframe

KEY_SECONDS = 2.0
"""How far behind the last key the next one goes when the playhead stands on the last."""

INTERPOLATIONS: tuple[tuple[Interpolation, str, str], ...] = (
    ("spline", "Smooth spline", "One smooth curve through all keys"),
    ("linear", "Linear", "Straight from key to key at constant speed"),
    ("hold", "Hold", "Stand at each key, then cut to the next"),
)
"""Name, what it is called, what it means."""

EASINGS: tuple[tuple[Easing, str, str], ...] = (
    ("none", "No easing", "Leave and arrive at full speed"),
    ("in", "Ease in", "Start gently from this key"),
    ("out", "Ease out", "Slow down towards the next key"),
    ("in-out", "Ease in and out", "Start gently and slow down again"),
)
"""Name, what it is called, what it means."""

assert {name for name, *_ in INTERPOLATIONS} == set(get_args(Interpolation))
assert {name for name, *_ in EASINGS} == set(get_args(Easing))

Moved = tuple[CameraPath, frozenset[int]]
"""A changed path and where the keys in question lie in it."""


def view_at(document: Document, seconds: float) -> Camera | None:
    """The path's view at a time in the size of the canvas; None for a path without keys."""
    if not document.path.keys:
        return None
    view = document.view
    size = (view.width, view.height) if view is not None else (1280, 720)
    return camera_at(document.path, seconds, *size)


def key_of(view: Camera, seconds: float) -> Keyframe:
    """A keyframe that shows what a camera shows."""
    return Keyframe(seconds, view.world_from_camera, view.fov_y)


# Keys ---------------------------------------------------------------------------------------


def add_key(document: Document) -> None:
    """Add a key of the canvas's view at the playhead and go there.

    On a key that is already there, the new one comes after it: in the middle of the way to the
    next key, or some seconds behind the last one, where the clip grows if it must. So K, move,
    K, move makes a path without touching the timeline.
    """
    if document.view is None:
        return
    path = document.path
    seconds = edit.snap(path, document.time)
    index = edit.key_at(path, seconds)
    if index is not None:
        seconds = _after(path, index)
        if seconds > path.duration:
            path = edit.with_clip(path, duration=seconds)
    changed = edit.add_key(path, key_of(document.view, seconds))
    commit(document, changed, "Add keyframe", new_keys(path, changed))
    document.set_time(seconds)


def _after(path: CameraPath, index: int) -> float:
    """A time for a key after a key, on a frame where there is one."""
    time = path.keys[index].time
    if index + 1 == len(path.keys):
        return snapped(time + KEY_SECONDS, path.fps)
    middle = (time + path.keys[index + 1].time) / 2
    on_frame = snapped(middle, path.fps)
    return on_frame if edit.key_at(path, on_frame) is None else middle


def overwrite_target(document: Document) -> int | None:
    """The key that overwriting means: the selected one, else the nearest to the playhead."""
    keys = document.path.keys
    if not keys:
        return None
    candidates = document.selection or range(len(keys))
    return min(candidates, key=lambda index: abs(keys[index].time - document.time))


def overwrite_key(document: Document) -> None:
    """Give the selected or nearest key the canvas's view."""
    index = overwrite_target(document)
    if index is None or document.view is None:
        return
    changed = edit.overwrite_key(document.path, index, key_of(document.view, 0.0))
    commit(document, changed, "Overwrite keyframe", frozenset({index}))
    document.set_time(changed.keys[index].time)


def delete_selected(document: Document) -> None:
    """Delete the selected keys."""
    selection = document.selection
    if selection:
        label = "Delete keyframe" if len(selection) == 1 else f"Delete {len(selection)} keyframes"
        commit(document, edit.delete_keys(document.path, selection), label, frozenset())


def rename(document: Document, index: int, name: str) -> None:
    """Call a key something else."""
    if document.path.keys[index].name != name:
        document.edit_path(edit.rename_key(document.path, index, name), "Rename keyframe")


def set_easing(document: Document, indices: Iterable[int], easing: Easing) -> None:
    """Choose how the time runs from keys to their next ones."""
    document.edit_path(edit.set_easing(document.path, indices, easing), "Change easing")


def set_clip(document: Document, merge_key: str = "", **changes: Any) -> None:
    """Change the clip's ``duration``, ``fps``, ``loop`` or ``interpolation``."""
    changed = edit.with_clip(document.path, **changes)
    if any(getattr(changed, name) != getattr(document.path, name) for name in changes):
        names = {"fps": "frame rate", "loop": "loop"}
        what = ", ".join(names.get(name, name) for name in changes)
        document.edit_path(changed, f"Change {what}", merge_key)


def commit(
    document: Document,
    path: CameraPath,
    label: str,
    selection: frozenset[int],
    merge_key: str = "",
) -> None:
    """Take a changed path as one step of undo and select keys of it."""
    document.edit_path(path, label, merge_key)
    document.select_keys(selection)


# Several keys at once -----------------------------------------------------------------------


def new_keys(before: CameraPath, after: CameraPath) -> frozenset[int]:
    """Where the keys lie in ``after`` that ``before`` does not have."""
    known = {id(key) for key in before.keys}
    return frozenset(i for i, key in enumerate(after.keys) if id(key) not in known)


def move_keys(path: CameraPath, indices: Iterable[int], delta: float) -> Moved:
    """Move keys together by ``delta`` seconds, as far as the clip's ends let all of them."""
    chosen = sorted(indices)
    delta = _fitting(path, chosen, delta)
    # The foremost key goes first, so that no key of the group is in another one's way.
    order = reversed(chosen) if delta > 0 else iter(chosen)
    identities = {id(path.keys[index]) for index in chosen}
    moved = path
    for key in [path.keys[index] for index in order]:
        index = next(i for i, other in enumerate(moved.keys) if other is key)
        following = edit.move_key(moved, index, key.time + delta)
        place = edit.changed_index(moved, following)
        if place is not None:
            identities.add(id(following.keys[place]))
        moved = following
    return moved, frozenset(i for i, key in enumerate(moved.keys) if id(key) in identities)


def copy_keys(path: CameraPath, indices: Iterable[int], delta: float) -> Moved:
    """Copy keys to ``delta`` seconds away, as far as the clip's ends let all of them."""
    chosen = sorted(indices)
    delta = _fitting(path, chosen, delta)
    copied = path
    for key in [path.keys[index] for index in chosen]:
        index = next(i for i, other in enumerate(copied.keys) if other is key)
        copied = edit.duplicate_key(copied, index, key.time + delta)
    return copied, new_keys(path, copied)


def _fitting(path: CameraPath, indices: list[int], delta: float) -> float:
    times = [path.keys[index].time for index in indices]
    return min(max(delta, -min(times)), max(path.duration - max(times), 0.0))


# The playhead -------------------------------------------------------------------------------


def neighbour_key(path: CameraPath, seconds: float, direction: int) -> int | None:
    """The first key before (-1) or after (+1) a time."""
    gap = 0.25 / path.fps
    if direction > 0:
        return next((i for i, k in enumerate(path.keys) if k.time > seconds + gap), None)
    before = [i for i, k in enumerate(path.keys) if k.time < seconds - gap]
    return before[-1] if before else None


def stepped(path: CameraPath, seconds: float, frames: int) -> float:
    """The time some frames away, within the clip; round and round in a loop."""
    count = frame_at(path, path.duration) + 1
    frame = frame_at(path, seconds) + frames
    if path.loop:
        return frame % count / path.fps
    return min(max(frame / path.fps, 0.0), last_frame_time(path))


def key_title(path: CameraPath, index: int) -> str:
    """What a key is called in tooltips and to screen readers."""
    name = path.keys[index].name
    return f"Keyframe {index + 1} “{name}”" if name else f"Keyframe {index + 1}"
