"""What the lanes of the kernel that follows rays do besides evaluating the field."""

from __future__ import annotations

import triton
import triton.language as tl

from kernels.cuda.functions import one_minus_exp
from kernels.fields.composite.cuda import activated
from kernels.fields.march.cuda import (
    CONE,
    HALF,
    LOWER,
    MIDDLE,
    SCALE,
    STEP,
    distance_of,
    first_step,
    steps_over,
    way_ahead,
)

_STEP, _CONE, _HALF = tl.constexpr(STEP), tl.constexpr(CONE), tl.constexpr(HALF)
_LOWER, _SCALE, _MIDDLE = tl.constexpr(LOWER), tl.constexpr(SCALE), tl.constexpr(MIDDLE)
MOST = 1 << 20
"""Samples of a ray, of which a thousandth would do: a kernel that does not end takes the device
with it."""

_MOST, _INFINITY = tl.constexpr(MOST), tl.constexpr(float("inf"))


@triton.jit
def refilled(
    ray, index, seen, ox, oy, oz, dx, dy, dz, offset, end, red, green, blue, left, deep, spent,
    origins, directions, near, far, jitter, numbers, counters, count, TAPERED: tl.constexpr,
):  # fmt: skip
    """Lanes without a ray take the next ones, as long as there are any."""
    idle = ray < 0
    wanting = tl.sum(idle.to(tl.int32))
    if (wanting > 0) & (spent == 0):
        first = tl.atomic_add(counters, wanting.to(tl.int64))
        item = first + tl.cumsum(idle.to(tl.int32), 0) - 1
        new = idle & (item < count)
        row = tl.where(new, item, 0)
        ox = tl.load(origins + 3 * row, mask=new, other=ox)
        oy = tl.load(origins + 3 * row + 1, mask=new, other=oy)
        oz = tl.load(origins + 3 * row + 2, mask=new, other=oz)
        dx = tl.load(directions + 3 * row, mask=new, other=dx)
        dy = tl.load(directions + 3 * row + 1, mask=new, other=dy)
        dz = tl.load(directions + 3 * row + 2, mask=new, other=dz)
        offset = tl.load(jitter + row, mask=new, other=offset)
        end = tl.load(far + row, mask=new, other=end)
        begin = tl.load(near + row, mask=new, other=0.0).to(tl.float64)
        step = first_step(numbers, begin, offset.to(tl.float64), TAPERED)
        index = tl.where(new, step, index)
        # A ray that misses the box ends before its first sample.
        end = tl.where(new & ~(end > begin.to(tl.float32)), -1.0, end)
        ray = tl.where(new, item.to(tl.int32), ray)
        seen = tl.where(new, 0, seen)
        red = tl.where(new, 0.0, red)
        green = tl.where(new, 0.0, green)
        blue = tl.where(new, 0.0, blue)
        deep = tl.where(new, 0.0, deep)
        left = tl.where(new, 1.0, left)
        spent = (first + wanting >= count).to(tl.int32)
    return (ray, index, seen, ox, oy, oz, dx, dy, dz, offset, end, red, green, blue, left, deep,
            spent)  # fmt: skip


@triton.jit
def moved_on(
    ray, index, seen, ox, oy, oz, dx, dy, dz, offset, end, left, numbers, clear, levels, side,
    stop, WITH_GRID: tl.constexpr, TAPERED: tl.constexpr,
):  # fmt: skip
    """One step of each ray towards its next sample.

    Returns
    -------
    Which lanes stand at a sample, which rays have ended, the steps, and their distances (float64).
    """
    going = ray >= 0
    place = index.to(tl.float64) + offset.to(tl.float64)
    t = distance_of(numbers, place, TAPERED)
    on = going & (t < end.to(tl.float64)) & (left > stop) & (seen < _MOST)
    wanted = on
    if WITH_GRID:
        x = (ox.to(tl.float64) - tl.load(numbers + _MIDDLE) + t * dx.to(tl.float64)).to(tl.float32)
        y = oy.to(tl.float64) - tl.load(numbers + _MIDDLE + 1) + t * dy.to(tl.float64)
        z = oz.to(tl.float64) - tl.load(numbers + _MIDDLE + 2) + t * dz.to(tl.float64)
        half_x = tl.load(numbers + _HALF).to(tl.float32)
        half_y = tl.load(numbers + _HALF + 1).to(tl.float32)
        half_z = tl.load(numbers + _HALF + 2).to(tl.float32)
        ahead = way_ahead(
            clear, x, y.to(tl.float32), z.to(tl.float32), dx, dy, dz, half_x, half_y, half_z,
            levels, side, on,
        )  # fmt: skip
        wanted = on & (ahead == 0.0)
        jump = steps_over(numbers, place, t, ahead, TAPERED)
        index = tl.where(on & ~wanted, index + jump, index)
    return wanted, going & ~on, index, t


