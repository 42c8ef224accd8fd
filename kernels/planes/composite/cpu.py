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
from kernels.planes.composite.sample import bilinear, seen, trilinear, whole
from kernels.planes.geometry import KEY, U, V, W
from kernels.planes.types import (
    BLOCK,
    HEIGHT,
    OFFSET,
    STOP,
    STRIDE,
    WIDTH,
    Coefficients,
    Composite,
    Geometry,
    Options,
    Textures,
    Wanted,
)
from kernels.simd import (
    fetch_add,
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
    to_int,
)
from kernels.simd_math import atan2, log2
from kernels.workspace import Workspace

TILE_X, TILE_Y = 128, 8
_PIXELS = TILE_X * TILE_Y
_RED, _GREEN, _BLUE, _LIGHT, _DEPTH, _MOST, _INDEX = (i * _PIXELS for i in range(7))
"""Where the sums of a tile lie: colour, light left, and with extras depth, the largest weight and
whose it is."""
_SUMS = 7 * _PIXELS
_TOUCHED, _EMPTY, _STOPPED = 0, 1, 2
_STATS = 16
"""Counters of a thread lie 128 bytes apart, so that threads do not share a cache line."""
_STOP = np.float32(STOP)
_COLOR = np.float32(1 / (255 * 255))
_ALPHA = np.float32(1 / 255)
_ONE, _HALF = np.float32(1), np.float32(0.5)
_PER_TURN = np.float32(0.5 / np.pi)


@njit(nogil=True, cache=True, error_model="numpy")
def _raw_key(rows, layer, is_shell, x, y, camera):
    """The key of the order of a layer at a point of the picture; of a plane whether hit or not."""
    row = rows[layer]
    if not is_shell[layer]:
        return row[KEY] * x + row[KEY + 1] * y + row[KEY + 2]
    across, down = (x - camera[2]) / camera[0], (y - camera[3]) / camera[1]
    flat = camera[4] != 0
    if flat:
        half = row[2]
        offset = (row[0] - across) ** 2 + (row[1] - down) ** 2 + row[2] ** 2
        length = 1.0
    else:
        half = across * row[0] + down * row[1] + row[2]
        offset = row[0] ** 2 + row[1] ** 2 + row[2] ** 2
        length = across**2 + down**2 + 1.0
    inside = half * half - length * (offset - row[3] * row[3])
    depth = (half + np.sqrt(max(inside, 0.0))) / length
    if inside < 0 or depth <= 0:
        return -np.inf
    return -depth if flat else 1.0 / depth


@njit(nogil=True, cache=True, error_model="numpy")
def _sort(order, keys, count):
    """Largest key first; among equals the later layer. Insertion: the order is nearly right."""
    for i in range(1, count):
        layer, key = order[i], keys[order[i]]
        j = i
        while j > 0 and (
            keys[order[j - 1]] < key or (keys[order[j - 1]] == key and order[j - 1] < layer)
        ):
            order[j] = order[j - 1]
            j -= 1
        order[j] = layer


@njit(nogil=True, cache=True, error_model="numpy")
def _in_order(rows, is_shell, order, count, x, y, camera):
    """Whether keys fall along the order at a point."""
    last = np.inf
    for i in range(count):
        key = _raw_key(rows, order[i], is_shell, x, y, camera)
        if key > last:
            return False
        last = key
    return True


