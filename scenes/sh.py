"""Real spherical harmonics: their values, and how their coefficients turn with a scene."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.gaussians.shade.basis import polynomials

Array = NDArray[Any]

_DIRECTIONS = 128
"""Directions that the matrices are fitted on; 9 would do for degree 4, more is steadier."""


def basis(directions: Array, degree: int) -> Array:
    """The ``(degree + 1)**2`` real spherical harmonics of unit directions (n, 3): (n, K).

    Signs and order of the Inria program (diff-gaussian-rasterization ``auxiliary.h``); degree 4 as
    in Sloan, "Efficient Spherical Harmonic Evaluation" (JCGT 2013). Keeps the type of
    ``directions``.
    """
    x, y, z = directions.T
    return np.stack(polynomials(x, y, z, degree), axis=1).astype(directions.dtype)


def turning_matrix(turn: Array, degree: int) -> Array:
    """(K, K) float64 that turns coefficients with the scene: ``turned = matrix @ sh``.

    ``turn`` (3, 3) is orthogonal, mirrors included. A turned scene shows towards ``turn @ d`` what
    it showed towards ``d``: ``basis(turn @ d) @ turned == basis(d) @ sh`` for all directions.
    Bands do not mix, so the matrix is block-diagonal; for axes that change places or signs its
    entries are rounded to the exact value where that is 0 or +-1.

    Notes
    -----
    Found by solving the identity on directions spread over the sphere, which is exact up to
    rounding because every band is closed under rotation.
    """
    index = np.arange(_DIRECTIONS) + 0.5
    z = 1 - 2 * index / _DIRECTIONS
    angle = index * np.pi * (3 - np.sqrt(5))
    ring = np.sqrt(1 - z * z)
    spread = np.stack([ring * np.cos(angle), ring * np.sin(angle), z], 1)
    before, after = basis(spread, degree), basis(spread @ np.asarray(turn, np.float64).T, degree)
    matrix = np.zeros((before.shape[1], before.shape[1]))
    for band in range(degree + 1):
        here = slice(band * band, (band + 1) ** 2)
        matrix[here, here] = np.linalg.lstsq(after[:, here], before[:, here], rcond=None)[0]
    whole = np.round(matrix)
    return np.where(np.abs(matrix - whole) < 1e-12, whole, matrix)
