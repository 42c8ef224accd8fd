"""Encodings and their derivatives by the coordinates, tile by tile on a GPU.

What :mod:`kernels.fields.encode.tiles` makes of samples, and of what their derivatives are made.
"""

from __future__ import annotations

import math

import triton
import triton.language as tl

from kernels.cuda.functions import power_of_two, sin
from kernels.fields.encode.tiles import (
    SMOOTHSTEP,
    axis,
    below,
    factor_of,
    frequency,
    of_column,
    plane,
    triangle,
)

_SMOOTHSTEP = tl.constexpr(SMOOTHSTEP)
_PI, _TURN = tl.constexpr(math.pi), tl.constexpr(2 * math.pi)


@triton.jit
def side_weight(p, corner, at, within, scale, side, DIMS: tl.constexpr, MODE: tl.constexpr):
    """Weights of corners, [corners, rows, samples]: those of the value where ``side`` is 0, and
    their derivatives by coordinate ``side - 1`` elsewhere."""
    weight = 1.0
    for d in tl.static_range(DIMS):
        _, share, rate = axis(p[d], scale, factor_of(at, within, d), MODE)
        upper = ((corner[:, None, None] >> d) & 1) == 1
        value = tl.where(upper, share[None, :, :], 1.0 - share[None, :, :])
        change = tl.where(upper, rate[None, :, :], -rate[None, :, :])
        own = tl.where(side == d + 1, change, value)
        weight = own * weight
    return weight


@triton.jit
def plane_sides(
    across, down, used, table, base, resolution, stride, first, count,
    VECTOR: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Words of the four corners on one plane, weights, and their rates of change."""
    a, b, c, d, s, t = plane(
        across, down, used, table, base, resolution, stride, first, count, VECTOR, ROWS
    )
    last = (resolution - 1).to(tl.float32)
    right = tl.where((across >= 0.0) & (across <= 1.0), last, 0.0)
    low = tl.where((down >= 0.0) & (down <= 1.0), last, 0.0)
    return a, b, c, d, s, t, right, low


@triton.jit
def bilinear_sides(a, b, c, d, s, t, right, low):
    """Between four corners: the value, and its change to the right and downwards."""
    s, t = s[None, :], t[None, :]
    upper, lower = a + s * (b - a), c + s * (d - c)
    along = (b - a) + t * ((d - c) - (b - a))
    return upper + t * (lower - upper), along * right[None, :], (lower - upper) * low[None, :]


@triton.jit
def frequency_sides(p, column, waves, DIMS: tl.constexpr):
    """Values, and derivatives by the coordinate that each column reads."""
    x = of_column(p, column // (2 * waves), DIMS)
    k = column % (2 * waves) // 2
    is_cosine = (column % 2 == 1)[None, :]
    turns = x * power_of_two(k - 1)[None, :]
    turns -= tl.floor(turns + 0.5)
    rise = sin(tl.where(is_cosine, turns, 0.25 - tl.abs(turns)) * _TURN)
    rate = power_of_two(k)[None, :] * _PI
    return frequency(p, column, waves, DIMS), tl.where(is_cosine, -rate, rate) * rise


@triton.jit
def triangle_sides(p, column, waves, DIMS: tl.constexpr):
    """As :func:`frequency_sides`."""
    x = of_column(p, column // waves, DIMS)
    k = column % waves
    turns = x * power_of_two(k - 1)[None, :] + (k.to(tl.float32) * 0.25)[None, :]
    height = turns - tl.floor(turns) - 0.5
    sign = tl.where(height > 0.0, 1.0, tl.where(height < 0.0, -1.0, 0.0))
    return triangle(p, column, waves, DIMS), sign * (4.0 * power_of_two(k - 1))[None, :]


@triton.jit
def bump(u):
    """``15/16 (1 - u^2)^2`` where it is a bump, else 0."""
    rest = tl.where(tl.abs(u) > 1.0, 0.0, 1.0 - u * u)
    return rest * rest * 0.9375


@triton.jit
def rising(x, j, wide):
    """The derivative by x of what lies below border ``j``."""
    at = tl.fma(x, -wide, j)
    return (bump(at - wide) + bump(at) + bump(at + wide)) * -wide


@triton.jit
def blob_sides(p, column, bins, DIMS: tl.constexpr):
    """As :func:`frequency_sides`."""
    x = of_column(p, column // bins, DIMS)
    j = (column % bins).to(tl.float32)[None, :] + x * 0.0
    wide = bins * 1.0
    value = below(x, j + 1.0, wide) - below(x, j, wide)
    return value, rising(x, j + 1.0, wide) - rising(x, j, wide)


@triton.jit
def harmonics_sides(p, column, table, DEGREE: tl.constexpr):
    """Values and derivatives by the three coordinates; see
    :mod:`kernels.fields.slope.harmonics`."""
    x, y, z = 2.0 * p[0] - 1.0, 2.0 * p[1] - 1.0, 2.0 * p[2] - 1.0
    value = p[0][:, None] * 0.0 + column[None, :].to(tl.float32) * 0.0
    by_x, by_y, by_z = value, value, value
    one, zero = x * 0.0 + 1.0, x * 0.0
    real, imaginary, last_real, last_imaginary = one, zero, zero, zero
    for m in tl.static_range(DEGREE):
        before, q, before_rise, rise = zero, one, zero, zero
        for band in tl.static_range(m, DEGREE):
            if band > m:
                a, b = tl.load(table + 8 * band + m), tl.load(table + 64 + 8 * band + m)
                ahead = a * z * q + b * before
                rising_q = a * (q + z * rise) + b * before_rise
                before, q, before_rise, rise = q, ahead, rise, rising_q
            n = tl.load(table + 128 + 8 * band + m)
            here = (column == band * (band + 1) + m)[None, :]
            # The derivative by a coordinate of 0..1 is twice that by one of -1..1.
            value = tl.where(here, (n * q * real)[:, None], value)
            by_x = tl.where(here, (n * q * (2.0 * m) * last_real)[:, None], by_x)
            by_y = tl.where(here, (n * q * (-2.0 * m) * last_imaginary)[:, None], by_y)
            by_z = tl.where(here, (n * 2.0 * rise * real)[:, None], by_z)
            if m > 0:
                here = (column == band * (band + 1) - m)[None, :]
                value = tl.where(here, (n * q * imaginary)[:, None], value)
                by_x = tl.where(here, (n * q * (2.0 * m) * last_imaginary)[:, None], by_x)
                by_y = tl.where(here, (n * q * (2.0 * m) * last_real)[:, None], by_y)
                by_z = tl.where(here, (n * 2.0 * rise * imaginary)[:, None], by_z)
        last_real, last_imaginary = real, imaginary
        real, imaginary = real * x - imaginary * y, real * y + imaginary * x
    return value, by_x, by_y, by_z
