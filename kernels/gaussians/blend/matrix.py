"""Blending by matrix products: sixteen splats against the 256 pixels of a quarter at a time.

The exponent of a splat at a pixel is a polynomial of the second degree, so those of a block of
splats against the pixels are one product with six monomials (Liao et al. 2025, "TC-GS"), and the
light behind each splat of the block is a running sum of ``log2(1 - alpha)``. Coordinates count
from the middle of the quarter, and the products are made of three of TensorFloat-32 each, so that
the sum of terms which cancel stays within float32: with a blur of at least :data:`LEAST_BLUR` no
term is larger than some thousand.
"""

from __future__ import annotations

import triton
import triton.language as tl

from kernels.gaussians.blend.device import (
    DEEP,
    FADED,
    FIRST,
    FLOOR,
    INFINITY,
    MIXED,
    OPACITY,
    PIXELS,
    POLL,
    ROOT,
    SECOND,
    SIDE,
    WIDTH,
    B,
    G,
    R,
    X,
    Y,
    corner_of,
    part_of,
    place_of,
    put,
)

LEAST_BLUR = 0.1
"""Variance, px^2: what is thinner is left to the other way."""
WARPS = 8

_LEAST = tl.constexpr(1e-30)


@triton.jit
def _channel(table, number, channels):
    """One row of a (16, columns) table."""
    return tl.sum(tl.where(channels == number, table, 0.0), 0)


@triton.jit
def _quarter(
    records, rows, first, last, left, top, through, cap, stop, ended, batch,
    FADE: tl.constexpr,
):  # fmt: skip
    """Sums of weight times red, green, blue and depth, (16, 256), light and splats that added."""
    splat = tl.arange(0, 16)
    term = tl.arange(0, 16)
    pixel = tl.arange(0, PIXELS)
    x = ((pixel % SIDE).to(tl.float32) - 7.5)[None, :]
    y = ((pixel // SIDE).to(tl.float32) - 7.5)[None, :]
    row = term[:, None]
    monomials = tl.where(row == 0, x, 0.0) + tl.where(row == 1, y, 0.0)
    monomials += tl.where(row == 2, x * x, 0.0) + tl.where(row == 3, x * y, 0.0)
    monomials += tl.where(row == 4, y * y, 0.0)
    column = term[None, :]
    middle_x = left.to(tl.float32) + 8.0
    middle_y = top.to(tl.float32) + 8.0
    sums = tl.zeros([16, PIXELS], tl.float32)
    added = tl.zeros([PIXELS], tl.int32)
    at = first
    shining = tl.max(through) > 0.0
    while (at < last) & shining:
        listed = at + splat < last
        used = tl.load(rows + at + splat, mask=listed, other=0)
        cell = records + used.to(tl.int64) * WIDTH
        l11 = tl.load(cell + FIRST) * ROOT
        l12 = tl.load(cell + MIXED) * ROOT
        l22 = tl.load(cell + SECOND) * ROOT
        dx = middle_x - tl.load(cell + X)
        dy = middle_y - tl.load(cell + Y)
        u = l11 * dx + l12 * dy
        v = l22 * dy
        peak = (tl.load(cell + OPACITY) - v * v) - u * u
        floor = tl.where(listed, tl.load(cell + FLOOR), INFINITY)
        factors = tl.where(column == 0, (-2.0 * u * l11)[:, None], 0.0)
        factors += tl.where(column == 1, (-2.0 * (u * l12 + v * l22))[:, None], 0.0)
        factors += tl.where(column == 2, (-l11 * l11)[:, None], 0.0)
        factors += tl.where(column == 3, (-2.0 * l11 * l12)[:, None], 0.0)
        factors += tl.where(column == 4, (-l12 * l12 - l22 * l22)[:, None], 0.0)
        power = tl.dot(factors, monomials, input_precision="tf32x3") + peak[:, None]
        alpha = tl.exp2(power)
        if FADE:
            alpha -= tl.load(cell + FADED)[:, None]
        alpha = tl.minimum(alpha, cap)
        counts = power >= floor[:, None]
        passed = tl.where(counts, tl.log2(tl.maximum(1.0 - alpha, _LEAST)), 0.0)
        behind = tl.cumsum(passed, 0)
        after = through[None, :] * tl.exp2(behind)
        adds = counts & (after > stop)
        weight = tl.where(adds, alpha * through[None, :] * tl.exp2(behind - passed), 0.0)
        light = tl.where(row == 0, tl.load(cell + R)[None, :], 0.0)
        light += tl.where(row == 1, tl.load(cell + G)[None, :], 0.0)
        light += tl.where(row == 2, tl.load(cell + B)[None, :], 0.0)
        light += tl.where(row == 3, tl.load(cell + DEEP)[None, :], 0.0)
        sums = tl.dot(light, weight, sums, input_precision="tf32x3")
        finished = tl.max((counts & (after <= stop)).to(tl.int32), 0) > 0
        # Transmittance falls, so what adds comes before what does not.
        rest = tl.abs(through) * tl.exp2(tl.sum(tl.where(adds, passed, 0.0), 0))
        through = tl.where(finished | (through <= 0.0), -rest, rest)
        added += tl.sum(adds.to(tl.int32), 0)
        at += 16
        shining = tl.max(through) > 0.0
        if (at - first) % POLL == 0:
            shining = shining & (tl.load(ended, volatile=True) >= batch)
    return sums, through, added, tl.minimum(at, last) - first


@triton.jit(do_not_specialize=["quarters", "tiles_x", "width", "height"])
def blend_by_products(
    records, rows, starts, batches, ended, planes, parts, stats,
    quarters, tiles_x, width, height, cap, stop,
    BATCH: tl.constexpr, FADE: tl.constexpr, WITH_DEPTH: tl.constexpr,
):  # fmt: skip
    """The same arguments and results as those of the loop over pixels."""
    program = tl.program_id(0)
    if program < tl.load(batches + quarters - 1):
        place, batch = place_of(batches, program, quarters)
        first = tl.load(starts + place) + batch * BATCH
        last = tl.minimum(first + BATCH, tl.load(starts + place + 1))
        x0, y0 = corner_of(place, tiles_x)
        pixel = tl.arange(0, PIXELS)
        column = x0 + pixel % SIDE
        line = y0 + pixel // SIDE
        inside = (column < width) & (line < height)
        sums, through, added, looked = _quarter(
            records, rows, first, last, x0, y0, tl.where(inside, 1.0, -1.0), cap, stop,
            ended + place, batch, FADE,
        )  # fmt: skip
        dark = (looked > 0) & (tl.max(through) <= 0.0)
        if dark:
            tl.atomic_min(ended + place, batch)
        added = tl.where(inside, added, 0)
        tl.atomic_add(stats, looked.to(tl.int64) * PIXELS)
        slab = width.to(tl.int64) * height
        at = planes + line * width.to(tl.int64) + column
        shown = inside
        if batch > 0:
            at = part_of(parts, program, place) + pixel
            slab = tl.zeros([], tl.int64) + PIXELS
            shown = pixel < PIXELS
            tl.store(at + 5 * slab, added.to(tl.float32))
        else:
            tl.atomic_add(stats + 1, tl.sum(added).to(tl.int64))
            tl.atomic_add(stats + 2, dark.to(tl.int64))
        channels = tl.arange(0, 16)[:, None]
        red = _channel(sums, 0, channels)
        green = _channel(sums, 1, channels)
        blue = _channel(sums, 2, channels)
        summed = _channel(sums, 3, channels)
        put(at, slab, shown, red, green, blue, through, summed, WITH_DEPTH)
