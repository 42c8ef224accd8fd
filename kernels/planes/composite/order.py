"""Which layers the ``cpu`` backend meets where, in which order, and how detailed."""

from __future__ import annotations

import numpy as np
from numba import njit

from kernels.planes.geometry import KEY, U, V, W
from kernels.planes.types import BLOCK, HEIGHT, WIDTH


@njit(nogil=True, cache=True, error_model="numpy")
def raw_key(rows, layer, is_shell, x, y, camera):
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
def sort_layers(order, keys, count):
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
def in_order(rows, is_shell, order, count, x, y, camera):
    """Whether keys fall along the order at a point."""
    last = np.inf
    for i in range(count):
        key = raw_key(rows, order[i], is_shell, x, y, camera)
        if key > last:
            return False
        last = key
    return True


@njit(nogil=True, cache=True, error_model="numpy")
def run_length(rows, is_shell, affine, order, count, keys, x, y, left, camera):
    """Sort the layers at a pixel; returns for how many of the next pixels the order holds."""
    for i in range(count):
        keys[order[i]] = raw_key(rows, order[i], is_shell, x + 0.5, y + 0.5, camera)
    sort_layers(order, keys, count)
    length = left if affine else 1
    while length > 1 and not in_order(
        rows, is_shell, order, count, x + length - 0.5, y + 0.5, camera
    ):
        length //= 2
    return length


@njit(nogil=True, cache=True, error_model="numpy")
def detail_at(row, slope, x, y):
    """The level of detail of a plane at a pixel; ``slope`` is log2 of the determinant."""
    w = abs(row[W] * x + row[W + 1] * y + row[W + 2])
    return 0.5 * (slope - 3.0 * np.log2(max(w, 1e-300)))


@njit(nogil=True, cache=True, error_model="numpy")
def highest_detail(row, slope, x0, y0, x1, y1):
    """The highest level of detail of a plane in a box of pixels, in all of which it is hit."""
    upper = max(detail_at(row, slope, x0, y0), detail_at(row, slope, x1, y0))
    return max(upper, detail_at(row, slope, x0, y1), detail_at(row, slope, x1, y1))


@njit(nogil=True, cache=True, error_model="numpy")
def shows(row, slope, filled, at, block, occupied, x0, y0, x1, y1, flat):
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
    # A texel is met from one before to one behind it; those of smaller levels are larger.
    spare = 2.0
    if filled > 1:
        highest = min(highest_detail(row, slope, x0, y0, x1, y1), filled - 1.0)
        spare = 1.0 + 2.0 ** max(np.ceil(highest), 0.0)
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


@njit(nogil=True, cache=True, error_model="numpy")
def is_plain(row, slope, filled, x0, y0, width, height):
    """Whether a plane in front of a pinhole is easy to draw in a tile from (x0, y0).

    It must not appear smaller than its picture, and sixteen pixels in a row must meet texels
    within 30 columns of two rows. All of this changes in one direction along a row and a column,
    so the corners of the tile tell; the tile counts as whole, also where the picture ends in it.
    """
    for corner in range(4):
        x = x0 + (width - 16 if corner & 1 else 0) + 0.5
        y = y0 + (height - 1 if corner & 2 else 0) + 0.5
        near = row[W] * x + row[W + 1] * y + row[W + 2]
        far = near + 15 * row[W]
        if near <= 0 or far <= 0:
            return False
        if filled > 1 and max(detail_at(row, slope, x, y), detail_at(row, slope, x + 15, y)) > 0:
            return False
        u = row[U] * x + row[U + 1] * y + row[U + 2]
        v = row[V] * x + row[V + 1] * y + row[V + 2]
        across = (u + 15 * row[U]) / far - u / near
        down = (v + 15 * row[V]) / far - v / near
        if abs(across) > 29.9 or abs(down) > 0.99:
            return False
    return True
