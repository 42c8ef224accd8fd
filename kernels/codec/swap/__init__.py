"""One pass of local re-assignment of the cells of a grid."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.registry import Cost, Operation


def _cost(result: Any, planes: Any, target: Any, *rest: Any) -> Cost:
    values = int(np.prod(planes.shape))
    return Cost(nbytes=12 * values, flops=8 * values, counters={"changed groups": result[1]})


OPERATION = Operation(__name__, _cost)


def swap(
    backend: str, planes: Any, cells: Any, target: Any, lengths: Any, rows: Any, shifts: Any
) -> tuple[float, int]:
    """Permute disjoint groups of four cells, in place, so that they come closest to a target.

    The step of Parallel Linear Assignment Sorting (Morgenstern et al. 2024, "Compact 3D Scene
    Representation via Self-Organizing Gaussian Grids", section 3.2): of the 24 permutations of a
    group, the one with the smallest sum of squared distances between features and targets wins;
    among equals the one that comes first, and that of doing nothing is the very first.

    Parameters
    ----------
    planes
        (D, H, S) float32, C-contiguous: one plane per feature; changed. Tensors of the device
        for ``cuda``, and so ``cells`` and ``target``; NumPy arrays are brought there and back.
    cells
        (H, S) int32, who lives in a cell; moves along with the features; changed.
    target
        (D, H, S) float32.
    lengths
        (H,) integers, at most S - 16: the cells 0 .. lengths[y] - 1 of row y take part. What lies
        behind them is never moved.
    rows
        (G, 4) integers, no row twice: four rows make one band of groups.
    shifts
        (G, 4) integers: group x of band g is the cells ``(x + shifts[g, k], rows[g, k])``, for
        every x for which all four exist.

    Returns
    -------
    (gain, changed)
        By how much the sum of squared distances fell, and how many groups changed; from ``cuda``
    tensors of no dimension that hold the numbers once the device has got there.

    Raises
    ------
    ValueError
        If shapes or types disagree.

    Notes
    -----
    Bands run in parallel and share no cell, so the result does not depend on the number of
    threads. ``cpu`` takes sixteen neighbouring groups at a time. Cost: 8 FLOPs a value to compare
    (16 products of features and targets per group) and 12 bytes a value.
    """
    shape = planes.shape
    if len(shape) != 3 or target.shape != shape or cells.shape != shape[1:]:
        raise ValueError(
            f"planes and target must be (D, H, S) and cells (H, S), got {tuple(shape)}, "
            f"{tuple(target.shape)} and {tuple(cells.shape)}"
        )
    if lengths.shape != shape[1:2] or rows.shape != shifts.shape or rows.shape[1:] != (4,):
        raise ValueError("lengths must be (H,), rows and shifts (G, 4)")
    if len(lengths) and int(lengths.max()) > shape[2] - 16:
        raise ValueError("every row must end in 16 cells that take no part")
    return OPERATION(backend, planes, cells, target, lengths, rows, shifts)
