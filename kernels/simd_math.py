"""Elementary functions of sixteen lanes; errors were measured over the whole stated range."""

from __future__ import annotations

import numpy as np
from numba import njit

from kernels.simd import (
    bits_float,
    float_bits,
    fma,
    full,
    full_int,
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
