"""The density grid of a snapshot: where a radiance field is not empty.

Cubes around the middle of the unit cube, each twice as large as the last, of 128^3 cells each; the
cells lie along a Morton curve (bits of x lowest). A cell holds the optical thickness of the
shortest step in it. It is occupied if that is above 0.01, or above the mean of the innermost cube
where that is less; what is occupied in one cube is in the next, too (``instant-ngp:
src/testbed_nerf.cu``, ``grid_to_bitfield``, ``bitfield_max_pool``).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kernels.fields.model import Occupancy
from scenes.field_files.tell import Tell

SIDE = 128
THRESHOLD = 0.01
FULL = 1.0
"""What is written for a cell that is occupied."""


def _codes() -> NDArray[np.int64]:
    """The place along the curve of each cell, the axes z, y, x."""
    numbers = np.arange(SIDE)
    spread = np.zeros(SIDE, np.int64)
    for bit in range(SIDE.bit_length() - 1):
        spread |= (numbers >> bit & 1) << 3 * bit
    return spread[:, None, None] << 2 | spread[:, None] << 1 | spread


def occupancy_of(values: NDArray[np.float16], tell: Tell) -> Occupancy | None:
    """The occupied cells of (levels * 128^3) values; None where none is.

    Raises
    ------
    Cancelled
    """
    levels = values.reshape(-1, SIDE**3)
    innermost = np.nan_to_num(levels[0].astype(np.float32), nan=0.0)
    threshold = min(THRESHOLD, float(np.maximum(innermost, 0).mean(dtype=np.float64)))
    codes = _codes()
    cells = np.empty((len(levels), SIDE, SIDE, SIDE), np.bool_)
    for cube, row in zip(cells, levels, strict=True):
        tell.done(0)
        np.take(row > threshold, codes, out=cube)
    inner = slice(SIDE // 4, 3 * SIDE // 4)
    for smaller, larger in pairwise(cells):
        tell.done(0)
        eighths = smaller.reshape(SIDE // 2, 2, SIDE // 2, 2, SIDE // 2, 2)
        larger[inner, inner, inner] |= eighths.any(axis=(1, 3, 5))
    return Occupancy(cells, np.zeros(3), np.ones(3)) if cells.any() else None


def values_of(occupancy: Occupancy, tell: Tell) -> NDArray[np.float16]:
    """What :func:`occupancy_of` makes such an occupancy of.

    Raises
    ------
    Cancelled
    """
    codes = _codes()
    values = np.zeros((len(occupancy.cells), SIDE**3), np.float16)
    for row, cube in zip(values, occupancy.cells, strict=True):
        tell.done(0)
        row[codes[cube]] = FULL
    return values.reshape(-1)
