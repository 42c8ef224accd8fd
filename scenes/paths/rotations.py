"""Rotations along a path: quaternions, rotation vectors and a C2 spline through orientations.

Quaternions are unit, wxyz. A rotation vector is axis times angle, radians. Angular velocities are
in the moving frame (``d/dt R = R [w]x``). Formulas of the exponential map and its right Jacobian:
Sola et al., "A micro Lie theory for state estimation in robotics" (2018), appendix B.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scenes.paths.spline import Array, resting_knots, solve_block_tridiagonal

SERIES_BELOW = 0.1
"""Angle, radians, under which coefficients come from their Taylor series (cancellation)."""
SWEEPS = 20
"""Most corrections of the spline's nonlinear term; smooth paths need about five."""


def quaternions_of(matrices: Array) -> Array:
    """Unit quaternions (..., 4), w >= 0, of rotation matrices (..., 3, 3).

    Takes the best conditioned of the four formulas (Shepperd 1978), and by normalising absorbs
    small deviations from orthogonality.
    """
    m = np.asarray(matrices, dtype=np.float64)
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    yz, zx, xy = (m[..., i, j] + m[..., j, i] for i, j in ((1, 2), (2, 0), (0, 1)))
    wx, wy, wz = (m[..., i, j] - m[..., j, i] for i, j in ((2, 1), (0, 2), (1, 0)))
    rows = [
        [1 + xx + yy + zz, wx, wy, wz],
        [wx, 1 + xx - yy - zz, xy, zx],
        [wy, xy, 1 - xx + yy - zz, yz],
        [wz, zx, yz, 1 - xx - yy + zz],
    ]
    products = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
    best = np.argmax(np.diagonal(products, axis1=-2, axis2=-1), axis=-1)
    quats = np.take_along_axis(products, best[..., None, None], axis=-2)[..., 0, :]
    quats = quats / np.linalg.norm(quats, axis=-1, keepdims=True)
    return np.where(quats[..., :1] < 0, -quats, quats)