@triton.jit
def placed(ox, oy, oz, dx, dy, dz, t, numbers):
    """Positions at distances ``t`` (float64), units of the encoding."""
    x = ox.to(tl.float64) - tl.load(numbers + _LOWER) + t * dx.to(tl.float64)
    y = oy.to(tl.float64) - tl.load(numbers + _LOWER + 1) + t * dy.to(tl.float64)
    z = oz.to(tl.float64) - tl.load(numbers + _LOWER + 2) + t * dz.to(tl.float64)
    x = (x * tl.load(numbers + _SCALE)).to(tl.float32)
    y = (y * tl.load(numbers + _SCALE + 1)).to(tl.float32)
    return x, y, (z * tl.load(numbers + _SCALE + 2)).to(tl.float32)


@triton.jit
def written(
    ended, ray, red, green, blue, left, deep, seen, color, transmittance, distance, samples
):
    """The light of rays that have ended."""
    row = tl.maximum(ray, 0).to(tl.int64)
    tl.store(color + 3 * row, red, mask=ended)
    tl.store(color + 3 * row + 1, green, mask=ended)
    tl.store(color + 3 * row + 2, blue, mask=ended)
    tl.store(transmittance + row, left, mask=ended)
    tl.store(distance + row, deep, mask=ended)
    tl.store(samples + row, seen, mask=ended)


@triton.jit
def gathered(
    wanted, raw, raw_red, raw_green, raw_blue, red, green, blue, left, deep, t, numbers, transfer,
    DENSITY: tl.constexpr, COLOR: tl.constexpr, TRANSFER: tl.constexpr, TAPERED: tl.constexpr,
):  # fmt: skip
    """Composite a sample of each wanted lane, as :mod:`kernels.fields.composite.cuda` does."""
    sigma = activated(raw, DENSITY)
    finite = (tl.abs(raw) < _INFINITY) & (tl.abs(raw_red) < _INFINITY)
    finite &= (tl.abs(raw_green) < _INFINITY) & (tl.abs(raw_blue) < _INFINITY)
    if TRANSFER:
        place = tl.where(finite, tl.minimum(tl.maximum(sigma, 0.0), 1.0) * 255.0, 0.0)
        low = tl.minimum(place.to(tl.int32), 254)
        share = place - low.to(tl.float32)
        at = transfer + 4 * low
        seen_red = tl.load(at) * (1.0 - share) + tl.load(at + 4) * share
        seen_green = tl.load(at + 1) * (1.0 - share) + tl.load(at + 5) * share
        seen_blue = tl.load(at + 2) * (1.0 - share) + tl.load(at + 6) * share
        sigma = tl.load(at + 3) * (1.0 - share) + tl.load(at + 7) * share
    else:
        seen_red = activated(raw_red, COLOR)
        seen_green = activated(raw_green, COLOR)
        seen_blue = activated(raw_blue, COLOR)
    length = tl.load(numbers + _STEP)
    if TAPERED:
        length = tl.maximum(tl.load(numbers + _CONE) * t, length)
    counts = wanted & finite & (sigma > 0.0)
    weight = left * one_minus_exp(tl.where(counts, sigma * length.to(tl.float32), 0.0))
    red += tl.where(counts, weight * seen_red, 0.0)
    green += tl.where(counts, weight * seen_green, 0.0)
    blue += tl.where(counts, weight * seen_blue, 0.0)
    deep += weight * t.to(tl.float32)
    return red, green, blue, left - weight, deep
