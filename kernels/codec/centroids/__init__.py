"""The mean of the points of every cluster."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.registry import Cost, Operation


def _cost(result: Any, points: Any, labels: Any, count: Any) -> Cost:
    values = math.prod(points.shape)
    return Cost(4 * values + 12 * len(points), values)


OPERATION = Operation(__name__, _cost)


def centroids(
    backend: str, points: NDArray[np.float32], labels: NDArray[np.int32], count: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Means of points by label, summed in float64.

    Parameters
    ----------
    points
        (N, D) float32; rows may stand apart; a tensor of the device too for ``cuda``.
    labels
        (N,) int32 in 0..count - 1.

    Returns
    -------
    means, sizes
        (count, D) float32 and (count,) int64; the mean of an empty cluster is 0.

    Raises
    ------
    ValueError
        If there is not one label a point, or one is out of range.

    Notes
    -----
    The assignment is inverted by a counting sort, and every cluster sums its own points in their
    order: no two threads write to one sum, and the result does not depend on how many there are
    ("sort-inverse update" of Flash-KMeans, 2026). Cost: every point is read once, at random.
    """
    if points.ndim != 2 or labels.shape != (len(points),):
        raise ValueError(f"points (N, D) and labels (N,) expected, got {points.shape}, "
                         f"{labels.shape}")  # fmt: skip
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < count:
        raise ValueError(f"labels must be 0 to {count - 1}")
    return OPERATION(backend, points, labels, count)
