"""Blending for the ``cuda`` backend: one warp per quarter of a tile, eight pixels a thread.

A warp goes through the list of its 16 x 16 px alone: it needs no barrier, reads each record as a
broadcast, and leaves when none of its pixels lets light through. A finished pixel carries a
negative transmittance, so that it never contributes again.
"""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import torch
import triton
import triton.language as tl
from numpy.typing import NDArray

from kernels.cuda.device import on_its_way, to_device
from kernels.gaussians.project.cuda import QUARTER
from kernels.gaussians.types import (
    BLUE,
    DEPTH,
    FALLOFF,
    GREEN,
    L11,
    L12,
    L22,
    LOG2_FLOOR,
    LOG2_OPACITY,
    MEAN_X,
    MEAN_Y,
    OFFSET,
    RECORD,
    RED,
    TILE,
    Accumulation,
    Options,
    Splats,
    TileLists,
    View,
)
from kernels.workspace import Workspace

GROUP = 2
"""Splats between two looks at whether any pixel still lets light through. With four, ptxas takes
up to 30 registers more for the same number of instructions per pixel, and spills for sm_120."""

_GROUP, _QUARTER, _TILE = tl.constexpr(GROUP), tl.constexpr(QUARTER), tl.constexpr(TILE)
_RECORD = tl.constexpr(RECORD)
_MEAN_X, _MEAN_Y = tl.constexpr(MEAN_X), tl.constexpr(MEAN_Y)
_L11, _L12, _L22 = tl.constexpr(L11), tl.constexpr(L12), tl.constexpr(L22)
_OPACITY, _FLOOR = tl.constexpr(LOG2_OPACITY), tl.constexpr(LOG2_FLOOR)
_OFFSET, _DEPTH = tl.constexpr(OFFSET), tl.constexpr(DEPTH)
_RED, _GREEN, _BLUE = tl.constexpr(RED), tl.constexpr(GREEN), tl.constexpr(BLUE)
_ROOT = tl.constexpr(math.sqrt(FALLOFF))
_INFINITY = tl.constexpr(float("inf"))


@triton.jit(
    do_not_specialize=["tiles_x", "width", "height"],
    do_not_specialize_on_alignment=["tiles"],
)
def _blend(
    records, rows, starts, tiles, planes, stats, tiles_x, width, height, cap, stop,
    FRESH: tl.constexpr, FADE: tl.constexpr, WITH_DEPTH: tl.constexpr,
):  # fmt: skip
    quarter = tl.program_id(0) % 4
    tile = tl.load(tiles + tl.program_id(0) // 4)
    first = tl.load(starts + 4 * tile + quarter)
    last = tl.load(starts + 4 * tile + quarter + 1)
    x0 = tile % tiles_x * _TILE + quarter % 2 * _QUARTER
    y0 = tile // tiles_x * _TILE + quarter // 2 * _QUARTER
    lane = tl.arange(0, _QUARTER)
    lane_x = lane[None, :].to(tl.float32)
    lane_y = lane[:, None].to(tl.float32)
    inside = (x0 + lane < width)[None, :] & (y0 + lane < height)[:, None]
    slab = width.to(tl.int64) * height
    pixels = planes + (y0 + lane)[:, None] * width.to(tl.int64) + (x0 + lane)[None, :]
    red = tl.zeros([_QUARTER, _QUARTER], tl.float32)
    green = tl.zeros([_QUARTER, _QUARTER], tl.float32)
    blue = tl.zeros([_QUARTER, _QUARTER], tl.float32)
    summed = tl.zeros([_QUARTER, _QUARTER], tl.float32)
    through = tl.where(inside, 1.0, -1.0)
    if not FRESH:
        red = tl.load(pixels, mask=inside, other=0.0)
        green = tl.load(pixels + slab, mask=inside, other=0.0)
        blue = tl.load(pixels + 2 * slab, mask=inside, other=0.0)
        through = tl.load(pixels + 3 * slab, mask=inside, other=-1.0)
        if WITH_DEPTH:
            summed = tl.load(pixels + 4 * slab, mask=inside, other=0.0)
    added = tl.zeros([_QUARTER, _QUARTER], tl.int32)
    left = x0.to(tl.float32) + 0.5
    top = y0.to(tl.float32) + 0.5
    at = first
    shining = tl.max(through) > 0.0
    while (at < last) & shining:
        for ahead in tl.static_range(_GROUP):
            listed = at + ahead < last
            cell = records + tl.load(rows + at + ahead, mask=listed, other=0).to(tl.int64) * _RECORD
            l11 = tl.load(cell + _L11) * _ROOT
            l12 = tl.load(cell + _L12) * _ROOT
            l22 = tl.load(cell + _L22) * _ROOT
            dx = left - tl.load(cell + _MEAN_X)
            dy = top - tl.load(cell + _MEAN_Y)
            floor = tl.where(listed, tl.load(cell + _FLOOR), _INFINITY)
            u = lane_y * l12 + (lane_x * l11 + (l11 * dx + l12 * dy))
            v = lane_y * l22 + l22 * dy
            power = (tl.load(cell + _OPACITY) - v * v) - u * u
            alpha = tl.exp2(power)
            if FADE:
                alpha -= tl.load(cell + _OFFSET)
            alpha = tl.minimum(alpha, cap)
            weight = alpha * through
            after = through - weight
            counts = power >= floor
            adds = counts & (after > stop)
            weight = tl.where(adds, weight, 0.0)
            red += weight * tl.load(cell + _RED)
            green += weight * tl.load(cell + _GREEN)
            blue += weight * tl.load(cell + _BLUE)
            if WITH_DEPTH:
                summed += weight * tl.load(cell + _DEPTH)
            added += adds.to(tl.int32)
            through = tl.where(adds, after, tl.where(counts, -tl.abs(through), through))
        at += _GROUP
        shining = tl.max(through) > 0.0
    tl.store(pixels, red, mask=inside)
    tl.store(pixels + slab, green, mask=inside)
    tl.store(pixels + 2 * slab, blue, mask=inside)
    tl.store(pixels + 3 * slab, through, mask=inside)
    if WITH_DEPTH:
        tl.store(pixels + 4 * slab, summed, mask=inside)
    looked = tl.minimum(at, last) - first
    tl.atomic_add(stats, looked.to(tl.int64) * (_QUARTER * _QUARTER))
    added = tl.where(inside, added, 0)
    tl.atomic_add(stats + 1, tl.sum(added).to(tl.int64))
    tl.atomic_add(stats + 2, ((looked > 0) & (not shining)).to(tl.int64))


def run(
    splats: Splats,
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
    where = splats.records.device
    if onto is None:
        shape = (5 if depth else 4, view.height, view.width)
        planes = torch.empty(shape, dtype=torch.float32, device=where)
        if len(tiles) < view.tiles_x * view.tiles_y:
            planes.zero_()
            planes[3] = 1
    else:
        planes = onto.planes
    stats = torch.zeros(3, dtype=torch.int64, device=where)
    if len(tiles):
        _blend[(4 * len(tiles),)](
            splats.records, lists.rows, lists.starts, to_device(tiles.astype(np.int32)), planes,
            stats, view.tiles_x, view.width, view.height, options.alpha_cap, options.stop,
            FRESH=onto is None, FADE=options.fade, WITH_DEPTH=depth, num_warps=1,
        )  # fmt: skip
    stats[2] //= 4
    evaluated, contributing, stopped = (cast(int, number) for number in on_its_way(stats))
    return Accumulation(planes, view.width, view.height, None, evaluated, contributing, stopped)
