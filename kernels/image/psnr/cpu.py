"""Peak signal-to-noise ratio for the ``cpu`` backend."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit, prange


@njit(
    parallel=True,
    nogil=True,
    cache=True,
    error_model="numpy",
    # Sums may be split over lanes; not-a-number must stay one.
    fastmath={"contract", "reassoc", "nsz"},
)
def _row_errors(image, truth, sums):
    for y in prange(image.shape[0]):
        one, other = image[y], truth[y]
        total = np.float32(0.0)
        for i in range(one.size):
            error = one[i] - other[i]
            total += error * error
        sums[y] = total


def run(image: Any, truth: Any) -> float:
    """See :func:`kernels.image.psnr.psnr`."""
    one, other = (np.ascontiguousarray(a, np.float32).reshape(len(a), -1) for a in (image, truth))
    sums = np.empty(len(image), np.float32)
    _row_errors(one, other, sums)
    error = float(sums.sum(dtype=np.float64)) / one.size
    return -10.0 * math.log10(error) if error != 0.0 else math.inf
