"""Packing for the ``reference`` backend."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.planes.types import BLOCK, HEIGHT, OFFSET, STRIDE, WIDTH, Textures


def run(images: Any, wraps: Any, textures: Textures) -> None:
    """See :func:`kernels.planes.pack.pack`."""
    for layer, image in enumerate(images):
        texels = np.ascontiguousarray(image).view("<u4")[..., 0]
        mode = "wrap" if wraps[layer] else "constant"
        bordered = np.pad(texels, ((0, 0), (1, 1)), mode=mode)
        bordered = np.pad(bordered, ((1, 1), (0, 0)), mode="edge" if wraps[layer] else "constant")
        row = textures.table[layer, 0]
        size = row[STRIDE] * (row[HEIGHT] + 2)
        textures.texels[row[OFFSET] : row[OFFSET] + size] = bordered.ravel()
        first, columns, rows = textures.blocks[layer]
        shown = np.zeros((rows * BLOCK, columns * BLOCK), bool)
        shown[: row[HEIGHT], : row[WIDTH]] = image[..., 3] > 0
        squares = shown.reshape(rows, BLOCK, columns, BLOCK).any((1, 3))
        counts = np.zeros((rows + 1, columns + 1), np.int32)
        counts[1:, 1:] = squares.cumsum(0).cumsum(1)
        textures.occupied[first : first + counts.size] = counts.ravel()
