"""The vertical scale of the history plot: round numbers that do not twitch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_STEPS = (1.0, 1.25, 1.6, 2.0, 2.5, 3.2, 4.0, 5.0, 6.4, 8.0)
_HEADROOM = 1.1
_SHRINK_BELOW = 0.55


class StickyScale:
    """Top of the plot, ms. Grows at once, shrinks only when a lot of room is left over."""

    def __init__(self) -> None:
        self.top_ms = 20.0

    def fit(self, totals_ms: NDArray[np.float32]) -> float:
        """Fit the frames' totals, but for the slowest 2 % (they are cut and marked)."""
        if len(totals_ms):
            high = float(np.percentile(totals_ms, 98)) * _HEADROOM
            if high > self.top_ms or high < _SHRINK_BELOW * self.top_ms:
                self.top_ms = round_up(high)
        return self.top_ms


def round_up(value: float) -> float:
    """The next round number at or above ``value``."""
    if value <= 0.01:
        return 0.01
    decade = 10.0 ** np.floor(np.log10(value))
    for step in _STEPS:
        if value <= step * decade * (1 + 1e-9):
            return float(step * decade)
    return float(10.0 * decade)
