"""Three planes: interpolated features and their derivatives."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from kernels.fields.encodings import PLANES
from kernels.fields.slope.grids import STRIP, floored

_ONE = np.uint64(1)
_ACROSS = np.array([across for across, _ in PLANES], np.uint64)
_DOWN = np.array([down for _, down in PLANES], np.uint64)


@njit(nogil=True, cache=True, error_model="numpy")
def _squares(positions, r, last, low, share, rate):
    """For each coordinate the vertex below, the weight of the next, and the weight's rate."""
    for d in range(3):
        p = positions[r, d]
        inside = p >= np.float32(0.0) and p <= np.float32(1.0)
        rate[d] = np.float32(last) if inside else np.float32(0.0)
        # Not a number stays one in the weight.
        x = p if inside or p != p else np.float32(p > np.float32(0.0))
        x *= np.float32(last)
        low[d] = min(max(floored(x), 0), last - 1)
        share[d] = x - np.float32(low[d])


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def triplane(positions, tables, is_product, values, slopes):
    """Three planes, bilinear; beyond their borders nothing changes across the border."""
    count, last, features = len(positions), tables.shape[1] - 1, tables.shape[3]
    for block in prange(-(-count // STRIP)):
        low, numbers = np.empty(3, np.uint64), np.empty((5, 3), np.float32)
        share, rate, found, to_right, to_below = numbers
        # A feature of a sample at a time.
        first, rows = block * STRIP, min(STRIP, count - block * STRIP)
        for step in range(rows * features):
            r, f = np.uint64(first + step // features), np.uint64(step % features)
            if f == 0:
                _squares(positions, r, last, low, share, rate)
            for plane in range(3):
                across, down = _ACROSS[plane], _DOWN[plane]
                table, row, left = tables[plane], low[down], low[across]
                s, t = share[across], share[down]
                a, b = table[row, left, f], table[row, left + _ONE, f]
                upper, rise = a + s * (b - a), b - a
                a, b = table[row + _ONE, left, f], table[row + _ONE, left + _ONE, f]
                lower, other_rise = a + s * (b - a), b - a
                found[plane] = upper + t * (lower - upper)
                to_right[plane] = (rise + t * (other_rise - rise)) * rate[across]
                to_below[plane] = (lower - upper) * rate[down]
            for axis in range(3):
                slopes[r, axis, f] = np.float32(0.0)
            for plane in range(3):
                others = np.float32(1.0)
                if is_product:
                    others = found[(plane + 1) % 3] * found[(plane + 2) % 3]
                slopes[r, _ACROSS[plane], f] += to_right[plane] * others
                slopes[r, _DOWN[plane], f] += to_below[plane] * others
            if is_product:
                values[r, f] = found[0] * found[1] * found[2]
            else:
                values[r, f] = found[0] + found[1] + found[2]
