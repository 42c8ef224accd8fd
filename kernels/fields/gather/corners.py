"""Entries and shares of the corners around a position: helpers of kernels, all inlined."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from kernels.fields.encodings import PRIMES
from kernels.fields.gather.levels import (
    AXIS_X,
    AXIS_Y,
    AXIS_Z,
    HASHED,
    PLANE,
    SIMPLEX,
    SIZE,
    STRIDE_X,
    STRIDE_Y,
    STRIDE_Z,
)

MOST_CORNERS = 8

_WORD = np.uint64(0xFFFFFFFF)
_NONE, _ONE = np.uint64(0), np.uint64(1)
_FARTHEST, _LOWEST = np.uint64(2**31 - 1), np.uint64(2**64 - 2**31)
_PRIME_Y, _PRIME_Z = np.uint64(PRIMES[1]), np.uint64(PRIMES[2])


@njit(nogil=True, inline="always")
def unpacked(level: Any) -> Any:
    """A level as scalars, which stay in registers: stores to other arrays might change a row of
    the table for all that the compiler knows."""
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
def _vertex(low: Any) -> Any:
    """Whole float32 to 64 bits, saturated as a conversion to int32; 0 for what is no number."""
    if abs(low) < np.float32(2147483648.0):
        return np.uint64(np.int64(low))
    if low > 0:
        return _FARTHEST
    return _LOWEST if low < 0 else _NONE


@njit(nogil=True, inline="always")
def _cube(level: Any, scale: Any, offset: Any, dims: Any, row: Any, entries: Any, shares: Any):
    """Entries and shares of the 2^dims corners of the cell around a position."""
    x = _placed(row[level[5]], scale, offset)
    y = _placed(row[level[6]], scale, offset)
    z = _placed(row[level[7]], scale, offset) if dims == 3 else np.float32(0)
    fx, fy, fz = np.floor(x), np.floor(y), np.floor(z)
    wx, wy, wz = x - fx, y - fy, z - fz
    gx, gy, gz = _vertex(fx), _vertex(fy), _vertex(fz) if dims == 3 else _NONE
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
    fx, fy, fz = np.floor(x), np.floor(y), np.floor(z)
    wx, wy, wz = x - fx, y - fy, z - fz
    gx, gy, gz = _vertex(fx), _vertex(fy), _vertex(fz) if dims == 3 else _NONE
    # Places in the order of fractions, largest first; of equal ones (and of NaN) the first axis.
    px = np.uint64(wy > wx) + np.uint64(wz > wx)
    py = np.uint64(not wy > wx) + np.uint64(wz > wy)
    pz = np.uint64(not wz > wx) + np.uint64(not wz > wy)
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
    fx, fy = min(np.floor(x), end - one), min(np.floor(y), end - one)
    wx, wy = x - fx, y - fy
    gx, gy = _vertex(fx), _vertex(fy)
    for corner in range(4):
        c = np.uint64(corner)
        bx, by = c & _ONE, c >> _ONE
        entries[c] = gx + bx + (gy + by) * level[3]
        shares[c] = (wx if bx else one - wx) * (wy if by else one - wy)
    return np.uint64(4)


@njit(nogil=True, inline="always")
def corners(
    kind: Any, level: Any, scale: Any, skew: Any, dims: Any, row: Any, entries: Any, shares: Any
):
    if kind == PLANE:
        return _plane(level, scale, row, entries, shares)
    if kind == SIMPLEX:
        return _path(level, scale, skew, dims, row, entries, shares)
    return _cube(level, scale, 0.5, dims, row, entries, shares)
