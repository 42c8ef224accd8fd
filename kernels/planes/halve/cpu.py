"""Halving for the ``cpu`` backend."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from kernels.planes.types import HEIGHT, OFFSET, STRIDE, WIDTH, Textures


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _halve(texels, source, before, target, after, wraps):
    width, height, stride = after
    from_width, from_height, from_stride = before
    for y in prange(height):
        at = target + (y + 1) * stride + 1
        for x in range(width):
            red = green = blue = alpha = np.int64(0)
            for j in range(2):
                row = 2 * y + j
                if row >= from_height:
                    if not wraps:
                        continue
                    row = from_height - 1
                for i in range(2):
                    column = 2 * x + i
                    if column >= from_width:
                        if not wraps:
                            continue
                        column = from_width - 1
                    texel = np.int64(texels[source + (row + 1) * from_stride + column + 1])
                    weight = texel >> 24
                    alpha += weight
                    red += (texel & 255) * weight
                    green += (texel >> 8 & 255) * weight
                    blue += (texel >> 16 & 255) * weight
            mean = (alpha + 2) >> 2
            packed = np.int64(0)
            if mean > 0:
                packed = (
                    (2 * red + alpha) // (2 * alpha)
                    | (2 * green + alpha) // (2 * alpha) << 8
                    | (2 * blue + alpha) // (2 * alpha) << 16
                    | mean << 24
                )
            texels[at + x] = np.uint32(packed)
        texels[at - 1] = texels[at + width - 1] if wraps else np.uint32(0)
        texels[at + width] = texels[at] if wraps else np.uint32(0)
    last = target + (height + 1) * stride
    for x in range(stride):
        texels[target + x] = texels[target + stride + x] if wraps else np.uint32(0)
        texels[last + x] = texels[last - stride + x] if wraps else np.uint32(0)


def run(textures: Textures, level: int) -> None:
    """See :func:`kernels.planes.halve.halve`."""
    for layer in range(textures.count):
        before, after = textures.table[layer, level - 1], textures.table[layer, level]
        _halve(
            textures.texels,
            before[OFFSET],
            (before[WIDTH], before[HEIGHT], before[STRIDE]),
            after[OFFSET],
            (after[WIDTH], after[HEIGHT], after[STRIDE]),
            bool(textures.wraps[layer]),
        )
