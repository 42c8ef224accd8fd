"""Binning for the ``cuda`` backend: one thread per key, and a stable sort on the quarter alone.

This backend bins by quarters of tiles, 16 x 16 px: the four of tile t are 4 t to 4 t + 3, row by
row. The splats come in depth order, so a stable sort on the quarter keeps each list in it. Every
quarter of a splat's box gets a key, whose owner a thread finds by bisection, so that a splat over
the whole picture is no more work for one thread than any other; the quarters of the box that the
ellipse misses get a key behind all quarters. No number is waited for.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import triton
import triton.language as tl

from kernels.gaussians.project.cuda import QUARTER, SLACK, quarters
from kernels.gaussians.types import (
    EXTENT_X,
    EXTENT_Y,
    L11,
    L12,
    L22,
    MEAN_X,
    MEAN_Y,
    RECORD,
    Splats,
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
    listed is known to the device alone.
    """

    keys: int = 0

    @property
    def count(self) -> int:
        """Number of keys that were sorted."""
        return self.keys


@triton.jit(do_not_specialize=["count"], do_not_specialize_on_alignment=["order"])
def _size(spans, order, sizes, count, SPLATS: tl.constexpr):
    """How many quarters the box of each splat touches, in the order of depth."""
    place = tl.program_id(0) * SPLATS + tl.arange(0, SPLATS)
    used = place < count
    at = spans + 2 * tl.load(order + place, mask=used, other=0)
    columns = tl.load(at, mask=used, other=0)
    lines = tl.load(at + 1, mask=used, other=0)
    wide = quarters(columns & 0xFFFF, columns >> 16)
    tl.store(sizes + place, wide * quarters(lines & 0xFFFF, lines >> 16), mask=used)


@triton.jit(do_not_specialize=["count", "total", "steps"], do_not_specialize_on_alignment=["order"])
def _emit(
    records, spans, order, ends, keys, owners, count, total, steps, tiles_x, none,
    KEYS: tl.constexpr,
):  # fmt: skip
    """The key of each quarter of each box, and the row of the splat that owns it."""
    place = tl.program_id(0).to(tl.int64) * KEYS + tl.arange(0, KEYS)
    used = place < total
    # The first splat whose end lies beyond this key.
    low = tl.zeros([KEYS], tl.int32)
    high = tl.zeros([KEYS], tl.int32) + (count - 1)
    while steps > 0:
        middle = (low + high) >> 1
        beyond = tl.load(ends + middle, mask=used, other=0) > place
        high = tl.where(beyond, middle, high)
        low = tl.where(beyond, low, tl.minimum(middle + 1, high))
        steps -= 1
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
    tl.store(keys + place, tl.where(hit, key, none), mask=used)
    tl.store(owners + place, row, mask=used)


def _portion(ends: torch.Tensor, limit: int) -> tuple[int, int]:
    """How many splats fit in the limit, at least one, and how many keys they have; waits."""
    fitting = max(int(torch.searchsorted(ends, limit, right=True)), 1)
    return fitting, int(ends[fitting - 1])


def run(
    splats: Splats, order: torch.Tensor, view: View, workspace: Workspace, limit: int
) -> QuarterLists:
    """See :func:`kernels.gaussians.bin.bin`; waits only where not all splats fit in the limit."""
    spans, where = splats.blocks, order.device
    count, none = len(order), 4 * view.tiles_x * view.tiles_y
    # Half the passes of the sort where the quarters can be counted in 16 bits: up to 4K.
    kind = torch.int16 if none < 1 << 15 else torch.int32
    sizes = torch.empty(count, dtype=torch.int32, device=where)
    if count:
        _size[(triton.cdiv(count, BLOCK),)](spans.pixels, order, sizes, count, SPLATS=BLOCK)
    ends = torch.cumsum(sizes, 0, dtype=torch.int64)
    total = spans.keys
    if count and (total > limit or count < splats.count):
        count, total = _portion(ends, limit)
    keys = torch.empty(total, dtype=kind, device=where)
    owners = torch.empty(total, dtype=torch.int32, device=where)
    if total:
        _emit[(triton.cdiv(total, BLOCK),)](
            splats.records, spans.pixels, order, ends, keys, owners, count, total,
            count.bit_length(), view.tiles_x, none, KEYS=BLOCK,
        )  # fmt: skip
    keys, places = torch.sort(keys, stable=True)
    numbers = torch.arange(none + 1, dtype=kind, device=where)
    return QuarterLists(torch.searchsorted(keys, numbers), owners[places], None, count, total)
