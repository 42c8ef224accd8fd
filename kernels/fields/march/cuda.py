"""Marching for the ``cuda`` backend: one warp for 64 rays, cubes of empty cells in one go.

Distances along a ray and points on it are computed in float64, as by the other backends, so that
samples lie on the same lattice; cells and the way out of an empty cube follow from the point in
float32. A warp notes the steps of its samples, takes room for all of them by one atomic addition,
and then writes them.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl

from kernels.cuda.device import device, to_device, to_host
from kernels.cuda.functions import power_of_two
from kernels.cuda.residents import resident
from kernels.fields.march import ENDED
from kernels.fields.types import Grid, Lattice, March, Rays, Samples

RAYS = 64
"""Of a program."""
CLOSE = 1e-2
"""Steps by which a jump falls short, so that rounding never skips a sample of an occupied cell."""

(
    STEP, CONE, FIRST, RATE, APEX, LOWER, SCALE, MIDDLE, HALF, TOWARD_ZERO, TOWARD_SCALE,
) = 0, 1, 2, 3, 4, 5, 8, 11, 14, 17, 18  # fmt: skip
"""Places in the table of numbers: the lattice's; ``1 / cone``, ``log2(1 + cone)`` and ``step /
cone``; for each axis what becomes 0 in positions and the inverse of the extent, middle and half of
the innermost level; and the same of directions."""

_STEP, _CONE, _FIRST = tl.constexpr(STEP), tl.constexpr(CONE), tl.constexpr(FIRST)
_RATE, _APEX, _LOWER = tl.constexpr(RATE), tl.constexpr(APEX), tl.constexpr(LOWER)
_SCALE, _MIDDLE, _HALF = tl.constexpr(SCALE), tl.constexpr(MIDDLE), tl.constexpr(HALF)
_ZERO, _TOWARD = tl.constexpr(TOWARD_ZERO), tl.constexpr(TOWARD_SCALE)
_CLOSE, _ENDED = tl.constexpr(CLOSE), tl.constexpr(ENDED)
_INFINITY = tl.constexpr(float("inf"))
_FARTHEST = tl.constexpr(1_000_000_000)
"""Steps of a ray, and of a jump: two of them are less than 2^31."""


@triton.jit
def distance_of(numbers, place, TAPERED: tl.constexpr):
    """float64 distance along the ray at a step and its jitter, both float64."""
    distance = tl.load(numbers + _STEP) * place
    if TAPERED:
        first = tl.load(numbers + _FIRST)
        turns = tl.maximum(place - first, 0.0) * tl.load(numbers + _RATE)
        whole = tl.floor(turns)
        part = tl.exp2((turns - whole).to(tl.float32))
        times = part * power_of_two(tl.minimum(whole, 127.0).to(tl.int32))
        far = tl.load(numbers + _APEX) * times.to(tl.float64)
        distance = tl.where(place <= first, distance, far)
    return distance


@triton.jit
def first_step(numbers, near, offset, TAPERED: tl.constexpr):
    """The first step (int32) of the lattice that is not before ``near`` (float64)."""
    along = near / tl.load(numbers + _STEP)
    if TAPERED:
        cone = tl.load(numbers + _CONE)
        ratio = tl.maximum(along * cone, 1.0).to(tl.float32)
        far = tl.load(numbers + _FIRST) + tl.log2(ratio).to(tl.float64) / tl.load(numbers + _RATE)
        along = tl.where(along * cone <= 1.0, along, far)
    ahead = along > offset
    step = tl.where(ahead, tl.minimum(tl.ceil(along - offset), _FARTHEST), 0.0).to(tl.int32)
    if TAPERED:
        # A logarithm in float32 may be a step off.
        place = step.to(tl.float64) + offset
        back = (step > 0) & (distance_of(numbers, place - 1.0, TAPERED) >= near)
        short = distance_of(numbers, place, TAPERED) < near
        step = step + short.to(tl.int32) - back.to(tl.int32)
    return step


@triton.jit
def steps_over(numbers, place, distance, ahead, TAPERED: tl.constexpr):
    """How many steps (int32, at least 1) from ``place`` lie within ``ahead`` (float32)."""
    step = tl.load(numbers + _STEP).to(tl.float32)
    steps = ahead / step - _CLOSE
    if TAPERED:
        # The logarithm of a distance is known to 4e-7, and so is a large number of steps.
        cone = tl.load(numbers + _CONE).to(tl.float32)
        ratio = (distance.to(tl.float32) + ahead) * cone / step
        turns = tl.log2(tl.maximum(ratio, 1.0)) / tl.load(numbers + _RATE).to(tl.float32)
        turns = tl.minimum(turns, _FARTHEST)
        beyond = (tl.load(numbers + _FIRST) - place).to(tl.float32) + turns
        unsure = _CLOSE + 4e-7 * tl.abs(turns) + 4e-7 / cone
        steps = tl.where(ratio > 1.0, beyond - unsure, steps)
    return tl.minimum(tl.maximum(tl.ceil(steps), 1.0), _FARTHEST).to(tl.int32)


@triton.jit
def _way_out(place, cell, free, side, along, edge):
    """Distance at which a ray leaves the cube around a cell on one axis; ``place`` in cells."""
    forth = tl.minimum(cell + free, side).to(tl.float32) - place
    back = place - tl.maximum(cell + 1 - free, 0).to(tl.float32)
    reach = tl.where(along > 0.0, forth, back)
    return tl.where(along == 0.0, _INFINITY, reach * (edge / tl.abs(along)))


@triton.jit
def way_ahead(clear, x, y, z, dx, dy, dz, half_x, half_y, half_z, levels, side, looked):
    """0 where a sample is wanted, else how far the empty cube around a point goes on.

    All float32; the point is relative to the middle of the grid, and ``clear`` is read where
    ``looked`` says so.
    """
    reach = tl.maximum(tl.abs(x) / half_x, tl.maximum(tl.abs(y) / half_y, tl.abs(z) / half_z))
    bits = reach.to(tl.int32, bitcast=True)
    # The smallest whole number that is not below its logarithm.
    level = tl.maximum((bits >> 23) - 127 + ((bits & 0x7FFFFF) != 0).to(tl.int32), 0)
    within = looked & (level < levels)
    level = tl.where(within, level, 0)
    cells = side.to(tl.float32)
    edge = power_of_two(level) * (2.0 / cells)
    edge_x = edge * half_x
    edge_y = edge * half_y
    edge_z = edge * half_z
    place_x = x / edge_x + 0.5 * cells
    place_y = y / edge_y + 0.5 * cells
    place_z = z / edge_z + 0.5 * cells
    cell_x = tl.minimum(tl.maximum(tl.floor(place_x), 0.0), cells - 1.0).to(tl.int32)
    cell_y = tl.minimum(tl.maximum(tl.floor(place_y), 0.0), cells - 1.0).to(tl.int32)
    cell_z = tl.minimum(tl.maximum(tl.floor(place_z), 0.0), cells - 1.0).to(tl.int32)
    row = ((level * side + cell_z) * side + cell_y).to(tl.int64)
    free = tl.load(clear + row * side + cell_x, mask=within, other=0).to(tl.int32)
    ahead = _way_out(place_x, cell_x, free, side, dx, edge_x)
    ahead = tl.minimum(ahead, _way_out(place_y, cell_y, free, side, dy, edge_y))
    ahead = tl.minimum(ahead, _way_out(place_z, cell_z, free, side, dz, edge_z))
    return tl.where(free == 0, 0.0, tl.maximum(ahead, 1e-30))


@triton.jit(do_not_specialize=["count", "most", "levels", "side"])
def _march(
    origins, directions, near, far, jitter, live, cursor, numbers, clear, kept, counters,
    positions, distances, lengths, owners, spans, count, most, levels, side,
    WITH_GRID: tl.constexpr, TAPERED: tl.constexpr, DIRECTED: tl.constexpr, ITEMS: tl.constexpr,
):  # fmt: skip
    slot = tl.program_id(0).to(tl.int64) * ITEMS + tl.arange(0, ITEMS)
    ray = tl.load(live + slot, mask=slot < count, other=-1)
    used = ray >= 0
    row = tl.maximum(ray, 0).to(tl.int64)
    dx = tl.load(directions + 3 * row, mask=used, other=0.0)
    dy = tl.load(directions + 3 * row + 1, mask=used, other=0.0)
    dz = tl.load(directions + 3 * row + 2, mask=used, other=0.0)
    end = tl.load(far + row, mask=used, other=0.0).to(tl.float64)
    offset = tl.load(jitter + row, mask=used, other=0.0).to(tl.float64)
    since = tl.load(cursor + row, mask=used, other=_ENDED)
    begin = tl.load(near + row, mask=used, other=0.0).to(tl.float64)
    index = tl.minimum(since, _FARTHEST).to(tl.int32)
    index = tl.where(since < 0, first_step(numbers, begin, offset, TAPERED), index)
    found = tl.zeros([ITEMS], tl.int32)
    going = used & (index < _FARTHEST) & (found < most)
    # Relative to the middle of the grid.
    ox = tl.load(origins + 3 * row, mask=used, other=0.0).to(tl.float64)
    oy = tl.load(origins + 3 * row + 1, mask=used, other=0.0).to(tl.float64)
    oz = tl.load(origins + 3 * row + 2, mask=used, other=0.0).to(tl.float64)
    ox -= tl.load(numbers + _MIDDLE)
    oy -= tl.load(numbers + _MIDDLE + 1)
    oz -= tl.load(numbers + _MIDDLE + 2)
    half_x = tl.load(numbers + _HALF).to(tl.float32)
    half_y = tl.load(numbers + _HALF + 1).to(tl.float32)
    half_z = tl.load(numbers + _HALF + 2).to(tl.float32)
    while tl.max(going.to(tl.int32)) > 0:
        place = index.to(tl.float64) + offset
        distance = distance_of(numbers, place, TAPERED)
        index = tl.where(going & ~(distance < end), _FARTHEST, index)
        looked = going & (index < _FARTHEST)
        wanted = looked
        if WITH_GRID:
            x = (ox + distance * dx.to(tl.float64)).to(tl.float32)
            y = (oy + distance * dy.to(tl.float64)).to(tl.float32)
            z = (oz + distance * dz.to(tl.float64)).to(tl.float32)
            ahead = way_ahead(
                clear, x, y, z, dx, dy, dz, half_x, half_y, half_z, levels, side, looked
            )
            wanted = looked & (ahead == 0.0)
            jump = steps_over(numbers, place, distance, ahead, TAPERED)
            index = tl.where(looked & ~wanted, index + jump, index)
        tl.store(kept + found.to(tl.int64) * count + slot, index, mask=wanted)
        found += wanted.to(tl.int32)
        index += wanted.to(tl.int32)
        going = looked & (found < most) & (index < _FARTHEST)

    total = tl.sum(found)
    tl.atomic_add(counters + 1, tl.sum(used.to(tl.int32)))
    start = tl.atomic_add(counters, total).to(tl.int64)
    to = start + tl.cumsum(found) - found
    tl.store(cursor + row, tl.where(index < _FARTHEST, index.to(tl.int64), _ENDED), mask=used)
    tl.store(spans + 2 * slot, to, mask=used)
    tl.store(spans + 2 * slot + 1, found.to(tl.int64), mask=used)
    # What one thread has noted another may read.
    tl.debug_barrier()
    ox = tl.load(origins + 3 * row, mask=used, other=0.0).to(tl.float64)
    oy = tl.load(origins + 3 * row + 1, mask=used, other=0.0).to(tl.float64)
    oz = tl.load(origins + 3 * row + 2, mask=used, other=0.0).to(tl.float64)
    ox -= tl.load(numbers + _LOWER)
    oy -= tl.load(numbers + _LOWER + 1)
    oz -= tl.load(numbers + _LOWER + 2)
    COLUMNS: tl.constexpr = 6 if DIRECTED else 3
    longest = tl.max(found)
    number = 0
    while number < longest:
        given = number < found
        index = tl.load(kept + number * count.to(tl.int64) + slot, mask=given, other=0)
        distance = distance_of(numbers, index.to(tl.float64) + offset, TAPERED)
        at = positions + COLUMNS * to
        x = (ox + distance * dx.to(tl.float64)) * tl.load(numbers + _SCALE)
        y = (oy + distance * dy.to(tl.float64)) * tl.load(numbers + _SCALE + 1)
        z = (oz + distance * dz.to(tl.float64)) * tl.load(numbers + _SCALE + 2)
        tl.store(at, x.to(tl.float32), mask=given)
        tl.store(at + 1, y.to(tl.float32), mask=given)
        tl.store(at + 2, z.to(tl.float32), mask=given)
        if DIRECTED:
            zero = tl.load(numbers + _ZERO)
            scale = tl.load(numbers + _TOWARD)
            tl.store(at + 3, ((dx.to(tl.float64) - zero) * scale).to(tl.float32), mask=given)
            tl.store(at + 4, ((dy.to(tl.float64) - zero) * scale).to(tl.float32), mask=given)
            tl.store(at + 5, ((dz.to(tl.float64) - zero) * scale).to(tl.float32), mask=given)
        length = tl.load(numbers + _STEP)
        if TAPERED:
            length = tl.maximum(tl.load(numbers + _CONE) * distance, length)
        tl.store(distances + to, distance.to(tl.float32), mask=given)
        tl.store(lengths + to, tl.zeros([ITEMS], tl.float32) + length.to(tl.float32), mask=given)
        tl.store(owners + to, ray, mask=given)
        to += 1
        number += 1


@lru_cache(maxsize=16)
def _numbers(
    lower: tuple[float, ...],
    upper: tuple[float, ...],
    lattice: Lattice,
    toward: tuple[float, float],
    inner: tuple[float, ...],
    outer: tuple[float, ...],
) -> torch.Tensor:
    step, cone = lattice.step, lattice.cone
    tapered = (1 / cone, math.log2(1 + cone), step / cone) if cone else (0.0, 0.0, 0.0)
    table = [step, cone, *tapered, *lower]
    table += [1 / (b - a) for a, b in zip(lower, upper, strict=True)]
    table += [(a + b) / 2 for a, b in zip(inner, outer, strict=True)]
    table += [(b - a) / 2 for a, b in zip(inner, outer, strict=True)]
    table += [toward[0], 1 / (toward[1] - toward[0])]
    return to_device(np.array(table, np.float64))


def numbers_of(march: March, grid: Grid | None) -> torch.Tensor:
    """The table (19,) float64 of what kernels that march need to know, on the device."""
    inner, outer = ((0.0,) * 3, (2.0,) * 3) if grid is None else (
        tuple(map(float, grid.lower)), tuple(map(float, grid.upper))
    )  # fmt: skip
    toward = march.toward or (0.0, 1.0)
    return _numbers(march.lower, march.upper, march.lattice, toward, inner, outer)


def run(rays: Rays, live: Any, cursor: Any, march: March, grid: Grid | None) -> Samples:
    """See :func:`kernels.fields.march.march`; waits once, for the number of samples."""
    where, most = device(), march.most
    live = to_device(live)
    count = len(live)

    def empty(shape: tuple[int, ...], kind: torch.dtype = torch.float32) -> torch.Tensor:
        return torch.empty(shape, dtype=kind, device=where)

    room = count * most
    columns = 6 if march.toward else 3
    positions, distances, lengths = empty((room, columns)), empty((room,)), empty((room,))
    owners, kept = empty((room,), torch.int32), empty((room,), torch.int32)
    spans = empty((count, 2), torch.int64)
    if not count:
        return Samples(positions, distances, lengths, owners, spans)
    if room >= 1 << 31:
        raise ValueError(f"a march takes at most 2^31 samples at a time, got {room:,}")
    counters = torch.zeros(2, dtype=torch.int32, device=where)
    clear = counters if grid is None else resident(grid.clearance)
    levels, side = (0, 1) if grid is None else grid.clearance.shape[:2]
    _march[(triton.cdiv(count, RAYS),)](
        *(to_device(getattr(rays, name)) for name in Rays.__dataclass_fields__), live, cursor,
        numbers_of(march, grid), clear, kept, counters, positions, distances, lengths, owners,
        spans, count, most, levels, side, WITH_GRID=grid is not None,
        TAPERED=march.lattice.cone > 0, DIRECTED=march.toward is not None, ITEMS=RAYS, num_warps=1,
    )  # fmt: skip
    end, going = (int(number) for number in to_host(counters)[0])
    return Samples(positions[:end], distances[:end], lengths[:end], owners[:end], spans[:going])
