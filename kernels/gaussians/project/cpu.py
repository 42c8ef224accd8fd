"""Projection for the ``cpu`` backend: sixteen splats at a time, unseen blocks skipped whole."""

from __future__ import annotations

import numpy as np
from numba import get_num_threads, njit, prange

from kernels.gaussians.pack.cpu import GEOMETRY, PackedGaussians
from kernels.gaussians.types import FALLOFF, RECORD, TILE, Options, Splats, View
from kernels.simd import (
    LANES,
    bits_float,
    fetch_add,
    floor,
    fma,
    full,
    load,
    maximum,
    minimum,
    select,
    sqrt,
    store,
    to_bits,
    to_int,
)
from kernels.simd_math import log2
from kernels.workspace import Workspace

SLACK = np.float32(1.0002)
"""Ellipses are widened by this much for binning, so that rounding never loses a rim pixel."""
BOX_COLUMNS = 8
"""What binning reads of a splat, half a cache line: first and last pixel column and row (two
halves of an int32 each), mean x and y, half height, slope of the centre line dx/dy, half width
over half height of the chords, and the height at which the ellipse is widest."""
CHUNK = 64
"""Blocks that a thread takes at once; its splats stay together in the record table."""

_FADE = np.exp(-4.0)
# Positions in the parameter vector of a view.
(
    _R, _HI, _LO, _FX, _FY, _CX, _CY, _W, _H, _NEAR, _FAR, _LEFT, _RIGHT, _TOP, _BOTTOM, _BLUR,
    _SCALE, _ALPHA_MIN, _CUT, _FADING, _BOX, _MAX_AXIS, _MIN_AXIS, _COMPENSATE, _RADIAL, _ORTHO,
    _REACH,
) = (0, 9, 12, *range(15, 39))  # fmt: skip


def _parameters(view: View, options: Options, splat_scale: float) -> np.ndarray:
    """Everything a launch needs, in one float32 vector."""
    high = view.position.astype(np.float32)
    low = (view.position - high).astype(np.float32)
    half_x, half_y = 0.5 * view.width / view.fx, 0.5 * view.height / view.fy
    max_axis = options.max_axis
    if options.max_axis_in_view:
        max_axis = min(max_axis, view.width, view.height)
    floor_alpha = max(options.alpha_min, 1e-30)
    reach = np.sqrt(min(options.cut, 8.0 if options.fade else np.inf, -2 * np.log(floor_alpha)))
    return np.array(
        [
            *view.rotation.ravel(), *high, *low, view.fx, view.fy, view.cx, view.cy,
            view.width, view.height, options.near, options.far,
            view.cx / view.fx + options.clamp * half_x,
            (view.width - view.cx) / view.fx + options.clamp * half_x,
            view.cy / view.fy + options.clamp * half_y,
            (view.height - view.cy) / view.fy + options.clamp * half_y,
            options.blur, splat_scale, options.alpha_min, min(options.cut, 1e30),
            options.fade, options.box_sigma, min(max_axis, 1e18), options.min_axis,
            options.compensate, options.radial, view.orthographic, reach,
        ],
        np.float32,
    )  # fmt: skip


