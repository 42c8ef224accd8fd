"""SPZ bytes for the ``cuda`` backend, in float64 where ``cpu`` is."""

from __future__ import annotations

import math

import torch
import triton
import triton.language as tl

from kernels.codec.landing import Landing, brought
from kernels.codec.unpack_spz import COLOR_SCALE, HALF_WIDTH, SMALLEST_THREE, Outputs, Packed, Turn

BLOCK = 256
"""Splats of a program."""

_MAGNITUDE = tl.constexpr(1.0 / 511.0 / math.sqrt(2.0))
_COLOR = tl.constexpr(COLOR_SCALE)


@triton.jit
def _byte(at, used):
    return tl.load(at, mask=used, other=0).to(tl.int32)


@triton.jit
def _positions(packed, axes, signs, means, row, used, step, HALVES: tl.constexpr):
    for axis in tl.static_range(3):
        source = tl.load(axes + axis)
        if HALVES:
            value = tl.load(packed + 3 * row + source, mask=used, other=0.0).to(tl.float32)
        else:
            cell = packed + 9 * row + 3 * source
            # The highest byte brings its sign.
            high = (_byte(cell + 2, used) << 24) >> 8
            number = _byte(cell, used) | (_byte(cell + 1, used) << 8) | high
            value = number.to(tl.float32) * step
        tl.store(means + 3 * row + axis, value * tl.load(signs + axis), mask=used)


@triton.jit
def _pick(place, x, y, z, w):
    """One of four by its place."""
    return tl.where(place == 0, x, tl.where(place == 1, y, tl.where(place == 2, z, w)))


@triton.jit
def _field(number):
    """A sign above nine bits."""
    magnitude = (number & 511).to(tl.float64) * _MAGNITUDE
    return tl.where((number & 512) != 0, -magnitude, magnitude)


@triton.jit
def _rotations(packed, axes, twists, quats, row, used, SMALLEST: tl.constexpr):
    if SMALLEST:
        number = tl.load(packed + row, mask=used, other=0)
        largest = (number >> 30) & 3
        first = _field(number >> 20)
        second = _field(number >> 10)
        third = _field(number)
        # The largest stands before, between or behind the three.
        x = first
        y = tl.where(largest > 1, second, first)
        z = tl.where(largest > 2, third, second)
        w = third
    else:
        largest = tl.full(row.shape, 3, tl.int32)
        x = _byte(packed + 3 * row, used).to(tl.float64) / 127.5 - 1.0
        y = _byte(packed + 3 * row + 1, used).to(tl.float64) / 127.5 - 1.0
        z = _byte(packed + 3 * row + 2, used).to(tl.float64) / 127.5 - 1.0
        first = x
        second = y
        third = z
        w = z
    rest = tl.sqrt(tl.maximum(1.0 - (first * first + second * second + third * third), 0.0))
    x = tl.where(largest == 0, rest, x)
    y = tl.where(largest == 1, rest, y)
    z = tl.where(largest == 2, rest, z)
    w = tl.where(largest == 3, rest, w)
    tl.store(quats + 4 * row, w.to(tl.float32), mask=used)
    for axis in tl.static_range(3):
        value = _pick(tl.load(axes + axis), x, y, z, w).to(tl.float32)
        tl.store(quats + 4 * row + 1 + axis, value * tl.load(twists + axis), mask=used)


@triton.jit(do_not_specialize=["count", "width"])
def _unpack(
    positions, alphas, colors, sizes, rotations, axes, signs, twists,
    means, quats, scales, opacities, sh, count, width, step,
    HALVES: tl.constexpr, SMALLEST: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """``width`` numbers of ``sh`` a splat, of which the first three are written."""
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    used = row < count
    _positions(positions, axes, signs, means, row, used, step, HALVES)
    _rotations(rotations, axes, twists, quats, row, used, SMALLEST)
    opacity = _byte(alphas + row, used).to(tl.float64) / 255.0
    tl.store(opacities + row, opacity.to(tl.float32), mask=used)
    for axis in tl.static_range(3):
        size = _byte(sizes + 3 * row + tl.load(axes + axis), used).to(tl.float64)
        scale = tl.exp(size * 0.0625 - 10.0)
        tl.store(scales + 3 * row + axis, scale.to(tl.float32), mask=used)
        color = (_byte(colors + 3 * row + axis, used).to(tl.float64) / 255.0 - 0.5) / _COLOR
        tl.store(sh + row * width + axis, color.to(tl.float32), mask=used)


@triton.jit(do_not_specialize=["count"])
def _rest(octets, flips, sh, count, WIDTH: tl.constexpr, VALUES: tl.constexpr):
    """All coefficients but the first; ``WIDTH`` a splat, ``count`` in all."""
    at = tl.program_id(0).to(tl.int64) * VALUES + tl.arange(0, VALUES)
    used = at < count
    row = at // WIDTH
    place = at % WIDTH
    factor = tl.load(flips + 1 + place // 3, mask=used, other=0.0) * 0.0078125
    value = (_byte(octets + at, used) - 128).to(tl.float32) * factor
    tl.store(sh + row * (WIDTH + 3) + 3 + place, value, mask=used)


def run(packed: Packed, step: float, turn: Turn, out: Outputs) -> None:
    """See :func:`kernels.codec.unpack_spz.unpack_spz`."""
    landing = Landing(out)
    count, terms = out.sh.shape[:2]
    axes, signs, twists, flips = (brought(factors) for factors in turn)
    halves = packed.positions.shape[1] == HALF_WIDTH
    smallest = packed.rotations.shape[1] == SMALLEST_THREE
    if count:
        positions, rotations = brought(packed.positions), brought(packed.rotations)
        _unpack[(triton.cdiv(count, BLOCK),)](
            positions.view(torch.float16) if halves else positions, brought(packed.alphas),
            brought(packed.colors), brought(packed.scales),
            rotations.view(torch.int32) if smallest else rotations, axes, signs, twists,
            *landing.tensors, count, 3 * terms, float(step),
            HALVES=halves, SMALLEST=smallest, ROWS=BLOCK,
        )  # fmt: skip
    rest = 3 * (terms - 1) * count
    if rest:
        _rest[(triton.cdiv(rest, 4 * BLOCK),)](
            brought(packed.sh), flips, landing.tensors.sh, rest,
            WIDTH=3 * (terms - 1), VALUES=4 * BLOCK,
        )  # fmt: skip
    landing.finish()
