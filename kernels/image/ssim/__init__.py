"""Structural similarity of two pictures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.image.pairs import check_pair
from kernels.registry import Cost, Operation

WINDOW = 11
SIGMA = 1.5
C1, C2 = 0.01**2, 0.03**2
"""``(K1 L)^2`` and ``(K2 L)^2`` of the paper for values in 0..1."""


def _cost(result: Any, image: Any, truth: Any) -> Cost:
    values = math.prod(image.shape)
    # Per value and tap: 12 down the columns with the products, 8 along the rows; the formula.
    return Cost(nbytes=8 * values, flops=values * (20 * WINDOW + 20))


OPERATION = Operation(__name__, _cost)


def ssim(backend: str, image: Any, truth: Any) -> Any:
    """Mean structural similarity (Wang et al. 2004, eq. 13), -1..1, 1 for equal pictures.

    With the paper's choices: a normalised 11 x 11 Gaussian window of 1.5 pixels, K1 = 0.01,
    K2 = 0.03, moments by the weights themselves (no correction for the sample's size), and only
    pixels whose whole window lies inside the picture. Channels are compared apart and averaged.

    Parameters
    ----------
    image, truth
        (H, W) or (H, W, C), floats in 0..1, at least 11 x 11; NumPy, or tensors for
        ``reference`` and ``cuda``.

    Returns
    -------
    A float from ``cpu`` and ``cuda``, a 0-d tensor through which gradients flow from
    ``reference``.

    Raises
    ------
    ValueError
        If the shapes disagree, are too small, or the values are no floats.

    Notes
    -----
    Error of ``cpu`` and ``cuda``: 1e-5, from variances as differences of float32 sums. Cost: 8
    bytes and 240 FLOPs a value, of memory 16 bytes a value for ``cuda``.
    """
    check_pair(image, truth, WINDOW)
    return OPERATION(backend, image, truth)


def window() -> NDArray[np.float64]:
    """The (11,) weights of one axis, their sum is 1."""
    offsets = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-0.5 * (offsets / SIGMA) ** 2)
    return weights / weights.sum()
