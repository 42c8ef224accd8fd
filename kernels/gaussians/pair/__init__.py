"""Which Gaussian of a list could best be merged with a neighbour in the list."""

from __future__ import annotations

from typing import Any

from kernels.registry import Cost, Operation

COLUMNS = 13
"""Of a row: mean (3), covariance (xx xy xz yy yz zz), colour (3), weight."""
SHAPE = 0.1
"""How much unlike shapes count beside unlike places."""
VANISH = 4.0
"""Cost of leaving out a splat, per weight: as much as merging with one far away."""
SOFTEN = 0.03
"""Share of the mean variance that is added to every axis, so that flat splats have a volume."""
_FLOPS = 110


def _cost(result: Any, table: Any, reach: int, first: int, last: int) -> Cost:
    rows = last - first
    return Cost(nbytes=rows * (4 * COLUMNS + 12), flops=_FLOPS * reach * rows)


OPERATION = Operation(__name__, _cost)


def pair(backend: str, table: Any, reach: int, first: int, last: int) -> tuple[Any, Any]:
    """For some splats the partner among its neighbours in the list that costs least to merge with.

    Merging splats ``a`` and ``b`` of weights ``w`` costs::

        w_a w_b / (w_a + w_b) * (d^T S^-1 d / 8 + SHAPE * ln(|S| / sqrt(|A| |B|)) / 2 + |c|^2)

    with A and B the covariances, S their mean, d and c the differences of mean and colour: the
    Bhattacharyya distance of two normal distributions (Bhattacharyya 1943; Fukunaga,
    "Introduction to Statistical Pattern Recognition", eq. 3.152) with a smaller part for the
    shape and one for the colour, weighted as in Ward's clustering (1963): what little is seen
    of, merges first. ``SOFTEN / 6`` of the trace of A + B is added to the diagonals of both.
    Leaving a splat out costs ``VANISH * w``.

    Parameters
    ----------
    table
        (N, 13) float32, finite: mean, covariance (xx, xy, xz, yy, yz, zz), colour, weight >= 0
        (opacity times area). A tensor of the device too for ``cuda``.
    reach
        How many rows before and behind are looked at.
    first, last
        The rows ``first`` to ``last - 1`` are asked for; their neighbours may lie outside.

    Returns
    -------
    (partners, costs)
        (last - first,) int64, places in the table, and float32. A row is its own partner where
        leaving it out costs least; among equals it is the one with the smallest ``i ^ j``.

    Raises
    ------
    ValueError
        If the shape is wrong, ``reach`` is below 1, or the rows are not in the table.

    Notes
    -----
    ``cpu`` runs on the thread that calls and releases the GIL, because callers have threads of
    their own; ``cuda`` brings the rows that are asked for and those within reach, and waits.
    Error of both against ``reference``: that of rounding to float32. Cost: 52 bytes
    in and 12 out a row, some 110 FLOPs and a logarithm for each pair.
    """
    if len(table.shape) != 2 or table.shape[1] != COLUMNS:
        raise ValueError(f"table must be (N, {COLUMNS}), got {tuple(table.shape)}")
    if reach < 1:
        raise ValueError(f"reach must be at least 1, got {reach}")
    if not 0 <= first <= last <= len(table):
        raise ValueError(f"rows must be within 0 to {len(table)}, got {first} to {last}")
    return OPERATION(backend, table, reach, first, last)