@njit(nogil=True, cache=True, error_model="numpy")
def _outside(bounds, block, p):
    """True where no splat of the block can reach the picture; never wrong, often cautious."""
    x = (bounds[block, 0] - p[_HI]) - p[_LO]
    y = (bounds[block, 1] - p[_HI + 1]) - p[_LO + 1]
    z = (bounds[block, 2] - p[_HI + 2]) - p[_LO + 2]
    radius = bounds[block, 3] * np.float32(1.0001) + np.float32(1e-6)
    depth = p[_R + 6] * x + p[_R + 7] * y + p[_R + 8] * z
    if depth + radius < p[_NEAR] or depth - radius > p[_FAR]:
        return True
    if p[_ORTHO] != 0.0:
        return False
    right = p[_R] * x + p[_R + 1] * y + p[_R + 2] * z
    down = p[_R + 3] * x + p[_R + 4] * y + p[_R + 5] * z
    sigma = p[_REACH] * bounds[block, 4] * p[_SCALE]
    # The row of the Jacobian is at most f/z sqrt(1 + limit^2) long, so a splat reaches at most
    # that many standard deviations, plus what the blur adds (sqrt(a + b) <= sqrt(a) + sqrt(b)).
    blur = p[_REACH] * np.sqrt(p[_BLUR]) + np.float32(1.0)
    wide = max(p[_LEFT], p[_RIGHT])
    tall = max(p[_TOP], p[_BOTTOM])
    reach_x = p[_FX] * sigma * np.sqrt(1 + wide * wide)
    reach_y = p[_FY] * sigma * np.sqrt(1 + tall * tall)
    edge = p[_W] - p[_CX] + blur
    if p[_FX] * right - edge * depth - radius * np.sqrt(p[_FX] ** 2 + edge * edge) > reach_x:
        return True
    edge = p[_CX] + blur
    if -p[_FX] * right - edge * depth - radius * np.sqrt(p[_FX] ** 2 + edge * edge) > reach_x:
        return True
    edge = p[_H] - p[_CY] + blur
    if p[_FY] * down - edge * depth - radius * np.sqrt(p[_FY] ** 2 + edge * edge) > reach_y:
        return True
    edge = p[_CY] + blur
    return -p[_FY] * down - edge * depth - radius * np.sqrt(p[_FY] ** 2 + edge * edge) > reach_y


@njit(nogil=True, cache=True, error_model="numpy")
def _store_boxes(lanes, p, mean_x, mean_y, extent_x, extent_y, slope, l11, c, box):
    """Write the columns of the box table (see :data:`BOX_COLUMNS`) behind those of the records."""
    half, one = np.float32(0.5), np.float32(1.0)
    wide = extent_x * SLACK + np.float32(1e-3)
    tall = extent_y * SLACK + np.float32(1e-3)
    left = maximum(-floor(-(mean_x - wide - half)), np.float32(0.0))
    right = minimum(floor(mean_x + wide - half), p[_W] - one)
    top = maximum(-floor(-(mean_y - tall - half)), np.float32(0.0))
    bottom = minimum(floor(mean_y + tall - half), p[_H] - one)
    if p[_BOX] > 0.0:
        # Inria's rectangle of 16-pixel tiles around the square box, pixel centres at integers.
        tile, part = np.float32(16.0), np.float32(1.0 / 16.0)
        left = maximum(left, floor((mean_x - half - box) * part) * tile)
        right = minimum(right, floor((mean_x + box + np.float32(14.5)) * part) * tile - one)
        top = maximum(top, floor((mean_y - half - box) * part) * tile)
        bottom = minimum(bottom, floor((mean_y + box + np.float32(14.5)) * part) * tile - one)
    none, most = np.float32(-1.0), np.float32(32767.0)
    columns = to_int(minimum(left, most)) | (to_int(maximum(right, none)) << np.int32(16))
    rows = to_int(minimum(top, most)) | (to_int(maximum(bottom, none)) << np.int32(16))
    thirty_second = np.float32(1.0 / TILE)
    across = floor(right * thirty_second) - floor(left * thirty_second) + one
    down = floor(bottom * thirty_second) - floor(top * thirty_second) + one
    seen = (left <= right) & (top <= bottom)
    store(lanes, 384, select(seen, across * down, np.float32(0.0)))
    store(lanes, 256, bits_float(columns))
    store(lanes, 272, bits_float(rows))
    store(lanes, 288, mean_x)
    store(lanes, 304, mean_y)
    store(lanes, 320, tall)
    store(lanes, 336, slope)
    # The half width of the row dy is sqrt(ey^2 - dy^2) L22 / L11, with L22 = 1 / sqrt(c).
    store(lanes, 352, one / (sqrt(c) * l11))
    store(lanes, 368, slope * tall / wide * tall)


