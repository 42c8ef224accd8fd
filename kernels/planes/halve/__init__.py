"""The next smaller level of all pictures."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.planes.types import HEIGHT, WIDTH, Textures
from kernels.registry import Cost, Operation


def _cost(result: Any, textures: Textures, level: int) -> Cost:
    texels = int(np.prod(textures.table[:, level, [WIDTH, HEIGHT]], axis=1).sum())
    return Cost(nbytes=20 * texels, flops=40 * texels)


OPERATION = Operation(__name__, _cost)


def halve(backend: str, textures: Textures) -> None:
    """Fill the next level of ``textures``: each texel is the average of four of the level before.

    Colours are weighted with alpha, and what lies outside of a picture counts as transparent (a
    shell repeats its last row and column), so nothing bleeds from where nothing is seen. Values
    are rounded to the nearest, halves up; a texel without alpha is 0.

    Raises
    ------
    ValueError
        If there is no further level.

    Notes
    -----
    Exact in integers, the same in all backends. Cost: 20 bytes a new texel.
    """
    level = textures.filled[0]
    if level >= textures.levels:
        raise ValueError(f"there are only {textures.levels} levels")
    OPERATION(backend, textures, level)
    textures.filled[0] = level + 1
