"""Activations of a block's values, in place, sixteen at a time."""

from __future__ import annotations

import numpy as np
from numba import njit

from kernels.fields.networks import ACTIVATIONS, SHARPNESS
from kernels.simd import absolute, fma, full, load, select, sqrt, store
from kernels.simd_math import exp, log1p_exp, sin, tanh

RELU = ACTIVATIONS.index("relu")
_LEAKY_RELU = ACTIVATIONS.index("leaky_relu")
_SILU = ACTIVATIONS.index("silu")
_EXPONENTIAL = ACTIVATIONS.index("exponential")
_SINE = ACTIVATIONS.index("sine")
_SIGMOID = ACTIVATIONS.index("sigmoid")
_SQUAREPLUS = ACTIVATIONS.index("squareplus")
_SOFTPLUS = ACTIVATIONS.index("softplus")
_TANH = ACTIVATIONS.index("tanh")

_ONE = np.float32(1.0)
_HALF = np.float32(0.5)
_ZERO = np.float32(0.0)
_K = np.float32(SHARPNESS)
_INVERSE_K = np.float32(1 / SHARPNESS)
_SQUARE = np.float32(4 / SHARPNESS**2)
_HALF_SQUARE = np.float32(2 / SHARPNESS**2)
_LARGE = np.float32(1e8)


@njit(inline="always")
def _sigmoid(v):
    return full(_ONE) / (exp(-v) + _ONE)


@njit(inline="always")
def _squareplus(v):
    """``(v + r) / 2`` with ``r^2 = v^2 + c``, for negative v as ``c / 2 / (r - v)``."""
    size = absolute(v)
    r = select(size > _LARGE, size, sqrt(fma(v, v, _SQUARE)))
    # Half of each: their sum may be beyond the range of floats.
    return select(v > _ZERO, fma(v, _HALF, r * _HALF), _HALF_SQUARE / (r + size))


@njit(inline="always")
def _softplus(v):
    positive = select(v < _ZERO, full(_ZERO), v)
    return positive + log1p_exp(absolute(v) * -_K) * _INVERSE_K


@njit(nogil=True, cache=True, error_model="numpy")
def activate(values, start, count, activation, omega):
    """``count`` (a multiple of 16) values from ``start`` on, as the activation of that number."""
    stop, sixteen = start + count, np.uint64(16)
    if activation == _LEAKY_RELU:
        for i in range(start, stop, sixteen):
            v = load(values, i)
            store(values, i, select(v < _ZERO, v * np.float32(0.01), v))
    elif activation == _SILU:
        for i in range(start, stop, sixteen):
            v = load(values, i)
            store(values, i, v * _sigmoid(v))
    elif activation == _EXPONENTIAL:
        for i in range(start, stop, sixteen):
            store(values, i, exp(load(values, i)))
    elif activation == _SINE:
        for i in range(start, stop, sixteen):
            store(values, i, sin(load(values, i) * omega))
    elif activation == _SIGMOID:
        for i in range(start, stop, sixteen):
            store(values, i, _sigmoid(load(values, i)))
    elif activation == _SQUAREPLUS:
        for i in range(start, stop, sixteen):
            store(values, i, _squareplus(load(values, i)))
    elif activation == _SOFTPLUS:
        for i in range(start, stop, sixteen):
            store(values, i, _softplus(load(values, i)))
    elif activation == _TANH:
        for i in range(start, stop, sixteen):
            store(values, i, tanh(load(values, i)))
