"""Plane sweep for the ``cpu`` backend: one thread, lanes along disparities."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from kernels.planes.sweep import OUTSIDE, WINDOW

_RADIUS_Y, _RADIUS_X = WINDOW[0] // 2, WINDOW[1] // 2
_OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy"}
_FAST = {"contract", "reassoc", "nsz", "nnan"}
"""Values are whole or infinite, never not-a-number."""


@njit(**_OPTIONS)
def _census(image, words):
    height, width = image.shape
    for y in range(height):
        for x in range(width):
            centre = image[y, x]
            word = np.uint64(0)
            for dy in range(-_RADIUS_Y, _RADIUS_Y + 1):
                row = min(max(y + dy, 0), height - 1)
                for dx in range(-_RADIUS_X, _RADIUS_X + 1):
                    if dy != 0 or dx != 0:
                        column = min(max(x + dx, 0), width - 1)
                        brighter = np.uint64(image[row, column] > centre)
                        word = (word << np.uint64(1)) | brighter
            words[y, x] = word


@njit(inline="always")
def _ones(word):
    """Number of set bits (Warren, Hacker's Delight, figure 5-2)."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + (
        (word >> np.uint64(2)) & np.uint64(0x3333333333333333)
    )
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


@njit(**_OPTIONS)
def _matching_costs(left, right, first, costs):
    height, width, count = costs.shape
    for y in range(height):
        for x in range(width):
            word = left[y, x]
            cost = costs[y, x]
            for d in range(count):
                column = x - first - d
                if 0 <= column < width:
                    cost[d] = _ones(word ^ right[y, column])
                else:
                    cost[d] = OUTSIDE


@njit(fastmath=_FAST, **_OPTIONS)
def _step(cost, before, least, small, large, now, total):
    """One pixel along a path; returns the smallest of its sums.

    ``before`` and ``now`` have an entry more on either side, which is infinite.
    """
    smallest = np.float32(np.inf)
    jump = least + large
    for d in range(cost.size):
        best = min(before[d + 1], jump)
        best = min(best, min(before[d], before[d + 2]) + small)
        value = np.float32(cost[d]) + (best - least)
        now[d + 1] = value
        total[d] += value
        smallest = min(smallest, value)
    return smallest


@njit(**_OPTIONS)
def _aggregate(costs, totals, small, large):
    height, width, count = costs.shape
    padded = count + 2
    # Sums of the row before and of this one along three directions that leave rows behind. The
    # columns beside the picture stay zero, which is what a path starts from.
    rows = np.zeros((2, 3, width + 2, padded), np.float32)
    least = np.zeros((2, 3, width + 2), np.float32)
    along = np.zeros((2, padded), np.float32)
    infinity = np.float32(np.inf)
    for sense in (1, -1):
        rows[:] = 0
        least[:] = 0
        rows[:, :, :, 0] = infinity
        rows[:, :, :, padded - 1] = infinity
        for step in range(height):
            y = step if sense == 1 else height - 1 - step
            old, new = step % 2, 1 - step % 2
            along[:] = 0
            along[:, 0] = infinity
            along[:, padded - 1] = infinity
            smallest = np.float32(0)
            for i in range(width):
                x = i if sense == 1 else width - 1 - i
                cost, total = costs[y, x], totals[y, x]
                smallest = _step(
                    cost, along[i % 2], smallest, small, large, along[1 - i % 2], total
                )
                for direction in range(3):
                    from_x = x + direction
                    least[new, direction, x + 1] = _step(
                        cost,
                        rows[old, direction, from_x],
                        least[old, direction, from_x],
                        small,
                        large,
                        rows[new, direction, x + 1],
                        total,
                    )


@njit(inline="always")
def _vertex(before, middle, after):
    """Where between -1/2 and 1/2 the parabola through three values is lowest."""
    bend = before - np.float32(2) * middle + after
    return np.float32(0.5) * (before - after) / bend if bend > 0 else np.float32(0)


@njit(**_OPTIONS)
def _winners(totals, first, left, right):
    height, width, count = totals.shape
    for y in range(height):
        for x in range(width):
            total = totals[y, x]
            best = 0
            for d in range(1, count):
                if total[d] < total[best]:
                    best = d
            part = np.float32(0)
            if 0 < best < count - 1:
                part = _vertex(total[best - 1], total[best], total[best + 1])
            left[y, x] = np.float32(first + best) + part
        for x in range(width):
            best = -1
            lowest = np.float32(np.inf)
            for d in range(count):
                column = x + first + d
                if 0 <= column < width and totals[y, column, d] < lowest:
                    lowest = totals[y, column, d]
                    best = d
            column = x + first + best
            part = np.float32(0)
            if 0 < best < count - 1 and 1 <= column < width - 1:
                part = _vertex(
                    totals[y, column - 1, best - 1], lowest, totals[y, column + 1, best + 1]
                )
            right[y, x] = np.float32(first + max(best, 0)) + part


def run(
    left: Any, right: Any, first: int, count: int, small: float, large: float
) -> tuple[np.ndarray, np.ndarray]:
    """See :func:`kernels.planes.sweep.sweep`."""
    pictures = [np.ascontiguousarray(picture, np.float32) for picture in (left, right)]
    words = [np.empty(picture.shape, np.uint64) for picture in pictures]
    for picture, word in zip(pictures, words, strict=True):
        _census(picture, word)
    costs = np.empty((*words[0].shape, count), np.uint8)
    _matching_costs(words[0], words[1], first, costs)
    totals = np.zeros(costs.shape, np.float32)
    _aggregate(costs, totals, np.float32(small), np.float32(large))
    found = np.empty(words[0].shape, np.float32), np.empty(words[0].shape, np.float32)
    _winners(totals, first, *found)
    return found
