"""Records of ``.ksplat`` files for the ``cuda`` backend.

Records may begin at any byte, so numbers are put together from their bytes; neighbouring threads
find these in the same lines of the cache.
"""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl

from kernels.codec.landing import Landing, brought
from kernels.codec.outputs import Outputs
from kernels.codec.unpack_ksplat import RECORD_BYTES, Coding
from kernels.gaussians.shade.basis import C0

BLOCK = 256
"""Splats of a program."""

_STEP, _HALF, _BYTE = tl.constexpr(1 / 255 / C0), tl.constexpr(0.5 / C0), tl.constexpr(1 / 255)


@triton.jit
def _whole(at, used, BYTES: tl.constexpr):
    """A little-endian number of some bytes, not negative below four, as int32."""
    number = tl.load(at, mask=used, other=0).to(tl.int32)
    for byte in tl.static_range(1, BYTES):
        number |= tl.load(at + byte, mask=used, other=0).to(tl.int32) << (8 * byte)
    return number


@triton.jit
def _number(at, used, BYTES: tl.constexpr):
    """A float32 or a float16, as float32."""
    if BYTES == 4:
        return _whole(at, used, 4).to(tl.float32, bitcast=True)
    else:
        return _whole(at, used, 2).to(tl.int16).to(tl.float16, bitcast=True).to(tl.float32)


@triton.jit(do_not_specialize=["count", "record", "width", "middle"])
def _unpack(
    records, centres, means, quats, scales, opacities, sh, count, record, width, step, middle,
    LEVEL: tl.constexpr, START: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Everything but the harmonics of records of ``record`` bytes."""
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    used = row < count
    cell = records + row * record
    size: tl.constexpr = 4 if LEVEL == 0 else 2
    for axis in tl.static_range(3):
        if LEVEL == 0:
            mean = _number(cell + 4 * axis, used, 4)
        else:
            steps = (_whole(cell + 2 * axis, used, 2) - middle).to(tl.float32)
            mean = steps * step + tl.load(centres + 3 * row + axis, mask=used, other=0.0)
        tl.store(means + 3 * row + axis, mean, mask=used)
        scale = _number(cell + size * (3 + axis), used, size)
        tl.store(scales + 3 * row + axis, scale, mask=used)
        colour = tl.load(cell + (START - 4 + axis), mask=used, other=0).to(tl.float32)
        tl.store(sh + row * width + axis, colour * _STEP - _HALF, mask=used)
    for part in tl.static_range(4):
        turn = _number(cell + size * (6 + part), used, size)
        tl.store(quats + 4 * row + part, turn, mask=used)
    opacity = tl.load(cell + (START - 1), mask=used, other=0).to(tl.float32) * _BYTE
    tl.store(opacities + row, opacity, mask=used)


@triton.jit(do_not_specialize=["count", "record"])
def _rest(
    records, sh, count, record, low, span,
    LEVEL: tl.constexpr, START: tl.constexpr, TERMS: tl.constexpr, VALUES: tl.constexpr,
):  # fmt: skip
    """All coefficients but the first: ``count`` in all."""
    at = tl.program_id(0).to(tl.int64) * VALUES + tl.arange(0, VALUES)
    used = at < count
    width: tl.constexpr = 3 * (TERMS - 1)
    row = at // width
    place = at % width
    term = place // 3
    channel = place % 3
    # Per degree all reds, all greens, all blues: three terms, then five.
    source = tl.where(term < 3, 3 * channel + term, 9 + 5 * channel + term - 3)
    cell = records + row * record + START
    if LEVEL == 2:
        value = tl.load(cell + source, mask=used, other=0).to(tl.float32) * span + low
    elif LEVEL == 1:
        value = _number(cell + 2 * source, used, 2)
    else:
        value = _number(cell + 4 * source, used, 4)
    tl.store(sh + row * (3 * TERMS) + 3 + place, value, mask=used)


def run(records: Any, centres: Any, coding: Coding, out: Outputs) -> None:
    """See :func:`kernels.codec.unpack_ksplat.unpack_ksplat`."""
    landing, count = Landing(out), len(records)
    start, terms = RECORD_BYTES[coding.level], coding.terms
    rest = 3 * (terms - 1) * count
    if count:
        raw = brought(records)
        _unpack[(triton.cdiv(count, BLOCK),)](
            raw, brought(centres), *landing.tensors, count, coding.nbytes, 3 * terms,
            float(coding.step), coding.middle, LEVEL=coding.level, START=start, ROWS=BLOCK,
        )  # fmt: skip
        if rest:
            _rest[(triton.cdiv(rest, BLOCK),)](
                raw, landing.tensors.sh, rest, coding.nbytes, float(coding.low),
                float(coding.high - coding.low) / 255, LEVEL=coding.level, START=start,
                TERMS=terms, VALUES=BLOCK,
            )  # fmt: skip
    landing.finish()
