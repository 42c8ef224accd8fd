"""Costs of merging, pair by pair."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.gaussians.pair import SHAPE, SOFTEN, VANISH


@njit(inline="always")
def _determinant(xx, xy, xz, yy, yz, zz):
    return (
        xx * (yy * zz - yz * yz) - xy * (xy * zz - yz * xz) + xz * (xy * yz - yy * xz)
    )  # fmt: skip


@njit(inline="always")
def _softened(table, i, scale):
    """Covariance of row ``i`` times ``scale``, the inverse of the trace of both."""
    soft = SOFTEN / 6.0
    return (
        table[i, 3] * scale + soft, table[i, 4] * scale, table[i, 5] * scale,
        table[i, 6] * scale + soft, table[i, 7] * scale, table[i, 8] * scale + soft,
    )  # fmt: skip


@njit(error_model="numpy")
def _merging(table, i, j):
    """Cost of merging rows ``i`` and ``j``; float64."""
    first, second = np.float64(table[i, 12]), np.float64(table[j, 12])
    trace = np.float64(table[i, 3]) + table[i, 6] + table[i, 8]
    trace += np.float64(table[j, 3]) + table[j, 6] + table[j, 8]
    if first * second <= 0.0 or trace <= 0.0:
        return 0.0
    # Divided by the trace, neither determinants nor their product can overflow or vanish.
    scale = 1.0 / trace
    axx, axy, axz, ayy, ayz, azz = _softened(table, i, scale)
    bxx, bxy, bxz, byy, byz, bzz = _softened(table, j, scale)
    xx, yy, zz = 0.5 * (axx + bxx), 0.5 * (ayy + byy), 0.5 * (azz + bzz)
    xy, xz, yz = 0.5 * (axy + bxy), 0.5 * (axz + bxz), 0.5 * (ayz + byz)
    middle = _determinant(xx, xy, xz, yy, yz, zz)
    x = np.float64(table[j, 0]) - table[i, 0]
    y = np.float64(table[j, 1]) - table[i, 1]
    z = np.float64(table[j, 2]) - table[i, 2]
    far = (yy * zz - yz * yz) * x * x + (xx * zz - xz * xz) * y * y + (xx * yy - xy * xy) * z * z
    far += 2.0 * (
        (xz * yz - xy * zz) * x * y + (xy * yz - xz * yy) * x * z + (xy * xz - yz * xx) * y * z
    )
    both = _determinant(axx, axy, axz, ayy, ayz, azz) * _determinant(bxx, bxy, bxz, byy, byz, bzz)
    shape = 0.25 * math.log(middle * middle / both)
    colour = 0.0
    for channel in range(9, 12):
        step = np.float64(table[i, channel]) - table[j, channel]
        colour += step * step
    weight = first * second / (first + second)
    return weight * (far * scale / (8.0 * middle) + SHAPE * shape + colour)


@njit(nogil=True, cache=True, error_model="numpy")
def _search(table, reach, first, last, partners, costs):
    count = table.shape[0]
    # Costs to the rows before are those of these rows to the ones behind: kept in a ring.
    ring = np.empty((reach, reach + 1))
    for row in range(max(first - reach, 0), last):
        best = VANISH * np.float64(table[row, 12])
        partner, nearness = row, -1
        for step in range(1, min(reach, row) + 1):
            if row >= first:
                cost = ring[(row - step) % reach, step]
                near = row ^ (row - step)
                if cost < best or (cost == best and near < nearness):
                    best, partner, nearness = cost, row - step, near
        for step in range(1, min(reach, count - 1 - row) + 1):
            cost = _merging(table, row, row + step)
            near = row ^ (row + step)
            if cost < best or (cost == best and near < nearness):
                best, partner, nearness = cost, row + step, near
            ring[row % reach, step] = cost
        if row >= first:
            partners[row - first] = partner
            costs[row - first] = best


def run(
    table: Any, reach: int, first: int, last: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """See :func:`kernels.gaussians.pair.pair`."""
    table = np.ascontiguousarray(table, np.float32)
    partners = np.empty(last - first, np.int64)
    costs = np.empty(last - first, np.float32)
    _search(table, reach, first, last, partners, costs)
    return partners, costs
