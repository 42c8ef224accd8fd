"""Blending for the ``cpu`` backend: one 4 x 4 block of pixels is one vector.

A tile's accumulators (64 blocks x R, G, B, T x 16 pixels) fill a third of the first-level cache.
For each splat of the tile only the blocks that its mask names and that still let light through
are visited. A finished pixel carries a negative transmittance: it can never contribute again, and
a block whose sixteen signs are all set leaves the tile's set of live blocks.
"""

from __future__ import annotations

import numpy as np
from numba import get_num_threads, njit, prange
from numpy.typing import NDArray

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
from kernels.simd import (
    absolute,
    count_ones,
    count_trailing_zeros,
    fetch_add,
    fma,
    full,
    lane_index,
    load,
    minimum,
    prefetch,
    select,
    store,
    to_bits,
    to_float,
)
from kernels.simd_math import exp2_short
from kernels.workspace import Workspace

BLOCKS = 64
_ROOT = np.float32(np.sqrt(FALLOFF))
_AHEAD = 4
_ORIGINS = np.concatenate((np.arange(64) % 8 * 4, np.arange(64) // 8 * 4)).astype(np.float32)
"""x, then y of the first pixel of each block of a tile."""
_EVALUATED, _CONTRIBUTING, _STOPPED = 0, 1, 2
_STATS = 16
"""Counters of a thread lie 128 bytes apart, so that threads do not share a cache line."""


@njit(nogil=True, cache=True, error_model="numpy")
def _live_blocks(tile_x, tile_y, width, height):
    """The blocks of a tile that lie in the picture, as a bit mask."""
    columns = min((width - tile_x * TILE + 3) // 4, 8)
    rows = min((height - tile_y * TILE + 3) // 4, 8)
    row = np.uint64((1 << columns) - 1)
    mask = np.uint64(0)
    for y in range(rows):
        mask |= row << np.uint64(8 * y)
    return mask


@njit(nogil=True, cache=True, error_model="numpy")
def _blend_tile(
    records,
    rows,
    masks,
    first,
    last,
    planes,
    base,
    channels,
    x0,
    y0,
    live,
    cap,
    stop,
    fading,
    stats,
    at,
):
    """Blend keys ``first`` to ``last`` into the tile at ``planes[base:]``; returns live blocks."""
    lane = lane_index()
    lane_x = to_float(lane & np.int32(3))
    lane_y = to_float(lane >> np.int32(2))
    stride = np.uint64(channels * 16)
    evaluated = np.uint64(0)
    contributing = np.uint64(0)
    oldest, older, old = live, live, live
    for key in range(first, last):
        if key + _AHEAD < last:
            prefetch(records, np.int64(rows[key + _AHEAD]) * RECORD)
        # What went dark is used three splats late: waiting for the blend of the last one to know
        # where to go would serialise them, and a dark block only costs time.
        todo = masks[key] & oldest
        oldest, older, old = older, old, live
        if todo == np.uint64(0):
            continue
        evaluated += count_ones(todo)
        splat = np.uint64(rows[key]) * np.uint64(RECORD)
        l11 = records[splat + np.uint64(L11)] * _ROOT
        l12 = records[splat + np.uint64(L12)] * _ROOT
        l22 = records[splat + np.uint64(L22)] * _ROOT
        offset_x = x0 - records[splat + np.uint64(MEAN_X)]
        offset_y = y0 - records[splat + np.uint64(MEAN_Y)]
        u_lane = fma(lane_x, l11, fma(lane_y, l12, full(l11 * offset_x + l12 * offset_y)))
        v_lane = fma(lane_y, l22, full(l22 * offset_y))
        top = full(records[splat + np.uint64(LOG2_OPACITY)])
        lowest = full(records[splat + np.uint64(LOG2_FLOOR)])
        red = full(records[splat + np.uint64(RED)])
        green = full(records[splat + np.uint64(GREEN)])
        blue = full(records[splat + np.uint64(BLUE)])
        while todo != np.uint64(0):
            block = count_trailing_zeros(todo)
            todo &= todo - np.uint64(1)
            block_y = full(_ORIGINS[block + np.uint64(BLOCKS)])
            u = fma(block_y, l12, fma(full(_ORIGINS[block]), l11, u_lane))
            v = fma(block_y, l22, v_lane)
            power = fma(-u, u, fma(-v, v, top))
            alpha = exp2_short(power)
            if fading:
                alpha = alpha - records[splat + np.uint64(OFFSET)]
            alpha = minimum(alpha, cap)
            slab = base + block * stride
            through = load(planes, slab + np.uint64(48))
            weight = alpha * through
            after = through - weight
            inside = power >= lowest
            adds = inside & (after > stop)
            # Selecting after the multiply-add makes it one masked instruction.
            before = load(planes, slab)
            store(planes, slab, select(adds, fma(weight, red, before), before))
            before = load(planes, slab + np.uint64(16))
            store(planes, slab + np.uint64(16), select(adds, fma(weight, green, before), before))
            before = load(planes, slab + np.uint64(32))
            store(planes, slab + np.uint64(32), select(adds, fma(weight, blue, before), before))
            if channels == 5:
                before = load(planes, slab + np.uint64(64))
                summed = fma(weight, records[splat + np.uint64(DEPTH)], before)
                store(planes, slab + np.uint64(64), select(adds, summed, before))
            through = select(adds, after, select(inside, -absolute(through), through))
            contributing += count_ones(to_bits(adds))
            # Without a branch: whether a block has just gone dark cannot be predicted.
            shining = to_bits(through > np.float32(0.0)) != np.uint64(0)
            live &= ~(np.uint64(not shining) << block)
            store(planes, slab + np.uint64(48), through)
        if live == np.uint64(0):
            break
    stats[at + _EVALUATED] += np.int64(evaluated) * 16
    stats[at + _CONTRIBUTING] += np.int64(contributing)
    return live


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _blend(
    records, rows, masks, starts, tiles, width, height, tiles_x, planes, channels, live, touched,
    cap, stop, fading, stats, ticket, threads,
):  # fmt: skip
    slab = np.uint64(BLOCKS * channels * 16)
    for t in prange(threads):
        number = fetch_add(ticket, 0, 1)
        while number < len(tiles):
            tile = tiles[number]
            tile_x, tile_y = tile % tiles_x, tile // tiles_x
            base = np.uint64(tile) * slab
            if touched[tile] == 0:
                touched[tile] = 1
                live[tile] = _live_blocks(tile_x, tile_y, width, height)
                for block in range(BLOCKS):
                    at = base + np.uint64(block * channels * 16)
                    for channel in range(channels):
                        value = np.float32(1.0) if channel == 3 else np.float32(0.0)
                        store(planes, at + np.uint64(16 * channel), full(value))
            if live[tile] != np.uint64(0):
                live[tile] = _blend_tile(
                    records, rows, masks, starts[tile], starts[tile + 1], planes, base, channels,
                    np.float32(tile_x * TILE) + np.float32(0.5),
                    np.float32(tile_y * TILE) + np.float32(0.5),
                    live[tile], cap, stop, fading, stats, t * _STATS,
                )  # fmt: skip
                if live[tile] == np.uint64(0):
                    stats[t * _STATS + _STOPPED] += 1
            number = fetch_add(ticket, 0, 1)


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
    """See :func:`kernels.gaussians.blend.blend`."""
    threads = get_num_threads()
    channels = 5 if depth else 4
    count = view.tiles_x * view.tiles_y
    planes = workspace.take("planes", (count, BLOCKS, channels, 16), np.float32)
    live = workspace.take("live blocks", count, np.uint64)
    touched = workspace.take("touched tiles", count, np.uint8)
    if onto is None:
        touched[:] = 0
    stats = np.zeros(threads * _STATS, np.int64)
    _blend(
        splats.records.reshape(-1), lists.rows, lists.masks, lists.starts, tiles, view.width,
        view.height, view.tiles_x, planes.reshape(-1), channels, live, touched,
        np.float32(options.alpha_cap), np.float32(options.stop), options.fade, stats,
        np.zeros(1, np.int64), threads,
    )  # fmt: skip
    totals = stats.reshape(threads, _STATS).sum(axis=0)
    return Accumulation(
        planes,
        view.width,
        view.height,
        touched,
        int(totals[_EVALUATED]),
        int(totals[_CONTRIBUTING]),
        int(totals[_STOPPED]),
    )
