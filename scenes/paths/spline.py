"""Cubic splines in Hermite form: which slope a smooth curve has at each of its knots.

A cubic segment of length ``h`` between two knots is fixed by its ends and by the slopes there.
Asking that the second derivative be the same on both sides of every knot gives one linear
equation per knot (de Boor, *A Practical Guide to Splines*, 1978, chapter IV), a tridiagonal
system, or a cyclic one for a closed curve.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def solve_block_tridiagonal(
    lower: Array, diagonal: Array, upper: Array, right: Array, cyclic: bool
) -> Array:
    """Solve ``lower[i] x[i-1] + diagonal[i] x[i] + upper[i] x[i+1] = right[i]``.

    Parameters
    ----------
    lower, diagonal, upper
        (N, B, B) blocks. ``lower[0]`` and ``upper[-1]`` couple the two ends of a cyclic system
        and are ignored otherwise.
    right
        (N, B, D).
    cyclic
        Whether the neighbours of the first unknown are the second and the last.

    Returns
    -------
    (N, B, D). The block form of Thomas's algorithm without pivoting, so the blocks must be
    diagonally dominant. A cyclic system is bordered: its last unknown is found by elimination.
    """
    count = len(diagonal)
    if not cyclic or count == 1:
        whole = diagonal + lower + upper if cyclic else diagonal
        return _thomas(lower, whole, upper, right)
    size = diagonal.shape[1]
    border = np.zeros((count - 1, size, size))
    border[0] += lower[0]
    border[-1] += upper[-2]
    both = np.concatenate([right[:-1], border], axis=2)
    solved = _thomas(lower[:-1], diagonal[:-1], upper[:-1], both)
    alone, per_last = solved[:, :, :-size], solved[:, :, -size:]
    pivot = diagonal[-1] - lower[-1] @ per_last[-1] - upper[-1] @ per_last[0]
    rest = right[-1] - lower[-1] @ alone[-1] - upper[-1] @ alone[0]
    last = np.linalg.solve(pivot, rest)
    return np.concatenate([alone - per_last @ last, last[None]])


def _thomas(lower: Array, diagonal: Array, upper: Array, right: Array) -> Array:
    count, size = diagonal.shape[:2]
    ahead = np.zeros((count, size, size))
    solution = np.empty_like(right)
    for i in range(count):
        pivot, rest = diagonal[i], right[i]
        if i:
            pivot = pivot - lower[i] @ ahead[i - 1]
            rest = rest - lower[i] @ solution[i - 1]
        both = np.linalg.solve(pivot, np.concatenate([upper[i], rest], axis=1))
        ahead[i], solution[i] = both[:, :size], both[:, size:]
    for i in range(count - 2, -1, -1):
        solution[i] -= ahead[i] @ solution[i + 1]
    return solution


def resting_knots(still: NDArray[np.bool_], closed: bool) -> NDArray[np.bool_]:
    """Which knots touch a still segment: (K,) of the segments' (S,), K = S closed, S + 1 open."""
    if closed:
        return still | np.roll(still, 1)
    return np.concatenate([still, [False]]) | np.concatenate([[False], still])


def spline_slopes(lengths: Array, steps: Array, still: NDArray[np.bool_], closed: bool) -> Array:
    """Slopes (K, D) at the knots of a C2 cubic spline.

    Parameters
    ----------
    lengths
        (S,) parameter lengths of the segments, > 0.
    steps
        (S, D) change of the value over each segment.
    still
        (S,) segments on which the value rests; the slope at both of their ends is zero, so that a
        pause is a pause (the curve is C1 there, C2 elsewhere).
    closed
        A closed curve has K = S knots, an open one K = S + 1 and natural ends (no curvature).
    """
    rests = resting_knots(still, closed)
    weight = 1.0 / lengths
    pull = 3.0 * steps * (weight**2)[:, None]
    if closed:
        before, after = np.roll(weight, 1), weight
        right = np.roll(pull, 1, axis=0) + pull
    else:
        before, after = np.append(0.0, weight), np.append(weight, 0.0)
        nothing = np.zeros((1, steps.shape[1]))
        right = np.concatenate([nothing, pull]) + np.concatenate([pull, nothing])
    lower, upper, diagonal = before, after, 2.0 * (before + after)
    lower, upper = np.where(rests, 0.0, lower), np.where(rests, 0.0, upper)
    diagonal = np.where(rests, 1.0, diagonal)
    right = np.where(rests[:, None], 0.0, right)
    solved = solve_block_tridiagonal(
        lower[:, None, None],
        diagonal[:, None, None],
        upper[:, None, None],
        right[:, None, :],
        closed,
    )
    return solved[:, 0, :]


def hermite(step: Array, start: Array, end: Array, length: Array, u: Array) -> Array:
    """A cubic from 0 to ``step`` (T, D) with slopes ``start`` and ``end`` (T, D).

    ``length`` (T,) is the segment's length and ``u`` (T,) the place on it, 0..1.
    """
    u, length = u[:, None], length[:, None]
    rise = u * u * (3.0 - 2.0 * u)
    leave = u * (1.0 - u) ** 2 * length
    arrive = u * u * (u - 1.0) * length
    return rise * step + leave * start + arrive * end
