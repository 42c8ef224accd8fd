"""Features of grids, simplices and planes, read and added to along the corners of each sample.

These kernels run on one thread each and release the GIL; :mod:`render.fitting.grids` calls them
from threads of its own, so that no parallel region of Numba is entered while a renderer may be
inside one. Entries are those of :mod:`kernels.fields.encode`. Two threads never add to one entry,
and each adds in the order of the samples: sums do not depend on how many threads there are.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from kernels.fields.encodings import PRIMES

GRID, SIMPLEX, PLANE = range(3)
"""What a level's corners are those of."""
SIZE, FIRST, HASHED, STRIDE_X, STRIDE_Y, STRIDE_Z, AXIS_X, AXIS_Y, AXIS_Z = range(9)
"""Columns of the table of levels."""
MOST_CORNERS = 8

_WORD = np.uint64(0xFFFFFFFF)
_ONE = np.uint64(1)
_PRIME_Y, _PRIME_Z = np.uint64(PRIMES[1]), np.uint64(PRIMES[2])


@njit(nogil=True, inline="always")
def _unpacked(level: Any) -> Any:
    # Scalars, which stay in registers: stores to other arrays might change a level for all that
    # the compiler knows.
    return (
        np.uint64(level[SIZE]), np.uint64(level[HASHED]), np.uint64(level[STRIDE_X]),
        np.uint64(level[STRIDE_Y]), np.uint64(level[STRIDE_Z]),
        np.uint64(level[AXIS_X]), np.uint64(level[AXIS_Y]), np.uint64(level[AXIS_Z]),
    )  # fmt: skip


@njit(nogil=True, inline="always")
def _entry(level: Any, x: Any, y: Any, z: Any) -> Any:
    size, hashed, stride_x, stride_y, stride_z = level[0], level[1], level[2], level[3], level[4]
    if hashed:
        return (x ^ (y * _PRIME_Y) ^ (z * _PRIME_Z)) & (size - _ONE)
    i = (x * stride_x + y * stride_y + z * stride_z) & _WORD
    return i if i < size else i % size


@njit(nogil=True, inline="always")
def _placed(position: Any, scale: Any, offset: Any) -> Any:
    # The product of two float32 is exact in float64, so it is rounded once.
    return np.float32(np.float64(position) * scale + offset)


@njit(nogil=True, inline="always")
def _cube(level: Any, scale: Any, offset: Any, dims: Any, row: Any, entries: Any, shares: Any):
    """Entries and shares of the 2^dims corners of the cell around a position."""
    x = _placed(row[level[5]], scale, offset)
    y = _placed(row[level[6]], scale, offset)
    z = _placed(row[level[7]], scale, offset) if dims == 3 else np.float32(0)
    fx, fy, fz = math.floor(x), math.floor(y), math.floor(z)
    wx, wy, wz = x - np.float32(fx), y - np.float32(fy), z - np.float32(fz)
    gx, gy, gz = np.uint64(np.int64(fx)), np.uint64(np.int64(fy)), np.uint64(np.int64(fz))
    one = np.float32(1)
    count = np.uint64(8 if dims == 3 else 4)
    for corner in range(count):
        c = np.uint64(corner)
        bx, by, bz = c & _ONE, (c >> _ONE) & _ONE, c >> np.uint64(2)
        entries[c] = _entry(level, gx + bx, gy + by, gz + bz)
        share = (wx if bx else one - wx) * (wy if by else one - wy)
        shares[c] = share * (wz if bz else one - wz)
    return count


@njit(nogil=True, inline="always")
def _path(level: Any, scale: Any, skew: Any, dims: Any, row: Any, entries: Any, shares: Any):
    """Entries and shares of the dims + 1 corners of the simplex around a position."""
    half = 0.5
    x, y = _placed(row[0], scale, half), _placed(row[1], scale, half)
    z = _placed(row[2], scale, half) if dims == 3 else np.float32(0)
    total = (x + y + z) * np.float32(skew)
    x, y = x + total, y + total
    if dims == 3:
        z = z + total
    fx, fy, fz = math.floor(x), math.floor(y), math.floor(z)
    wx, wy, wz = x - np.float32(fx), y - np.float32(fy), z - np.float32(fz)
    gx, gy, gz = np.uint64(np.int64(fx)), np.uint64(np.int64(fy)), np.uint64(np.int64(fz))
    # Places in the order of fractions, largest first; of equal ones the first axis.
    px = np.uint64(wy > wx) + np.uint64(wz > wx)
    py = np.uint64(wx >= wy) + np.uint64(wz > wy)
    pz = np.uint64(wx >= wz) + np.uint64(wy >= wz)
    before = np.float32(1)
    count = np.uint64(dims + 1)
    for place in range(count):
        k = np.uint64(place)
        entries[k] = _entry(
            level, gx + np.uint64(px < k), gy + np.uint64(py < k), gz + np.uint64(pz < k)
        )
        after = np.float32(0)
        if k + _ONE < count:
            after = wx if px == k else (wy if py == k else wz)
        shares[k] = before - after
        before = after
    return count


