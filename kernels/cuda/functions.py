"""Elementary functions of float32 for kernels: without a stack, and as exact as those of ``cpu``.

Triton's own exponential is off by some 1e-7 times its argument, and its sine keeps a table on the
stack for large arguments. Formulas and coefficients are those of :mod:`kernels.simd_math`.
"""

from __future__ import annotations

import triton
import triton.language as tl

_LOG2_E = tl.constexpr(1.44269504)
_LN2_HIGH = tl.constexpr(0.693145751953125)
_LN2_LOW = tl.constexpr(1.4286068e-06)
_PI_HIGH = tl.constexpr(3.14159274)
_PI_LOW = tl.constexpr(-8.74227801e-08)
_SHIFT = tl.constexpr(12582912.0)


@triton.jit
def power_of_two(n):
    """``2^n`` for int32 n in -126..127."""
    return ((n + 127) << 23).to(tl.float32, bitcast=True)


@triton.jit
def exp(x):
    """``e^x``, relative error below 4e-7; 0 and infinity beyond floats, NaN for NaN.

    The exponential unit of the GPU is exact enough for a rest of up to half a power of two.
    """
    n = tl.minimum(tl.maximum(tl.floor(x * _LOG2_E + 0.5), -126.0), 127.0)
    r = tl.fma(n, -_LN2_LOW, tl.fma(n, -_LN2_HIGH, x))
    return tl.exp2(r * _LOG2_E) * power_of_two(n.to(tl.int32))


@triton.jit
def one_minus_exp(x):
    """``1 - e^-x`` for x >= 0, relative error below 1e-6: light that a thin step takes."""
    p = tl.fma(x, 1.0 / 120.0, -1.0 / 24.0)
    p = tl.fma(p, x, 1.0 / 6.0)
    p = tl.fma(p, x, -0.5)
    p = tl.fma(p, x, 1.0)
    return tl.where(x < 0.0625, p * x, 1.0 - exp(-x))


@triton.jit
def log1p_exp(x):
    """``log(1 + e^x)`` for x <= 0, relative error below 1e-6.

    Twice the artanh of ``t / (2 + t)`` for ``t = e^x``: nothing is subtracted.
    """
    t = exp(x)
    s = t / (t + 2.0)
    z = s * s
    p = tl.fma(z, 1.401222816e-01, 1.399957082e-01)
    p = tl.fma(p, z, 2.001084951e-01)
    p = tl.fma(p, z, 3.333320657e-01)
    return tl.fma(p * z, s, s) * 2.0


@triton.jit
def sigmoid(x):
    """``1 / (1 + e^-x)``."""
    return 1.0 / (1.0 + exp(-x))


@triton.jit
def tanh(x):
    """Hyperbolic tangent, absolute error below 4e-7."""
    far = 1.0 - 2.0 / (exp(2.0 * tl.abs(x)) + 1.0)
    return tl.where(x < 0.0, -far, far)


@triton.jit
def sin(x):
    """Sine, absolute error below 3e-7 up to an x of 4 million; beyond, any number in -1..1.

    Cody and Waite: the nearest multiple of pi is subtracted in two parts; an odd one turns the
    sign.
    """
    shifted = tl.fma(x, 0.318309886, _SHIFT)
    n = shifted - _SHIFT
    r = tl.fma(n, -_PI_LOW, tl.fma(n, -_PI_HIGH, x))
    z = r * r
    p = tl.fma(z, 2.590845468e-06, -1.980235234e-04)
    p = tl.fma(p, z, 8.332956918e-03)
    p = tl.fma(p, z, -1.666665458e-01)
    p = tl.fma(p * z, r, r)
    p = tl.where(p > 1.0, 1.0, tl.where(p < -1.0, -1.0, p))
    odd = shifted.to(tl.int32, bitcast=True) << 31
    return (p.to(tl.int32, bitcast=True) ^ odd).to(tl.float32, bitcast=True)


@triton.jit
def saturated(x):
    """Whole float32 as int32, the nearest one beyond its range; anything for NaN."""
    inside = tl.minimum(tl.maximum(x, -2147483648.0), 2147483520.0).to(tl.int32)
    return tl.where(x >= 2147483648.0, 2147483647, inside)