def matrices_of(quats: Array) -> Array:
    """Rotation matrices (..., 3, 3) of unit quaternions (..., 4)."""
    w, x, y, z = np.moveaxis(quats, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def multiply(a: Array, b: Array) -> Array:
    """Hamilton product of quaternions (..., 4): first ``b``, then ``a``."""
    w, v = a[..., :1], a[..., 1:]
    x, u = b[..., :1], b[..., 1:]
    real = w * x - np.sum(v * u, axis=-1, keepdims=True)
    return np.concatenate([real, w * u + x * v + np.cross(v, u)], axis=-1)


def exponential(vectors: Array) -> Array:
    """Unit quaternions (..., 4) of rotation vectors (..., 3)."""
    half = 0.5 * np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.concatenate([np.cos(half), 0.5 * np.sinc(half / np.pi) * vectors], axis=-1)


def logarithm(quats: Array) -> Array:
    """Rotation vectors (..., 3) of unit quaternions, the short way round: angle 0..pi."""
    quats = np.where(quats[..., :1] < 0, -quats, quats)
    sine = np.linalg.norm(quats[..., 1:], axis=-1, keepdims=True)
    angle = 2.0 * np.arctan2(sine, quats[..., :1])
    return quats[..., 1:] * np.where(sine > 1e-12, angle / np.maximum(sine, 1e-12), 2.0)


def between(quats: Array, following: Array) -> Array:
    """Rotation vectors (..., 3) that lead from each orientation to the next, in its own frame."""
    return logarithm(multiply(quats * [1.0, -1.0, -1.0, -1.0], following))


def _cross_matrices(vectors: Array) -> Array:
    x, y, z = np.moveaxis(vectors, -1, 0)
    zero = np.zeros_like(x)
    rows = [[zero, -z, y], [z, zero, -x], [-y, x, zero]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _coefficients(angle: Array) -> tuple[Array, Array, Array, Array, Array]:
    """a, b, (da/dx)/x, (db/dx)/x and c of the angle x, where the right Jacobian and its inverse

    are ``I - a [r]x + b [r]x^2`` and ``I + [r]x / 2 + c [r]x^2``.
    """
    small = angle < SERIES_BELOW
    x = np.where(small, 1.0, angle)
    sine, cosine = np.sin(x), np.cos(x)
    exact = (
        (1 - cosine) / x**2,
        (x - sine) / x**3,
        (x * sine - 2 * (1 - cosine)) / x**4,
        (x * (1 - cosine) - 3 * (x - sine)) / x**5,
        (1 - 0.5 * x / np.tan(0.5 * x)) / x**2,
    )
    s = angle**2
    series = (
        1 / 2 - s / 24 + s**2 / 720 - s**3 / 40320,
        1 / 6 - s / 120 + s**2 / 5040 - s**3 / 362880,
        -1 / 12 + s / 180 - s**2 / 6720 + s**3 / 453600,
        -1 / 60 + s / 1260 - s**2 / 60480 + s**3 / 4989600,
        1 / 12 + s / 720 + s**2 / 30240 + s**3 / 1209600,
    )
    a, b, a_slope, b_slope, c = (
        np.where(small, near, far) for near, far in zip(series, exact, strict=True)
    )
    return a, b, a_slope, b_slope, c


def right_jacobians(vectors: Array) -> tuple[Array, Array]:
    """The right Jacobian of the exponential map at rotation vectors (..., 3), and its inverse.

    Both (..., 3, 3). Along a curve r(t) the angular velocity is ``J(r) dr/dt``.
    """
    a, b, _, _, c = (item[..., None, None] for item in _coefficients(_norm(vectors)))
    cross = _cross_matrices(vectors)
    square = cross @ cross
    return np.eye(3) - a * cross + b * square, np.eye(3) + 0.5 * cross + c * square


def _norm(vectors: Array) -> Array:
    return np.linalg.norm(vectors, axis=-1)


def _jacobian_rate(vectors: Array, rates: Array) -> Array:
    """``(dJ/dt) dr/dt`` (..., 3): the part of the angular acceleration beside ``J d2r/dt2``."""
    _, b, a_slope, b_slope, _ = (item[..., None] for item in _coefficients(_norm(vectors)))
    along = np.sum(vectors * rates, axis=-1, keepdims=True)
    turn = np.cross(vectors, rates)
    return (
        -a_slope * along * turn
        + b_slope * along * np.cross(vectors, turn)
        + b * np.cross(rates, turn)
    )


def angular_velocities(
    lengths: Array, turns: Array, still: NDArray[np.bool_], closed: bool
) -> Array:
    """Angular velocities (K, 3) at the knots of a C2 curve through orientations.

    On each segment the rotation vector from its first orientation runs as a cubic, and angular
    velocity and acceleration agree at the knots, as in the attitude spline of Kang and Park,
    "Cubic spline algorithms for orientation interpolation" (1999). The acceleration at the end of
    a segment has a part quadratic in the velocity; it is held fixed while the linear system is
    solved, and corrected until nothing moves. Where that does not settle (turns near half a
    revolution within a segment) the curve keeps a continuous velocity but not acceleration.

    Parameters are those of :func:`scenes.paths.spline.spline_slopes`, with ``turns`` (S, 3) the
    rotation vectors between neighbours.
    """
    rests = resting_knots(still, closed)
    weight = (1.0 / lengths)[:, None, None]
    forward, inverse = right_jacobians(turns)
    ending, starting = 4.0 * weight * np.eye(3), 4.0 * weight * np.eye(3)
    from_before, from_after = 2.0 * weight * forward, 2.0 * weight * inverse
    pull = 6.0 * turns * (1.0 / lengths**2)[:, None]

    def at_knots(ends: Array, starts: Array) -> Array:
        """Sum, per knot, of what the segment before and the segment after contribute."""
        if closed:
            return np.roll(ends, 1, axis=0) + starts
        nothing = np.zeros((1, *ends.shape[1:]))
        return np.concatenate([nothing, ends]) + np.concatenate([starts, nothing])

    keep = ~rests[:, None, None]
    lower = np.where(keep, at_knots(from_before, np.zeros_like(from_before)), 0.0)
    upper = np.where(keep, at_knots(np.zeros_like(from_after), from_after), 0.0)
    diagonal = np.where(keep, at_knots(ending, starting), np.eye(3))
    extra = np.zeros_like(turns)
    velocities = np.zeros((len(rests), 3))
    change = np.inf
    for _ in range(SWEEPS):
        right = np.where(rests[:, None], 0.0, at_knots(pull - extra, pull))
        new = solve_block_tridiagonal(lower, diagonal, upper, right[..., None], closed)[..., 0]
        moved = float(np.abs(new - velocities).max())
        if moved > change:
            break
        velocities, change = new, moved
        if moved < 1e-12 * (1.0 + float(np.abs(new).max())):
            break
        following = np.roll(velocities, -1, axis=0)[: len(turns)]
        extra = _jacobian_rate(turns, np.einsum("sij,sj->si", inverse, following))
    return velocities
