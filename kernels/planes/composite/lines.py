"""The inner loops of the ``cpu`` backend: a layer in some lines of a tile, 16 pixels at once."""

from __future__ import annotations

import numpy as np
from numba import njit

from kernels.planes.composite.order import detail_at
from kernels.planes.composite.sample import bilinear, seen, trilinear, whole
from kernels.planes.geometry import KEY, U, V, W
from kernels.planes.types import HEIGHT, OFFSET, STOP, STRIDE, WIDTH
from kernels.simd import (
    fma,
    full,
    lane_index,
    lane_of,
    load,
    maximum,
    minimum,
    pointer,
    select,
    sqrt,
    store,
    to_bits,
    to_float,
)
from kernels.simd_math import atan2, log2

TILE_X, TILE_Y = 128, 8
PIXELS = TILE_X * TILE_Y
RED, GREEN, BLUE, LIGHT, DEPTH, MOST, INDEX = (i * PIXELS for i in range(7))
"""Where the sums of a tile lie: colour, light left, and with extras depth, the largest weight and
whose it is."""
SUMS = 7 * PIXELS
DARK = np.float32(STOP)
_COLOR = np.float32(1 / (255 * 255))
_ALPHA = np.float32(1 / 255)
ONE, HALF = np.float32(1), np.float32(0.5)
_PER_TURN = np.float32(0.5 / np.pi)


@njit(inline="always")
def _add(sums, at, number, r, g, b, a, depth, extras, live, masks):
    """Composite a sample behind what is there; with ``masks`` in the lanes that are live only."""
    light = load(sums, at + LIGHT)
    shown = light
    if masks:
        a = select(live, a, full(np.float32(0)))
        shown = select(live, light, full(np.float32(0)))
    weight = light * a * _ALPHA
    color = shown * _COLOR
    store(sums, at + RED, fma(color, r, load(sums, at + RED)))
    store(sums, at + GREEN, fma(color, g, load(sums, at + GREEN)))
    store(sums, at + BLUE, fma(color, b, load(sums, at + BLUE)))
    store(sums, at + LIGHT, light - weight)
    if extras:
        before = load(sums, at + DEPTH)
        store(sums, at + DEPTH, select(weight > np.float32(0), fma(weight, depth, before), before))
        most = load(sums, at + MOST)
        more = weight > most
        store(sums, at + MOST, select(more, weight, most))
        store(sums, at + INDEX, select(more, full(np.float32(number)), load(sums, at + INDEX)))


