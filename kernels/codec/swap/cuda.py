"""Re-assignment of groups of four for the ``cuda`` backend: a thread per group.

Decisions are made as ``cpu`` makes them, in the same order and with fused multiply-adds of
float32, so both backends permute alike but where two ways are equal within rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl

from kernels.cuda.device import device, on_its_way, to_device

BLOCK = 128
"""Neighbouring groups of a program."""

_STAY = tl.constexpr(0b11_10_01_00)
"""0, 1, 2, 3 in two bits each: everybody stays."""


@triton.jit
def _pair(FIRST: tl.constexpr, SECOND: tl.constexpr, one, two, one_crossed, two_crossed):
    """The better way of giving two sources to two cells, and its code."""
    straight = one + two
    crossed = one_crossed + two_crossed
    wins = crossed > straight
    code = tl.where(wins, SECOND + 4 * FIRST, FIRST + 4 * SECOND)
    return tl.where(wins, crossed, straight), code


@triton.jit
def _better(best, code, lower, lower_code, upper, upper_code):
    """Take what two pairs make together if it is better than what is known."""
    total = lower + upper
    wins = total > best
    return tl.where(wins, total, best), tl.where(wins, lower_code + (upper_code << 4), code)


@triton.jit
def _pick(code, SHIFT: tl.constexpr, a, b, c, d):
    """The value of the source that two bits of the code name."""
    source = (code >> SHIFT) & 3
    low = tl.where(source > 0, b, a)
    return tl.where(source > 1, tl.where(source > 2, d, c), low)


@triton.jit(do_not_specialize=["depth", "height", "stride"])
def _swap(
    planes, cells, target, lengths, rows, shifts, gains, changed, depth, height, stride,
    GROUPS: tl.constexpr,
):  # fmt: skip
    """Programs along axis 1 share a band."""
    band = tl.program_id(0)
    y0 = tl.load(rows + 4 * band)
    y1 = tl.load(rows + 4 * band + 1)
    y2 = tl.load(rows + 4 * band + 2)
    y3 = tl.load(rows + 4 * band + 3)
    s0 = tl.load(shifts + 4 * band)
    s1 = tl.load(shifts + 4 * band + 1)
    s2 = tl.load(shifts + 4 * band + 2)
    s3 = tl.load(shifts + 4 * band + 3)
    first = -tl.minimum(tl.minimum(s0, s1), tl.minimum(s2, s3))
    last = tl.minimum(tl.load(lengths + y0) - s0, tl.load(lengths + y1) - s1)
    last = tl.minimum(last, tl.load(lengths + y2) - s2)
    last = tl.minimum(last, tl.load(lengths + y3) - s3)
    x = first + tl.program_id(1) * GROUPS + tl.arange(0, GROUPS)
    used = x < last
    i0 = y0.to(tl.int64) * stride + s0 + x
    i1 = y1.to(tl.int64) * stride + s1 + x
    i2 = y2.to(tl.int64) * stride + s2 + x
    i3 = y3.to(tl.int64) * stride + s3 + x
    layer = height.to(tl.int64) * stride
    c00 = tl.zeros([GROUPS], tl.float32)
    c01 = tl.zeros([GROUPS], tl.float32)
    c02 = tl.zeros([GROUPS], tl.float32)
    c03 = tl.zeros([GROUPS], tl.float32)
    c10 = tl.zeros([GROUPS], tl.float32)
    c11 = tl.zeros([GROUPS], tl.float32)
    c12 = tl.zeros([GROUPS], tl.float32)
    c13 = tl.zeros([GROUPS], tl.float32)
    c20 = tl.zeros([GROUPS], tl.float32)
    c21 = tl.zeros([GROUPS], tl.float32)
    c22 = tl.zeros([GROUPS], tl.float32)
    c23 = tl.zeros([GROUPS], tl.float32)
    c30 = tl.zeros([GROUPS], tl.float32)
    c31 = tl.zeros([GROUPS], tl.float32)
    c32 = tl.zeros([GROUPS], tl.float32)
    c33 = tl.zeros([GROUPS], tl.float32)
    plane = planes
    wanted = target
    for _ in range(depth):
        a = tl.load(plane + i0, mask=used, other=0.0)
        b = tl.load(plane + i1, mask=used, other=0.0)
        c = tl.load(plane + i2, mask=used, other=0.0)
        d = tl.load(plane + i3, mask=used, other=0.0)
        t = tl.load(wanted + i0, mask=used, other=0.0)
        c00 = tl.fma(a, t, c00)
        c10 = tl.fma(b, t, c10)
        c20 = tl.fma(c, t, c20)
        c30 = tl.fma(d, t, c30)
        t = tl.load(wanted + i1, mask=used, other=0.0)
        c01 = tl.fma(a, t, c01)
        c11 = tl.fma(b, t, c11)
        c21 = tl.fma(c, t, c21)
        c31 = tl.fma(d, t, c31)
        t = tl.load(wanted + i2, mask=used, other=0.0)
        c02 = tl.fma(a, t, c02)
        c12 = tl.fma(b, t, c12)
        c22 = tl.fma(c, t, c22)
        c32 = tl.fma(d, t, c32)
        t = tl.load(wanted + i3, mask=used, other=0.0)
        c03 = tl.fma(a, t, c03)
        c13 = tl.fma(b, t, c13)
        c23 = tl.fma(c, t, c23)
        c33 = tl.fma(d, t, c33)
        plane += layer
        wanted += layer

    stay = (c00 + c11) + (c22 + c33)
    low, low_code = _pair(0, 1, c00, c11, c10, c01)
    high, high_code = _pair(2, 3, c22, c33, c32, c23)
    best = low + high
    code = low_code + (high_code << 4)
    low, low_code = _pair(0, 2, c00, c21, c20, c01)
    high, high_code = _pair(1, 3, c12, c33, c32, c13)
    best, code = _better(best, code, low, low_code, high, high_code)
    low, low_code = _pair(0, 3, c00, c31, c30, c01)
    high, high_code = _pair(1, 2, c12, c23, c22, c13)
    best, code = _better(best, code, low, low_code, high, high_code)
    low, low_code = _pair(1, 2, c10, c21, c20, c11)
    high, high_code = _pair(0, 3, c02, c33, c32, c03)
    best, code = _better(best, code, low, low_code, high, high_code)
    low, low_code = _pair(1, 3, c10, c31, c30, c11)
    high, high_code = _pair(0, 2, c02, c23, c22, c03)
    best, code = _better(best, code, low, low_code, high, high_code)
    low, low_code = _pair(2, 3, c20, c31, c30, c21)
    high, high_code = _pair(0, 1, c02, c13, c12, c03)
    best, code = _better(best, code, low, low_code, high, high_code)

    moves = used & (best > stay)
    count = tl.sum(moves.to(tl.int32), 0)
    place = band * tl.num_programs(1) + tl.program_id(1)
    tl.store(gains + place, tl.sum(tl.where(moves, best - stay, 0.0), 0))
    tl.store(changed + place, count)
    if count > 0:
        code = tl.where(moves, code, _STAY)
        p = tl.load(cells + i0, mask=moves, other=0)
        q = tl.load(cells + i1, mask=moves, other=0)
        r = tl.load(cells + i2, mask=moves, other=0)
        s = tl.load(cells + i3, mask=moves, other=0)
        tl.store(cells + i0, _pick(code, 0, p, q, r, s), mask=moves)
        tl.store(cells + i1, _pick(code, 2, p, q, r, s), mask=moves)
        tl.store(cells + i2, _pick(code, 4, p, q, r, s), mask=moves)
        tl.store(cells + i3, _pick(code, 6, p, q, r, s), mask=moves)
        plane = planes
        for _ in range(depth):
            a = tl.load(plane + i0, mask=moves, other=0.0)
            b = tl.load(plane + i1, mask=moves, other=0.0)
            c = tl.load(plane + i2, mask=moves, other=0.0)
            d = tl.load(plane + i3, mask=moves, other=0.0)
            tl.store(plane + i0, _pick(code, 0, a, b, c, d), mask=moves)
            tl.store(plane + i1, _pick(code, 2, a, b, c, d), mask=moves)
            tl.store(plane + i2, _pick(code, 4, a, b, c, d), mask=moves)
            tl.store(plane + i3, _pick(code, 6, a, b, c, d), mask=moves)
            plane += layer


def run(
    planes: Any, cells: Any, target: Any, lengths: Any, rows: Any, shifts: Any
) -> tuple[Any, Any]:
    """See :func:`kernels.codec.swap.swap`; nobody waits, but for NumPy arrays to be changed."""
    depth, height, stride = planes.shape
    here = [to_device(array) for array in (planes, cells, target)]
    # Along a band there are at most as many groups as its longest row has cells.
    across = triton.cdiv(int(np.max(lengths, initial=0)), BLOCK)
    gains = torch.zeros((len(rows), across), dtype=torch.float32, device=device())
    changed = torch.zeros_like(gains, dtype=torch.int32)
    if gains.nelement():
        bands = to_device(np.stack([rows, shifts]).astype(np.int32))
        ends = to_device(np.asarray(lengths, np.int32))
        _swap[gains.shape](
            *here, ends, bands[0], bands[1], gains, changed, depth, height, stride, GROUPS=BLOCK
        )
    for array, tensor in zip((planes, cells), here, strict=False):
        if isinstance(array, np.ndarray):
            np.copyto(array, tensor.cpu().numpy())
    gain, count = 2.0 * gains.sum(dtype=torch.float64), changed.sum()
    return on_its_way(gain), on_its_way(count)
