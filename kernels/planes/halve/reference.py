"""Halving for the ``reference`` backend."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.planes.pack.reference import bordered
from kernels.planes.types import HEIGHT, OFFSET, STRIDE, WIDTH, Textures


def run(textures: Textures, level: int) -> None:
    """See :func:`kernels.planes.halve.halve`."""
    for layer in range(textures.count):
        wraps = bool(textures.wraps[layer])
        before, after = textures.table[layer, level - 1], textures.table[layer, level]
        image: Any = _inside(textures, before)
        height, width = 2 * after[HEIGHT], 2 * after[WIDTH]
        missing = ((0, height - image.shape[0]), (0, width - image.shape[1]), (0, 0))
        padded = np.pad(image, missing, mode="edge") if wraps else np.pad(image, missing)
        image = padded.astype(np.int64)
        four = [image[y::2, x::2] for y in (0, 1) for x in (0, 1)]
        alpha = sum(part[..., 3:] for part in four)
        color = sum(part[..., :3] * part[..., 3:] for part in four)
        divisor = np.maximum(alpha, 1)
        mean = np.concatenate(
            [(2 * color + divisor) // (2 * divisor) * (alpha > 0), (alpha + 2) // 4], axis=2
        )
        mean[mean[..., 3] == 0] = 0
        texels = np.ascontiguousarray(mean.astype(np.uint8)).view("<u4")[..., 0]
        flat = bordered(texels, wraps).ravel()
        textures.texels[after[OFFSET] : after[OFFSET] + flat.size] = flat


def _inside(textures: Textures, row: np.ndarray) -> np.ndarray:
    """(h, w, 4) uint8 of one level, without the border."""
    size = row[STRIDE] * (row[HEIGHT] + 2)
    flat = textures.texels[row[OFFSET] : row[OFFSET] + size]
    bordered = flat.reshape(row[HEIGHT] + 2, row[STRIDE])[1:-1, 1:-1]
    return np.ascontiguousarray(bordered).view(np.uint8).reshape(row[HEIGHT], row[WIDTH], 4)
