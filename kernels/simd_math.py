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
    to_int,
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


_LOG2_E = np.float32(1.44269504)
_LN2_HIGH = np.float32(0.693145751953125)
"""ln 2 to 17 bits, so that small multiples of it are exact."""
_LN2_LOW = np.float32(1.4286068e-06)


@njit(inline="always")
def exp(x):
    """e**x, relative error below 2e-7; 0 and infinity beyond the range of floats, NaN for NaN.

    Round to a multiple of ln 2, then the degree-6 polynomial of least relative error. The power
    of two is multiplied in two halves, each within the range of exponents.
    """
    x = minimum(full(np.float32(89.5)), maximum(full(np.float32(-105.0)), x))
    shifted = fma(x, _LOG2_E, _SHIFT)
    n = shifted - _SHIFT
    r = fma(n, -_LN2_LOW, fma(n, -_LN2_HIGH, x))
    p = fma(r, np.float32(1.381460184e-03), np.float32(8.368715219e-03))
    p = fma(p, r, np.float32(4.166838789e-02))
    p = fma(p, r, np.float32(1.666652065e-01))
    p = fma(p, r, np.float32(4.999999345e-01))
    p = fma(p * r, r, r) + np.float32(1.0)
    whole = to_int(n)
    half = whole >> np.int32(1)
    bias = full_int(np.int32(127))
    first = bits_float((half + bias) << np.int32(23))
    return p * first * bits_float((whole - half + bias) << np.int32(23))


@njit(inline="always")
def log1p_exp(x):
    """log(1 + e**x) for x <= 0, relative error below 5e-7.

    With t = e**x it is 2 artanh(t / (2 + t)), whose series in the square is even; nothing is
    subtracted, so small results keep their digits.
    """
    t = exp(x)
    s = t / (t + np.float32(2.0))
    z = s * s
    p = fma(z, np.float32(1.401222816e-01), np.float32(1.399957082e-01))
    p = fma(p, z, np.float32(2.001084951e-01))
    p = fma(p, z, np.float32(3.333320657e-01))
    return fma(p * z, s, s) * np.float32(2.0)


@njit(inline="always")
def tanh(x):
    """Hyperbolic tangent, relative error below 4e-7; 1 and -1 far out, NaN for NaN.

    Near 0 an odd polynomial of degree 11, elsewhere 1 - 2 / (e**(2 |x|) + 1).
    """
    size = absolute(x)
    z = x * x
    p = fma(z, np.float32(-5.666977359e-03), np.float32(2.060617686e-02))
    p = fma(p, z, np.float32(-5.373000721e-02))
    p = fma(p, z, np.float32(1.333133100e-01))
    p = fma(p, z, np.float32(-3.333327806e-01))
    near = fma(p * z, x, x)
    far = np.float32(1.0) - np.float32(2.0) / (exp(size + size) + np.float32(1.0))
    far = select(x < np.float32(0.0), -far, far)
    return select(size < np.float32(0.625), near, far)


_PI_HIGH = np.float32(3.14159274)
_PI_LOW = np.float32(-8.74227801e-08)
"""What is to be added to the float nearest to pi."""


@njit(inline="always")
def sin(x):
    """Sine, absolute error below 3e-7 up to an x of 4 million.

    Cody and Waite: the nearest multiple of pi is subtracted in two parts. Fused, the first
    subtraction is exact: x and all multiples of the high part are multiples of 2^-23, and the rest
    is below 2. Then the odd polynomial of degree 9; an odd multiple turns the sign. Beyond 4
    million any number in -1..1, NaN for infinity and NaN.
    """
    shifted = fma(x, np.float32(0.318309886), _SHIFT)
    n = shifted - _SHIFT
    r = fma(n, -_PI_LOW, fma(n, -_PI_HIGH, x))
    z = r * r
    p = fma(z, np.float32(2.590845468e-06), np.float32(-1.980235234e-04))
    p = fma(p, z, np.float32(8.332956918e-03))
    p = fma(p, z, np.float32(-1.666665458e-01))
    p = fma(p * z, r, r)
    p = minimum(full(np.float32(1.0)), maximum(full(np.float32(-1.0)), p))
    return bits_float(float_bits(p) + (float_bits(shifted) << np.int32(31)))
