"""Morton codes by spreading the bits of each axis with shifts and masks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.codec.morton import STEPS


@njit(inline="always")
def _spread(value):
    """Two zeros between each two bits of a number below 2^21."""
    value = (value | value << np.uint64(32)) & np.uint64(0x001F00000000FFFF)
    value = (value | value << np.uint64(16)) & np.uint64(0x001F0000FF0000FF)
    value = (value | value << np.uint64(8)) & np.uint64(0x100F00F00F00F00F)
    value = (value | value << np.uint64(4)) & np.uint64(0x10C30C30C30C30C3)
    return (value | value << np.uint64(2)) & np.uint64(0x1249249249249249)


@njit(nogil=True, cache=True, error_model="numpy")
def _encode(points, lowest, span, codes):
    for index in range(points.shape[0]):
        i = np.uint64(index)
        code = np.uint64(0)
        for axis in range(3):
            a = np.uint64(axis)
            step = (np.float64(points[i, a]) - lowest[a]) / span[a] * STEPS
            code |= _spread(np.uint64(step)) << a
        codes[i] = code


def run(points: Any) -> NDArray[np.uint64]:
    """See :func:`kernels.codec.morton.morton`."""
    points = np.ascontiguousarray(points, np.float32)
    codes = np.zeros(len(points), np.uint64)
    if len(points):
        lowest = points.min(axis=0).astype(np.float64)
        span = points.max(axis=0) - lowest
        _encode(points, lowest, np.where(span > 0, span, 1.0), codes)
    return codes
