"""Disparities of a rectified pair of pictures."""

from __future__ import annotations

from typing import Any

from kernels.registry import Cost, Operation

WINDOW = (7, 9)
"""Rows and columns of the census window: 62 comparisons fit a word."""
OUTSIDE = 31
"""Cost of what lies outside the right picture: as bad as chance, half of 62."""
LARGEST_CELLS = 1 << 28
"""Pixels times disparities of one launch."""


def _cost(result: Any, left: Any, right: Any, first: int, count: int, *rest: Any) -> Cost:
    pixels = left.shape[0] * left.shape[1]
    cells = pixels * count
    return Cost(
        nbytes=pixels * 24 + cells * (1 + 8 * 9 + 8),
        flops=cells * (14 + 8 * 7 + 2),
        counters={"cells": cells},
    )


OPERATION = Operation(__name__, _cost)


def sweep(
    backend: str,
    left: Any,
    right: Any,
    first: int,
    count: int,
    small: float = 16.0,
    large: float = 64.0,
) -> tuple[Any, Any]:
    """How far each pixel of either picture has moved in the other, by a plane sweep.

    The plane of a disparity d says that pixel x of the left picture is x - d of the right one.
    Costs are Hamming distances of 9 by 7 census words (Zabih and Woodfill 1994), summed along
    paths of eight directions with a penalty ``small`` for a change of disparity by one and
    ``large`` for any other (semi-global matching: Hirschmueller 2008, equations 13 and 14). The
    winner is the disparity of the smallest sum, refined by the parabola through it and its
    neighbours.

    Parameters
    ----------
    left, right
        (H, W) float32 brightness, of any scale: census asks only what is brighter.
    first, count
        Disparities ``first`` to ``first + count - 1`` are tried, pixels; ``first`` may be negative.
    small, large
        Penalties in bits of the census, ``0 <= small <= large``.

    Returns
    -------
    (H, W) float32 disparities of the left and of the right picture, pixels.

    Raises
    ------
    ValueError
        If shapes disagree, or ``count`` or the penalties are out of range.

    Notes
    -----
    All backends sum integers below 2^24 in float32, so winners are equal; where penalties are
    broken numbers, ``cuda`` adds directions in any order and rounds accordingly. Cost a cell
    (pixel and disparity): 72 FLOPs, 5 bytes of memory, 81 bytes of traffic. ``cpu`` is one
    thread; whoever has more cores sweeps bands of rows side by side. ``cuda`` waits and returns
    NumPy arrays.
    """
    if len(left.shape) != 2 or tuple(left.shape) != tuple(right.shape) or 0 in left.shape:
        raise ValueError(
            f"left and right must be (H, W) alike, got {tuple(left.shape)}, {tuple(right.shape)}"
        )
    cells = left.shape[0] * left.shape[1] * count
    if count < 1 or cells > LARGEST_CELLS:
        raise ValueError(f"count must be at least 1 and the cells at most 2^28, got {cells:,}")
    if not 0 <= small <= large:
        raise ValueError(f"penalties must be 0 <= small <= large, got {small}, {large}")
    result: tuple[Any, Any] = OPERATION(backend, left, right, first, count, small, large)
    return result
