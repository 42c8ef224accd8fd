"""Float images for the ``cpu`` backend: from tiles of blocks to rows of pixels."""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from kernels.gaussians.types import BLOCK, TILE, Accumulation


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _resolve(planes, tiles_x, background, opaque, color, alpha, depth):
    height, width = alpha.shape
    with_depth = planes.shape[2] == 5
    for y in prange(height):
        tile_y, block_y, row = y // TILE, y % TILE // BLOCK, y % BLOCK
        for x in range(width):
            tile = tile_y * tiles_x + x // TILE
            block = block_y * 8 + x % TILE // BLOCK
            lane = row * BLOCK + x % BLOCK
            through = abs(planes[tile, block, 3, lane])
            covered = np.float32(1.0) - through
            for channel in range(3):
                value = planes[tile, block, channel, lane]
                if opaque:
                    value += through * background[channel]
                color[y, x, channel] = value
            alpha[y, x] = covered
            if with_depth:
                summed = planes[tile, block, 4, lane]
                depth[y, x] = summed / covered if covered > 0 else np.float32(0.0)


def run(
    accumulation: Accumulation, background: tuple[float, float, float] | None
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None]:
    """See :func:`kernels.gaussians.resolve.resolve`."""
    width, height = accumulation.width, accumulation.height
    color = np.empty((height, width, 3), np.float32)
    alpha = np.empty((height, width), np.float32)
    with_depth = accumulation.planes.shape[2] == 5
    depth = np.empty((height, width) if with_depth else (0, 0), np.float32)
    _resolve(
        accumulation.planes, -(-width // TILE), np.array(background or (0, 0, 0), np.float32),
        background is not None, color, alpha, depth,
    )  # fmt: skip
    return color, alpha, depth if with_depth else None
