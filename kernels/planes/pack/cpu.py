"""Packing for the ``cpu`` backend: each row is copied and looked at in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from kernels.planes.types import BLOCK, HEIGHT, OFFSET, WIDTH, Textures


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _copy(image, texels, offset, wraps, shown):
    height, width = image.shape
    stride = width + 2
    rows = shown.shape[0]
    for band in prange(rows):
        for y in range(band * BLOCK, min((band + 1) * BLOCK, height)):
            at = offset + (y + 1) * stride
            texels[at] = image[y, width - 1] if wraps else np.uint32(0)
            texels[at + width + 1] = image[y, 0] if wraps else np.uint32(0)
            for block in range(shown.shape[1]):
                every = np.uint32(0)
                for x in range(block * BLOCK, min((block + 1) * BLOCK, width)):
                    texel = image[y, x]
                    texels[at + 1 + x] = texel
                    every |= texel
                if every >> np.uint32(24) != 0:
                    shown[band, block] = True
    last = offset + (height + 1) * stride
    for x in range(stride):
        texels[offset + x] = texels[offset + stride + x] if wraps else np.uint32(0)
        texels[last + x] = texels[last - stride + x] if wraps else np.uint32(0)


def run(images: Any, wraps: Any, textures: Textures) -> Textures:
    """See :func:`kernels.planes.pack.pack`."""
    for layer, image in enumerate(images):
        row = textures.table[layer, 0]
        first, columns, rows = textures.blocks[layer]
        shown = np.zeros((rows, columns), np.bool_)
        texels = np.ascontiguousarray(image).view("<u4")[..., 0]
        assert texels.shape == (row[HEIGHT], row[WIDTH])
        _copy(texels, textures.texels, row[OFFSET], bool(wraps[layer]), shown)
        counts = np.zeros((rows + 1, columns + 1), np.int32)
        counts[1:, 1:] = shown.cumsum(0).cumsum(1)
        textures.occupied[first : first + counts.size] = counts.ravel()
    return textures
