"""Low-pass of a grid by running sums, plane by plane so that a plane stays in the cache."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

TILE = 128
"""Columns that one thread sums at a time: their sums fit in the first cache level."""


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _across(plane, lengths, whole, part, means):
    for y in prange(plane.shape[0]):
        row, out = plane[y], means[y]
        length = np.int64(lengths[y])
        total = 0.0
        for x in range(min(whole, length)):
            total += np.float64(row[np.uint64(x)])
        for x in range(length):
            after, before = x + whole, x - whole - 1
            weight = np.float64(min(after, length - 1) - max(before, -1))
            if after < length:
                total += np.float64(row[np.uint64(after)])
            value = total
            if after + 1 < length:
                value += part * np.float64(row[np.uint64(after + 1)])
                weight += part
            if before >= 0:
                value += part * np.float64(row[np.uint64(before)])
                weight += part
                # The window of the next cell begins one further.
            out[np.uint64(x)] = np.float32(value / weight)
            if before + 1 >= 0:
                total -= np.float64(row[np.uint64(before + 1)])
        for x in range(length, out.size):
            out[np.uint64(x)] = np.float32(0.0)


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _down(means, heights, whole, part, out):
    rows, columns = means.shape
    for tile in prange((columns + TILE - 1) // TILE):
        left = tile * TILE
        width = min(columns - left, TILE)
        total = np.zeros(TILE)
        nothing = np.zeros(TILE, np.float32)
        height = heights[left : left + width]
        for y in range(min(whole, rows)):
            new = means[y, left : left + width]
            for x in range(width):
                total[np.uint64(x)] += np.float64(new[np.uint64(x)])
        for y in range(rows):
            after, before = y + whole, y - whole - 1
            new = means[after, left : left + width] if after < rows else nothing[:width]
            old = means[before + 1, left : left + width] if before >= -1 else nothing[:width]
            below = means[after + 1, left : left + width] if after + 1 < rows else nothing[:width]
            above = means[before, left : left + width] if before >= 0 else nothing[:width]
            target = out[y, left : left + width]
            upper = part if before >= 0 else 0.0
            start = max(before, -1)
            for column in range(width):
                x = np.uint64(column)  # type: ignore[assignment]
                total[x] += np.float64(new[x])
                value = total[x] + part * (np.float64(below[x]) + np.float64(above[x]))
                last = height[x] - 1
                weight = np.float64(min(after, last) - start) + upper
                weight += part if after < last else 0.0
                target[x] = np.float32(value / weight) if y <= last else np.float32(0.0)
                total[x] -= np.float64(old[x])


def run(planes: Any, lengths: Any, radius: float) -> NDArray[np.float32]:
    """See :func:`kernels.codec.blur_grid.blur_grid`."""
    depth, height, stride = planes.shape
    radius = min(radius, float(height + stride))
    whole, part = math.floor(radius), radius % 1.0
    heights = np.searchsorted(-np.asarray(lengths), -np.arange(stride), side="left")
    means = np.empty((height, stride), np.float32)
    out = np.empty((depth, height, stride), np.float32)
    for plane, target in zip(planes, out, strict=True):
        _across(plane, lengths, whole, part, means)
        _down(means, heights, whole, part, target)
    return out
