"""Elementary functions of sixteen lanes; errors were measured over the whole stated range."""

from __future__ import annotations

import numpy as np
from numba import njit

from kernels.simd import (
    absolute,
    bits_float,
    float_bits,
    fma,
    full,
    full_int,
    maximum,
    minimum,
    select,
    to_float,
)

_SHIFT = np.float32(12582912.0)
"""1.5 * 2^23: adding it rounds to a whole number that stands in the low mantissa bits."""


@njit(inline="always")
def exp2(x):
    """2**x for -126 <= x <= 127, relative error below 2.5e-7; garbage (but no trap) outside.

    Round to nearest, then the degree-5 minimax polynomial of 2**r on [-1/2, 1/2]; the whole part
    is added to the exponent bits.
    """
    shifted = x + _SHIFT
    r = x - (shifted - _SHIFT)
    p = full(np.float32(0.0013276472))
    p = fma(p, r, np.float32(0.0096755415))
    p = fma(p, r, np.float32(0.0555071327))
    p = fma(p, r, np.float32(0.2402211972))
    p = fma(p, r, np.float32(0.6931469671))
    p = fma(p, r, np.float32(1.0))
    return bits_float(float_bits(p) + (float_bits(shifted) << np.int32(23)))


@njit(inline="always")
def exp2_short(x):
    """Like :func:`exp2` with one term less: relative error below 3e-6."""
    shifted = x + _SHIFT
    r = x - (shifted - _SHIFT)
    p = fma(r, np.float32(0.009570102), np.float32(0.05591786))
    p = fma(p, r, np.float32(0.24024745))
    p = fma(p, r, np.float32(0.6931218))
    p = fma(p, r, np.float32(0.99999926))
    return bits_float(float_bits(p) + (float_bits(shifted) << np.int32(23)))


@njit(inline="always")
def log2(x):
    """Base-2 logarithm of positive normal floats, absolute error below 2e-7 times max(1, |log2|).

    log(m) = 2 artanh((m - 1) / (m + 1)) for the mantissa in [sqrt(1/2), sqrt(2)).
    """
    bits = float_bits(x)
    exponent = to_float((bits >> np.int32(23)) - np.int32(127))
    mantissa = bits_float((bits & np.int32(0x7FFFFF)) + full_int(np.int32(0x3F800000)))
    large = mantissa > np.float32(1.41421356)
    mantissa = select(large, mantissa * np.float32(0.5), mantissa)
    exponent = select(large, exponent + np.float32(1.0), exponent)
    s = (mantissa - np.float32(1.0)) / (mantissa + np.float32(1.0))
    t = s * s
    p = full(np.float32(0.3205989))
    p = fma(p, t, np.float32(0.41219859))
    p = fma(p, t, np.float32(0.57707802))
    p = fma(p, t, np.float32(0.96179669))
    p = fma(p, t, np.float32(2.88539008))
    return fma(p, s, exponent)


_EIGHTH = np.float32(0.41421356)
"""The tangent of 22.5 degrees."""


@njit(inline="always")
def atan2(y, x):
    """Angle of (x, y) in -pi..pi, absolute error below 4e-7; 0 at the origin.

    atan of the smaller over the larger side, brought below 22.5 degrees by
    atan t = pi/4 + atan((t - 1) / (t + 1)), where its series to t^9 suffices (Cephes, atanf).
    """
    width, height = absolute(x), absolute(y)
    larger = maximum(maximum(width, height), np.float32(1e-30))
    t = minimum(width, height) / larger
    far = t > _EIGHTH
    t = select(far, (t - np.float32(1)) / (t + np.float32(1)), t)
    z = t * t
    p = fma(z, np.float32(8.05374449538e-2), np.float32(-1.38776856032e-1))
    p = fma(p, z, np.float32(1.99777106478e-1))
    p = fma(p, z, np.float32(-3.33329491539e-1))
    angle = fma(p * z, t, t) + select(far, np.float32(np.pi / 4), full(np.float32(0)))
    angle = select(height > width, np.float32(np.pi / 2) - angle, angle)
    angle = select(x < np.float32(0), np.float32(np.pi) - angle, angle)
    return select(y < np.float32(0), -angle, angle)