@njit(nogil=True, cache=True, error_model="numpy")
def _shows(row, at, block, occupied, x0, y0, x1, y1, flat):
    """Whether a plane may show anything in a box of pixel centres (0 no, 1 yes, 2 partly behind).

    The box of a plane that is wholly in front maps to a convex quadrilateral of its picture.
    """
    left, right, top, bottom = np.inf, -np.inf, np.inf, -np.inf
    front = 0
    for corner in range(4):
        x = x1 if corner & 1 else x0
        y = y1 if corner & 2 else y0
        key = row[KEY] * x + row[KEY + 1] * y + row[KEY + 2]
        w = row[W] * x + row[W + 1] * y + row[W + 2]
        if (key < 0) if flat else (key > 0):
            front += 1
            u = (row[U] * x + row[U + 1] * y + row[U + 2]) / w
            v = (row[V] * x + row[V + 1] * y + row[V + 2]) / w
            left, right = min(left, u), max(right, u)
            top, bottom = min(top, v), max(bottom, v)
    if front == 0:
        return 0
    if front < 4:
        return 2
    # A texel is met from one before to one behind it; smaller levels reach farther.
    spare = 1.0 + max((right - left) / (x1 - x0 + 1), (bottom - top) / (y1 - y0 + 1))
    left, right, top, bottom = left - spare, right + spare, top - spare, bottom + spare
    if right < 0 or bottom < 0 or left > at[WIDTH] - 1 or top > at[HEIGHT] - 1:
        return 0
    columns = block[1]
    first_x, last_x = int(max(left, 0.0)) // BLOCK, int(min(right, at[WIDTH] - 1.0)) // BLOCK + 1
    first_y, last_y = int(max(top, 0.0)) // BLOCK, int(min(bottom, at[HEIGHT] - 1.0)) // BLOCK + 1
    stride = columns + 1
    counts = (
        occupied[block[0] + last_y * stride + last_x]
        - occupied[block[0] + first_y * stride + last_x]
        - occupied[block[0] + last_y * stride + first_x]
        + occupied[block[0] + first_y * stride + first_x]
    )
    return 1 if counts > 0 else 0


@njit(inline="always")
def _add(sums, at, number, r, g, b, a, depth, extras, live):
    """Composite a sample behind what is there, in the lanes that are live."""
    light = load(sums, at + _LIGHT)
    a = select(live, a, full(np.float32(0)))
    weight = light * a * _ALPHA
    color = select(live, light, full(np.float32(0))) * _COLOR
    store(sums, at + _RED, fma(color, r, load(sums, at + _RED)))
    store(sums, at + _GREEN, fma(color, g, load(sums, at + _GREEN)))
    store(sums, at + _BLUE, fma(color, b, load(sums, at + _BLUE)))
    store(sums, at + _LIGHT, light - weight)
    if extras:
        before = load(sums, at + _DEPTH)
        store(sums, at + _DEPTH, select(weight > np.float32(0), fma(weight, depth, before), before))
        most = load(sums, at + _MOST)
        more = weight > most
        store(sums, at + _MOST, select(more, weight, most))
        store(sums, at + _INDEX, select(more, full(np.float32(number)), load(sums, at + _INDEX)))


@njit(nogil=True, cache=True, error_model="numpy")
def _detail(row, slope, x, y):
    """The level of detail of a plane at a pixel; ``slope`` is log2 of the determinant."""
    w = abs(row[W] * x + row[W + 1] * y + row[W + 2])
    return 0.5 * (slope - 3.0 * np.log2(max(w, 1e-300)))


@njit(nogil=True, cache=True, error_model="numpy")
def _is_smaller(row, slope, x0, y0, x1, y1):
    """Whether a plane appears smaller than its picture anywhere in a box of pixels."""
    upper = max(_detail(row, slope, x0, y0), _detail(row, slope, x1, y0))
    return max(upper, _detail(row, slope, x0, y1), _detail(row, slope, x1, y1)) > 0


