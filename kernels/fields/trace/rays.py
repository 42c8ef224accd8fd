"""Rays on their way to a surface: one row of a table each, so that packing them is one copy."""

from __future__ import annotations

from typing import Any

import numpy as np

T, LIMIT, LOW, LOW_VALUE, HIGH, HIGH_VALUE, RELAXATION, SIGN, PHASE, EVALUATIONS = range(10)
COLUMNS = 10
"""
T
    Where the field is to be evaluated next, distance from the ray's origin; where the surface is
    once PHASE is HIT.
LIMIT
    Where the ray ends.
LOW, LOW_VALUE
    The last place known to be before the surface, and SIGN times the distance there.
HIGH, HIGH_VALUE
    While closing in, a place behind the surface, and what the field said there.
RELAXATION
    The last step, in free spheres; while closing in, which end was moved last: 1 the one before
    the surface, -1 the one behind it, 0 none yet.
SIGN
    1 on the way in from outside, -1 from inside; 0 before the first evaluation.
PHASE
    One of those below.
EVALUATIONS
    Of the field, so far.
"""

MARCHING, CLOSING, HIT, MISSED = range(4)


def start(near: Any, far: Any) -> Any:
    """The table (N, COLUMNS) of rays from ``near`` to ``far`` (N,), float32; none that is missed.

    NumPy for NumPy, and a tensor where the tensors are.
    """
    shape = (len(near), COLUMNS)
    rays = np.zeros(shape, np.float32) if isinstance(near, np.ndarray) else near.new_zeros(shape)
    rays[:, T], rays[:, LIMIT] = near, far
    rays[:, LOW] = near
    rays[:, RELAXATION] = 1
    # MARCHING is 0.
    rays[:, PHASE] = MISSED * ~(far > near)
    return rays


def is_live(rays: Any) -> Any:
    """(N,) bool: whether the field is to be evaluated at T."""
    return rays[:, PHASE] < HIT
