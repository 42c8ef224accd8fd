"""Compositing for the ``cpu`` backend: tile by tile, front to back, sixteen pixels at once.

Of a tile's layers those are dropped whose picture shows nothing there. The rest is put in order at
the middle; keys are affine in the pixel, so the order holds in the whole tile if it holds at its
four corners. Where it does not, because planes cross, rows are cut in runs in which it does, down
to a single pixel. What a tile needs lies in the first-level cache.
"""

from __future__ import annotations

import numpy as np
from numba import get_num_threads, njit, prange

from kernels.gaussians.types import View
from kernels.planes.composite.lines import (
    BLUE,
    DARK,
    DEPTH,
    GREEN,
    INDEX,
    LIGHT,
    PIXELS,
    RED,
    SUMS,
    TILE_X,
    TILE_Y,
    layer_lines,
)
from kernels.planes.composite.order import (
    in_order,
    is_plain,
    raw_key,
    run_length,
    shows,
    sort_layers,
)
from kernels.planes.composite.slopes import slopes_of
from kernels.planes.types import (
    Coefficients,
    Composite,
    Geometry,
    Options,
    Textures,
    Wanted,
)
from kernels.simd import (
    CAN_PERMUTE,
    fetch_add,
    fma,
    full,
    load,
    maximum,
    minimum,
    store,
    to_bits,
    to_int,
)
from kernels.workspace import Workspace

_TOUCHED, _EMPTY, _STOPPED = 0, 1, 2
_STATS = 16
"""Counters of a thread lie 128 bytes apart, so that threads do not share a cache line."""


