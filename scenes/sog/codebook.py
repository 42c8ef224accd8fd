"""Codebooks of 256 numbers that are cheap to store: rounded before they are chosen.

A lossless picture of indices costs what their entropy is. The codebook with the smallest error
makes all 256 entries about equally likely, 8 bits each; equal steps make those near the middle
likely and cost, at the same error, far fewer bits (Gish and Pierce, "Asymptotically efficient
quantizing", 1968). So values are rounded to a step that cannot be seen, and only where that leaves
more than 256 of them, the rarest and nearest are merged.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ENTRIES = 256
_MOST_LEVELS = 65_536
"""Levels that are merged one by one; wilder values are rounded to a coarser step."""


def make_codebook(blocks: Iterable[NDArray[np.float32]], step: float) -> Array:
    """256 ascending numbers for values that come in blocks of any shape; all finite.

    Up to 256 distinct values that rounding would not merge stay what they are. Unused entries
    repeat the largest. Without values, zeros.
    """
    levels, counts, exact = _levels(blocks, step)
    if len(exact) <= min(ENTRIES, len(levels)):
        book = exact.astype(np.float64)
    else:
        book = _merged(levels * step, counts)
    if len(book) == 0:
        return np.zeros(ENTRIES)
    # Seven digits are those of float32, and make the description half as long.
    book = np.array([float(f"{value:.7g}") for value in book])
    return np.concatenate([book, np.full(ENTRIES - len(book), book[-1])])


def _levels(
    blocks: Iterable[NDArray[np.float32]], step: float
) -> tuple[Array, NDArray[np.int64], NDArray[np.float32]]:
    """Multiples of the step that occur, how often, and the distinct values while they are few."""
    levels, counts = np.zeros(0), np.zeros(0, np.int64)
    exact = np.zeros(0, np.float32)
    for block in blocks:
        flat = block.reshape(-1)
        if len(exact) <= ENTRIES:
            exact = np.unique(np.concatenate([exact, flat]))
        found, often = np.unique(np.rint(flat.astype(np.float64) / step), return_counts=True)
        levels, place = np.unique(np.concatenate([levels, found]), return_inverse=True)
        counts = np.bincount(place, np.concatenate([counts, often]), len(levels)).astype(np.int64)
    return levels, counts, exact


def _merged(values: Array, counts: NDArray[np.int64]) -> Array:
    """At most 256 of many ascending values: neighbours are merged where it costs least.

    Merging m values at x and n at y into their mean adds ``m n / (m + n) (x - y)^2`` to the squared
    error (Ward, "Hierarchical grouping to optimize an objective function", 1963).
    """
    if len(values) > _MOST_LEVELS:
        keep = np.linspace(0, len(values) - 1, _MOST_LEVELS).astype(np.int64)
        values, counts = values[keep], np.add.reduceat(counts, keep)
    mean, weight = values.tolist(), counts.tolist()
    after = list(range(1, len(mean) + 1))
    before = list(range(-1, len(mean) - 1))
    age = [0] * len(mean)
    left = len(mean)

    def cost(i: int, j: int) -> float:
        return weight[i] * weight[j] / (weight[i] + weight[j]) * (mean[i] - mean[j]) ** 2

    pairs = [(cost(i, i + 1), i, 0, 0) for i in range(left - 1)]
    heapq.heapify(pairs)
    while left > ENTRIES:
        _, i, age_i, age_j = heapq.heappop(pairs)
        j = after[i]
        if age[i] != age_i or j >= len(mean) or age[j] != age_j:
            continue
        total = weight[i] + weight[j]
        mean[i] = (mean[i] * weight[i] + mean[j] * weight[j]) / total
        weight[i] = total
        age[i] += 1
        age[j] = -1
        after[i] = after[j]
        if after[i] < len(mean):
            before[after[i]] = i
            heapq.heappush(pairs, (cost(i, after[i]), i, age[i], age[after[i]]))
        if before[i] >= 0:
            heapq.heappush(pairs, (cost(before[i], i), before[i], age[before[i]], age[i]))
        left -= 1
    return np.array([value for value, old in zip(mean, age, strict=True) if old >= 0])
