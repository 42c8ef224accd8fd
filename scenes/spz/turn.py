"""Splats between frames, exactly: axes change places and signs, no number is computed anew.

For a signed permutation ``M`` of the axes, the covariance ``M R S S R^T M^T`` is that of the
rotation ``M R M^T`` and of scales that change places as the axes do. The vector part of the
quaternion turns as an axial vector, ``det(M) M v``; the real part stays. So a file that went
through several programs keeps its quaternions, which turning by ``M R`` would not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernels.codec.unpack_spz import Turn
from scenes.frames import matrix_between
from scenes.sh import turning_matrix

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class FrameTurn:
    """From one frame to another.

    Attributes
    ----------
    turn
        For :func:`kernels.codec.unpack_spz.unpack_spz`; its ``flips`` are ones where ``mixing``
        is not None.
    mixing
        (K, K) float32 for spherical harmonics, where y and z change places; None where only signs
        change.
    """

    turn: Turn
    mixing: Floats | None

    def means(self, means: Floats) -> Floats:
        """(R, 3) positions, or half extents."""
        return means[:, self.turn.axes] * self.turn.signs

    def scales(self, scales: Floats) -> Floats:
        """(R, 3)."""
        return scales[:, self.turn.axes]

    def quats(self, quats: Floats) -> Floats:
        """(R, 4), wxyz."""
        turned = np.empty(quats.shape, np.float32)
        turned[:, 0] = quats[:, 0]
        np.multiply(quats[:, 1:][:, self.turn.axes], self.turn.twists, out=turned[:, 1:])
        return turned

    def sh(self, sh: Floats) -> Floats:
        """(R, K, 3)."""
        if self.mixing is None:
            return sh * self.turn.flips[:, None]
        return np.einsum("ij,njc->nic", self.mixing, sh)


def turn_between(source: str, target: str, degree: int) -> FrameTurn:
    """From one of :data:`scenes.frames.FRAMES` to another, for harmonics up to ``degree``."""
    matrix = matrix_between(source, target)
    axes = np.abs(matrix).argmax(axis=1)
    signs = matrix[np.arange(3), axes].astype(np.float32)
    twists = signs * np.float32(round(float(np.linalg.det(matrix))))
    harmonics = turning_matrix(matrix, degree).astype(np.float32)
    flips = np.diag(harmonics).copy()
    only_signs = bool((harmonics == np.diag(flips)).all())
    if not only_signs:
        flips[:] = 1
    return FrameTurn(
        Turn(axes.astype(np.uint64), signs, twists, flips), None if only_signs else harmonics
    )
