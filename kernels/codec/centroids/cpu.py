"""Means by label for the ``cpu`` backend."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from kernels.codec.segments import segments


@njit(nogil=True, parallel=True, cache=True, error_model="numpy")
def _means(points, order, starts, means):
    dims = points.shape[1]
    for k in prange(len(means)):
        sums = np.zeros(dims, np.float64)
        first, last = starts[k], starts[k + 1]
        for i in range(first, last):
            p = order[i]
            for d in range(dims):
                sums[d] += points[p, d]
        for d in range(dims):
            means[k, d] = sums[d] / max(last - first, 1)


def run(points: Any, labels: Any, count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """See :func:`kernels.codec.centroids.centroids`."""
    order, starts = segments(labels, count)
    means = np.empty((count, points.shape[1]), np.float32)
    _means(points, order, starts, means)
    return means, np.diff(starts)
