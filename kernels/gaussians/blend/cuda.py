"""Blending for the ``cuda`` backend: a program per 16 x 16 px and two thousand splats.

A program, one warp with eight pixels a thread, goes through its part of the list of a quarter of a
tile alone: it needs no barrier, reads each record as a broadcast, and leaves when none of its
pixels lets light through. A finished pixel carries a negative transmittance, so that it never
contributes again.

Lists longer than a *batch* are blended by several programs at once, each as if nothing lay before
it, and put together afterwards, so that a few dense quarters do not keep the device waiting. A
pixel that ends within a batch is taken through that batch again, from the light that really
reaches it: what comes out ends where the reference ends. First batches and others may be blended
by matrix products instead (:mod:`kernels.gaussians.blend.matrix`), where that is faster.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
import triton
import triton.language as tl
from numpy.typing import NDArray

from kernels.cuda.device import on_its_way, to_device
from kernels.gaussians.blend import choice
from kernels.gaussians.blend.device import (
    DEEP,
    FADED,
    FIRST,
    FLOOR,
    INFINITY,
    MIXED,
    OPACITY,
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
from kernels.gaussians.project.cuda import KEYS, QUARTER, DeviceSplats
from kernels.gaussians.types import Accumulation, Options, TileLists, View
from kernels.workspace import Workspace

STATS = KEYS + 1
"""Place of the counts of this operation among those of the frame."""
BATCH = 2048
"""Splats that a program blends at most, of a picture that is drawn in one go."""
REGISTERS = 168
"""Of a thread that walks through a list; left to itself ptxas may allow 128, and spill a few."""
GROUP = 2
"""Splats between two looks at whether any pixel still lets light through. With four, ptxas takes
up to 30 registers more for the same number of instructions per pixel, and spills for sm_120."""

_GROUP = tl.constexpr(GROUP)


@triton.jit
def _walk(
    records, rows, first, last, x0, y0, through, red, green, blue, summed, cap, stop,
    ended, batch, GROUP: tl.constexpr, FADE: tl.constexpr, WITH_DEPTH: tl.constexpr,
):  # fmt: skip
    """Take the light of a quarter's pixels through a part of its list.

    ``ended`` points to the first batch that lets no light through, ``batch`` is the one at hand.
    """
    lane = tl.arange(0, SIDE)
    lane_x = lane[None, :].to(tl.float32)
    lane_y = lane[:, None].to(tl.float32)
    left = x0.to(tl.float32) + 0.5
    top = y0.to(tl.float32) + 0.5
    added = tl.zeros([SIDE, SIDE], tl.int32)
    at = first
    shining = tl.max(through) > 0.0
    while (at < last) & shining:
        for ahead in tl.static_range(GROUP):
            listed = at + ahead < last
            cell = records + tl.load(rows + at + ahead, mask=listed, other=0).to(tl.int64) * WIDTH
            l11 = tl.load(cell + FIRST) * ROOT
            l12 = tl.load(cell + MIXED) * ROOT
            l22 = tl.load(cell + SECOND) * ROOT
            dx = left - tl.load(cell + X)
            dy = top - tl.load(cell + Y)
            floor = tl.where(listed, tl.load(cell + FLOOR), INFINITY)
            u = lane_y * l12 + (lane_x * l11 + (l11 * dx + l12 * dy))
            v = lane_y * l22 + l22 * dy
            power = (tl.load(cell + OPACITY) - v * v) - u * u
            alpha = tl.exp2(power)
            if FADE:
                alpha -= tl.load(cell + FADED)
            alpha = tl.minimum(alpha, cap)
            weight = alpha * through
            after = through - weight
            counts = power >= floor
            adds = counts & (after > stop)
            weight = tl.where(adds, weight, 0.0)
            red += weight * tl.load(cell + R)
            green += weight * tl.load(cell + G)
            blue += weight * tl.load(cell + B)
            if WITH_DEPTH:
                summed += weight * tl.load(cell + DEEP)
            added += adds.to(tl.int32)
            through = tl.where(adds, after, tl.where(counts, -tl.abs(through), through))
        at += GROUP
        shining = tl.max(through) > 0.0
        if (at - first) % POLL == 0:
            # What lies behind a batch that stops all light is never looked at.
            shining = shining & (tl.load(ended, volatile=True) >= batch)
    return red, green, blue, summed, through, added, tl.minimum(at, last) - first


@triton.jit
def _count(stats, looked, added, ended):
    """Tell what was done: pairs looked at, pairs that added, quarters without any light left."""
    tl.atomic_add(stats, looked.to(tl.int64) * (SIDE * SIDE))
    tl.atomic_add(stats + 1, tl.sum(added).to(tl.int64))
    tl.atomic_add(stats + 2, ended.to(tl.int64))


@triton.jit(
    do_not_specialize=["tiles_x", "width", "height"],
    do_not_specialize_on_alignment=["tiles"],
)
def _blend_onto(
    records, rows, starts, tiles, planes, stats, never, tiles_x, width, height, cap, stop,
    FRESH: tl.constexpr, FADE: tl.constexpr, WITH_DEPTH: tl.constexpr,
):  # fmt: skip
    """Some tiles, the whole of their lists, behind what they have gathered."""
    place = 4 * tl.load(tiles + tl.program_id(0) // 4) + tl.program_id(0) % 4
    first = tl.load(starts + place)
    last = tl.load(starts + place + 1)
    x0, y0 = corner_of(place, tiles_x)
    lane = tl.arange(0, SIDE)
    inside = (x0 + lane < width)[None, :] & (y0 + lane < height)[:, None]
    slab = width.to(tl.int64) * height
    pixels = planes + (y0 + lane)[:, None] * width.to(tl.int64) + (x0 + lane)[None, :]
    red = tl.zeros([SIDE, SIDE], tl.float32)
    green = tl.zeros([SIDE, SIDE], tl.float32)
    blue = tl.zeros([SIDE, SIDE], tl.float32)
    summed = tl.zeros([SIDE, SIDE], tl.float32)
    through = tl.where(inside, 1.0, -1.0)
    if not FRESH:
        red = tl.load(pixels, mask=inside, other=0.0)
        green = tl.load(pixels + slab, mask=inside, other=0.0)
        blue = tl.load(pixels + 2 * slab, mask=inside, other=0.0)
        through = tl.load(pixels + 3 * slab, mask=inside, other=-1.0)
        if WITH_DEPTH:
            summed = tl.load(pixels + 4 * slab, mask=inside, other=0.0)
    red, green, blue, summed, through, added, looked = _walk(
        records, rows, first, last, x0, y0, through, red, green, blue, summed, cap, stop,
        never, 0, _GROUP, FADE, WITH_DEPTH,
    )  # fmt: skip
    put(pixels, slab, inside, red, green, blue, through, summed, WITH_DEPTH)
    dark = (looked > 0) & (tl.max(through) <= 0.0)
    _count(stats, looked, tl.where(inside, added, 0), dark)


@triton.jit(do_not_specialize=["quarters", "tiles_x", "width", "height"])
def _blend(
    records, rows, starts, batches, ended, planes, parts, stats,
    quarters, tiles_x, width, height, cap, stop,
    BATCH: tl.constexpr, FADE: tl.constexpr, WITH_DEPTH: tl.constexpr,
):  # fmt: skip
    """The first batch of each quarter into the picture, all others into parts of their own."""
    program = tl.program_id(0)
    if program < tl.load(batches + quarters - 1):
        place, batch = place_of(batches, program, quarters)
        first = tl.load(starts + place) + batch * BATCH
        last = tl.minimum(first + BATCH, tl.load(starts + place + 1))
        x0, y0 = corner_of(place, tiles_x)
        lane = tl.arange(0, SIDE)
        inside = (x0 + lane < width)[None, :] & (y0 + lane < height)[:, None]
        zeros = tl.zeros([SIDE, SIDE], tl.float32)
        through = tl.where(inside, 1.0, -1.0)
        red, green, blue, summed, through, added, looked = _walk(
            records, rows, first, last, x0, y0, through, zeros, zeros, zeros, zeros, cap, stop,
            ended + place, batch, _GROUP, FADE, WITH_DEPTH,
        )  # fmt: skip
        dark = (looked > 0) & (tl.max(through) <= 0.0)
        if dark:
            tl.atomic_min(ended + place, batch)
        added = tl.where(inside, added, 0)
        if batch == 0:
            slab = width.to(tl.int64) * height
            pixels = planes + (y0 + lane)[:, None] * width.to(tl.int64) + (x0 + lane)[None, :]
            put(pixels, slab, inside, red, green, blue, through, summed, WITH_DEPTH)
            _count(stats, looked, added, dark)
        else:
            cell = part_of(parts, program, place)
            cell += lane[:, None] * SIDE + lane[None, :]
            side = SIDE * SIDE
            tl.store(cell, red)
            tl.store(cell + side, green)
            tl.store(cell + 2 * side, blue)
            tl.store(cell + 3 * side, through)
            tl.store(cell + 4 * side, summed)
            tl.store(cell + 5 * side, added.to(tl.float32))
            tl.atomic_add(stats, looked.to(tl.int64) * side)


@triton.jit(do_not_specialize=["tiles_x", "width", "height"])
def _compose(
    records, rows, starts, batches, ended, planes, parts, stats, never,
    tiles_x, width, height, cap, stop,
    BATCH: tl.constexpr, FADE: tl.constexpr, WITH_DEPTH: tl.constexpr,
):  # fmt: skip
    """Put the batches of a quarter behind its first one."""
    place = tl.program_id(0)
    begin = tl.load(batches + place - 1, mask=place > 0, other=0).to(tl.int32)
    end = tl.load(batches + place).to(tl.int32)
    last = tl.minimum(end, begin + 1 + tl.load(ended + place))
    if begin + 1 < last:
        x0, y0 = corner_of(place, tiles_x)
        lane = tl.arange(0, SIDE)
        inside = (x0 + lane < width)[None, :] & (y0 + lane < height)[:, None]
        slab = width.to(tl.int64) * height
        pixels = planes + (y0 + lane)[:, None] * width.to(tl.int64) + (x0 + lane)[None, :]
        red = tl.load(pixels, mask=inside, other=0.0)
        green = tl.load(pixels + slab, mask=inside, other=0.0)
        blue = tl.load(pixels + 2 * slab, mask=inside, other=0.0)
        through = tl.load(pixels + 3 * slab, mask=inside, other=-1.0)
        summed = tl.zeros([SIDE, SIDE], tl.float32)
        if WITH_DEPTH:
            summed = tl.load(pixels + 4 * slab, mask=inside, other=0.0)
        looked = tl.zeros([], tl.int64)
        at = begin + 1
        while (at < last) & (tl.max(through) > 0.0):
            cell = part_of(parts, at, place)
            cell += lane[:, None] * SIDE + lane[None, :]
            side = SIDE * SIDE
            after = through * tl.load(cell + 3 * side)
            # The transmittance falls along a list: if it is above the end behind the batch, it
            # was so within.
            whole = (through > 0.0) & (after > stop)
            weight = tl.where(whole, through, 0.0)
            red += weight * tl.load(cell)
            green += weight * tl.load(cell + side)
            blue += weight * tl.load(cell + 2 * side)
            if WITH_DEPTH:
                summed += weight * tl.load(cell + 4 * side)
            added = tl.where(whole & inside, tl.load(cell + 5 * side), 0.0)
            tl.atomic_add(stats + 1, tl.sum(added).to(tl.int64))
            again = (through > 0.0) & (after <= stop)
            through = tl.where(whole, after, through)
            if tl.max(again.to(tl.int32)) > 0:
                first = tl.load(starts + place) + (at - begin) * BATCH
                final = tl.minimum(first + BATCH, tl.load(starts + place + 1))
                red, green, blue, summed, part, more, steps = _walk(
                    records, rows, first, final, x0, y0,
                    tl.where(again, through, -1.0), red, green, blue, summed, cap, stop,
                    never, 0, 1, FADE, WITH_DEPTH,
                )  # fmt: skip
                more = tl.where(inside, more, 0)
                tl.atomic_add(stats + 1, tl.sum(more).to(tl.int64))
                looked += steps
                through = tl.where(again, part, through)
            at += 1
        put(pixels, slab, inside, red, green, blue, through, summed, WITH_DEPTH)
        tl.atomic_add(stats, looked * (SIDE * SIDE))
        tl.atomic_add(stats + 2, (tl.max(through) <= 0.0).to(tl.int64))


def run(
    splats: DeviceSplats,
    lists: TileLists,
    view: View,
    options: Options,
    depth: bool,
    workspace: Workspace,
    tiles: NDArray[np.int64],
    onto: Accumulation | None,
) -> Accumulation:
    """See :func:`kernels.gaussians.blend.blend`; ``planes`` is (C, H, W), changed in place.

    The counters are on their way: tensors whose numbers are there when the picture is.
    """
    if onto is None and len(tiles) == view.tiles_x * view.tiles_y:
        return _whole(splats, lists, view, options, depth, workspace)
    where = splats.records.device
    if onto is None:
        planes = torch.zeros((5 if depth else 4, view.height, view.width), device=where)
        planes[3] = 1
    else:
        planes = onto.planes
    stats = torch.zeros(3, dtype=torch.int64, device=where)
    if len(tiles):
        _blend_onto[(4 * len(tiles),)](
            splats.records, lists.rows, lists.starts, to_device(tiles.astype(np.int32)), planes,
            stats, _never(workspace, where), view.tiles_x, view.width, view.height,
            options.alpha_cap, options.stop,
            FRESH=onto is None, FADE=options.fade, WITH_DEPTH=depth, num_warps=1,
        )  # fmt: skip
    stats[2] //= 4
    evaluated, contributing, stopped = (cast(int, number) for number in on_its_way(stats))
    return Accumulation(planes, view.width, view.height, None, evaluated, contributing, stopped)


def _never(workspace: Workspace, where: torch.device) -> torch.Tensor:
    """Points to no batch that stops all light."""
    return workspace.keep(
        "never", lambda: torch.full((1,), 1 << 30, dtype=torch.int32, device=where)
    )


def _whole(
    splats: DeviceSplats,
    lists: TileLists,
    view: View,
    options: Options,
    depth: bool,
    workspace: Workspace,
) -> Accumulation:
    """All tiles at once, in batches."""
    where = splats.records.device
    planes = torch.empty((5 if depth else 4, view.height, view.width), device=where)
    quarters = len(lists.starts) - 1
    lengths = lists.starts[1:] - lists.starts[:-1]
    batches = torch.cumsum((lengths + (BATCH - 1)).div_(BATCH, rounding_mode="floor").clamp_(1), 0)
    ended = torch.full((quarters,), 1 << 30, dtype=torch.int32, device=where)
    more = len(lists.rows) // BATCH
    parts = torch.empty((max(more, 1), 6, QUARTER, QUARTER), device=where)
    tables = splats.tables
    stats = tables.counts[STATS : STATS + 3]
    shape = (view.tiles_x, view.width, view.height)
    ends = (options.alpha_cap, options.stop)
    kernel, warps = choice.way((_blend, 1), options)
    kernel[(quarters + more,)](
        splats.records, lists.rows, lists.starts, batches, ended, planes, parts, stats,
        quarters, *shape, *ends, BATCH=BATCH, FADE=options.fade, WITH_DEPTH=depth, num_warps=warps,
        maxnreg=REGISTERS if kernel is _blend else None,
    )  # fmt: skip
    if more:
        _compose[(quarters,)](
            splats.records, lists.rows, lists.starts, batches, ended, planes, parts, stats,
            _never(workspace, where), *shape, *ends,
            BATCH=BATCH, FADE=options.fade, WITH_DEPTH=depth, num_warps=1,
            maxnreg=REGISTERS,
        )  # fmt: skip
    stats[2] //= 4
    tables.tell()
    told = (cast(int, number) for number in tables.told[STATS : STATS + 3])
    return Accumulation(planes, view.width, view.height, None, *told)
