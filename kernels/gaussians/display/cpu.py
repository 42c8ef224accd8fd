"""The 8-bit picture for the ``cpu`` backend: a block of sixteen pixels is packed at once."""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from kernels.gaussians.types import BLOCK, TILE, Accumulation
from kernels.simd import (
    absolute,
    fma,
    full,
    full_int,
    load,
    maximum,
    minimum,
    store,
    store_quarter,
    to_int,
)
from kernels.workspace import Workspace

_HALF = np.float32(0.5)
_TOP = np.float32(255.0)
_ONE = np.float32(1.0)


@njit(inline="always")
def _byte(value):
    return to_int(fma(minimum(maximum(value, np.float32(0.0)), _ONE), _TOP, full(_HALF)))


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _display(planes, channels, tiles_x, tiles_y, background, opaque, touched, image):
    height, width = image.shape
    flat = image.reshape(-1)
    stride = channels * 16
    for tile in prange(tiles_x * tiles_y):
        packed = np.empty(16, np.uint32)
        known = touched[tile] != 0
        left, top = tile % tiles_x * TILE, tile // tiles_x * TILE
        for block in range(64):
            x0, y0 = left + block % 8 * BLOCK, top + block // 8 * BLOCK
            if x0 >= width or y0 >= height:
                continue
            if not known:
                for y in range(y0, min(y0 + BLOCK, height)):
                    for x in range(x0, min(x0 + BLOCK, width)):
                        image[y, x] = 0
                continue
            at = (tile * 64 + block) * stride
            through = absolute(load(planes, at + 48))
            if opaque:
                red = fma(through, background[0], load(planes, at))
                green = fma(through, background[1], load(planes, at + 16))
                blue = fma(through, background[2], load(planes, at + 32))
                alpha = full_int(255)
            else:
                covered = _ONE - through
                inverse = _ONE / maximum(covered, np.float32(1e-10))
                red = load(planes, at) * inverse
                green = load(planes, at + 16) * inverse
                blue = load(planes, at + 32) * inverse
                alpha = _byte(covered)
            pixels = (
                _byte(red)
                | (_byte(green) << np.int32(8))
                | (_byte(blue) << np.int32(16))
                | (alpha << np.int32(24))
            )
            if x0 + BLOCK <= width and y0 + BLOCK <= height:
                at = y0 * width + x0
                store_quarter(flat, at, pixels, 0)
                store_quarter(flat, at + width, pixels, 1)
                store_quarter(flat, at + 2 * width, pixels, 2)
                store_quarter(flat, at + 3 * width, pixels, 3)
                continue
            store(packed, 0, pixels)
            for row in range(min(BLOCK, height - y0)):
                for column in range(min(BLOCK, width - x0)):
                    image[y0 + row, x0 + column] = packed[row * BLOCK + column]


def run(
    accumulation: Accumulation,
    background: tuple[float, float, float] | None,
    workspace: Workspace,
) -> NDArray[np.uint8]:
    """See :func:`kernels.gaussians.display.display`."""
    width, height = accumulation.width, accumulation.height
    image = workspace.take_free("pictures", (height, width), np.uint32)
    _display(
        accumulation.planes.reshape(-1), accumulation.planes.shape[2], -(-width // TILE),
        -(-height // TILE), np.array(background or (0, 0, 0), np.float32), background is not None,
        accumulation.touched, image,
    )  # fmt: skip
    return image.view(np.uint8).reshape(height, width, 4)
