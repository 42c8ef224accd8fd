"""Compositing for the ``cuda`` backend: one thread per ray along its samples."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl

from kernels.cuda.device import to_device
from kernels.cuda.functions import exp, log1p_exp, one_minus_exp, sigmoid
from kernels.cuda.residents import resident
from kernels.fields.model import ACTIVATIONS, Field
from kernels.fields.types import Light, Samples

RAYS = 64
"""Of a program, which is one warp and ends with its last ray."""

_RELU, _EXPONENTIAL, _SIGMOID, _SOFTPLUS = (
    tl.constexpr(ACTIVATIONS.index(name)) for name in ("relu", "exponential", "sigmoid", "softplus")
)
_INFINITY = tl.constexpr(float("inf"))


@triton.jit
def activated(value, KIND: tl.constexpr):
    """One of :data:`kernels.fields.model.ACTIVATIONS` by its place."""
    if KIND == _RELU:
        value = tl.maximum(value, 0.0)
    elif KIND == _EXPONENTIAL:
        value = exp(tl.minimum(value, 15.0))
    elif KIND == _SIGMOID:
        value = sigmoid(value)
    elif KIND == _SOFTPLUS:
        value = tl.maximum(value, 0.0) + log1p_exp(-tl.abs(value))
    return value


@triton.jit(do_not_specialize=["count", "width"])
def _composite(
    outputs, distances, lengths, spans, fullest, live, transfer, color, transmittance, distance,
    samples, goes_on, count, width, stop, DENSITY: tl.constexpr, COLOR: tl.constexpr,
    TRANSFER: tl.constexpr, ITEMS: tl.constexpr,
):  # fmt: skip
    slot = tl.program_id(0).to(tl.int64) * ITEMS + tl.arange(0, ITEMS)
    inside = slot < count
    ray = tl.load(live + slot, mask=inside, other=-1)
    used = ray >= 0
    row = tl.maximum(ray, 0).to(tl.int64)
    start = tl.load(spans + 2 * slot, mask=used, other=0)
    number = tl.load(spans + 2 * slot + 1, mask=used, other=0).to(tl.int32)
    left = tl.load(transmittance + row, mask=used, other=0.0)
    far = tl.load(distance + row, mask=used, other=0.0)
    red = tl.load(color + 3 * row, mask=used, other=0.0)
    green = tl.load(color + 3 * row + 1, mask=used, other=0.0)
    blue = tl.load(color + 3 * row + 2, mask=used, other=0.0)
    taken = tl.zeros([ITEMS], tl.int32)
    on = (taken < number) & (left > stop)
    while tl.max(on.to(tl.int32)) > 0:
        at = start + taken
        cell = outputs + at * width
        raw = tl.load(cell, mask=on, other=0.0)
        sigma = activated(raw, DENSITY)
        finite = tl.abs(raw) < _INFINITY
        if TRANSFER:
            place = tl.minimum(tl.maximum(sigma, 0.0), 1.0) * 255.0
            place = tl.where(finite, place, 0.0)
            low = tl.minimum(place.to(tl.int32), 254)
            share = place - low.to(tl.float32)
            entry = transfer + 4 * low
            seen_red = tl.load(entry) * (1.0 - share) + tl.load(entry + 4) * share
            seen_green = tl.load(entry + 1) * (1.0 - share) + tl.load(entry + 5) * share
            seen_blue = tl.load(entry + 2) * (1.0 - share) + tl.load(entry + 6) * share
            sigma = tl.load(entry + 3) * (1.0 - share) + tl.load(entry + 7) * share
        else:
            raw_red = tl.load(cell + 1, mask=on, other=0.0)
            raw_green = tl.load(cell + 2, mask=on, other=0.0)
            raw_blue = tl.load(cell + 3, mask=on, other=0.0)
            finite &= tl.abs(raw_red) < _INFINITY
            finite &= tl.abs(raw_green) < _INFINITY
            finite &= tl.abs(raw_blue) < _INFINITY
            seen_red = activated(raw_red, COLOR)
            seen_green = activated(raw_green, COLOR)
            seen_blue = activated(raw_blue, COLOR)
        counts = on & finite & (sigma > 0.0)
        length = tl.load(lengths + at, mask=on, other=0.0)
        weight = left * one_minus_exp(tl.where(counts, sigma * length, 0.0))
        red += tl.where(counts, weight * seen_red, 0.0)
        green += tl.where(counts, weight * seen_green, 0.0)
        blue += tl.where(counts, weight * seen_blue, 0.0)
        far += weight * tl.load(distances + at, mask=on, other=0.0)
        left -= weight
        taken += on.to(tl.int32)
        on = (taken < number) & (left > stop)
    tl.store(color + 3 * row, red, mask=used)
    tl.store(color + 3 * row + 1, green, mask=used)
    tl.store(color + 3 * row + 2, blue, mask=used)
    tl.store(transmittance + row, left, mask=used)
    tl.store(distance + row, far, mask=used)
    before = tl.load(samples + row, mask=used, other=0)
    tl.store(samples + row, before + taken, mask=used)
    most = tl.load(fullest).to(tl.int32)
    going = used & (number == most) & (most > 0) & (left > stop)
    tl.store(goes_on + slot, going.to(tl.int32), mask=inside)


@triton.jit(do_not_specialize=["count"])
def _pack(live, goes_on, ends, packed, count, ITEMS: tl.constexpr):
    """Those that go on, in their order, and -1 behind."""
    slot = tl.program_id(0).to(tl.int64) * ITEMS + tl.arange(0, ITEMS)
    inside = slot < count
    going = tl.load(goes_on + slot, mask=inside, other=0)
    end = tl.load(ends + slot, mask=inside, other=0).to(tl.int64)
    whole = tl.load(ends + count - 1).to(tl.int64)
    # The others fill the end from behind those that go on.
    place = tl.where(going > 0, end - 1, whole + slot - end)
    ray = tl.load(live + slot, mask=inside, other=-1)
    tl.store(packed + place, tl.where(going > 0, ray, -1), mask=inside)


def run(
    model: Field,
    outputs: Any,
    samples: Samples,
    live: Any,
    light: Light,
    stop: float,
    transfer: Any,
) -> Any:
    """See :func:`kernels.fields.composite.composite`; waits for nothing."""
    spans = to_device(samples.spans)
    # A march leaves out what lies behind those that go on.
    live = to_device(live)[: len(spans)]
    count = len(live)
    if not count:
        return live
    goes_on = torch.empty_like(live)
    outputs = to_device(outputs).float()
    fullest = spans[:, 1].amax()
    color, transmittance, distance, taken = (
        light.color, light.transmittance, light.distance, light.samples,
    )  # fmt: skip
    _composite[(triton.cdiv(count, RAYS),)](
        outputs, to_device(samples.distances), to_device(samples.lengths), spans, fullest, live,
        outputs if transfer is None else resident(transfer), color, transmittance, distance, taken,
        goes_on, count, outputs.shape[1], float(stop), DENSITY=ACTIVATIONS.index(model.density),
        COLOR=ACTIVATIONS.index(model.color), TRANSFER=transfer is not None, ITEMS=RAYS,
        num_warps=1,
    )  # fmt: skip
    packed = torch.empty_like(live)
    ends = torch.cumsum(goes_on, 0, dtype=torch.int32)
    _pack[(triton.cdiv(count, 256),)](live, goes_on, ends, packed, count, ITEMS=256)
    return packed
