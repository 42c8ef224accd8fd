"""Binning for the ``cpu`` backend: two parallel passes without atomics, stable by construction.

The splats in depth order are cut into one piece per thread. In the first pass each thread finds
the tiles of its splats, writes the keys one after the other and counts them per tile. The counts
give every thread its own place in every tile's list, so in the second pass the threads move their
keys there, and the depth order is kept.
"""

from __future__ import annotations

import numpy as np
from numba import get_num_threads, njit, prange
from numpy.typing import NDArray

from kernels.gaussians.project.cpu import BOX_COLUMNS
from kernels.gaussians.types import TILE, Splats, TileLists, View
from kernels.simd import (
    floor,
    fma,
    full,
    full_int,
    lane_index,
    low_bytes,
    maximum,
    minimum,
    prefetch,
    select,
    sqrt,
    to_float,
    to_int,
)
from kernels.workspace import Workspace

_AHEAD = 12
_GAP = 8
"""Keys left free between the pieces of two threads, as an empty key is written before it is not
counted."""


@njit(inline="always")
def _span(bits):
    """First and last pixel of a packed range; the last is below the first where it is empty."""
    return np.int64(bits & np.int32(0xFFFF)), np.int64(bits >> np.int32(16))


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _gather(tiles_of_row, order, sizes, threads):
    """Tiles in the bounding box of each splat in depth order: an upper bound of its keys."""
    count = len(order)
    for t in prange(threads):
        for i in range(count * t // threads, count * (t + 1) // threads):
            sizes[i] = tiles_of_row[order[i]]


@njit(inline="always")
def _bin_splat(boxes, ranges, row, tiles_x, at, tiles, rows, masks, histogram):
    """Write the keys of one splat from position ``at``; returns the position after them.

    Lanes are bands of four pixel rows: sixteen bands are two rows of tiles.
    """
    base = np.uint64(row) * np.uint64(BOX_COLUMNS)
    left, right = _span(ranges[base])
    top, bottom = _span(ranges[base + np.uint64(1)])
    if left > right or top > bottom:
        return at
    mean_x, mean_y = boxes[base + np.uint64(2)], boxes[base + np.uint64(3)]
    ey, slope = boxes[base + np.uint64(4)], boxes[base + np.uint64(5)]
    squeeze, tilt = boxes[base + np.uint64(6)], boxes[base + np.uint64(7)]
    # Widest to the right at dy = tilt, to the left at dy = -tilt.
    margin = np.float32(2e-3) + np.float32(2e-4) * ey * (abs(slope) + squeeze)
    half = np.float32(0.5)
    squared = full(ey * ey)
    tile_row = top >> 5
    last_tile_row, first_column, last_column = bottom >> 5, left >> 5, right >> 5
    while tile_row <= last_tile_row:
        first = to_float(lane_index() * np.int32(4)) + np.float32(tile_row * TILE)
        first_row = maximum(first, np.float32(top))
        last_row = minimum(first + np.float32(3.0), np.float32(bottom))
        upper = first_row + (half - mean_y)
        lower = last_row + (half - mean_y)
        in_rows = first_row <= last_row
        dy = maximum(minimum(full(tilt), lower), upper)
        reach = sqrt(maximum(fma(-dy, dy, squared), np.float32(0.0)))
        high_x = fma(dy, slope, reach * squeeze)
        dy = maximum(minimum(full(-tilt), lower), upper)
        reach = sqrt(maximum(fma(-dy, dy, squared), np.float32(0.0)))
        low_x = fma(dy, slope, reach * (-squeeze))
        first_x = maximum(low_x + (mean_x - half - margin), np.float32(left))
        last_x = minimum(high_x + (mean_x - half + margin), np.float32(right))
        first_x = full(0.0) - floor(full(0.0) - first_x)
        last_x = floor(last_x)
        filled = in_rows & (first_x <= last_x)
        first_block = to_int(select(filled, first_x, 0.0)) >> np.int32(2)
        last_block = (to_int(select(filled, last_x, 0.0)) >> np.int32(2)) + np.int32(1)
        last_block = select(filled, last_block, first_block)
        column = first_column
        while column <= last_column:
            # Two by two tiles without a branch: whether one is empty is known late and hard to
            # predict, and most splats touch no more.
            for _ in range(2):
                start = first_block - np.int32(column * 8)
                stop = last_block - np.int32(column * 8)
                start = minimum(maximum(start, np.int32(0)), np.int32(8))
                stop = minimum(maximum(stop, np.int32(0)), np.int32(8))
                bits = (full_int(1) << stop) - (full_int(1) << start)
                for part in range(2):
                    mask = low_bytes(bits, part)
                    tile = (tile_row + part) * tiles_x + column
                    tiles[at] = tile
                    rows[at] = row
                    masks[at] = mask
                    used = np.int64(mask != np.uint64(0))
                    histogram[tile] += used
                    at += used
                column += 1
        tile_row += 2
    return at


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _find(boxes, ranges, order, cuts, offsets, tiles_x, tiles, rows, masks, counts, ends):
    for t in prange(len(ends)):
        histogram = counts[t]
        histogram[:] = 0
        at = offsets[t]
        for i in range(cuts[t], cuts[t + 1]):
            if i + _AHEAD < len(order):
                prefetch(boxes, np.int64(order[i + _AHEAD]) * BOX_COLUMNS)
            at = _bin_splat(boxes, ranges, order[i], tiles_x, at, tiles, rows, masks, histogram)
        ends[t] = at


@njit(nogil=True, cache=True, error_model="numpy")
def _place(counts, starts):
    """Turn counts per (thread, tile) into positions; ``starts`` gets the tiles' beginnings."""
    total = 0
    for tile in range(len(starts) - 1):
        starts[tile] = total
        for t in range(counts.shape[0]):
            here = counts[t, tile]
            counts[t, tile] = total
            total += here
    starts[len(starts) - 1] = total


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _move(offsets, ends, tiles, rows, masks, counts, tile_rows, tile_masks):
    for t in prange(len(ends)):
        position = counts[t]
        for i in range(offsets[t], ends[t]):
            tile = tiles[i]
            target = position[tile]
            position[tile] = target + 1
            tile_rows[target] = rows[i]
            tile_masks[target] = masks[i]


@njit(nogil=True, cache=True, error_model="numpy")
def _split(sizes, limit, threads, cuts, offsets):
    """Cut what fits in the limit into pieces of equal work.

    Returns how many splats fit and the sum of their upper bounds.
    """
    total = np.int64(0)
    fitting = 0
    while fitting < len(sizes) and (fitting == 0 or total + sizes[fitting] <= limit + fitting):
        total += sizes[fitting] + 1
        fitting += 1
    piece = 1
    cuts[0] = 0
    offsets[0] = 0
    passed = np.int64(0)
    bound = np.int64(0)
    for i in range(fitting):
        while piece < threads and passed * threads >= total * piece:
            cuts[piece] = i
            offsets[piece] = bound + piece * _GAP
            piece += 1
        passed += sizes[i] + 1
        bound += sizes[i]
    while piece <= threads:
        cuts[piece] = fitting
        offsets[piece] = bound + piece * _GAP
        piece += 1
    return fitting, bound + (threads + 1) * _GAP


def run(
    splats: Splats, order: NDArray[np.int32], view: View, workspace: Workspace, limit: int
) -> TileLists:
    """See :func:`kernels.gaussians.bin.bin`."""
    threads = get_num_threads()
    _, _, boxes, tiles_of_row = splats.blocks
    boxes = boxes.reshape(-1)
    ranges = boxes.view(np.int32)
    tile_count = view.tiles_x * view.tiles_y
    sizes = workspace.take("box sizes", len(order), np.int32)
    _gather(tiles_of_row, order, sizes, threads)
    cuts, offsets = np.empty(threads + 1, np.int64), np.empty(threads + 1, np.int64)
    fitting, bound = _split(sizes, limit, threads, cuts, offsets)
    tiles = workspace.take("key tiles", bound, np.int32)
    rows = workspace.take("key rows", bound, np.int32)
    masks = workspace.take("key masks", bound, np.uint64)
    # A row and a tile more than there are, for the empty keys of the last pairs.
    counts = workspace.take("tile counts", (threads, tile_count + view.tiles_x + 1), np.int64)
    ends = np.empty(threads, np.int64)
    _find(boxes, ranges, order, cuts, offsets, view.tiles_x, tiles, rows, masks, counts, ends)
    starts = workspace.take("tile starts", tile_count + 1, np.int64)
    _place(counts, starts)
    keys = int(starts[-1])
    tile_rows = workspace.take("tile rows", keys, np.int32)
    tile_masks = workspace.take("tile masks", keys, np.uint64)
    _move(offsets, ends, tiles, rows, masks, counts, tile_rows, tile_masks)
    return TileLists(starts, tile_rows, tile_masks, int(fitting))
