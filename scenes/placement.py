"""Moving Gaussians by an affine map: turns and uniform scales exactly, others by the covariance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.paths.rotations import matrices_of, multiply, quaternions_of
from scenes.sh import turning_matrix

SIMILAR_WITHIN = 1e-5
"""How far a map divided by its scale may be from orthogonal and still count as turn and scale.
Matrices in files are often products of float32 numbers."""


class Placement:
    """An affine map (4, 4) of splats, split into what each attribute needs.

    Attributes
    ----------
    is_similar
        Whether it only turns, mirrors, moves and scales all axes alike. Gaussians stay what they
        are then. Other maps ``A`` take the covariance to ``A C A^T``, and the colours are turned
        by the rotation nearest to ``A`` (polar decomposition), which is a choice.
    """

    def __init__(self, matrix: NDArray[Any], degree: int) -> None:
        linear = np.asarray(matrix[:3, :3], np.float64)
        self.offset = np.asarray(matrix[:3, 3], np.float64)
        left, spread, right = np.linalg.svd(linear)
        self.turn = left @ right
        whole = np.round(self.turn)
        if np.abs(self.turn - whole).max() < 1e-12:
            self.turn = whole
        self.linear = linear
        middle = float(spread.mean())
        self.is_similar = bool(
            np.abs(spread - middle).max() <= SIMILAR_WITHIN * max(middle, 1e-300)
        )
        self.scale = middle
        if self.is_similar and abs(middle - 1) < SIMILAR_WITHIN * 1e-3:
            self.scale = 1.0
        # A mirror does to an ellipsoid what the opposite turn does.
        self.quaternion = quaternions_of(self.turn * np.round(np.linalg.det(self.turn)))
        self.turn_sh = turning_matrix(self.turn, degree).astype(np.float32)
        self.changes_only_signs = bool((self.turn_sh == np.diag(np.diag(self.turn_sh))).all())

    def apply(
        self,
        means: NDArray[np.float32],
        quats: NDArray[np.float32],
        scales: NDArray[np.float32],
        sh: NDArray[np.float32],
    ) -> None:
        """Move n splats in place: (n, 3), (n, 4) wxyz of any length, (n, 3), (n, K, 3) float32.

        Rows with values that are no number stay such rows.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            if self.is_similar:
                means[:] = means @ (self.scale * self.turn).T + self.offset
                quats[:] = multiply(self.quaternion[None], quats.astype(np.float64))
                scales *= np.float32(self.scale)
            else:
                means[:] = means @ self.linear.T + self.offset
                self._stretch(quats, scales)
            if self.changes_only_signs:
                sh *= np.diag(self.turn_sh)[:, None]
            else:
                sh[:] = np.einsum("ij,njc->nic", self.turn_sh, sh)

    def _stretch(self, quats: NDArray[np.float32], scales: NDArray[np.float32]) -> None:
        """Axes and lengths of the ellipsoids ``A R S`` from its singular values."""
        unit = quats.astype(np.float64)
        lengths = np.sqrt((unit * unit).sum(1, keepdims=True))
        unit = np.where(lengths > 0, unit / np.where(lengths > 0, lengths, 1), [1.0, 0, 0, 0])
        axes = self.linear @ matrices_of(unit) * scales[:, None, :].astype(np.float64)
        good = np.asarray(np.isfinite(axes).all((1, 2)))
        left, spread, _ = np.linalg.svd(np.where(good[:, None, None], axes, 0))
        left *= np.sign(np.linalg.det(left))[:, None, None]
        quats[:] = np.where(good[:, None], quaternions_of(left), np.nan)
        scales[:] = np.where(good[:, None], spread, np.nan)
