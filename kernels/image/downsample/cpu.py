"""Box filter for the ``cpu`` backend."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _average(color, alpha, depth, factor, small_color, small_alpha, small_depth):
    share = np.float32(1.0 / (factor * factor))
    with_depth = depth.size > 0
    for y in prange(small_alpha.shape[0]):
        for x in range(small_alpha.shape[1]):
            red = green = blue = covered = weighted = np.float32(0.0)
            for row in range(y * factor, (y + 1) * factor):
                for column in range(x * factor, (x + 1) * factor):
                    red += color[row, column, 0]
                    green += color[row, column, 1]
                    blue += color[row, column, 2]
                    covered += alpha[row, column]
                    if with_depth:
                        weighted += alpha[row, column] * depth[row, column]
            small_color[y, x, 0] = red * share
            small_color[y, x, 1] = green * share
            small_color[y, x, 2] = blue * share
            small_alpha[y, x] = covered * share
            if with_depth:
                small_depth[y, x] = weighted / covered if covered > 0 else np.float32(0.0)


def run(
    color: NDArray[np.float32], alpha: NDArray[np.float32], depth: Any | None, factor: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None]:
    """See :func:`kernels.image.downsample.downsample`."""
    height, width = alpha.shape[0] // factor, alpha.shape[1] // factor
    small_color = np.empty((height, width, 3), np.float32)
    small_alpha = np.empty((height, width), np.float32)
    nothing = np.empty((0, 0), np.float32)
    small_depth = nothing if depth is None else np.empty((height, width), np.float32)
    source = nothing if depth is None else depth
    _average(color, alpha, source, factor, small_color, small_alpha, small_depth)
    return small_color, small_alpha, None if depth is None else small_depth
