"""The time axis: seconds to pixels and back, zooming, and where the ruler has its ticks."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

MARGIN = 16.0
"""Pixels kept free left of time zero."""

END_MARGIN = 56.0
"""Pixels kept free right of the end, for its label."""

LABEL_SPACING = 64.0
"""Labels of the ruler are at least this many pixels apart."""

TICK_SPACING = 6.0
"""Ticks of the ruler are at least this many pixels apart."""

SECOND_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
"""Distances between labels that are whole seconds."""


@dataclass(frozen=True)
class TimeScale:
    """A stretch of time on a strip of pixels.

    Attributes
    ----------
    start
        The time at pixel 0, seconds; may be negative (the margin).
    pixels_per_second
        How far the axis is zoomed in.
    """

    start: float
    pixels_per_second: float

    @classmethod
    def fitting(cls, duration: float, width: float) -> TimeScale:
        """The scale that shows 0..``duration`` seconds with a margin on both sides."""
        usable = max(width - MARGIN - END_MARGIN, 1.0)
        zoom = usable / max(duration, 1e-3)
        return cls(-MARGIN / zoom, zoom)

    def x_of(self, seconds: float) -> float:
        """The pixel at a time."""
        return (seconds - self.start) * self.pixels_per_second

    def time_at(self, x: float) -> float:
        """The time at a pixel."""
        return self.start + x / self.pixels_per_second

    def zoomed(
        self, factor: float, x: float, duration: float, width: float, fps: float
    ) -> TimeScale:
        """Zoom by ``factor`` so that the time under pixel ``x`` stays there.

        Never wider than a third beyond the whole clip, never closer than 60 pixels a frame.
        """
        widest = TimeScale.fitting(duration, width).pixels_per_second
        closest = max(60.0 * fps, widest)
        zoom = min(max(self.pixels_per_second * factor, 0.75 * widest), closest)
        fixed = self.time_at(x)
        return TimeScale(fixed - x / zoom, zoom).clamped(duration, width)

    def panned(self, pixels: float, duration: float, width: float) -> TimeScale:
        """Move the axis with the pointer by ``pixels``."""
        moved = replace(self, start=self.start - pixels / self.pixels_per_second)
        return moved.clamped(duration, width)

    def clamped(self, duration: float, width: float) -> TimeScale:
        """Keep some of the clip in sight, and zero at the left when all of it fits."""
        margin = MARGIN / self.pixels_per_second
        sight = (width - END_MARGIN) / self.pixels_per_second
        latest = max(duration - sight, -margin)
        return replace(self, start=min(max(self.start, -margin), latest))

    def showing(self, seconds: float, duration: float, width: float) -> TimeScale:
        """Turn the page so that a time is in sight; the same scale when it already is."""
        if MARGIN / 2 <= self.x_of(seconds) <= width - MARGIN / 2:
            return self
        page = width / self.pixels_per_second
        ahead = 0.1 if self.x_of(seconds) > width else 0.9
        return replace(self, start=seconds - ahead * page).clamped(duration, width)


@dataclass(frozen=True)
class Tick:
    """One mark of the ruler; labels are empty on the small ones."""

    x: float
    frame: int
    seconds: str = ""
    frames: str = ""


def snapped(seconds: float, fps: float) -> float:
    """The time of the nearest frame."""
    return round(seconds * fps) / fps


def frame_steps(fps: float) -> list[int]:
    """Distances in frames that ticks may have, growing, each readable in both units.

    For a whole number of frames per second: its divisors, then whole seconds. Otherwise 1, 2, 5,
    10, 20, 50, ... frames.
    """
    whole = round(fps)
    if whole >= 1 and abs(fps - whole) < 1e-6:
        divisors = [n for n in range(1, whole) if whole % n == 0]
        return divisors + [whole * seconds for seconds in SECOND_STEPS]
    return [factor * 10**power for power in range(7) for factor in (1, 2, 5)]


def step_for(fps: float, pixels_per_second: float, spacing: float) -> int:
    """The smallest step in frames that is at least ``spacing`` pixels wide."""
    steps = frame_steps(fps)
    return next((s for s in steps if s / fps * pixels_per_second >= spacing), steps[-1])


def second_label(frame: int, step: int, fps: float) -> str:
    """The time of a frame with as many digits as the distance to the next label needs."""
    seconds = frame / fps
    decimals = 0 if step % fps == 0 else 1 if (10 * step) % fps == 0 else 2
    if seconds >= 60:
        minutes = math.floor(round(seconds, decimals) / 60)
        width = 2 if decimals == 0 else 3 + decimals
        return f"{minutes}:{seconds - 60 * minutes:0{width}.{decimals}f}"
    return f"{seconds:.{decimals}f} s"


def ruler_ticks(scale: TimeScale, width: float, fps: float) -> list[Tick]:
    """The ticks in sight, from left to right, none before time zero."""
    label_step = step_for(fps, scale.pixels_per_second, LABEL_SPACING)
    fine = [
        step
        for step in frame_steps(fps)
        if label_step % step == 0 and step / fps * scale.pixels_per_second >= TICK_SPACING
    ]
    step = fine[0] if fine else label_step
    first = max(math.floor(scale.time_at(-LABEL_SPACING) * fps / step), 0)
    last = math.ceil(scale.time_at(width) * fps / step)
    ticks = []
    for frame in range(first * step, last * step + 1, step):
        x = scale.x_of(frame / fps)
        if frame % label_step == 0:
            ticks.append(Tick(x, frame, second_label(frame, label_step, fps), str(frame)))
        else:
            ticks.append(Tick(x, frame))
    return ticks


def clock_text(seconds: float, decimals: int = 1) -> str:
    """``00:03.2``: minutes and seconds of constant width below one hundred minutes."""
    rounded = round(seconds, decimals)
    minutes = int(rounded // 60)
    width = 2 if decimals == 0 else 3 + decimals
    return f"{minutes:02d}:{rounded - 60 * minutes:0{width}.{decimals}f}"
