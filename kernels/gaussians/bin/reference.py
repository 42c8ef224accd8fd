"""Binning in plain torch: every pixel of every tile in a splat's box is tested."""

from __future__ import annotations

import numpy as np
import torch

from kernels.gaussians.types import (
    BLOCK,
    BOX,
    EXTENT_X,
    EXTENT_Y,
    FALLOFF,
    L11,
    L12,
    L22,
    LOG2_FLOOR,
    LOG2_OPACITY,
    MEAN_X,
    MEAN_Y,
    TILE,
    Splats,
    TileLists,
    View,
)
from kernels.workspace import Workspace

_PAIRS_AT_ONCE = 4096


def _pixel_range(
    mean: torch.Tensor, extent: torch.Tensor, box: torch.Tensor, size: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """First and last pixel along one axis whose centre lies within the extent."""
    first = torch.clamp(torch.ceil(mean - extent - 0.5), min=0)
    last = torch.clamp(torch.floor(mean + extent - 0.5), max=size - 1)
    boxed = torch.isfinite(box)
    low = torch.floor((mean - 0.5 - box) / 16) * 16
    high = torch.floor((mean - 0.5 + box + 15) / 16) * 16 - 1
    first = torch.where(boxed, torch.maximum(first, low), first)
    last = torch.where(boxed, torch.minimum(last, high), last)
    return first.long(), last.long()


def _masks(
    records: torch.Tensor, left: torch.Tensor, top: torch.Tensor, ends: torch.Tensor
) -> np.ndarray:
    """(n,) uint64 masks of the blocks with a contributing pixel, for tiles at (left, top).

    ``ends`` (n, 4): first and last column, first and last row that the splat may touch. A box that
    cuts it ends at blocks (it is rounded out to 16 px), so that none is cut in two.
    """
    inside = torch.arange(TILE, dtype=records.dtype) + 0.5
    dx = left[:, None] + inside - records[:, MEAN_X, None]
    dy = top[:, None] + inside - records[:, MEAN_Y, None]
    u = records[:, L11, None, None] * dx[:, None, :] + records[:, L12, None, None] * dy[:, :, None]
    v = records[:, L22, None] * dy
    power = records[:, LOG2_OPACITY, None, None] - FALLOFF * (u * u + (v * v)[:, :, None])
    hit = power >= records[:, LOG2_FLOOR, None, None]
    columns, rows = left[:, None] + torch.arange(TILE), top[:, None] + torch.arange(TILE)
    hit &= ((columns >= ends[:, :1]) & (columns <= ends[:, 1:2]))[:, None, :]
    hit &= ((rows >= ends[:, 2:3]) & (rows <= ends[:, 3:]))[:, :, None]
    side = TILE // BLOCK
    blocks = hit.reshape(-1, side, BLOCK, side, BLOCK).any(4).any(2).reshape(-1, side * side)
    return np.packbits(blocks.numpy(), axis=1, bitorder="little").view(np.uint64)[:, 0]


@torch.no_grad()
def run(
    splats: Splats, order: torch.Tensor, view: View, workspace: Workspace, limit: int
) -> TileLists:
    """See :func:`kernels.gaussians.bin.bin`."""
    records = splats.records.detach()[order]
    box = records[:, BOX]
    left, right = _pixel_range(records[:, MEAN_X], records[:, EXTENT_X], box, view.width)
    top, bottom = _pixel_range(records[:, MEAN_Y], records[:, EXTENT_Y], box, view.height)
    seen = (left <= right) & (top <= bottom)
    columns = torch.where(seen, right // TILE - left // TILE + 1, 0)
    sizes = columns * torch.where(seen, bottom // TILE - top // TILE + 1, 0)
    fitting = max(int((torch.cumsum(sizes, 0) <= limit).sum()), min(1, len(order)))
    sizes = sizes[:fitting]
    rank = torch.repeat_interleave(torch.arange(fitting), sizes)
    number = torch.arange(len(rank)) - torch.repeat_interleave(
        torch.cumsum(sizes, 0) - sizes, sizes
    )
    tile_x = left[rank] // TILE + number % columns[rank]
    tile_y = top[rank] // TILE + number // columns[rank]
    tile = tile_y * view.tiles_x + tile_x
    by_tile = torch.argsort(tile, stable=True)
    rank, tile, tile_x, tile_y = rank[by_tile], tile[by_tile], tile_x[by_tile], tile_y[by_tile]
    masks = np.empty(len(rank), np.uint64)
    ends = torch.stack([left, right, top, bottom], 1)
    for at in range(0, len(rank), _PAIRS_AT_ONCE):
        part = slice(at, at + _PAIRS_AT_ONCE)
        of = rank[part]
        masks[part] = _masks(records[of], tile_x[part] * TILE, tile_y[part] * TILE, ends[of])
    used = masks != 0
    counts = np.bincount(tile.numpy()[used], minlength=view.tiles_x * view.tiles_y)
    starts = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    return TileLists(starts, order[rank[torch.from_numpy(used)]], masks[used], fitting)
