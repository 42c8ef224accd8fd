"""Sphere tracing in plain torch: every case for every ray, and a choice at the end."""

from __future__ import annotations

from typing import Any

import torch

from kernels.fields import trace
from kernels.fields.trace.rays import CLOSING, HIT, MARCHING, MISSED


def _ratio(above: torch.Tensor, below: torch.Tensor, otherwise: Any) -> torch.Tensor:
    """A quotient where the divisor is positive."""
    positive = below > 0
    return torch.where(positive, above / torch.where(positive, below, 1.0), otherwise)


def run(rays: Any, distances: Any, widths: Any, stride: trace.Stride) -> Any:
    """See :func:`kernels.fields.trace.trace`."""
    table = torch.as_tensor(rays)
    t, limit, low, low_value, high, high_value, relaxation, sign, phase, count = table.unbind(1)
    found, width = (torch.as_tensor(given).to(table) for given in (distances, widths))
    first = sign == 0
    sign = torch.where(first, torch.where(found < 0, -1.0, 1.0).to(table), sign)
    value = sign * found
    count = count + 1
    last = count >= stride.steps
    close = trace.CLOSE * width

    # Marching: has the bet been lost, has the surface been passed or reached?
    marching = phase == MARCHING
    step = t - low
    apart = step > stride.scale * (low_value + value.abs())
    lost = marching & ~first & (relaxation > 1) & apart
    passed = marching & ~lost & (value < 0)
    near = marching & ~lost & ~passed & (value < close)
    onward = marching & ~lost & ~passed & ~near
    free = stride.scale * value
    # The first step is a plain one: there is nothing yet to bet on.
    rate = _ratio(stride.scale * (low_value - value), torch.where(first, 0.0, step), 1.0)
    rate = rate.clamp(-trace.GROWTH, 1)
    relaxed = 1 + trace.BET * (1 - rate) / (1 + rate)
    # A secant through the last two values, not farther than a few of the last one.
    fall = torch.where(first, 0.0, low_value - value)
    ahead = torch.minimum(_ratio(value * step, fall, value), trace.BOLD * value)

    # Closing in: one end of the bracket is replaced; where that is the same one as the last time,
    # the value at the other one counts half.
    closing = phase == CLOSING
    at = closing & (value.abs() < trace.AT * width)
    before, behind = closing & ~at & (value >= 0), closing & ~at & (value < 0)
    moved = onward & ~last & (t + free < limit)
    low_value = torch.where(behind & (relaxation < 0), low_value / 2, low_value)
    high_value = torch.where(before & (relaxation > 0), high_value / 2, high_value)
    low = torch.where(before | moved, t, low)
    low_value = torch.where(before | moved, value, low_value)
    high = torch.where(behind | passed, t, high)
    high_value = torch.where(behind | passed, value, high_value)
    length = high - low
    share = _ratio(low_value, low_value - high_value, 0.5).clamp(trace.LEAST, 1 - trace.LEAST)
    between = (closing & ~at) | passed

    place = torch.where(moved, torch.minimum(t + relaxed * free, limit), t)
    place = torch.where(lost, low + stride.scale * low_value, place)
    place = torch.where(near, torch.minimum(t + ahead, limit), place)
    place = torch.where(between, low + share * length, place)
    hit = near | at | (between & ((length <= close) | last)) | (onward & last & (value < width))
    missed = (onward & ~moved & ~hit) | (lost & last) | found.isnan()
    phase = torch.where(passed, CLOSING, phase)
    phase = torch.where(missed, MISSED, torch.where(hit, HIT, phase))
    relaxation = torch.where(lost | before, 1.0, torch.where(moved, relaxed, relaxation))
    relaxation = torch.where(passed, 0.0, torch.where(behind, -1.0, relaxation))
    columns = (place, limit, low, low_value, high, high_value, relaxation, sign, phase, count)
    result = torch.stack([column.to(table) for column in columns], 1)
    return result if isinstance(rays, torch.Tensor) else result.numpy()
