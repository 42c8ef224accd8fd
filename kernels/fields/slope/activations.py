"""Derivatives of activations, multiplied into a block's derivatives, sixteen at a time."""

from __future__ import annotations

import numpy as np
from numba import njit

from kernels.fields.networks import ACTIVATIONS, SHARPNESS
from kernels.simd import fma, full, load, select, store
from kernels.simd_math import exp, sin

_RELU = ACTIVATIONS.index("relu")
_LEAKY_RELU = ACTIVATIONS.index("leaky_relu")
_SILU = ACTIVATIONS.index("silu")
_EXPONENTIAL = ACTIVATIONS.index("exponential")
_SINE = ACTIVATIONS.index("sine")
_SIGMOID = ACTIVATIONS.index("sigmoid")
_SQUAREPLUS = ACTIVATIONS.index("squareplus")
_SOFTPLUS = ACTIVATIONS.index("softplus")
_TANH = ACTIVATIONS.index("tanh")

_ZERO, _ONE = np.float32(0.0), np.float32(1.0)
_LEAK = np.float32(0.01)
_K = np.float32(SHARPNESS)
_QUARTER_SQUARE = np.float32(1 / SHARPNESS**2)
_QUARTER_TURN = np.float32(np.pi / 2)


@njit(nogil=True, cache=True, error_model="numpy")
def differentiate(memory, gradient, value, argument, count, activation, omega):
    """``count`` (a multiple of 16) derivatives by results become those by the arguments v.

    All but SiLU and sine have a derivative that follows from the result h: squareplus, with
    ``h = (v + r) / 2`` and ``r^2 = v^2 + 4 / K^2``, has ``h / r`` for ``r = h + 1 / (K^2 h)``.
    """
    sixteen = np.uint64(16)
    for i in range(np.uint64(0), np.uint64(count), sixteen):
        g = load(memory, gradient + i)
        h = load(memory, value + i)
        if activation == _RELU:
            g = select(h > _ZERO, g, full(_ZERO))
        elif activation == _LEAKY_RELU:
            g = select(h > _ZERO, g, g * _LEAK)
        elif activation == _SILU:
            s = full(_ONE) / (exp(-load(memory, argument + i)) + _ONE)
            g = g * fma(h, full(_ONE) - s, s)
        elif activation == _EXPONENTIAL:
            g = g * h
        elif activation == _SINE:
            g = g * sin(fma(load(memory, argument + i), omega, _QUARTER_TURN)) * omega
        elif activation == _SIGMOID:
            g = g * h * (full(_ONE) - h)
        elif activation == _SQUAREPLUS:
            square = h * h
            # The smallest results have a square of 0, and the largest one that is infinite.
            g = select(h > np.float32(1e8), g, g * (square / (square + _QUARTER_SQUARE)))
        elif activation == _SOFTPLUS:
            g = g * (full(_ONE) - exp(h * -_K))
        elif activation == _TANH:
            g = g * (full(_ONE) - h * h)
        store(memory, gradient + i, g)
