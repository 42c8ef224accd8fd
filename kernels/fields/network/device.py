"""Activations of networks and their derivatives in Triton."""

from __future__ import annotations

import math

import triton
import triton.language as tl

from kernels.cuda.functions import exp, log1p_exp, sigmoid, sin, tanh
from kernels.fields.networks import ACTIVATIONS, SHARPNESS

_NAMES = {name: tl.constexpr(place) for place, name in enumerate(ACTIVATIONS)}
_RELU, _LEAKY_RELU, _SILU = _NAMES["relu"], _NAMES["leaky_relu"], _NAMES["silu"]
_EXPONENTIAL, _SINE, _SIGMOID = _NAMES["exponential"], _NAMES["sine"], _NAMES["sigmoid"]
_SQUAREPLUS, _SOFTPLUS, _TANH = _NAMES["squareplus"], _NAMES["softplus"], _NAMES["tanh"]

_K, _INVERSE_K = tl.constexpr(SHARPNESS), tl.constexpr(1 / SHARPNESS)
_SQUARE, _HALF_SQUARE = tl.constexpr(4 / SHARPNESS**2), tl.constexpr(2 / SHARPNESS**2)
_QUARTER_SQUARE, _QUARTER_TURN = tl.constexpr(1 / SHARPNESS**2), tl.constexpr(math.pi / 2)


@triton.jit
def halved(x):
    """A float32 as one whose low 13 bits are 0, as tensor cores want it, and the rest."""
    high = (x.to(tl.int32, bitcast=True) & -8192).to(tl.float32, bitcast=True)
    return high, x - high


@triton.jit
def product(high, low, weights, total):
    """``total + (high + low) weights`` by three products of tensor cores.

    What is left out, low times low, is below 2^-21 of the whole: weights are rounded, so that
    their rests have either sign. Triton's own ``tf32x3`` asks of every sum whether it is finite,
    which takes as long as the products.
    """
    nearest = ((weights.to(tl.int32, bitcast=True) + 4096) & -8192).to(tl.float32, bitcast=True)
    total = tl.dot(low, nearest, total, input_precision="tf32")
    total = tl.dot(high, weights - nearest, total, input_precision="tf32")
    return tl.dot(high, nearest, total, input_precision="tf32")


@triton.jit
def squareplus(v):
    """``(v + r) / 2`` with ``r^2 = v^2 + c``, for negative v as ``c / 2 / (r - v)``."""
    size = tl.abs(v)
    r = tl.where(size > 1e8, size, tl.sqrt(tl.fma(v, v, _SQUARE)))
    return tl.where(v > 0.0, tl.fma(v, 0.5, r * 0.5), 1.0 / (r + size) * _HALF_SQUARE)


@triton.jit
def activate(v, omega, KIND: tl.constexpr):
    """One of :data:`kernels.fields.networks.ACTIVATIONS` by its place; NaN stays NaN."""
    if KIND == _RELU:
        v = tl.where(v < 0.0, 0.0, v)
    elif KIND == _LEAKY_RELU:
        v = tl.where(v < 0.0, v * 0.01, v)
    elif KIND == _SILU:
        v = v * sigmoid(v)
    elif KIND == _EXPONENTIAL:
        v = exp(v)
    elif KIND == _SINE:
        v = sin(v * omega)
    elif KIND == _SIGMOID:
        v = sigmoid(v)
    elif KIND == _SQUAREPLUS:
        v = squareplus(v)
    elif KIND == _SOFTPLUS:
        v = tl.where(v < 0.0, 0.0, v) + log1p_exp(tl.abs(v) * -_K) * _INVERSE_K
    elif KIND == _TANH:
        v = tanh(v)
    return v


@triton.jit
def derivative(v, h, omega, KIND: tl.constexpr):
    """Of an activation at ``v``, where its value is ``h``; at a kink that of one side.

    As in :mod:`kernels.fields.slope.activations`.
    """
    if KIND == _RELU:
        return tl.where(h > 0.0, 1.0, 0.0)
    elif KIND == _LEAKY_RELU:
        return tl.where(h > 0.0, 1.0, 0.01)
    elif KIND == _SILU:
        s = sigmoid(v)
        return tl.fma(h, 1.0 - s, s)
    elif KIND == _EXPONENTIAL:
        return h
    elif KIND == _SINE:
        return sin(tl.fma(v, omega, _QUARTER_TURN)) * omega
    elif KIND == _SIGMOID:
        return h * (1.0 - h)
    elif KIND == _SQUAREPLUS:
        square = h * h
        return tl.where(h > 1e8, 1.0, square / (square + _QUARTER_SQUARE))
    elif KIND == _SOFTPLUS:
        return 1.0 - exp(h * -_K)
    elif KIND == _TANH:
        return 1.0 - h * h
    return h * 0.0 + 1.0
