"""Where things stand on the track, and what is under the pointer; plain numbers, no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from app.ui.timeline.scale import TimeScale
from scenes.paths.path import CameraPath

RULER_HEIGHT = 36.0
"""Two lines of text (seconds above, frames below) and the ticks."""

KEY_Y = 56.0
"""Centre of the diamonds, pixels from the top of the track."""

KEY_RADIUS = 7.0
"""Half the diagonal of a diamond."""

KEY_REACH = 9.0
"""How far from a diamond's centre a click still means it."""

LABEL_Y = 70.0
"""Top of the line of key names."""

TRACK_HEIGHT = 92.0
"""The least height that shows everything."""

PLAYHEAD_REACH = 6.0

EASING_SIZE = (24.0, 16.0)
"""Width and height of the curve between two keys."""

EASING_GAP = 52.0
"""Keys closer than this many pixels have no curve between them; it would cover them."""


@dataclass(frozen=True)
class Hit:
    """What is under the pointer; ``index`` is the key for keys and for the curve after it."""

    kind: Literal["playhead", "ruler", "key", "easing", "empty"]
    index: int = -1


def easing_spots(path: CameraPath, scale: TimeScale) -> list[tuple[int, float]]:
    """For each key with a way to a next one: its index and the x of the middle of that way.

    On a clip that loops, the last key leads back to the first; its middle is drawn before the end.
    """
    times = [key.time for key in path.keys]
    ends = times[1:]
    if path.loop and len(times) > 1:
        ends.append(path.duration)
    spots = []
    for index, (begin, end) in enumerate(zip(times, ends, strict=False)):
        if (end - begin) * scale.pixels_per_second >= EASING_GAP:
            spots.append((index, scale.x_of((begin + end) / 2)))
    return spots


def hit_test(path: CameraPath, scale: TimeScale, playhead: float, x: float, y: float) -> Hit:
    """What a click at (x, y) means. Keys win over curves; of two keys the nearer one wins."""
    if y < RULER_HEIGHT:
        near = abs(scale.x_of(playhead) - x) <= PLAYHEAD_REACH
        return Hit("playhead" if near else "ruler")
    if abs(y - KEY_Y) <= KEY_REACH and path.keys:
        distances = [abs(scale.x_of(key.time) - x) for key in path.keys]
        nearest = min(range(len(distances)), key=distances.__getitem__)
        if distances[nearest] <= KEY_REACH:
            return Hit("key", nearest)
    for index, middle in easing_spots(path, scale):
        if abs(middle - x) <= EASING_SIZE[0] / 2 and abs(y - KEY_Y) <= EASING_SIZE[1] / 2 + 2:
            return Hit("easing", index)
    if abs(scale.x_of(playhead) - x) <= PLAYHEAD_REACH / 2:
        return Hit("playhead")
    return Hit("empty")


def keys_between(
    path: CameraPath, scale: TimeScale, corner: tuple[float, float], other: tuple[float, float]
) -> frozenset[int]:
    """The keys whose diamonds touch the rectangle between two corners."""
    left, right = sorted((corner[0], other[0]))
    top, bottom = sorted((corner[1], other[1]))
    if bottom < KEY_Y - KEY_RADIUS or top > KEY_Y + KEY_RADIUS:
        return frozenset()
    return frozenset(
        index
        for index, key in enumerate(path.keys)
        if left - KEY_RADIUS <= scale.x_of(key.time) <= right + KEY_RADIUS
    )


def label_room(path: CameraPath, scale: TimeScale) -> list[float]:
    """How many pixels each key's name may take before it meets the next one's."""
    xs = [scale.x_of(key.time) for key in path.keys]
    gaps = [b - a for a, b in pairwise(xs)] + [float("inf")]
    return [max(gap - 8.0, 0.0) for gap in gaps]
