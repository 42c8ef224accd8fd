"""How far the nearest occupied cell is."""

from __future__ import annotations

from typing import Any

from kernels.registry import Cost, Operation

FARTHEST = 63
"""Clearances beyond are not told apart: a ray seldom crosses so many cells in one go."""


def _cost(result: Any, cells: Any) -> Cost:
    return Cost(nbytes=cells.size * 8, flops=cells.size * 12)


OPERATION = Operation(__name__, _cost)


def clearance(backend: str, cells: Any) -> Any:
    """Distance of each cell of a grid to the nearest occupied one, in the largest axis.

    A chessboard distance transform (Rosenfeld and Pfaltz 1968): all cells nearer than that are
    empty, so a ray may leave the cube around them in one go, as with the distance grids of
    Duckworth et al. 2024 (SMERF, section 5).

    Parameters
    ----------
    cells
        (levels, Z, Y, X) bool NumPy array.

    Returns
    -------
    (levels, Z, Y, X) uint8, 0 where occupied, at most :data:`FARTHEST`; levels do not see each
    other. NumPy, but a tensor on the device from ``cuda``. Cost: one byte is read and written for
    each of four passes.
    """
    if cells.ndim != 4:
        raise ValueError(f"cells must be (levels, Z, Y, X), got {cells.shape}")
    return OPERATION(backend, cells)
