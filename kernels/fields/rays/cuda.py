"""Rays for the ``cuda`` backend: a thread per pixel, in float64 as on the processor."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl

from kernels.cuda.device import device, to_device
from kernels.fields.types import Rays
from kernels.gaussians.types import View

BLOCK = 128
"""Rays of a program, one a thread."""

ROTATION, POSITION, INVERSE, CENTRE, LOWER, UPPER = 0, 9, 12, 14, 16, 19
"""Places in the table of numbers: the rows of the rotation, the eye, the inverse focal lengths,
the principal point, and the corners of the box."""

_ROTATION, _POSITION, _INVERSE = (tl.constexpr(n) for n in (ROTATION, POSITION, INVERSE))
_CENTRE, _LOWER, _UPPER = (tl.constexpr(n) for n in (CENTRE, LOWER, UPPER))
_INFINITY = tl.constexpr(float("inf"))


@triton.jit
def _jitter(pixel, offset):
    """A hash of the pixel in steps of 2^-24."""
    state = pixel.to(tl.uint32) + offset.to(tl.uint32, bitcast=True)
    state = state * 747796405 + 2891336453
    turned = ((state >> ((state >> 28) + 4)) ^ state) * 277803737
    turned = (turned >> 22) ^ turned
    return (turned >> 8).to(tl.float32) * (1.0 / 16777216.0)


@triton.jit(do_not_specialize=["count", "width", "offset"])
def _rays(
    pixels, numbers, origins, directions, near, far, jitter, count, width, offset,
    ORTHOGRAPHIC: tl.constexpr, CENTRED: tl.constexpr, ITEMS: tl.constexpr,
):  # fmt: skip
    at = tl.program_id(0).to(tl.int64) * ITEMS + tl.arange(0, ITEMS)
    used = at < count
    # Pictures have fewer than 2^31 pixels, and dividing 64 bits is slow.
    pixel = tl.load(pixels + at, mask=used, other=0).to(tl.int32)
    x = (pixel % width).to(tl.float64) + 0.5 - tl.load(numbers + _CENTRE)
    y = (pixel // width).to(tl.float64) + 0.5 - tl.load(numbers + _CENTRE + 1)
    x *= tl.load(numbers + _INVERSE)
    y *= tl.load(numbers + _INVERSE + 1)
    first = tl.zeros([ITEMS], tl.float64)
    last = first + _INFINITY
    length = first + 1.0
    if not ORTHOGRAPHIC:
        length = tl.sqrt(x * x + y * y + 1.0)
    for axis in tl.static_range(3):
        start = first * 0.0 + tl.load(numbers + _POSITION + axis)
        along = first * 0.0 + tl.load(numbers + _ROTATION + 6 + axis)
        aside = x * tl.load(numbers + _ROTATION + axis)
        aside += y * tl.load(numbers + _ROTATION + 3 + axis)
        if ORTHOGRAPHIC:
            start += aside
        else:
            along = (along + aside) / length
        tl.store(origins + 3 * at + axis, start.to(tl.float32), mask=used)
        tl.store(directions + 3 * at + axis, along.to(tl.float32), mask=used)
        one = (tl.load(numbers + _LOWER + axis) - start) / along
        other = (tl.load(numbers + _UPPER + axis) - start) / along
        crossed = (one == one) & (other == other)
        first = tl.where(crossed, tl.maximum(first, tl.minimum(one, other)), first)
        last = tl.where(crossed, tl.minimum(last, tl.maximum(one, other)), last)
    tl.store(near + at, first.to(tl.float32), mask=used)
    tl.store(far + at, tl.where(first < last, last, first).to(tl.float32), mask=used)
    moved = tl.full([ITEMS], 0.5, tl.float32)
    if not CENTRED:
        moved = _jitter(pixel, offset)
    tl.store(jitter + at, moved, mask=used)


def run(view: View, pixels: Any, lower: Any, upper: Any, seed: int) -> Rays:
    """See :func:`kernels.fields.rays.rays`."""
    pixels = to_device(pixels)
    count = len(pixels)
    numbers = np.concatenate([
        np.ravel(view.rotation), view.position, [1 / view.fx, 1 / view.fy, view.cx, view.cy],
        lower, upper,
    ]).astype(np.float64)  # fmt: skip
    # Each array begins at a multiple of 16 bytes: kernels are compiled anew where one does not.
    room = triton.cdiv(count, BLOCK) * BLOCK
    vectors = torch.empty((2, room, 3), dtype=torch.float32, device=device())[:, :count]
    found = torch.empty((3, room), dtype=torch.float32, device=device())[:, :count]
    # As a signed number of 32 bits, which is how it is handed over.
    offset = ((seed * 0x9E3779B9 + 2**31) & 0xFFFFFFFF) - 2**31
    if count:
        _rays[(triton.cdiv(count, BLOCK),)](
            pixels, to_device(numbers), vectors[0], vectors[1], found[0], found[1], found[2],
            count, view.width, offset, ORTHOGRAPHIC=view.orthographic, CENTRED=seed < 0,
            ITEMS=BLOCK,
        )  # fmt: skip
    return Rays(vectors[0], vectors[1], found[0], found[1], found[2])