@njit(nogil=True, cache=True, error_model="numpy")
def _project_block(geometry, base, p, lanes):
    """Project sixteen splats; fills the columns of ``lanes`` (25, 16) and returns who is visible.

    Column-wise as in the record table, except that column 15 holds the sort key's bits; then the
    columns of the box table, and how many tiles the box touches.
    """
    x = (load(geometry, base) - p[_HI]) - p[_LO]
    y = (load(geometry, base + 16) - p[_HI + 1]) - p[_LO + 1]
    z = (load(geometry, base + 32) - p[_HI + 2]) - p[_LO + 2]
    depth = fma(x, p[_R + 6], fma(y, p[_R + 7], z * p[_R + 8]))
    kept = (depth >= p[_NEAR]) & (depth <= p[_FAR])
    if to_bits(kept) == 0:
        return np.uint64(0)
    right = fma(x, p[_R], fma(y, p[_R + 1], z * p[_R + 2]))
    down = fma(x, p[_R + 3], fma(y, p[_R + 4], z * p[_R + 5]))
    if p[_ORTHO] != 0.0:
        mean_x = fma(right, p[_FX], full(p[_CX]))
        mean_y = fma(down, p[_FY], full(p[_CY]))
        j00, j02 = full(p[_FX]), full(0.0)
        j11, j12 = full(p[_FY]), full(0.0)
    else:
        inverse = np.float32(1.0) / depth
        tan_x = right * inverse
        tan_y = down * inverse
        mean_x = fma(tan_x, p[_FX], full(p[_CX]))
        mean_y = fma(tan_y, p[_FY], full(p[_CY]))
        j00 = inverse * p[_FX]
        j11 = inverse * p[_FY]
        j02 = np.float32(0.0) - j00 * minimum(maximum(tan_x, -p[_LEFT]), p[_RIGHT])
        j12 = np.float32(0.0) - j11 * minimum(maximum(tan_y, -p[_TOP]), p[_BOTTOM])

    # T = J W (2 x 3) and N = T R S (2 x 3), the square root of the screen covariance.
    t00 = fma(j02, p[_R + 6], j00 * p[_R])
    t01 = fma(j02, p[_R + 7], j00 * p[_R + 1])
    t02 = fma(j02, p[_R + 8], j00 * p[_R + 2])
    t10 = fma(j12, p[_R + 6], j11 * p[_R + 3])
    t11 = fma(j12, p[_R + 7], j11 * p[_R + 4])
    t12 = fma(j12, p[_R + 8], j11 * p[_R + 5])
    m0 = load(geometry, base + 48)
    m1 = load(geometry, base + 96)
    m2 = load(geometry, base + 144)
    n00 = fma(t00, m0, fma(t01, m1, t02 * m2)) * p[_SCALE]
    n10 = fma(t10, m0, fma(t11, m1, t12 * m2)) * p[_SCALE]
    m0 = load(geometry, base + 64)
    m1 = load(geometry, base + 112)
    m2 = load(geometry, base + 160)
    n01 = fma(t00, m0, fma(t01, m1, t02 * m2)) * p[_SCALE]
    n11 = fma(t10, m0, fma(t11, m1, t12 * m2)) * p[_SCALE]
    m0 = load(geometry, base + 80)
    m1 = load(geometry, base + 128)
    m2 = load(geometry, base + 176)
    n02 = fma(t00, m0, fma(t01, m1, t02 * m2)) * p[_SCALE]
    n12 = fma(t10, m0, fma(t11, m1, t12 * m2)) * p[_SCALE]
    a = fma(n00, n00, fma(n01, n01, n02 * n02))
    b = fma(n00, n10, fma(n01, n11, n02 * n12))
    c = fma(n10, n10, fma(n11, n11, n12 * n12))
    minor0 = n01 * n12 - n02 * n11
    minor1 = n02 * n10 - n00 * n12
    minor2 = n00 * n11 - n01 * n10
    sharp = fma(minor0, minor0, fma(minor1, minor1, minor2 * minor2))
    blur = p[_BLUR]
    det = fma(a + c, blur, sharp + blur * blur)
    a = a + blur
    c = c + blur

    opacity = load(geometry, base + 192)
    if p[_COMPENSATE] != 0.0:
        opacity = opacity * sqrt(maximum(sharp / det, np.float32(0.005 * 0.005)))

    middle = (a + c) * np.float32(0.5)
    spread = (a - c) * np.float32(0.5)
    if p[_MAX_AXIS] < np.float32(1e18) or p[_MIN_AXIS] > 0.0:
        radius = sqrt(fma(spread, spread, b * b))
        long = middle + radius
        kept = kept & (long * np.float32(2.0) >= p[_MIN_AXIS] * p[_MIN_AXIS])
        limit = np.float32(0.5) * p[_MAX_AXIS] * p[_MAX_AXIS]
        short = minimum(det / long, limit)
        long = minimum(long, limit)
        shrunk = (long - short) * np.float32(0.5) / maximum(radius, np.float32(1e-20))
        middle = (long + short) * np.float32(0.5)
        spread = spread * shrunk
        b = b * shrunk
        a = middle + spread
        c = middle - spread
        det = long * short

    log_opacity = log2(maximum(opacity, np.float32(1e-30)))
    offset = full(0.0)
    if p[_FADING] != 0.0:
        log_opacity = log_opacity - np.float32(np.log2(1.0 - _FADE))
        offset = opacity * np.float32(_FADE / (1.0 - _FADE))
    lowest = maximum(
        log2(maximum(offset + p[_ALPHA_MIN], np.float32(1e-30))),
        log_opacity - np.float32(FALLOFF) * p[_CUT],
    )
    support = (log_opacity - lowest) * np.float32(1.0 / FALLOFF)
    extent_x = sqrt(maximum(support * a, np.float32(0.0)))
    extent_y = sqrt(maximum(support * c, np.float32(0.0)))
    l11 = sqrt(c / det)
    half = np.float32(0.5)
    kept = (
        kept
        & (support >= np.float32(0.0))
        & (opacity > np.float32(0.0))
        & (det > np.float32(0.0))
        & (l11 < np.float32(1e18))
        & (mean_x + extent_x >= half)
        & (mean_x - extent_x <= p[_W] - half)
        & (mean_y + extent_y >= half)
        & (mean_y - extent_y <= p[_H] - half)
        & (extent_x < np.float32(1e15))
        & (extent_y < np.float32(1e15))
    )
    visible = to_bits(kept)
    if visible == 0:
        return visible

    box = full(np.inf)
    if p[_BOX] > 0.0:
        # Inria: lambda = mid + sqrt(max(0.1, mid^2 - det)), radius = ceil(3 sqrt(lambda)).
        root = sqrt(maximum(fma(middle, middle, full(0.0) - det), np.float32(0.1)))
        box = full(0.0) - floor(sqrt(middle + root) * (np.float32(0.0) - p[_BOX]))
    _store_boxes(lanes, p, mean_x, mean_y, extent_x, extent_y, b / c, l11, c, box)
    store(lanes, 0, mean_x)
    store(lanes, 16, mean_y)
    store(lanes, 32, l11)
    store(lanes, 48, full(0.0) - b / c * l11)
    store(lanes, 64, np.float32(1.0) / sqrt(c))
    store(lanes, 80, log_opacity)
    store(lanes, 96, lowest)
    store(lanes, 112, offset)
    store(lanes, 176, depth)
    store(lanes, 192, extent_x)
    store(lanes, 208, extent_y)
    store(lanes, 224, box)
    if p[_RADIAL] != 0.0:
        store(lanes, 240, sqrt(fma(x, x, fma(y, y, z * z))))
    else:
        store(lanes, 240, depth)
    return visible


