"""Low-pass of a grid of features."""

from __future__ import annotations

import math
from typing import Any

from kernels.registry import Cost, Operation


def _cost(result: Any, planes: Any, *rest: Any) -> Cost:
    values = math.prod(planes.shape)
    return Cost(nbytes=16 * values, flops=12 * values)


OPERATION = Operation(__name__, _cost)


def blur_grid(backend: str, planes: Any, lengths: Any, radius: float) -> Any:
    """Mean of the cells within ``radius``, first along rows, then along columns.

    Nothing wraps around: at a border the window is cut, and the mean is that of what is left of
    it. The ends of a window of broken radius count by the fraction, so that the filter changes
    smoothly while a radius shrinks (at 0.5 the weights are 1/4, 1/2, 1/4).

    Parameters
    ----------
    planes
        (D, H, S) float32: one plane per feature.
    lengths
        (H,) NumPy integers 0 .. S, none larger than the one before: the cells
        0 .. lengths[y] - 1 of row y exist.
    radius
        Cells, > 0.

    Returns
    -------
    (D, H, S) float32 (``reference``: of the type of ``planes``; ``cuda``: a tensor on the device);
    0 where there is no cell.

    Raises
    ------
    ValueError
        If the shapes disagree, the lengths grow or the radius is not positive.

    Notes
    -----
    Running sums in float64: the cost, 12 FLOPs and 16 bytes a value, does not depend on the
    radius. ``cuda`` holds prefix sums: 16 bytes a value beside both grids.
    """
    if len(planes.shape) != 3 or lengths.shape != planes.shape[1:2]:
        raise ValueError(f"planes must be (D, H, S) and lengths (H,), got {tuple(planes.shape)}")
    if len(lengths) and (
        (lengths[1:] > lengths[:-1]).any() or lengths[0] > planes.shape[2] or lengths[-1] < 0
    ):
        raise ValueError("lengths must lie in 0 .. S and never grow")
    if not 0 < radius < math.inf:
        raise ValueError(f"radius must be positive, got {radius}")
    return OPERATION(backend, planes, lengths, radius)
