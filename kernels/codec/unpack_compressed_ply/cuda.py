"""Words of a compressed PLY for the ``cuda`` backend, in float64 where ``cpu`` is."""

from __future__ import annotations

import math
from typing import Any

import triton
import triton.language as tl

from kernels.codec.landing import Landing, brought
from kernels.codec.outputs import Outputs
from kernels.codec.unpack_compressed_ply import CHUNK, RANGES, SH_BOUND, Packed
from kernels.gaussians.shade.basis import C0

BLOCK = 256
"""Splats of a program."""

_CHUNK, _RANGES = tl.constexpr(CHUNK), tl.constexpr(RANGES)
_C0, _BOUND, _ROOT_TWO = tl.constexpr(C0), tl.constexpr(SH_BOUND), tl.constexpr(math.sqrt(2.0))


@triton.jit
def _between(ranges, chunk, place, fraction, used):
    """The value at a fraction of the range whose least number stands at ``place``."""
    low = tl.load(ranges + chunk * _RANGES + place, mask=used, other=0.0).to(tl.float64)
    high = tl.load(ranges + chunk * _RANGES + place + 3, mask=used, other=0.0).to(tl.float64)
    return low * (1.0 - fraction) + high * fraction


@triton.jit
def _fraction(word, axis: tl.constexpr):
    """Field 0, 1 or 2 of 11, 10 and 11 bits."""
    if axis == 0:
        return ((word >> 21) & 2047).to(tl.float64) / 2047.0
    elif axis == 1:
        return ((word >> 11) & 1023).to(tl.float64) / 1023.0
    else:
        return (word & 2047).to(tl.float64) / 2047.0


@triton.jit(do_not_specialize=["count", "width"])
def _geometry(words, ranges, means, quats, scales, opacities, sh, count, width, ROWS: tl.constexpr):
    """``width`` numbers of ``sh`` a splat, of which the first three are written."""
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    used = row < count
    chunk = row // _CHUNK
    position = tl.load(words + 4 * row, mask=used, other=0)
    rotation = tl.load(words + 4 * row + 1, mask=used, other=0)
    size = tl.load(words + 4 * row + 2, mask=used, other=0)
    colour = tl.load(words + 4 * row + 3, mask=used, other=0)
    for axis in tl.static_range(3):
        mean = _between(ranges, chunk, axis, _fraction(position, axis), used)
        tl.store(means + 3 * row + axis, mean.to(tl.float32), mask=used)
        scale = tl.exp(_between(ranges, chunk, axis + 6, _fraction(size, axis), used))
        tl.store(scales + 3 * row + axis, scale.to(tl.float32), mask=used)
        share = ((colour >> (24 - 8 * axis)) & 255).to(tl.float64) / 255.0
        first = (_between(ranges, chunk, axis + 12, share, used) - 0.5) / _C0
        tl.store(sh + row * width + axis, first.to(tl.float32), mask=used)
    opacity = (colour & 255).to(tl.float64) / 255.0
    tl.store(opacities + row, opacity.to(tl.float32), mask=used)
    largest = (rotation >> 30) & 3
    square = tl.zeros([ROWS], tl.float64)
    for back in tl.static_range(4):
        given = largest != 3 - back
        value = ((rotation & 1023).to(tl.float64) / 1023.0 - 0.5) * _ROOT_TWO
        tl.store(quats + 4 * row + (3 - back), value.to(tl.float32), mask=used & given)
        square = tl.where(given, square + value * value, square)
        rotation = tl.where(given, rotation >> 10, rotation)
    value = tl.sqrt(tl.maximum(1.0 - square, 0.0))
    tl.store(quats + 4 * row + largest, value.to(tl.float32), mask=used)


@triton.jit(do_not_specialize=["count"])
def _rest(octets, sh, count, CHANNEL: tl.constexpr, VALUES: tl.constexpr):
    """All coefficients but the first; ``CHANNEL`` of them a channel, ``count`` in all."""
    at = tl.program_id(0).to(tl.int64) * VALUES + tl.arange(0, VALUES)
    used = at < count
    row = at // (3 * CHANNEL)
    place = at % (3 * CHANNEL)
    source = row * (3 * CHANNEL) + place % 3 * CHANNEL + place // 3
    octet = tl.load(octets + source, mask=used, other=0).to(tl.float32)
    # Exact in float32 but for the ends, which mean their bounds.
    value = ((octet + 0.5) / 256.0 - 0.5) * (2.0 * _BOUND)
    value = tl.where(octet == 0.0, -_BOUND, tl.where(octet == 255.0, _BOUND, value))
    tl.store(sh + row * (3 * CHANNEL + 3) + 3 + place, value, mask=used)


def run(packed: Packed, out: Outputs) -> None:
    """See :func:`kernels.codec.unpack_compressed_ply.unpack_compressed_ply`."""
    landing = Landing(out)
    count, terms = out.sh.shape[:2]
    if count:
        words, ranges = brought(packed.words), brought(packed.ranges)
        _geometry[(triton.cdiv(count, BLOCK),)](
            words, ranges, *landing.tensors, count, 3 * terms, ROWS=BLOCK
        )
    rest: Any = 3 * (terms - 1) * count
    if rest:
        _rest[(triton.cdiv(rest, 4 * BLOCK),)](
            brought(packed.sh), landing.tensors.sh, rest, CHANNEL=terms - 1, VALUES=4 * BLOCK
        )
    landing.finish()