@njit(nogil=True, cache=True, error_model="numpy")
def _project_chunk(
    packed, bounds, source, first, last, p, records, boxes, sizes, keys, row_of_block, masks
):
    """Project the blocks of one chunk; returns how many splats are visible."""
    lanes = np.zeros(400, np.float32)
    key_bits = lanes[240:256].view(np.uint32)
    base_row = first * LANES
    row = base_row
    for block in range(first, last):
        masks[block] = 0
        row_of_block[block] = row
        if _outside(bounds, block, p):
            continue
        visible = _project_block(packed, block * GEOMETRY * LANES, p, lanes)
        masks[block] = visible
        for lane in range(LANES):
            if (visible >> np.uint64(lane)) & np.uint64(1):
                target = np.uint64(row * RECORD)
                for column in range(15):
                    records[target + np.uint64(column)] = lanes[np.uint64(column * 16 + lane)]
                records.view(np.int32)[target + np.uint64(15)] = source[block * LANES + lane]
                target = np.uint64(row * BOX_COLUMNS)
                for column in range(BOX_COLUMNS):
                    boxes[target + np.uint64(column)] = lanes[np.uint64(256 + column * 16 + lane)]
                keys[row] = key_bits[lane]
                sizes[row] = np.int32(lanes[384 + lane])
                row += 1
    return row - base_row


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _project(
    geometry,
    bounds,
    source,
    p,
    records,
    boxes,
    sizes,
    keys,
    row_of_block,
    masks,
    counts,
    ticket,
    threads,
):
    blocks = len(bounds)
    chunks = len(counts)
    for _ in prange(threads):
        chunk = fetch_add(ticket, 0, 1)
        while chunk < chunks:
            counts[chunk] = _project_chunk(
                geometry, bounds, source, chunk * CHUNK, min((chunk + 1) * CHUNK, blocks), p,
                records, boxes, sizes, keys, row_of_block, masks,
            )  # fmt: skip
            chunk = fetch_add(ticket, 0, 1)


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _compact(keys, counts, starts, rows, compact_keys):
    for chunk in prange(len(counts)):
        base = chunk * CHUNK * LANES
        for i in range(counts[chunk]):
            rows[starts[chunk] + i] = base + i
            compact_keys[starts[chunk] + i] = keys[base + i]