def _plane_kernel(plain):
    """The loop over the pixels of a plane.

    With ``plain`` it is for planes wholly in front of a pinhole, not smaller than their picture,
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
                    _detail(row, slope, px + first, py), _detail(row, slope, px + last - 1, py)
                ) > 0  # fmt: skip
            for group in range(first // 16, (last + 15) // 16):
                place = line * TILE_X + 16 * group
                live = load(totals, place + _LIGHT) > _STOP
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
                inverse = _ONE / w
                u = fma(step, u_step, u_start) * inverse
                v = fma(step, v_step, v_start) * inverse
                # Behind the eye coordinates come back from infinity.
                steady = lane_of(w, 0) > np.float32(0) and lane_of(w, 15) > np.float32(0)
                if not plain and smaller:
                    near = _detail(row, slope, px + 16 * group, py)
                    far = _detail(row, slope, px + 16 * group + 15, py)
                    highest = filled - 1
                    low = min(max(int(np.floor(min(near, far))), 0), highest)
                    high = min(max(int(np.floor(max(near, far))) + 1, 0), highest)
                    power = log2(maximum(w, np.float32(1e-30)))
                    detail = fma(power, np.float32(-1.5), full(np.float32(0.5 * slope)))
                    detail = minimum(maximum(detail, np.float32(low)), np.float32(high))
                    r, g, b, a = trilinear(
                        source, levels, u, v, base_u, base_v, steady, detail, low, high
                    )
                elif not plain and dependent:
                    first_value = ((y0 + line) * width + x0 + 16 * group) * values.shape[1]
                    r, g, b, a = seen(
                        texels, levels[0], u, v, base_u, base_v, values, start, basis, first_value,
                        scratch,
                    )  # fmt: skip
                else:
                    r, g, b, a = bilinear(
                        source, corner, stride, low_u, low_v, high_u, high_v, u, v, steady
                    )
                touched += 16
                depth = key
                if not plain and extras:
                    depth = -key if flat else _ONE / key
                _add(totals, place, number, r, g, b, a, depth, not plain and extras, live)
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
        live = (load(sums, at + _LIGHT) > _STOP) & (place >= np.int32(first))
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
        u = fma(longitude, width * _PER_TURN, full((width - _ONE) * _HALF))
        v = fma(latitude, height * (_PER_TURN + _PER_TURN), full((height - _ONE) * _HALF))
        if filled > 1 and detail > 0:
            level = min(detail, filled - 1.0)
            low = int(level)
            high = min(low + 1, filled - 1)
            level_of_all = full(np.float32(level))
            r, g, b, a = trilinear(texels, levels, u, v, 0, 0, False, level_of_all, low, high)
        else:
            r, g, b, a = whole(texels, levels[0], u, v, False)
        touched += 16
        _add(sums, at, number, r, g, b, a, depth, extras, live)
    return touched


@njit(nogil=True, cache=True, error_model="numpy")
def _layer_lines(
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


@njit(nogil=True, cache=True, error_model="numpy")
def _is_dark(sums):
    """Whether no pixel of a tile lets light through."""
    most = load(sums, _LIGHT)
    for group in range(1, _PIXELS // 16):
        most = maximum(most, load(sums, _LIGHT + 16 * group))
    return to_bits(most > _STOP) == np.uint64(0)


@njit(nogil=True, cache=True, error_model="numpy")
def _run_length(rows, is_shell, affine, order, count, keys, x, y, left, camera):
    """Sort the layers at a pixel; returns for how many of the next pixels the order holds."""
    for i in range(count):
        keys[order[i]] = _raw_key(rows, order[i], is_shell, x + 0.5, y + 0.5, camera)
    _sort(order, keys, count)
    length = left if affine else 1
    while length > 1 and not _in_order(
        rows, is_shell, order, count, x + length - 0.5, y + 0.5, camera
    ):
        length //= 2
    return length


@njit(nogil=True, cache=True, error_model="numpy")
def _composite_tile(
    texels, table, filled, rows, is_shell, shown, slopes, blocks, occupied, nested, camera, extras,
    values, starts, basis, x0, y0, columns, lines, width, sums, order, keys, partly, plain,
    scratch, stats, counter,
):  # fmt: skip
    """Fill the sums of one tile of ``columns`` x ``lines`` pixels."""
    sums[:] = 0
    sums[_INDEX : _INDEX + _PIXELS] = -1
    for y in range(lines):
        sums[_LIGHT + y * TILE_X : _LIGHT + y * TILE_X + columns] = 1
    x1, y1 = x0 + columns - 1, y0 + lines - 1
    middle_x, middle_y = 0.5 * (x0 + x1) + 0.5, 0.5 * (y0 + y1) + 0.5
    pixels = columns * lines
    simple = not extras and len(values) == 0 and camera[4] == 0
    count = 0
    affine = True
    for layer in range(len(rows)):
        if not shown[layer]:
            continue
        partly[layer] = plain[layer] = False
        if is_shell[layer]:
            affine = False
        else:
            found = _shows(
                rows[layer], table[layer, 0], blocks[layer], occupied, x0 + 0.5, y0 + 0.5,
                x1 + 0.5, y1 + 0.5, camera[4] != 0,
            )  # fmt: skip
            if found == 0:
                stats[counter + _EMPTY] += pixels
                continue
            partly[layer] = found == 2
            if simple and found == 1:
                plain[layer] = filled == 1 or not _is_smaller(
                    rows[layer], slopes[layer], x0 + 0.5, y0 + 0.5, x1 + 0.5, y1 + 0.5
                )
        keys[layer] = _raw_key(rows, layer, is_shell, middle_x, middle_y, camera)
        order[count] = layer
        count += 1
    _sort(order, keys, count)
    same = nested or affine
    if affine:
        for corner in range(4):
            x = (x1 if corner & 1 else x0) + 0.5
            y = (y1 if corner & 2 else y0) + 0.5
            same = same and _in_order(rows, is_shell, order, count, x, y, camera)
    touched = 0
    if same:
        for i in range(count):
            touched += _layer_lines(
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
                run = _run_length(
                    rows, is_shell, affine, order, count, keys, x0 + x, y0 + y, columns - x, camera
                )
                for i in range(count):
                    touched += _layer_lines(
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
            light = load(sums, at + _LIGHT)
            r, g, b = load(sums, at + _RED), load(sums, at + _GREEN), load(sums, at + _BLUE)
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
            alpha = np.float32(1) - sums[at + _LIGHT]
            if color.size:
                color[y0 + y, x0 + x, 0] = sums[at + _RED]
                color[y0 + y, x0 + x, 1] = sums[at + _GREEN]
                color[y0 + y, x0 + x, 2] = sums[at + _BLUE]
                color[y0 + y, x0 + x, 3] = alpha
            if depth.size:
                mean = sums[at + _DEPTH] / alpha if alpha > 0 else np.float32(0)
                depth[y0 + y, x0 + x] = mean
            if index.size:
                index[y0 + y, x0 + x] = np.int32(sums[at + _INDEX])


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _composite(
    texels, table, filled, rows, is_shell, shown, slopes, blocks, occupied, nested, camera, extras,
    values, starts, basis, width, height, picture, background, opaque, color, depth, index, stats,
    ticket, threads,
):  # fmt: skip
    tiles_x = (width + TILE_X - 1) // TILE_X
    tiles = tiles_x * ((height + TILE_Y - 1) // TILE_Y)
    for t in prange(threads):
        sums = np.empty(_SUMS, np.float32)
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
        _slopes(textures, geometry, view), textures.blocks, textures.occupied, geometry.nested,
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


def _slopes(textures: Textures, geometry: Geometry, view: View) -> np.ndarray:
    """(L,) log2 of the determinant of a plane's homography, or the level of detail of a shell."""
    slopes = np.empty(textures.count)
    matrices = geometry.rows[:, :KEY].reshape(-1, 3, 3)
    with np.errstate(divide="ignore"):
        slopes[:] = np.log2(np.abs(np.linalg.det(matrices)))
    sizes = textures.table[:, 0]
    around = sizes[:, WIDTH] * sizes[:, HEIGHT] / (2 * np.pi**2 * view.fx * view.fy)
    return np.where(textures.wraps, 0.5 * np.log2(np.maximum(around, 1e-300)), slopes)
