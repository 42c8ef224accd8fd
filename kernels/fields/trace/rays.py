"""Rays on their way to a surface: one row of a table each, so that packing them is one copy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

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


def start(near: NDArray[np.float32], far: NDArray[np.float32]) -> NDArray[np.float32]:
    """The table (N, COLUMNS) of rays from ``near`` to ``far`` (N,); none is missed already."""
    rays = np.zeros((len(near), COLUMNS), np.float32)
    rays[:, T], rays[:, LIMIT] = near, far
    rays[:, LOW] = near
    rays[:, RELAXATION] = 1
    rays[:, PHASE] = np.where(far > near, MARCHING, MISSED)
    return rays


def is_live(rays: Any) -> Any:
    """(N,) bool: whether the field is to be evaluated at T."""
    return rays[:, PHASE] < HIT
