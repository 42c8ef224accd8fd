"""Real spherical harmonics and their derivatives, by the recurrences of the encoding."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from kernels.fields.encode.harmonics import constants


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _bands(positions, a, b, n, values, slopes):
    degree = len(a)
    for r in prange(len(positions)):
        x = np.float32(2.0) * positions[r, 0] - np.float32(1.0)
        y = np.float32(2.0) * positions[r, 1] - np.float32(1.0)
        z = np.float32(2.0) * positions[r, 2] - np.float32(1.0)
        # (x + i y)^m and the power before, of which its derivatives are multiples.
        real, imaginary = np.float32(1.0), np.float32(0.0)
        last_real, last_imaginary = np.float32(0.0), np.float32(0.0)
        for m in range(degree):
            before, q = np.float32(0.0), np.float32(1.0)
            before_rise, rise = np.float32(0.0), np.float32(0.0)
            # The derivative by a coordinate of 0..1 is twice that by one of -1..1.
            power = np.float32(2 * m)
            for band in range(m, degree):
                if band > m:
                    ahead = a[band, m] * z * q + b[band, m] * before
                    rising = a[band, m] * (q + z * rise) + b[band, m] * before_rise
                    before, q, before_rise, rise = q, ahead, rise, rising
                middle, size = band * (band + 1), n[band, m]
                values[r, middle + m] = size * q * real
                slopes[r, 0, middle + m] = size * q * power * last_real
                slopes[r, 1, middle + m] = -size * q * power * last_imaginary
                slopes[r, 2, middle + m] = size * np.float32(2.0) * rise * real
                if m > 0:
                    values[r, middle - m] = size * q * imaginary
                    slopes[r, 0, middle - m] = size * q * power * last_imaginary
                    slopes[r, 1, middle - m] = size * q * power * last_real
                    slopes[r, 2, middle - m] = size * np.float32(2.0) * rise * imaginary
            last_real, last_imaginary = real, imaginary
            real, imaginary = real * x - imaginary * y, real * y + imaginary * x


def harmonics(degree: int, positions: Any, values: Any, slopes: Any) -> None:
    """See :func:`kernels.fields.slope.derivatives.derive`."""
    a, b, n = (table.astype(np.float32) for table in constants(degree))
    _bands(positions, a, b, n, values, slopes)
