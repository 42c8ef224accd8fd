"""Edits of a camera path: each returns a new path and leaves the old one as it was.

Keys stay in order of time, within 0..duration, and never two at one time. Where an edit would put
a key on another one:

- adding replaces (a second K at the same time means "this view instead");
- moving and copying step aside to the nearest free frame, so that dragging a key across others
  never destroys one.

Keys that a shorter duration leaves behind the end are kept as they are and play no part in a
loop; a longer duration brings them back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from scenes.paths.interpolate import TIME_GAP
from scenes.paths.path import CameraPath, Easing, Interpolation, Keyframe

SHORTEST, LONGEST = 0.01, 36_000.0
"""Limits of a clip's duration, seconds."""
SLOWEST, FASTEST = 0.1, 1000.0
"""Limits of a clip's frames per second."""


def snap(path: CameraPath, time: float) -> float:
    """The time of the frame nearest to ``time``, within the clip."""
    return clamp(path, round(time * path.fps) / path.fps)


def clamp(path: CameraPath, time: float) -> float:
    """``time`` within 0..duration."""
    return min(max(time, 0.0), path.duration)


def key_at(path: CameraPath, time: float) -> int | None:
    """Index of the key at a time (the last such), or None."""
    found = [i for i, key in enumerate(path.keys) if abs(key.time - time) < TIME_GAP]
    return found[-1] if found else None


def changed_index(before: CameraPath, after: CameraPath) -> int | None:
    """Index in ``after`` of the first key that is not a key of ``before``.

    Tells where an added, moved or copied key came to lie; None when there is no new key.
    """
    known = {id(key) for key in before.keys}
    return next((i for i, key in enumerate(after.keys) if id(key) not in known), None)


def add_key(path: CameraPath, key: Keyframe) -> CameraPath:
    """Add a key at its time (clamped to the clip), in place of one that was at that time."""
    key = replace(key, time=clamp(path, key.time))
    others = [other for other in path.keys if abs(other.time - key.time) >= TIME_GAP]
    return _with_keys(path, [*others, key])


def overwrite_key(path: CameraPath, index: int, key: Keyframe) -> CameraPath:
    """Give a key another view; it keeps its time, its easing and, unless given, its name."""
    old = path.keys[index]
    new = replace(key, time=old.time, easing=old.easing, name=key.name or old.name)
    return _with_keys(path, _replaced(path, index, new))


def move_key(path: CameraPath, index: int, time: float) -> CameraPath:
    """Move a key to a time (clamped to the clip), or beside the key that is already there."""
    others = path.keys[:index] + path.keys[index + 1 :]
    free = _free_time(path, others, clamp(path, time), path.keys[index].time)
    if free == path.keys[index].time:
        return path
    return _with_keys(path, _replaced(path, index, replace(path.keys[index], time=free)))


def duplicate_key(path: CameraPath, index: int, time: float) -> CameraPath:
    """Copy a key to a time (clamped to the clip), or beside the key that is already there."""
    free = _free_time(path, path.keys, clamp(path, time), path.duration)
    return _with_keys(path, [*path.keys, replace(path.keys[index], time=free)])


def delete_keys(path: CameraPath, indices: Iterable[int]) -> CameraPath:
    """Take keys away; indices without a key are ignored."""
    gone = set(indices)
    return _with_keys(path, [key for i, key in enumerate(path.keys) if i not in gone])


def rename_key(path: CameraPath, index: int, name: str) -> CameraPath:
    """Call a key something else."""
    return _with_keys(path, _replaced(path, index, replace(path.keys[index], name=name)))


def set_easing(path: CameraPath, indices: Iterable[int], easing: Easing) -> CameraPath:
    """Choose how the time runs from these keys to the next ones."""
    chosen = set(indices)
    keys = [replace(k, easing=easing) if i in chosen else k for i, k in enumerate(path.keys)]
    return _with_keys(path, keys)


def with_clip(
    path: CameraPath,
    duration: float | None = None,
    fps: float | None = None,
    loop: bool | None = None,
    interpolation: Interpolation | None = None,
) -> CameraPath:
    """Change the settings of the clip; None keeps a setting.

    Duration and frame rate are held within 0.01..36000 seconds and 0.1..1000 frames per second.
    """
    return replace(
        path,
        duration=path.duration if duration is None else min(max(duration, SHORTEST), LONGEST),
        fps=path.fps if fps is None else min(max(fps, SLOWEST), FASTEST),
        loop=path.loop if loop is None else loop,
        interpolation=path.interpolation if interpolation is None else interpolation,
    )


def _with_keys(path: CameraPath, keys: Iterable[Keyframe]) -> CameraPath:
    return replace(path, keys=tuple(sorted(keys, key=lambda key: key.time)))


def _replaced(path: CameraPath, index: int, key: Keyframe) -> list[Keyframe]:
    keys = list(path.keys)
    keys[index] = key
    return keys


def _free_time(path: CameraPath, others: Iterable[Keyframe], time: float, towards: float) -> float:
    """``time``, or the nearest free time whole frames away, first on the side of ``towards``.

    With every frame taken, the middle of the widest gap between keys.
    """
    taken = sorted(other.time for other in others)

    def free(candidate: float) -> bool:
        inside = 0.0 <= candidate <= path.duration
        return inside and all(abs(candidate - one) >= TIME_GAP for one in taken)

    if free(time):
        return time
    side = 1.0 if towards >= time else -1.0
    for frames in range(1, len(taken) + 1):
        for sign in (side, -side):
            candidate = time + sign * frames / path.fps
            if free(candidate):
                return candidate
    edges = [0.0, *(one for one in taken if one < path.duration), path.duration]
    gaps = [(after - before, before) for before, after in pairwise(edges)]
    widest, before = max(gaps)
    return before + 0.5 * widest


def turned(path: CameraPath, new_from_world: NDArray[np.float64]) -> CameraPath:
    """The path that sees a scene moved by a rigid (4, 4) as this one saw it before."""
    keys = tuple(
        replace(key, world_from_camera=new_from_world @ key.world_from_camera) for key in path.keys
    )
    return replace(path, keys=keys)
