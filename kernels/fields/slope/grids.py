"""Grids of cubes: interpolated features and their derivatives."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from kernels.fields.encodings import PRIMES, HashGrid, Simplex

LINEAR, SMOOTHSTEP, NEAREST = range(3)

STRIP = 64
"""Samples whose entries are found before the first is read."""

_WORD, _ONE, _TWO = np.uint64(0xFFFFFFFF), np.uint64(1), np.uint64(2)
_PRIMES = np.array(PRIMES, np.uint64)
_LOWEST, _HIGHEST = -(2.0**31), 2.0**31 - 1


@lru_cache(maxsize=64)
def tables_of(encoding: HashGrid | Simplex) -> tuple[NDArray[Any], ...]:
    """Scales (L,) float64; sizes and first entries (L,), whether hashed, strides (L, D), uint64."""
    levels = encoding.tables
    return (
        np.array([level.scale for level in levels], np.float64),
        np.array([level.size for level in levels], np.uint64),
        np.array([level.first for level in levels], np.uint64),
        np.array([level.hashed for level in levels], np.bool_),
        np.array([level.strides for level in levels], np.uint64),
    )


@njit(inline="always")
def placed(position, scale):
    """``scale p + 0.5`` in one rounding, and its floor, saturated as on a GPU; NaN has 0."""
    x = np.float32(np.float64(position) * scale + 0.5)
    return x, floored(x)


@njit(inline="always")
def floored(x):
    whole = np.floor(np.float64(x))
    if not whole >= _LOWEST:
        whole = _LOWEST if whole < _LOWEST else 0.0
    return np.int64(min(whole, _HIGHEST))


@njit(inline="always")
def word_of(vertex, d, hashed, strides):
    """What one coordinate of a vertex adds to the index of its entry."""
    word = np.uint64(vertex) & _WORD
    return (word * _PRIMES[d]) & _WORD if hashed else word * strides[d]


@njit(inline="always")
def wrapped(index, size):
    """Modulo; the sizes of hashed levels are powers of two, and others are seldom exceeded."""
    index &= _WORD
    if index < size:
        return index
    return index & (size - _ONE) if size & (size - _ONE) == 0 else index % size


@njit(nogil=True, cache=True, error_model="numpy")
def _corners(positions, first, rows, scale, size, start, hashed, strides, kind, entries, places):
    """Entries (rows, 2^D) of a level, and of each coordinate its weight and the weight's rate."""
    dims = np.uint64(len(strides))
    for r in range(np.uint64(rows)):
        at = r << dims
        entries[at] = np.uint64(0)
        for d in range(dims):
            x, vertex = placed(positions[first + r, d], scale)
            t, rate = x - np.float32(vertex), np.float32(scale)
            if kind == SMOOTHSTEP:
                rate *= np.float32(6.0) * t * (np.float32(1.0) - t)
                t = t * t * (np.float32(3.0) - np.float32(2.0) * t)
            place = _TWO * (r * dims + d)
            places[place], places[place + _ONE] = t, rate
            low = word_of(vertex, d, hashed, strides)
            high = word_of(vertex + 1, d, hashed, strides)
            if kind == NEAREST:
                high = low
            half = _ONE << d
            for corner in range(at, at + half):
                before = entries[corner]
                entries[corner + half] = before ^ high if hashed else before + high
                entries[corner] = before ^ low if hashed else before + low
        for corner in range(at, at + (_ONE << dims)):
            entries[corner] = start + wrapped(entries[corner], size)


