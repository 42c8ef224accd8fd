"""Grids of simplices: interpolated features and their derivatives."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from kernels.fields.encodings import MOST_DIMS
from kernels.fields.slope.grids import STRIP, floored, placed, word_of, wrapped

_ZERO, _ONE = np.float32(0.0), np.float32(1.0)


@njit(inline="always")
def _sorted(positions, r, scale, skew, low, fraction, order):
    """The lowest vertex, and fractions from largest to least with the coordinates they are of."""
    dims = positions.shape[1]
    total = _ZERO
    for d in range(dims):
        total += placed(positions[r, d], scale)[0]
    for d in range(dims):
        x = placed(positions[r, d], scale)[0] + total * skew
        low[d] = floored(x)
        own, at = x - np.float32(low[d]), d
        while at > 0 and fraction[at - 1] < own:
            fraction[at], order[at] = fraction[at - 1], order[at - 1]
            at -= 1
        fraction[at], order[at] = own, d


@njit(nogil=True, cache=True, error_model="numpy")
def _level(
    positions, first, rows, table, scale, size, start, hashed, strides, skew, column, low,
    fraction, order, values, slopes,
):  # fmt: skip
    """One level: along the path from the lowest vertex to the highest, largest fraction first.

    Differences between its vertices are the derivatives by the fractions.
    """
    dims, features = np.uint64(len(strides)), np.uint64(table.shape[1])
    one = np.uint64(1)
    for r in range(first, first + np.uint64(rows)):
        _sorted(positions, r, scale, skew, low, fraction, order)
        index = np.uint64(0)
        for d in range(dims):
            word = word_of(low[d], d, hashed, strides)
            index = index ^ word if hashed else index + word
        entry = start + wrapped(index, size)
        for f in range(features):
            values[r, column + f] = (_ONE - fraction[0]) * table[entry, f]
        for k in range(dims):
            before, axis = entry, np.uint64(order[k])
            old = word_of(low[axis], axis, hashed, strides)
            new = word_of(low[axis] + 1, axis, hashed, strides)
            index = index ^ old ^ new if hashed else index + new - old
            entry = start + wrapped(index, size)
            rest = fraction[k] - (fraction[k + one] if k + one < dims else _ZERO)
            for f in range(features):
                own = table[entry, f]
                values[r, column + f] += rest * own
                slopes[r, axis, column + f] = own - table[before, f]
        for f in range(column, column + features):
            whole = _ZERO
            for d in range(dims):
                whole += slopes[r, d, f]
            for d in range(dims):
                slopes[r, d, f] = np.float32(scale) * (slopes[r, d, f] + skew * whole)


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def simplex(positions, table, tables, skew, values, slopes):
    """All levels; see :func:`kernels.fields.slope.derivatives.derive` for the shapes."""
    scales, sizes, firsts, hashed, strides = tables
    count, features = len(positions), table.shape[1]
    for block in prange(-(-count // STRIP)):
        first, rows = np.uint64(block * STRIP), min(STRIP, count - block * STRIP)
        low, order = np.empty(MOST_DIMS, np.int64), np.empty(MOST_DIMS, np.int64)
        fraction = np.empty(MOST_DIMS, np.float32)
        for level in range(len(scales)):
            _level(
                positions, first, rows, table, scales[level], sizes[level], firsts[level],
                hashed[level], strides[level], skew, np.uint64(level * features), low, fraction,
                order, values, slopes,
            )  # fmt: skip
