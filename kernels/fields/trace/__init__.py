"""One step of sphere tracing, for many rays at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kernels.fields.trace.rays import COLUMNS
from kernels.registry import Cost, Operation

BET = 0.9
"""Share of what a plane would let a ray step beyond its free sphere."""
GROWTH = 1 / 3
"""Largest growth of the distance per step that a ray bets on: at most 2.8 times a sphere."""
CLOSE = 0.25
"""Of a pixel's width: nearer than that to a surface, or in a bracket no longer, a ray has hit."""
AT = CLOSE / 8
"""Of a pixel's width: a distance that is none, while closing in."""
LEAST = 0.05
"""Share of a bracket that each step of closing in takes away at least."""
BOLD = 4.0
"""How many times its last distance a ray may go to a surface that it is close to."""


@dataclass(frozen=True)
class Stride:
    """How far rays may step.

    ``scale`` is the share of a distance that is surely free: 1 for true distances, less for fields
    that overstate them (the inverse of their Lipschitz constant). ``steps`` is the most evaluations
    a ray gets.
    """

    scale: float = 1.0
    steps: int = 256


def _cost(result: Any, rays: Any, distances: Any, widths: Any, stride: Stride) -> Cost:
    count = rays.shape[0]
    return Cost(nbytes=4 * count * (2 * COLUMNS + 2), flops=20 * count, counters={"samples": count})


OPERATION = Operation(__name__, _cost, counted=False)


def trace(backend: str, rays: Any, distances: Any, widths: Any, stride: Stride) -> Any:
    """Take the field's distances at the rays' present places and say where they go next.

    A ray steps farther than the distance, on the bet that the free spheres around both ends will
    touch; where they do not, it goes back to the rim of the first (Keinert, Schaefer, Korndoerfer,
    Ganse and Stamminger 2014, "Enhanced Sphere Tracing", section 3.1, after Hart 1996). How far
    follows from the last two distances as if the surface were a plane: a distance r that shrank by
    c for each unit of the way lets spheres touch after ``2 r / (1 + c)`` (Balint and Valasek 2018,
    "Accelerating Sphere Tracing"). Where the sign changes within a step whose spheres
    touch, the surface is between its ends and is closed in on by the Illinois method (Dowell and
    Jarratt 1971), so that a field that overstates distances does not let rays through.

    Parameters
    ----------
    rays
        (N, COLUMNS) float table of :mod:`kernels.fields.trace.rays`, all of them live; NumPy, or a
        tensor for ``reference`` and ``cuda``. ``cuda`` leaves rays that have ended as they are.
    distances
        (N,) signed distances at T, negative inside, in the units of T.
    widths
        (N,) width of a pixel at T, same units.
    stride
        See :class:`Stride`.

    Returns
    -------
    The new table, of the same type. A ray whose phase became HIT has T at the surface, estimated
    by the last two values; one that was MISSED has left, met a distance that is no number, or used
    up its steps farther from a surface than a pixel's width.

    Raises
    ------
    ValueError
        If the shapes do not fit each other, or ``stride`` is out of range.

    Notes
    -----
    A ray that begins inside looks for the surface from there. Cost: the table once in, once out.
    """
    count = rays.shape[0]
    if rays.ndim != 2 or rays.shape[1] != COLUMNS:
        raise ValueError(f"rays must be (N, {COLUMNS}), got {tuple(rays.shape)}")
    for name, given in (("distances", distances), ("widths", widths)):
        if tuple(given.shape) != (count,):
            raise ValueError(f"{name} must be ({count},), got {tuple(given.shape)}")
    if not 0 < stride.scale <= 1:
        raise ValueError(f"scale must be above 0 and at most 1, got {stride.scale}")
    if not 1 <= stride.steps <= 1 << 20:
        raise ValueError(f"steps must be 1 to {1 << 20}, got {stride.steps}")
    return OPERATION(backend, rays, distances, widths, stride)
