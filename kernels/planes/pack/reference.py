"""Packing for the ``reference`` backend."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.planes.types import BLOCK, HEIGHT, OFFSET, STRIDE, WIDTH, Textures


def bordered(texels: NDArray[np.uint32], wraps: bool) -> NDArray[np.uint32]:
    """A picture with its border; see :class:`kernels.planes.types.Textures`."""
    if wraps:
        return np.pad(np.pad(texels, ((0, 0), (1, 1)), mode="wrap"), ((1, 1), (0, 0)), mode="edge")
    return np.pad(texels, 1)


def run(images: Any, wraps: Any, textures: Textures) -> Textures:
    """See :func:`kernels.planes.pack.pack`."""
    for layer, image in enumerate(images):
        texels = np.ascontiguousarray(image).view("<u4")[..., 0]
        row = textures.table[layer, 0]
        size = row[STRIDE] * (row[HEIGHT] + 2)
        flat = bordered(texels, bool(wraps[layer])).ravel()
        textures.texels[row[OFFSET] : row[OFFSET] + size] = flat
        first, columns, rows = textures.blocks[layer]
        shown = np.zeros((rows * BLOCK, columns * BLOCK), bool)
        shown[: row[HEIGHT], : row[WIDTH]] = image[..., 3] > 0
        squares = shown.reshape(rows, BLOCK, columns, BLOCK).any((1, 3))
        counts = np.zeros((rows + 1, columns + 1), np.int32)
        counts[1:, 1:] = squares.cumsum(0).cumsum(1)
        textures.occupied[first : first + counts.size] = counts.ravel()
    return textures
