"""From splats to the bytes of SOG pictures, some thousand rows at a time.

Inverse of :mod:`kernels.codec.unpack_sog`; the formulas are there.
"""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]

ZERO_LOG_SCALE = -110.0
"""Stands for a size of 0: its exponential vanishes in float32."""


def squeezed(means: NDArray[np.float32]) -> Array:
    """``sign(x) log(1 + |x|)``, so that far splats take few of the 65,536 steps."""
    wide = means.astype(np.float64)
    return np.sign(wide) * np.log1p(np.abs(wide))


def mean_codes(means: NDArray[np.float32], lowest: Array, highest: Array) -> NDArray[np.uint16]:
    """(R, 3) steps of positions between two squeezed corners (3,)."""
    span = np.where(highest > lowest, highest - lowest, 1.0)
    steps = np.rint((squeezed(means) - lowest) / span * 65_535)
    return np.clip(steps, 0, 65_535).astype(np.uint16)


def log_scales(scales: NDArray[np.float32]) -> NDArray[np.float32]:
    """Natural logarithms, :data:`ZERO_LOG_SCALE` for 0."""
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(scales), np.float32(ZERO_LOG_SCALE))


def nearest(values: NDArray[np.float32], codebook: Array) -> Bytes:
    """Which of 256 ascending entries is nearest to each value."""
    return np.searchsorted((codebook[1:] + codebook[:-1]) / 2, values).astype(np.uint8)


def opacity_bytes(opacities: NDArray[np.float32]) -> Bytes:
    """(R,) in steps of 1/255."""
    return np.rint(np.clip(opacities, 0, 1) * np.float32(255)).astype(np.uint8)


def rotation_bytes(quats: Array) -> Bytes:
    """(R, 4): three components of unit quaternions (R, 4) wxyz, and which one is left out."""
    rows = np.arange(len(quats))
    largest = np.abs(quats).argmax(axis=1)
    signs = np.where(quats[rows, largest] < 0, -1.0, 1.0)
    others = np.arange(3) + (np.arange(3) >= largest[:, None])
    rest = np.take_along_axis(quats, others, axis=1) * signs[:, None]
    steps = np.rint((rest * np.sqrt(2.0) + 1.0) * 127.5)
    return np.concatenate([np.clip(steps, 0, 255), 252.0 + largest[:, None]], 1).astype(np.uint8)


def _turns() -> Array:
    """(24, 4) the rotations that take axes to axes, as quaternions wxyz of either sign."""
    half = np.sqrt(0.5)
    turns = [*np.eye(4)]
    for (i, j), sign in product(combinations(range(4), 2), (1, -1)):
        turn = np.zeros(4)
        turn[i], turn[j] = half, sign * half
        turns.append(turn)
    turns += [np.array([1, *signs]) / 2 for signs in product((1, -1), repeat=3)]
    return np.array(turns)


def _taken_axes(turns: Array) -> NDArray[np.int64]:
    """(24, 3) which old axis each new one is."""
    w, x, y, z = turns.T
    columns = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
    return np.abs(columns).argmax(axis=0).T


TURNS = _turns()
AXES = _taken_axes(TURNS)


def least_turned(
    quats: NDArray[np.float32], scales: NDArray[np.float32], flat: bool = False
) -> tuple[Array, NDArray[np.float32]]:
    """The same ellipsoids with their axes named so that they are turned as little as possible.

    An ellipsoid has 24 descriptions by a rotation and three sizes: its axes may change places and
    signs. Of them, the one with the largest ``|w|`` needs 4.6 bits less, because ``w`` is nearly
    always the largest component and the others are at most 0.39.

    Parameters
    ----------
    quats, scales
        (R, 4) unit wxyz, (R, 3).
    flat
        True where the third size is that of a flat splat and has to stay the third.

    Returns
    -------
    (R, 4) float64 and (R, 3): ``R S S R^T`` is what it was.
    """
    allowed = np.flatnonzero(AXES[:, 2] == 2) if flat else np.arange(len(TURNS))
    wide = quats.astype(np.float64)
    # The real part of q times the conjugate of a turn is their scalar product.
    best = allowed[np.abs(wide @ TURNS[allowed].T).argmax(axis=1)]
    turned = _product(wide, TURNS[best] * [1.0, -1.0, -1.0, -1.0])
    inverse = np.argsort(AXES, axis=1)
    return turned, np.take_along_axis(scales, inverse[best], axis=1)


def _product(left: Array, right: Array) -> Array:
    """Hamilton products of (R, 4) and (R, 4), wxyz."""
    a, b, c, d = left.T
    w, x, y, z = right.T
    return np.stack(
        [
            a * w - b * x - c * y - d * z,
            a * x + b * w + c * z - d * y,
            a * y - b * z + c * w + d * x,
            a * z + b * y - c * x + d * w,
        ],
        axis=1,
    )
