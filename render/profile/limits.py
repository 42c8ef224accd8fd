"""The ceilings of a device, and the share of them that a kernel reaches.

This is the roofline of Williams, Waterman and Patterson (2009, "Roofline: an insightful visual
performance model"): work that moves b bytes and does f operations takes at least the longer of
b / bandwidth and f / peak. The share of a kernel is that time over the one it took.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from kernels.limits import NAMES, Effort
from render.turns import KERNELS
from scenes.errors import Cancelled
from scenes.registry import Cancel, Progress, never, no_progress

MATRIX_ROWS = ("network",)
"""Operations that are matrix products."""


@dataclass(frozen=True)
class Limits:
    """What a device can do at most.

    Attributes
    ----------
    copy
        GB/s of copying, reads and writes together.
    fma, matrix
        GFLOP/s of multiply-adds in registers, and of matrix products.
    exp2
        Billions of powers of two a second.
    """

    copy: float
    fma: float
    matrix: float
    exp2: float

    @property
    def words(self) -> str:
        """All four with their units."""
        return (
            f"copy {self.copy:.1f} GB/s, multiply-add {self.fma:.0f} GFLOP/s, "
            f"matrix {self.matrix:.0f} GFLOP/s, 2^x {self.exp2:.1f} G/s"
        )


LimitsOf = Callable[[str], Limits | None]
"""The ceilings of the device of a backend; None where they are not known."""


def unmeasured(backend: str) -> Limits | None:
    """Nothing is known of any device."""
    return None


@dataclass(frozen=True)
class Reach:
    """How near a kernel comes to the ceiling that is nearest.

    Attributes
    ----------
    share
        Rate over ceiling. Above 1 where data come from caches: the ceiling is that of memory.
    bound
        Which ceiling it is.
    rate, ceiling
        GB/s or GFLOP/s.
    """

    share: float
    bound: Literal["memory", "arithmetic"]
    rate: float
    ceiling: float

    @property
    def words(self) -> str:
        """What it means, in one sentence."""
        unit = "GB/s" if self.bound == "memory" else "GFLOP/s"
        return (
            f"{100 * self.share:.0f} % of the limit, which {self.bound} sets: "
            f"{self.rate:.1f} of {self.ceiling:.1f} {unit}"
        )


def reach(name: str, gb_s: float, gflop_s: float, limits: Limits | None) -> Reach | None:
    """The share of the limit that an operation reaches at these rates.

    Parameters
    ----------
    name
        The operation: those of :data:`MATRIX_ROWS` are held against matrix products, or against
        multiply-adds where those are faster, which happens where the library's product is slow.
    gb_s, gflop_s
        Its work by the cost model over its time; 0 where the model knows none.
    limits
        Of the device it ran on.

    Returns
    -------
    Reach or None
        None without limits and without work.
    """
    if limits is None or (gb_s <= 0 and gflop_s <= 0):
        return None
    # A product is made of multiply-adds, so a slow library does not lower the ceiling of both.
    peak = max(limits.matrix, limits.fma) if name in MATRIX_ROWS else limits.fma
    memory = Reach(gb_s / limits.copy, "memory", gb_s, limits.copy)
    arithmetic = Reach(gflop_s / peak, "arithmetic", gflop_s, peak)
    return max(memory, arithmetic, key=lambda found: found.share)


def measure(
    backend: str,
    progress: Progress = no_progress,
    cancel: Cancel = never,
    effort: Effort | None = None,
) -> Limits:
    """Measure the device of ``cpu`` or ``cuda``: a second or two, and once more for compiling.

    Frames may be rendered meanwhile; they take turns with the trials, and the best trial counts.
    Raises :class:`~scenes.errors.Cancelled`.
    """
    device = importlib.import_module(f"kernels.limits.{backend}")
    effort = effort or device.EFFORT
    best = dict.fromkeys(NAMES, 0.0)
    for place, name in enumerate(NAMES):
        if cancel():
            raise Cancelled
        with KERNELS:
            trial = device.PROBES[name](effort)
        for number in range(effort.repeats):
            if cancel():
                raise Cancelled
            with KERNELS:
                best[name] = max(best[name], trial())
            done = place * effort.repeats + number + 1
            progress(done, len(NAMES) * effort.repeats, "measurements")
    return Limits(**best)