@njit(nogil=True, cache=True, error_model="numpy")
def _is_dark(sums):
    """Whether no pixel of a tile lets light through."""
    most = load(sums, LIGHT)
    for group in range(1, PIXELS // 16):
        most = maximum(most, load(sums, LIGHT + 16 * group))
    return to_bits(most > DARK) == np.uint64(0)


@njit(nogil=True, cache=True, error_model="numpy")
def _composite_tile(
    texels, table, filled, rows, is_shell, shown, slopes, blocks, occupied, nested, camera, extras,
    values, starts, basis, x0, y0, columns, lines, width, sums, order, keys, partly, plain,
    scratch, stats, counter,
):  # fmt: skip
    """Fill the sums of one tile of ``columns`` x ``lines`` pixels."""
    sums[:] = 0
    sums[INDEX : INDEX + PIXELS] = -1
    for y in range(lines):
        sums[LIGHT + y * TILE_X : LIGHT + y * TILE_X + columns] = 1
    x1, y1 = x0 + columns - 1, y0 + lines - 1
    middle_x, middle_y = 0.5 * (x0 + x1) + 0.5, 0.5 * (y0 + y1) + 0.5
    pixels = columns * lines
    simple = CAN_PERMUTE and not extras and len(values) == 0 and camera[4] == 0
    count = 0
    affine = True
    for layer in range(len(rows)):
        if not shown[layer]:
            continue
        partly[layer] = plain[layer] = False
        if is_shell[layer]:
            affine = False
        else:
            found = shows(
                rows[layer], slopes[layer], filled, table[layer, 0], blocks[layer], occupied,
                x0 + 0.5, y0 + 0.5, x1 + 0.5, y1 + 0.5, camera[4] != 0,
            )  # fmt: skip
            if found == 0:
                stats[counter + _EMPTY] += pixels
                continue
            partly[layer] = found == 2
            plain[layer] = (
                simple
                and found == 1
                and is_plain(rows[layer], slopes[layer], filled, x0, y0, TILE_X, TILE_Y)
            )
        keys[layer] = raw_key(rows, layer, is_shell, middle_x, middle_y, camera)
        order[count] = layer
        count += 1
    sort_layers(order, keys, count)
    same = nested or affine
    if affine:
        for corner in range(4):
            x = (x1 if corner & 1 else x0) + 0.5
            y = (y1 if corner & 2 else y0) + 0.5
            same = same and in_order(rows, is_shell, order, count, x, y, camera)
    touched = 0
    if same:
        for i in range(count):
            touched += layer_lines(
                texels, table, filled, rows, is_shell, slopes, order[i], x0, y0, 0, columns, 0,
                lines, sums, plain[order[i]], partly[order[i]], camera, extras, values, starts,
                basis, width, scratch,
            )  # fmt: skip
            if _is_dark(sums):
                break
    else:
        for y in range(lines):
            x = 0
            while x < columns:
                run = run_length(
                    rows, is_shell, affine, order, count, keys, x0 + x, y0 + y, columns - x, camera
                )
                for i in range(count):
                    touched += layer_lines(
                        texels, table, filled, rows, is_shell, slopes, order[i], x0, y0, x,
                        x + run, y, y + 1, sums, False, partly[order[i]], camera, extras, values,
                        starts, basis, width, scratch,
                    )  # fmt: skip
                x += run
    stats[counter + _TOUCHED] += touched
    stats[counter + _STOPPED] += max(count * pixels - touched, 0)


@njit(inline="always")
def _byte(value):
    one = minimum(maximum(value, np.float32(0)), np.float32(1))
    return to_int(fma(one, np.float32(255), full(np.float32(0.5))))


@njit(nogil=True, cache=True, error_model="numpy")
def _show_tile(sums, picture, x0, y0, columns, lines, background, opaque, packed):
    """Write the 8-bit picture of a tile."""
    for y in range(lines):
        for group in range((columns + 15) // 16):
            at = y * TILE_X + 16 * group
            light = load(sums, at + LIGHT)
            r, g, b = load(sums, at + RED), load(sums, at + GREEN), load(sums, at + BLUE)
            if opaque:
                r = fma(light, background[0], r)
                g = fma(light, background[1], g)
                b = fma(light, background[2], b)
                alpha = full(np.float32(1))
            else:
                alpha = np.float32(1) - light
                share = np.float32(1) / maximum(alpha, np.float32(1e-12))
                r, g, b = r * share, g * share, b * share
            pixel = (
                _byte(r)
                | _byte(g) << np.int32(8)
                | _byte(b) << np.int32(16)
                | _byte(alpha) << np.int32(24)
            )
            if 16 * group + 16 <= columns:
                store(picture, (y0 + y) * picture.shape[1] + x0 + 16 * group, pixel)
            else:
                store(packed, 0, pixel)
                for x in range(16 * group, columns):
                    picture[y0 + y, x0 + x] = packed[x - 16 * group]


@njit(nogil=True, cache=True, error_model="numpy")
def _copy_tile(sums, color, depth, index, x0, y0, columns, lines):
    """Write the float images of a tile, those that have a size."""
    for y in range(lines):
        for x in range(columns):
            at = y * TILE_X + x
            alpha = np.float32(1) - sums[at + LIGHT]
            if color.size:
                color[y0 + y, x0 + x, 0] = sums[at + RED]
                color[y0 + y, x0 + x, 1] = sums[at + GREEN]
                color[y0 + y, x0 + x, 2] = sums[at + BLUE]
                color[y0 + y, x0 + x, 3] = alpha
            if depth.size:
                mean = sums[at + DEPTH] / alpha if alpha > 0 else np.float32(0)
                depth[y0 + y, x0 + x] = mean
            if index.size:
                index[y0 + y, x0 + x] = np.int32(sums[at + INDEX])


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _composite(
    texels, table, filled, rows, is_shell, shown, slopes, blocks, occupied, nested, camera, extras,
    values, starts, basis, width, height, picture, background, opaque, color, depth, index, stats,
    ticket, threads,
):  # fmt: skip
    tiles_x = (width + TILE_X - 1) // TILE_X
    tiles = tiles_x * ((height + TILE_Y - 1) // TILE_Y)
    for t in prange(threads):
        sums = np.empty(SUMS, np.float32)
        order = np.empty(len(rows), np.int64)
        keys = np.empty(len(rows), np.float64)
        partly = np.empty(len(rows), np.bool_)
        plain = np.empty(len(rows), np.bool_)
        scratch = np.empty(96, np.float32)
        packed = np.empty(16, np.uint32)
        tile = fetch_add(ticket, 0, 1)
        while tile < tiles:
            x0, y0 = tile % tiles_x * TILE_X, tile // tiles_x * TILE_Y
            columns, lines = min(TILE_X, width - x0), min(TILE_Y, height - y0)
            _composite_tile(
                texels, table, filled, rows, is_shell, shown, slopes, blocks, occupied, nested,
                camera, extras, values, starts, basis, x0, y0, columns, lines, width, sums, order,
                keys, partly, plain, scratch, stats, t * _STATS,
            )  # fmt: skip
            if picture.size:
                _show_tile(sums, picture, x0, y0, columns, lines, background, opaque, packed)
            if color.size or depth.size or index.size:
                _copy_tile(sums, color, depth, index, x0, y0, columns, lines)
            tile = fetch_add(ticket, 0, 1)


def run(
    textures: Textures,
    geometry: Geometry,
    view: View,
    options: Options,
    wanted: Wanted,
    coefficients: Coefficients | None,
    workspace: Workspace,
) -> Composite:
    """See :func:`kernels.planes.composite.composite`."""
    threads = get_num_threads()
    size = view.height, view.width
    picture = np.empty((0, 0), np.uint32)
    if wanted.picture:
        picture = workspace.take_free("planes picture", size, np.uint32)
    color = np.empty((*size, 4) if wanted.color else (0, 0, 4), np.float32)
    depth = np.empty(size if wanted.depth else (0, 0), np.float32)
    index = np.empty(size if wanted.index else (0, 0), np.int32)
    values, starts = np.empty((0, 0, 3), np.uint8), np.zeros(textures.count, np.int64)
    basis = np.empty(0, np.float32)
    if coefficients is not None:
        values, starts = coefficients.values, coefficients.starts
        # A group of sixteen pixels may reach behind the end of the last row.
        basis = np.zeros(coefficients.basis.size + 16 * values.shape[1], np.float32)
        basis[: coefficients.basis.size] = coefficients.basis.reshape(-1)
    filled = textures.filled[0] if options.mipmaps and coefficients is None else 1
    stats = np.zeros(threads * _STATS, np.int64)
    camera = np.array([view.fx, view.fy, view.cx, view.cy, view.orthographic], np.float64)
    background = np.array(wanted.background or (0, 0, 0), np.float32)
    _composite(
        textures.texels, textures.table, filled, geometry.rows, textures.wraps, geometry.shown,
        slopes_of(textures, geometry, view), textures.blocks, textures.occupied, geometry.nested,
        camera, wanted.depth or wanted.index, values, starts, basis, view.width, view.height,
        picture, background, wanted.background is not None, color, depth, index, stats,
        np.zeros(1, np.int64), threads,
    )  # fmt: skip
    totals = stats.reshape(threads, _STATS).sum(axis=0)
    names = {"touched": _TOUCHED, "empty": _EMPTY, "stopped": _STOPPED}
    return Composite(
        picture.view(np.uint8).reshape(*size, 4) if wanted.picture else None,
        color if wanted.color else None,
        depth if wanted.depth else None,
        index if wanted.index else None,
        {name: int(totals[at]) for name, at in names.items()},
    )