def _plane_kernel(plain):
    """The loop over the pixels of a plane.

    With ``plain`` it is for whole tiles in which :func:`~kernels.planes.composite.order.is_plain`,
    and for colours alone: what is left then fits into registers, which doubles its speed.
    """

    @njit(nogil=True, cache=True, error_model="numpy")
    def lines(
        texels, levels, filled, row, number, slope, x0, y0, first, last, top, bottom, sums, masked,
        flat, extras, values, start, basis, width, scratch,
    ):  # fmt: skip
        """Composite a plane in pixels ``first`` to ``last - 1`` of lines ``top`` to ``bottom - 1``.

        Returns how many samples were taken.
        """
        lane = lane_index()
        source, totals = pointer(texels), pointer(sums)
        px, py = x0 + 0.5, y0 + top + 0.5
        at = levels[0]
        offset, stride = at[OFFSET], at[STRIDE]
        # Coordinates are counted from the texel of the first pixel: what float32 holds is small.
        w0 = row[W] * px + row[W + 1] * py + row[W + 2]
        u_texel = (row[U] * px + row[U + 1] * py + row[U + 2]) / w0
        v_texel = (row[V] * px + row[V + 1] * py + row[V + 2]) / w0
        base_u = int(u_texel) if abs(u_texel) < 1e6 else 0
        base_v = int(v_texel) if abs(v_texel) < 1e6 else 0
        ux, uy = row[U] - base_u * row[W], row[U + 1] - base_u * row[W + 1]
        vx, vy = row[V] - base_v * row[W], row[V + 1] - base_v * row[W + 1]
        u_first = (row[U + 2] - base_u * row[W + 2]) + ux * px
        v_first = (row[V + 2] - base_v * row[W + 2]) + vx * px
        w_first = row[W + 2] + row[W] * px
        k_first = row[KEY + 2] + row[KEY] * px
        u_step, v_step = full(np.float32(ux)), full(np.float32(vx))
        w_step, k_step = full(np.float32(row[W])), np.float32(row[KEY])
        corner = offset + (base_v + 1) * stride + base_u + 1
        low_u, high_u = np.float32(-1 - base_u), np.float32(at[WIDTH] - base_u)
        low_v, high_v = np.float32(-1 - base_v), np.float32(at[HEIGHT] - base_v)
        dependent = len(values) > 0
        touched = 0
        for line in range(top, bottom):
            py = y0 + line + 0.5
            u_start = full(np.float32(u_first + uy * py))
            v_start = full(np.float32(v_first + vy * py))
            w_start = full(np.float32(w_first + row[W + 1] * py))
            k_start = np.float32(k_first + row[KEY + 1] * py)
            smaller = False
            if not plain and filled > 1:
                smaller = max(
                    detail_at(row, slope, px + first, py), detail_at(row, slope, px + last - 1, py)
                ) > 0  # fmt: skip
            for group in range(first // 16, (last + 15) // 16):
                place = line * TILE_X + 16 * group
                live = load(totals, place + LIGHT) > DARK
                if not plain and (first > 16 * group or last < 16 * group + 16):
                    number_x = lane + np.int32(16 * group)
                    live = live & (number_x >= np.int32(first)) & (number_x < np.int32(last))
                if to_bits(live) == np.uint64(0):
                    continue
                step = to_float(lane + np.int32(16 * group))
                w = fma(step, w_step, w_start)
                key = w
                if not plain and (flat or extras or masked):
                    key = fma(step, k_step, full(k_start))
                if not plain and masked:
                    live = live & ((key < np.float32(0)) if flat else (key > np.float32(0)))
                inverse = ONE / w
                u = fma(step, u_step, u_start) * inverse
                v = fma(step, v_step, v_start) * inverse
                if not plain and smaller:
                    near = detail_at(row, slope, px + 16 * group, py)
                    far = detail_at(row, slope, px + 16 * group + 15, py)
                    highest = filled - 1
                    low = min(max(int(np.floor(min(near, far))), 0), highest)
                    high = min(max(int(np.floor(max(near, far))) + 1, 0), highest)
                    if lane_of(w, 0) <= np.float32(0) or lane_of(w, 15) <= np.float32(0):
                        # Behind the eye coordinates come back from infinity.
                        low, high = 0, highest
                    power = log2(maximum(w, np.float32(1e-30)))
                    detail = fma(power, np.float32(-1.5), full(np.float32(0.5 * slope)))
                    detail = minimum(maximum(detail, np.float32(low)), np.float32(high))
                    r, g, b, a = trilinear(source, levels, u, v, base_u, base_v, detail, low, high)
                elif not plain and dependent:
                    first_value = ((y0 + line) * width + x0 + 16 * group) * values.shape[1]
                    r, g, b, a = seen(
                        texels, levels[0], u, v, base_u, base_v, values, start, basis, first_value,
                        scratch,
                    )  # fmt: skip
                else:
                    r, g, b, a = bilinear(
                        source, corner, stride, low_u, low_v, high_u, high_v, u, v, plain
                    )
                touched += 16
                depth = key
                if not plain and extras:
                    depth = -key if flat else ONE / key
                _add(
                    totals, place, number, r, g, b, a, depth, not plain and extras, live, not plain
                )
        return touched

    return lines


_plane_lines = _plane_kernel(False)
_plain_lines = _plane_kernel(True)


@njit(nogil=True, cache=True, error_model="numpy")
def _shell_line(
    texels, levels, filled, row, number, detail, x0, y, first, last, sums, base, extras, camera
):
    """Composite a shell in pixels ``first`` to ``last - 1`` of a row of the tile."""
    lane = lane_index()
    flat = camera[4] != 0
    down = np.float32((y + 0.5 - camera[3]) / camera[1])
    start, step = np.float32((x0 + 0.5 - camera[2]) / camera[0]), np.float32(1 / camera[0])
    cx, cy, cz, radius = (np.float32(row[0]), np.float32(row[1]), np.float32(row[2]),
                          np.float32(row[3]))  # fmt: skip
    width, height = np.float32(levels[0, WIDTH]), np.float32(levels[0, HEIGHT])
    touched = 0
    for group in range(first // 16, (last + 15) // 16):
        at = base + 16 * group
        place = lane + np.int32(16 * group)
        live = (load(sums, at + LIGHT) > DARK) & (place >= np.int32(first))
        live = live & (place < np.int32(last))
        if to_bits(live) == np.uint64(0):
            continue
        across = fma(to_float(place), step, full(start))
        if flat:
            ax, ay, az = cx - across, full(cy - down), full(cz)
            half, length = az, full(np.float32(1))
        else:
            ax, ay, az = full(cx), full(cy), full(cz)
            half = fma(across, cx, full(down * cy + cz))
            length = fma(across, across, full(down * down + np.float32(1)))
        offset = fma(ax, ax, fma(ay, ay, az * az)) - full(radius * radius)
        inside = half * half - length * offset
        depth = (half + sqrt(maximum(inside, np.float32(0)))) / length
        live = live & (inside >= np.float32(0)) & (depth > np.float32(0))
        if flat:
            nx, ny, nz = -ax, -ay, depth - az
        else:
            nx, ny, nz = fma(depth, across, -ax), fma(depth, down, -ay), depth - az
        mx = nx * np.float32(row[4]) + ny * np.float32(row[5]) + nz * np.float32(row[6])
        my = nx * np.float32(row[7]) + ny * np.float32(row[8]) + nz * np.float32(row[9])
        mz = nx * np.float32(row[10]) + ny * np.float32(row[11]) + nz * np.float32(row[12])
        longitude = atan2(mx, mz)
        latitude = atan2(my, sqrt(fma(mx, mx, mz * mz)))
        u = fma(longitude, width * _PER_TURN, full((width - ONE) * HALF))
        v = fma(latitude, height * (_PER_TURN + _PER_TURN), full((height - ONE) * HALF))
        if filled > 1 and detail > 0:
            level = min(detail, filled - 1.0)
            low = int(level)
            high = min(low + 1, filled - 1)
            level_of_all = full(np.float32(level))
            r, g, b, a = trilinear(texels, levels, u, v, 0, 0, level_of_all, low, high)
        else:
            r, g, b, a = whole(texels, levels[0], u, v)
        touched += 16
        _add(sums, at, number, r, g, b, a, depth, extras, live, True)
    return touched


@njit(nogil=True, cache=True, error_model="numpy")
def layer_lines(
    texels, table, filled, rows, is_shell, slopes, layer, x0, y0, first, last, top, bottom, sums,
    plain, partly, camera, extras, values, starts, basis, width, scratch,
):  # fmt: skip
    """Composite any layer in a part of the tile."""
    if plain:
        return _plain_lines(
            texels, table[layer], filled, rows[layer], layer, slopes[layer], x0, y0, first, last,
            top, bottom, sums, partly, False, extras, values, starts[layer], basis, width, scratch,
        )  # fmt: skip
    if not is_shell[layer]:
        return _plane_lines(
            texels, table[layer], filled, rows[layer], layer, slopes[layer], x0, y0, first, last,
            top, bottom, sums, partly, camera[4] != 0, extras, values, starts[layer], basis,
            width, scratch,
        )  # fmt: skip
    touched = 0
    for line in range(top, bottom):
        touched += _shell_line(
            texels, table[layer], filled, rows[layer], layer, slopes[layer], x0, y0 + line, first,
            last, sums, line * TILE_X, extras, camera,
        )  # fmt: skip
    return touched
