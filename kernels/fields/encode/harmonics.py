"""Constants of real spherical harmonics, for both backends.

With ``Q_m^m = 1`` and ``Q_l^m = A_lm z Q_(l-1)^m + B_lm Q_(l-2)^m`` band l holds ``N_lm Q_l^m(z)``
times the real (m >= 0) or imaginary (m < 0) part of ``(x + i y)^|m|``: the associated Legendre
recurrence (Sloan 2013, appendix A2) with the powers of ``sin(theta)`` taken into the last factor.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def constants(degree: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """A, B and N, each (degree, degree) by l and m >= 0, in float64."""
    a, b, n = (np.zeros((degree, degree)) for _ in range(3))
    for m in range(degree):
        # P_m^m = (2m - 1)!! stands in N, so that Q starts at 1.
        start = math.prod(range(1, 2 * m, 2))
        for band in range(m, degree):
            if band > m:
                a[band, m] = (2 * band - 1) / (band - m)
                b[band, m] = -(band + m - 1) / (band - m) if band > m + 1 else 0.0
            ratio = math.factorial(band - m) / math.factorial(band + m)
            n[band, m] = math.sqrt((2 * band + 1) / (4 * math.pi) * ratio) * start
            if m > 0:
                n[band, m] *= math.sqrt(2) * (-1) ** m
    return a, b, n