def run(
    packed: PackedGaussians,
    view: View,
    options: Options,
    splat_scale: float,
    workspace: Workspace,
) -> Splats:
    """See :func:`kernels.gaussians.project.project`."""
    blocks = len(packed.bounds)
    chunks = -(-blocks // CHUNK)
    records = workspace.take("records", (blocks * LANES, RECORD), np.float32)
    boxes = workspace.take("boxes", (blocks * LANES, BOX_COLUMNS), np.float32)
    sizes = workspace.take("box tiles", blocks * LANES, np.int32)
    keys = workspace.take("chunk keys", blocks * LANES, np.uint32)
    row_of_block = workspace.take("row of block", blocks, np.int32)
    masks = workspace.take("block masks", blocks, np.uint16)
    counts = workspace.take("chunk counts", chunks, np.int64)
    _project(
        packed.geometry.reshape(-1), packed.bounds, packed.source,
        _parameters(view, options, splat_scale), records.reshape(-1), boxes.reshape(-1),
        sizes, keys, row_of_block, masks,
        counts, np.zeros(1, np.int64), get_num_threads(),
    )  # fmt: skip
    starts = np.concatenate(([0], np.cumsum(counts)))
    visible = int(starts[-1])
    rows = workspace.take("rows", visible, np.int32)
    compact_keys = workspace.take("keys", visible, np.uint32)
    _compact(keys, counts, starts, rows, compact_keys)
    return Splats(records, rows, compact_keys, (row_of_block, masks, boxes, sizes), packed.count)
