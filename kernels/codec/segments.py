"""Points sorted by their label: the inverse of an assignment."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(nogil=True, cache=True, error_model="numpy")
def _counting_sort(labels, starts, order):
    for i in range(len(labels)):
        starts[labels[i] + 1] += 1
    for k in range(len(starts) - 1):
        starts[k + 1] += starts[k]
    for i in range(len(labels)):
        label = labels[i]
        order[starts[label]] = i
        starts[label] += 1
    for k in range(len(starts) - 1, 0, -1):
        starts[k] = starts[k - 1]
    starts[0] = 0


def segments(labels: NDArray[np.int32], count: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Indices of points by label: those of label k are ``order[starts[k]:starts[k + 1]]``.

    ``labels`` (N,) in 0..count - 1. Returns ``order`` (N,) int32, in rising order within a label,
    and ``starts`` (count + 1,) int64. Cost: three passes over the labels.
    """
    order = np.empty(len(labels), np.int32)
    starts = np.zeros(count + 1, np.int64)
    _counting_sort(labels, starts, order)
    return order, starts
