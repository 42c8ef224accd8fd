"""Clearance for the ``cpu`` backend: along x, then y, then z.

The distance in the largest axis is the least, over rows, of the larger of the distance of the row
and the distance within it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from kernels.fields.clearance import FARTHEST


@njit(parallel=True, nogil=True, cache=True)
def _along_x(cells, out):
    levels, depth, height, width = cells.shape
    for row in prange(levels * depth * height):
        level, z, y = row // (depth * height), row // height % depth, row % height
        distance = FARTHEST
        for x in range(width):
            distance = 0 if cells[level, z, y, x] else min(distance + 1, FARTHEST)
            out[level, z, y, x] = distance
        distance = FARTHEST
        for x in range(width - 1, -1, -1):
            distance = 0 if cells[level, z, y, x] else min(distance + 1, FARTHEST)
            out[level, z, y, x] = min(out[level, z, y, x], distance)


@njit(parallel=True, nogil=True, cache=True)
def _across(given, out):
    """(planes, rows, rest): the least over rows of max(rows between, value)."""
    planes, rows, rest = given.shape
    for item in prange(planes * rows):
        plane, row = item // rows, item % rows
        for i in range(rest):
            out[plane, row, i] = given[plane, row, i]
        worst = FARTHEST
        for gap in range(1, FARTHEST):
            # Rows at least as far as the worst value so far cannot make any smaller.
            if gap >= worst:
                break
            for side in (-gap, gap):
                if 0 <= row + side < rows:
                    for i in range(rest):
                        value = max(given[plane, row + side, i], np.uint8(gap))
                        out[plane, row, i] = min(out[plane, row, i], value)
            worst = 0
            for i in range(rest):
                worst = max(worst, out[plane, row, i])


def run(cells: Any) -> Any:
    """See :func:`kernels.fields.clearance.clearance`."""
    levels, depth, height, width = cells.shape
    one, other = np.empty((2, *cells.shape), np.uint8)
    _along_x(np.ascontiguousarray(cells), one)
    flat = (levels * depth, height, width)
    _across(one.reshape(flat), other.reshape(flat))
    flat = (levels, depth, height * width)
    _across(other.reshape(flat), one.reshape(flat))
    return one