@njit(nogil=True, cache=True, error_model="numpy")
def _blend(table, entries, places, first, rows, dims, column, work, values, slopes):
    """Interpolate along one coordinate after the other: values, and all derivatives so far.

    ``work`` holds for each corner that is left the value and ``dims`` derivatives.
    """
    axes, features = np.uint64(dims), np.uint64(table.shape[1])
    wide = axes + _ONE
    for r in range(np.uint64(rows)):
        at = r << axes
        for f in range(features):
            for corner in range(_ONE << axes):
                work[corner * wide] = table[entries[at + corner], f]
            left = _ONE << axes
            for d in range(axes):
                place = _TWO * (r * axes + d)
                t, rate = places[place], places[place + _ONE]
                left >>= _ONE
                for corner in range(left):
                    # Of two corners that differ in this coordinate alone.
                    low = _TWO * corner * wide
                    high, to = low + wide, corner * wide
                    change = work[high] - work[low]
                    value = work[low] + t * change
                    for e in range(_ONE, d + _ONE):
                        work[to + e] = work[low + e] + t * (work[high + e] - work[low + e])
                    work[to], work[to + d + _ONE] = value, rate * change
            values[first + r, column + f] = work[0]
            for d in range(axes):
                slopes[first + r, d, column + f] = work[d + _ONE]


@njit(nogil=True, cache=True, error_model="numpy")
def _blend_three(table, entries, places, first, rows, column, values, slopes):
    """The same for three coordinates, without loops over corners."""
    features, three = np.uint64(table.shape[1]), np.uint64(3)
    for r in range(np.uint64(rows)):
        at, place, row = r << three, _TWO * three * r, first + r
        t0, t1, t2 = places[place], places[place + _TWO], places[place + _TWO + _TWO]
        place += _ONE
        rate0, rate1, rate2 = places[place], places[place + _TWO], places[place + _TWO + _TWO]
        e0, e1, e2, e3 = entries[at], entries[at + _ONE], entries[at + _TWO], entries[at + three]
        at += np.uint64(4)
        e4, e5, e6, e7 = entries[at], entries[at + _ONE], entries[at + _TWO], entries[at + three]
        for f in range(features):
            a, b, c, d = table[e0, f], table[e2, f], table[e4, f], table[e6, f]
            along_a, along_b = table[e1, f] - a, table[e3, f] - b
            along_c, along_d = table[e5, f] - c, table[e7, f] - d
            a, b, c, d = a + t0 * along_a, b + t0 * along_b, c + t0 * along_c, d + t0 * along_d
            near, far = along_a + t1 * (along_b - along_a), along_c + t1 * (along_d - along_c)
            up, down = b - a, d - c
            a, c = a + t1 * up, c + t1 * down
            to = column + f
            values[row, to] = a + t2 * (c - a)
            slopes[row, np.uint64(0), to] = rate0 * (near + t2 * (far - near))
            slopes[row, _ONE, to] = rate1 * (up + t2 * (down - up))
            slopes[row, _TWO, to] = rate2 * (c - a)


@njit(nogil=True, cache=True, error_model="numpy")
def _nearest(table, entries, first, rows, dims, column, values, slopes):
    """Entries as they are; nothing changes within a cell."""
    for r in range(rows):
        for f in range(table.shape[1]):
            values[first + r, column + f] = table[entries[r << dims], f]
            for d in range(dims):
                slopes[first + r, d, column + f] = np.float32(0.0)


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def grid(positions, table, tables, kind, values, slopes):
    """Levels of cubes; see :func:`kernels.fields.slope.derivatives.derive` for the shapes."""
    scales, sizes, firsts, hashed, strides = tables
    count, dims, features = len(positions), strides.shape[1], table.shape[1]
    for block in prange(-(-count // STRIP)):
        first = np.uint64(block * STRIP)
        rows = min(STRIP, count - block * STRIP)
        entries = np.empty(STRIP << dims, np.uint64)
        places = np.empty(STRIP * 2 * dims, np.float32)
        work = np.empty((dims + 1) << dims, np.float32)
        for level in range(len(scales)):
            column = np.uint64(level * features)
            _corners(
                positions, first, rows, scales[level], sizes[level], firsts[level], hashed[level],
                strides[level], kind, entries, places,
            )  # fmt: skip
            if kind == NEAREST:
                _nearest(table, entries, first, rows, dims, column, values, slopes)
            elif dims == 3:
                _blend_three(table, entries, places, first, rows, column, values, slopes)
            else:
                _blend(
                    table, entries, places, first, rows, dims, column, work, values, slopes
                )  # fmt: skip
