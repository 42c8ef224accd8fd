"""Binning for the ``cuda`` backend: one thread per key, and a stable sort on the quarter alone.

This backend bins by quarters of tiles, 16 x 16 px: the four of tile t are 4 t to 4 t + 3, row by
row. The splats come in depth order, so a stable sort on the quarter keeps each list in it. Every
quarter of a splat's box gets a key, whose owner a thread finds by bisection, so that a splat over
the whole picture is no more work for one thread than any other; the quarters of the box that the
ellipse misses get a key behind all quarters, and so does the tail of a table that has room for
about as many keys as the frame before had. No number is waited for, unless there is not room for
all in the limit: then the splats are listed in portions, which the host has to count.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import triton
import triton.language as tl

from kernels.gaussians.project.cuda import KEYS, QUARTER, SLACK, DeviceSplats, quarters
from kernels.gaussians.types import (
    EXTENT_X,
    EXTENT_Y,
    L11,
    L12,
    L22,
    MEAN_X,
    MEAN_Y,
    RECORD,
    TileLists,
    View,
)
from kernels.workspace import Workspace

BLOCK = 256
"""Keys, or splats, of a program."""

_QUARTER, _RECORD = tl.constexpr(QUARTER), tl.constexpr(RECORD)
_MEAN_X, _MEAN_Y = tl.constexpr(MEAN_X), tl.constexpr(MEAN_Y)
_L11, _L12, _L22 = tl.constexpr(L11), tl.constexpr(L12), tl.constexpr(L22)
_EXTENT_X, _EXTENT_Y = tl.constexpr(EXTENT_X), tl.constexpr(EXTENT_Y)


@dataclass(frozen=True, eq=False)
class QuarterLists(TileLists):
    """Lists of the quarters of tiles: ``starts`` (4 tiles + 1,); ``masks`` is None.

    ``keys`` is how many were sorted, those of quarters that the ellipse misses included: what is
    listed is known to the device alone. It may be a tensor that is known once the frame is over.
    """

    keys: Any = 0

    @property
    def count(self) -> int:
        """Number of keys that were sorted."""
        return int(self.keys)


@triton.jit(do_not_specialize=["count"], do_not_specialize_on_alignment=["order"])
def _size(spans, order, sizes, count, SPLATS: tl.constexpr):
    """How many quarters the box of each splat touches, in the order of depth; none of a tail."""
    place = tl.program_id(0) * SPLATS + tl.arange(0, SPLATS)
    inside = place < count
    row = tl.load(order + place, mask=inside, other=-1)
    used = row >= 0
    at = spans + 2 * tl.maximum(row, 0)
    columns = tl.load(at, mask=used, other=0)
    lines = tl.load(at + 1, mask=used, other=0)
    wide = quarters(columns & 0xFFFF, columns >> 16)
    size = wide * quarters(lines & 0xFFFF, lines >> 16)
    tl.store(sizes + place, tl.where(used, size, 0), mask=inside)


@triton.jit
def _owner(ends, key, low, high):
    """The first of ``low`` to ``high`` whose end lies beyond a key."""
    while low < high:
        middle = (low + high) >> 1
        beyond = tl.load(ends + middle) > key
        high = tl.where(beyond, middle, high)
        low = tl.where(beyond, low, middle + 1)
    return low


@triton.jit(do_not_specialize=["count", "room"], do_not_specialize_on_alignment=["order"])
def _emit(
    records, spans, order, ends, keys, owners, count, room, tiles_x, none,
    KEYS: tl.constexpr,
):  # fmt: skip
    """The key of each quarter of each box, and the row of the splat that owns it."""
    first_key = tl.program_id(0).to(tl.int64) * KEYS
    place = first_key + tl.arange(0, KEYS)
    total = tl.load(ends + count - 1)
    used = place < tl.minimum(total, room)
    # The owners of the first and the last key of the program; those of all others lie between, a
    # few steps of bisection apart.
    foremost = tl.zeros([], tl.int32)
    backmost = foremost + (count - 1)
    foremost = _owner(ends, first_key, foremost, backmost)
    backmost = _owner(ends, first_key + (KEYS - 1), foremost, backmost)
    low = tl.zeros([KEYS], tl.int32) + foremost
    high = tl.zeros([KEYS], tl.int32) + backmost
    width = backmost - foremost
    while width > 0:
        middle = (low + high) >> 1
        beyond = tl.load(ends + middle, mask=used, other=0) > place
        high = tl.where(beyond, middle, high)
        low = tl.where(beyond, low, tl.minimum(middle + 1, high))
        width = width >> 1
    row = tl.load(order + low, mask=used, other=0)
    start = tl.load(ends + low - 1, mask=used & (low > 0), other=0)
    number = (place - start).to(tl.int32)
    columns = tl.load(spans + 2 * row, mask=used, other=0)
    lines = tl.load(spans + 2 * row + 1, mask=used, other=0)
    left = columns & 0xFFFF
    right = columns >> 16
    top = lines & 0xFFFF
    bottom = lines >> 16
    wide = tl.maximum(quarters(left, right), 1)
    tile_x = (left >> 4) + number % wide
    tile_y = (top >> 4) + number // wide

    cell = records + row.to(tl.int64) * _RECORD
    mean_x = tl.load(cell + _MEAN_X, mask=used, other=0.0)
    mean_y = tl.load(cell + _MEAN_Y, mask=used, other=0.0)
    l11 = tl.load(cell + _L11, mask=used, other=1.0)
    slope = -tl.load(cell + _L12, mask=used, other=0.0) / l11
    squeeze = tl.load(cell + _L22, mask=used, other=1.0) / l11
    wide = tl.load(cell + _EXTENT_X, mask=used, other=1.0) * SLACK + 1e-3
    tall = tl.load(cell + _EXTENT_Y, mask=used, other=1.0) * SLACK + 1e-3
    # Widest to the right at dy = tilt, to the left at dy = -tilt.
    tilt = slope * tall / wide * tall
    first_line = tl.maximum(tile_y * _QUARTER, top)
    last_line = tl.minimum(tile_y * _QUARTER + (_QUARTER - 1), bottom)
    upper = first_line.to(tl.float32) + (0.5 - mean_y)
    lower = last_line.to(tl.float32) + (0.5 - mean_y)
    margin = 2e-3 + 2e-4 * tall * (tl.abs(slope) + squeeze)
    dy = tl.maximum(tl.minimum(tilt, lower), upper)
    reach = tl.sqrt(tl.maximum(tall * tall - dy * dy, 0.0))
    high_x = mean_x - 0.5 + (dy * slope + reach * squeeze) + margin
    dy = tl.maximum(tl.minimum(-tilt, lower), upper)
    reach = tl.sqrt(tl.maximum(tall * tall - dy * dy, 0.0))
    low_x = mean_x - 0.5 + (dy * slope - reach * squeeze) - margin
    first = tl.maximum(tile_x * _QUARTER, left).to(tl.float32)
    last = tl.minimum(tile_x * _QUARTER + (_QUARTER - 1), right).to(tl.float32)
    hit = tl.maximum(tl.ceil(low_x), first) <= tl.minimum(tl.floor(high_x), last)
    tile = (tile_y >> 1) * tiles_x + (tile_x >> 1)
    key = 4 * tile + 2 * (tile_y & 1) + (tile_x & 1)
    tl.store(keys + place, tl.where(hit & used, key, none), mask=place < room)
    tl.store(owners + place, row, mask=place < room)


def _portion(ends: torch.Tensor, limit: int) -> tuple[int, int]:
    """How many splats fit in the limit, at least one, and how many keys they have; waits."""
    if int(ends[-1]) <= limit:
        return len(ends), int(ends[-1])
    fitting = max(int(torch.searchsorted(ends, limit, right=True)), 1)
    return fitting, int(ends[fitting - 1])


def run(
    splats: DeviceSplats, order: torch.Tensor, view: View, workspace: Workspace, limit: int
) -> QuarterLists:
    """See :func:`kernels.gaussians.bin.bin`; waits only where not all splats fit in the limit."""
    where = order.device
    count, none = len(order), 4 * view.tiles_x * view.tiles_y
    # Half the passes of the sort where the quarters can be counted in 16 bits: up to 4K.
    kind = torch.int16 if none < 1 << 15 else torch.int32
    sizes = torch.empty(count, dtype=torch.int32, device=where)
    if count:
        _size[(triton.cdiv(count, BLOCK),)](splats.spans, order, sizes, count, SPLATS=BLOCK)
    ends = torch.cumsum(sizes, 0, dtype=torch.int64)
    room = splats.scene.keys.rows if count else 0
    listed: Any = splats.tables.told[KEYS]
    if room > limit:
        count, room = _portion(ends, limit)
        listed = room
    keys = torch.empty(room, dtype=kind, device=where)
    owners = torch.empty(room, dtype=torch.int32, device=where)
    if room:
        _emit[(triton.cdiv(room, BLOCK),)](
            splats.records, splats.spans, order, ends, keys, owners, count, room,
            view.tiles_x, none, KEYS=BLOCK,
        )  # fmt: skip
    keys, places = torch.sort(keys, stable=True)
    count_up = partial(torch.arange, none + 1, dtype=kind, device=where)
    numbers = workspace.keep(f"quarters {none}", count_up)
    return QuarterLists(torch.searchsorted(keys, numbers), owners[places], None, count, listed)
