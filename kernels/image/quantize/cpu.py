"""Quantisation for the ``cpu`` backend."""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray


@njit(inline="always")
def _byte(value):
    inside = min(max(value, np.float32(0.0)), np.float32(1.0))
    return np.uint8(inside * np.float32(255.0) + np.float32(0.5))


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _quantize(color, alpha, opaque, picture):
    for y in prange(alpha.shape[0]):
        for x in range(alpha.shape[1]):
            factor = np.float32(1.0)
            if not opaque:
                factor = np.float32(1.0) / max(alpha[y, x], np.float32(1e-10))
            for channel in range(3):
                picture[y, x, channel] = _byte(color[y, x, channel] * factor)
            picture[y, x, 3] = np.uint8(255) if opaque else _byte(alpha[y, x])


def run(color: NDArray[np.float32], alpha: NDArray[np.float32], opaque: bool) -> NDArray[np.uint8]:
    """See :func:`kernels.image.quantize.quantize`."""
    picture = np.empty((*alpha.shape, 4), np.uint8)
    _quantize(color, alpha, opaque, picture)
    return picture