@njit(nogil=True, inline="always")
def _plane(level: Any, last: Any, row: Any, entries: Any, shares: Any):
    """Entries and shares of the 4 corners of a plane's cell; beyond its border is its border."""
    zero, one, end = np.float32(0), np.float32(1), np.float32(last)
    x = min(max(row[level[5]], zero), one) * end
    y = min(max(row[level[6]], zero), one) * end
    fx = min(math.floor(x), end - one)
    fy = min(math.floor(y), end - one)
    wx, wy = x - np.float32(fx), y - np.float32(fy)
    gx, gy = np.uint64(np.int64(fx)), np.uint64(np.int64(fy))
    for corner in range(4):
        c = np.uint64(corner)
        bx, by = c & _ONE, c >> _ONE
        entries[c] = gx + bx + (gy + by) * level[3]
        shares[c] = (wx if bx else one - wx) * (wy if by else one - wy)
    return np.uint64(4)


@njit(nogil=True, inline="always")
def _corners(
    kind: Any, level: Any, scale: Any, skew: Any, dims: Any, row: Any, entries: Any, shares: Any
):
    if kind == PLANE:
        return _plane(level, scale, row, entries, shares)
    if kind == SIMPLEX:
        return _path(level, scale, skew, dims, row, entries, shares)
    return _cube(level, scale, 0.5, dims, row, entries, shares)


@njit(nogil=True, cache=True, error_model="numpy")
def gather(
    kind: int, skew: float, dims: int, levels: Any, scales: Any, positions: Any, table: Any,
    columns: Any, out: Any,
) -> None:  # fmt: skip
    """Features of all levels at some positions.

    Parameters
    ----------
    kind, skew, dims
        GRID, SIMPLEX (with its skew) or PLANE; 2 or 3 coordinates.
    levels, scales
        (L, 9) int64 (columns as above) and (L,) float64.
    positions
        (N, dims) float32 in 0..1.
    table
        (E, F) float32.
    columns
        A tuple of F numbers, of which only the length counts: it is known when this is compiled,
        and loops over the features become straight code.
    out
        (N, L * F) float32.
    """
    features = len(columns)
    entries = np.empty(MOST_CORNERS, np.uint64)
    shares = np.empty(MOST_CORNERS, np.float32)
    for number in range(levels.shape[0]):
        level, scale = _unpacked(levels[number]), scales[number]
        start = np.uint64(number * features)
        first = np.uint64(levels[number, FIRST])
        for sample in range(positions.shape[0]):
            n = np.uint64(sample)
            count = _corners(kind, level, scale, skew, dims, positions[n], entries, shares)
            for feature in range(features):
                f = np.uint64(feature)
                total = np.float32(0)
                for corner in range(count):
                    c = np.uint64(corner)
                    total += shares[c] * table[first + entries[c], f]
                out[n, start + f] = total


@njit(nogil=True, cache=True, error_model="numpy")
def scatter(
    kind: int, skew: float, dims: int, levels: Any, scales: Any, number: int, positions: Any,
    gradients: Any, columns: Any, out: Any,
) -> None:  # fmt: skip
    """Add to level ``number`` of ``out`` (E, F) what (N, L * F) ``gradients`` mean for entries."""
    features = len(columns)
    entries = np.empty(MOST_CORNERS, np.uint64)
    shares = np.empty(MOST_CORNERS, np.float32)
    level, scale = _unpacked(levels[number]), scales[number]
    start = np.uint64(number * features)
    first = np.uint64(levels[number, FIRST])
    for sample in range(positions.shape[0]):
        n = np.uint64(sample)
        count = _corners(kind, level, scale, skew, dims, positions[n], entries, shares)
        for corner in range(count):
            c = np.uint64(corner)
            entry, share = first + entries[c], shares[c]
            for feature in range(features):
                f = np.uint64(feature)
                out[entry, f] += share * gradients[n, start + f]
