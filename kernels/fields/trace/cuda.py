"""Sphere tracing for the ``cuda`` backend: a thread per ray takes one step."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl

from kernels.cuda.device import to_device, to_host
from kernels.fields import trace
from kernels.fields.trace import rays as columns

BLOCK = 128
"""Rays of a program."""

_COLUMNS = tl.constexpr(columns.COLUMNS)
_T, _LIMIT, _LOW = tl.constexpr(columns.T), tl.constexpr(columns.LIMIT), tl.constexpr(columns.LOW)
_LOW_VALUE, _HIGH = tl.constexpr(columns.LOW_VALUE), tl.constexpr(columns.HIGH)
_HIGH_VALUE, _RELAXATION = tl.constexpr(columns.HIGH_VALUE), tl.constexpr(columns.RELAXATION)
_SIGN, _PHASE = tl.constexpr(columns.SIGN), tl.constexpr(columns.PHASE)
_EVALUATIONS = tl.constexpr(columns.EVALUATIONS)
_MARCHING, _CLOSING = tl.constexpr(columns.MARCHING), tl.constexpr(columns.CLOSING)
_HIT, _MISSED = tl.constexpr(columns.HIT), tl.constexpr(columns.MISSED)
_BET, _GROWTH = tl.constexpr(trace.BET), tl.constexpr(trace.GROWTH)
_CLOSE, _AT, _BOLD = tl.constexpr(trace.CLOSE), tl.constexpr(trace.AT), tl.constexpr(trace.BOLD)
_LEAST, _MOST = tl.constexpr(trace.LEAST), tl.constexpr(1 - trace.LEAST)


@triton.jit
def _ratio(above, below, otherwise):
    """A quotient where the divisor is positive."""
    positive = below > 0.0
    return tl.where(positive, tl.div_rn(above, tl.where(positive, below, 1.0)), otherwise)


@triton.jit(do_not_specialize=["count"])
def _step(table, distances, widths, after, count, scale, steps, ITEMS: tl.constexpr):
    """Every case for every ray, and a choice at the end; rays that have ended stay as they are."""
    at = tl.program_id(0).to(tl.int64) * ITEMS + tl.arange(0, ITEMS)
    used = at < count
    ray = table + at * _COLUMNS
    t = tl.load(ray + _T, mask=used, other=0.0)
    limit = tl.load(ray + _LIMIT, mask=used, other=0.0)
    low = tl.load(ray + _LOW, mask=used, other=0.0)
    low_value = tl.load(ray + _LOW_VALUE, mask=used, other=0.0)
    high = tl.load(ray + _HIGH, mask=used, other=0.0)
    high_value = tl.load(ray + _HIGH_VALUE, mask=used, other=0.0)
    relaxation = tl.load(ray + _RELAXATION, mask=used, other=0.0)
    sign = tl.load(ray + _SIGN, mask=used, other=0.0)
    phase = tl.load(ray + _PHASE, mask=used, other=_MISSED)
    evaluations = tl.load(ray + _EVALUATIONS, mask=used, other=0.0)
    found = tl.load(distances + at, mask=used, other=0.0)
    width = tl.load(widths + at, mask=used, other=0.0)

    live = phase < _HIT
    number = found == found
    first = sign == 0.0
    sign = tl.where(live & first, tl.where(found < 0.0, -1.0, 1.0), sign)
    value = sign * found
    evaluations += live.to(tl.float32)
    last = evaluations >= steps
    known = live & number

    # Marching: has the bet been lost, has the surface been passed or reached?
    marching = known & (phase == _MARCHING)
    step = t - low
    apart = step > scale * (low_value + tl.abs(value))
    lost = marching & (sign != 0.0) & ~first & (relaxation > 1.0) & apart
    passed = marching & ~lost & (value < 0.0)
    near = marching & ~lost & ~passed & (value < _CLOSE * width)
    onward = marching & ~lost & ~passed & ~near
    free = scale * value
    leaves = t + free >= limit
    moved = onward & ~last & ~leaves
    # The first step is a plain one: there is nothing yet to bet on.
    rate = tl.where(first, 1.0, _ratio(scale * (low_value - value), step, 1.0))
    rate = tl.minimum(tl.maximum(rate, -_GROWTH), 1.0)
    relaxed = 1.0 + tl.div_rn(_BET * (1.0 - rate), 1.0 + rate)
    fall = tl.where(first, 0.0, low_value - value)
    ahead = tl.minimum(_ratio(value * step, fall, value), _BOLD * value)

    # Closing in: one end of the bracket is replaced; where that is the same one as the last time,
    # the value at the other one counts half.
    closing = known & (phase == _CLOSING)
    on = closing & (tl.abs(value) < _AT * width)
    before = closing & ~on & (value >= 0.0)
    behind = closing & ~on & (value < 0.0)
    low_value = tl.where(behind & (relaxation < 0.0), low_value * 0.5, low_value)
    high_value = tl.where(before & (relaxation > 0.0), high_value * 0.5, high_value)
    # The step that a lost bet goes back by starts at the end that was known.
    back = low + scale * low_value
    low = tl.where(before | moved, t, low)
    low_value = tl.where(before | moved, value, low_value)
    high = tl.where(behind | passed, t, high)
    high_value = tl.where(behind | passed, value, high_value)
    length = high - low
    share = _ratio(low_value, low_value - high_value, 0.5)
    share = tl.minimum(tl.maximum(share, _LEAST), _MOST)
    between = before | behind | passed

    t = tl.where(moved, tl.minimum(t + relaxed * free, limit), t)
    t = tl.where(near, tl.minimum(t + ahead, limit), t)
    t = tl.where(lost, back, t)
    t = tl.where(between, low + share * length, t)
    hit = near | on | (between & ((length <= _CLOSE * width) | last))
    hit = hit | (onward & last & (value < width))
    missed = (onward & ~moved & ~hit) | (lost & last) | (live & ~number)
    relaxation = tl.where(moved, relaxed, relaxation)
    relaxation = tl.where(lost | before, 1.0, relaxation)
    relaxation = tl.where(passed, 0.0, tl.where(behind, -1.0, relaxation))
    phase = tl.where(passed, _CLOSING, phase)
    phase = tl.where(missed, _MISSED, tl.where(hit, _HIT, phase))

    to = after + at * _COLUMNS
    tl.store(to + _T, t, mask=used)
    tl.store(to + _LIMIT, limit, mask=used)
    tl.store(to + _LOW, low, mask=used)
    tl.store(to + _LOW_VALUE, low_value, mask=used)
    tl.store(to + _HIGH, high, mask=used)
    tl.store(to + _HIGH_VALUE, high_value, mask=used)
    tl.store(to + _RELAXATION, relaxation, mask=used)
    tl.store(to + _SIGN, sign, mask=used)
    tl.store(to + _PHASE, phase, mask=used)
    tl.store(to + _EVALUATIONS, evaluations, mask=used)


def run(rays: Any, distances: Any, widths: Any, stride: trace.Stride) -> Any:
    """See :func:`kernels.fields.trace.trace`; a tensor for a tensor, NumPy for NumPy."""
    table = to_device(rays).float()
    after = torch.empty_like(table)
    count = len(table)
    if count:
        _step[(triton.cdiv(count, BLOCK),)](
            table, to_device(distances).float(), to_device(widths).float(), after, count,
            float(stride.scale), float(stride.steps), ITEMS=BLOCK,
        )  # fmt: skip
    return to_host(after)[0] if isinstance(rays, np.ndarray) else after
