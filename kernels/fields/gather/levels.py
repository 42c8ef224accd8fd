"""Levels as tables of numbers, which kernels read."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kernels.fields.encodings import PLANES, Simplex, TriPlane
from kernels.fields.gather import Leveled

GRID, SIMPLEX, PLANE = range(3)
"""What a level's corners are those of."""
SIZE, FIRST, HASHED, STRIDE_X, STRIDE_Y, STRIDE_Z, AXIS_X, AXIS_Y, AXIS_Z = range(9)
"""Columns of the table of levels."""


@lru_cache(maxsize=64)
def tables_of(encoding: Leveled) -> tuple[int, float, NDArray[np.int64], NDArray[np.float64]]:
    """Kind, skew (of simplices), the table of levels (L, 9) and their scales (L,).

    The scale of a plane is its number of cells along an axis.
    """
    if isinstance(encoding, TriPlane):
        side = encoding.resolution
        rows = [
            (side**2, number * side**2, 0, 1, side, 0, across, down, 0)
            for number, (across, down) in enumerate(PLANES)
        ]
        return PLANE, 0.0, np.array(rows, np.int64), np.full(3, side - 1.0)
    levels: list[tuple[int, ...]] = []
    for level in encoding.tables:
        strides = (*level.strides, 0)[:3]
        levels.append((level.size, level.first, int(level.hashed), *strides, 0, 1, 2))
    scales = np.array([level.scale for level in encoding.tables])
    simplex = isinstance(encoding, Simplex)
    skew = encoding.skew if isinstance(encoding, Simplex) else 0.0
    return SIMPLEX if simplex else GRID, skew, np.array(levels, np.int64), scales
