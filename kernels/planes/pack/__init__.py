"""The pictures of all layers as one table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.planes.types import (
    BLOCK,
    HEIGHT,
    OFFSET,
    STRIDE,
    WIDTH,
    Textures,
    level_count,
    level_size,
)
from kernels.registry import Cost, Operation


def _cost(result: Any, images: Any, wraps: Any, textures: Any) -> Cost:
    texels = sum(image.shape[0] * image.shape[1] for image in images)
    return Cost(nbytes=9 * texels, flops=texels)


OPERATION = Operation(__name__, _cost)


def pack(backend: str, images: Sequence[NDArray[np.uint8]], wraps: Sequence[bool]) -> Textures:
    """Copy pictures to one table with borders, and note which squares of them show anything.

    Parameters
    ----------
    images
        Each (h, w, 4) uint8, straight alpha, C-contiguous.
    wraps
        For each whether it is an equirectangular picture, which goes on around.

    Returns
    -------
    Textures with the first level filled; memory for the others is reserved, and taken by the
    system when :func:`kernels.planes.halve.halve` makes them. From ``cuda`` the texels are a
    tensor of the device, and tables for its kernels lie beside them.

    Raises
    ------
    ValueError
        For a picture of another shape or type.

    Notes
    -----
    Exact. Cost: 9 bytes a texel.
    """
    for image in images:
        if image.ndim != 3 or image.shape[2] != 4 or image.dtype != np.uint8:
            raise ValueError(f"image must be (h, w, 4) uint8, got {image.shape} {image.dtype}")
    textures: Textures = OPERATION(
        backend, images, wraps, _layout([image.shape for image in images], wraps)
    )
    return textures


def _layout(shapes: Sequence[tuple[int, ...]], wraps: Sequence[bool]) -> Textures:
    """Room for all pictures and their smaller versions, level by level."""
    levels = max((level_count(w, h) for h, w, _ in shapes), default=1)
    table = np.zeros((len(shapes), levels, 4), np.int64)
    total = 0
    for level in range(levels):
        for layer, (h, w, _) in enumerate(shapes):
            width, height = level_size(w, level), level_size(h, level)
            row = table[layer, level]
            row[OFFSET], row[WIDTH], row[HEIGHT], row[STRIDE] = total, width, height, width + 2
            total += (width + 2) * (height + 2)
    blocks = np.zeros((len(shapes), 3), np.int64)
    squares = 0
    for layer, (h, w, _) in enumerate(shapes):
        blocks[layer] = squares, -(-w // BLOCK), -(-h // BLOCK)
        squares += (blocks[layer, 1] + 1) * (blocks[layer, 2] + 1)
    # Whoever reads 32 texels of a row at once may look behind the last.
    return Textures(
        np.empty(total + 64, np.uint32),
        table,
        [1],
        np.array(wraps, np.bool_),
        blocks,
        np.zeros(squares, np.int32),
    )
