"""Sampling of the ``cpu`` backend: sixteen neighbouring pixels of a row at once.

Colours are sums of 255 * 255 for full colour and alpha, alphas of 255, so that texels need no
division; whoever takes light away from them divides.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from kernels.planes.types import HEIGHT, OFFSET, STRIDE, WIDTH
from kernels.simd import (
    floor,
    fma,
    full,
    lane_of,
    load,
    load_pairs,
    maximum,
    minimum,
    permute_pair,
    select,
    store,
    to_bits,
    to_float,
    to_int,
)

_ONE = np.float32(1)
_ALPHA = np.int32(255)


@njit(inline="always")
def _add_texel(texel, weight, r, g, b, a):
    """Add one texel, its colour weighted with its alpha."""
    share = weight * to_float(texel >> np.int32(24))
    r = fma(share, to_float(texel & np.int32(255)), r)
    g = fma(share, to_float(texel >> np.int32(8) & np.int32(255)), g)
    b = fma(share, to_float(texel >> np.int32(16) & np.int32(255)), b)
    return r, g, b, a + share


@njit(inline="always")
def _near_corners(texels, corner, stride, column, line):
    """The four texels around each pixel, all within 31 columns of two or three rows.

    Neighbouring pixels meet neighbouring texels: those of a row are loaded once and picked from in
    registers, at a third of the time of single loads.
    """
    left, right = lane_of(column, 0), lane_of(column, 15)
    above, below = lane_of(line, 0), lane_of(line, 15)
    lowest, top = min(left, right), min(above, below)
    at = corner + np.int64(top) * stride + lowest
    index = column - lowest
    after = index + np.int32(1)
    q0, q1 = load(texels, at), load(texels, at + 16)
    q2, q3 = load(texels, at + stride), load(texels, at + stride + 16)
    first, second = permute_pair(q0, q1, index), permute_pair(q0, q1, after)
    third, fourth = permute_pair(q2, q3, index), permute_pair(q2, q3, after)
    if above != below:
        q0, q1 = load(texels, at + 2 * stride), load(texels, at + 2 * stride + 16)
        lower = line > top
        first, second = select(lower, third, first), select(lower, fourth, second)
        third = select(lower, permute_pair(q0, q1, index), third)
        fourth = select(lower, permute_pair(q0, q1, after), fourth)
    return first, second, third, fourth


@njit(inline="always")
def _corners(texels, corner, stride, column, line):
    """The four texels around each pixel: left and right, above and below."""
    offsets = line * np.int32(stride) + column
    first, second = load_pairs(texels, corner, offsets)
    third, fourth = load_pairs(texels, corner + stride, offsets)
    return first, second, third, fourth


@njit(inline="always")
def bilinear(texels, corner, stride, low_u, low_v, high_u, high_v, u, v, near):
    """Premultiplied colour and alpha at (u, v), coordinates of texels.

    ``corner`` is the place of the texel (0, 0), the coordinates of the border around the picture
    are ``low_u`` to ``high_u`` and ``low_v`` to ``high_v``: float32 scalars that the caller
    keeps, because compilers fear that the table which they come from is written to meanwhile.
    ``near``, a constant, says that what the pixels meet lies as :func:`_near_corners` wants it.
    Outside and where coordinates are no numbers, the transparent border is met.
    """
    zero = full(np.float32(0))
    u = minimum(maximum(u, low_u), high_u)
    v = minimum(maximum(v, low_v), high_v)
    left = minimum(floor(u), high_u - _ONE)
    above = minimum(floor(v), high_v - _ONE)
    s, t = u - left, v - above
    column, line = to_int(left), to_int(above)
    if near:
        first, second, third, fourth = _near_corners(texels, corner, stride, column, line)
    else:
        first, second, third, fourth = _corners(texels, corner, stride, column, line)
    seen = to_bits(((first | second | third | fourth) >> np.int32(24)) > np.int32(0))
    if seen == np.uint64(0):
        return zero, zero, zero, zero
    rest_s, rest_t = _ONE - s, _ONE - t
    r, g, b, a = _add_texel(first, rest_s * rest_t, zero, zero, zero, zero)
    r, g, b, a = _add_texel(second, s * rest_t, r, g, b, a)
    r, g, b, a = _add_texel(third, rest_s * t, r, g, b, a)
    return _add_texel(fourth, s * t, r, g, b, a)


@njit(inline="always")
def whole(texels, at, u, v):
    """:func:`bilinear` of a picture whose row in the table of textures is ``at``."""
    border = np.float32(-1)
    corner = at[OFFSET] + at[STRIDE] + 1
    return bilinear(
        texels, corner, at[STRIDE], border, border, np.float32(at[WIDTH]), np.float32(at[HEIGHT]),
        u, v, False,
    )  # fmt: skip


@njit(inline="always")
def trilinear(texels, levels, u, v, base_u, base_v, detail, lowest, highest):
    """Between the levels around ``detail``, all of which lie in ``lowest..highest``."""
    zero = full(np.float32(0))
    r, g, b, a = zero, zero, zero, zero
    for level in range(lowest, highest + 1):
        weight = maximum(_ONE - maximum(detail - np.float32(level),
                                        np.float32(level) - detail), np.float32(0))  # fmt: skip
        factor = np.float32(0.5**level)
        at_u = (u + np.float32(base_u + 0.5)) * factor - np.float32(0.5)
        at_v = (v + np.float32(base_v + 0.5)) * factor - np.float32(0.5)
        r1, g1, b1, a1 = whole(texels, levels[level], at_u, at_v)
        r, g = fma(weight, r1, r), fma(weight, g1, g)
        b, a = fma(weight, b1, b), fma(weight, a1, a)
    return r, g, b, a


@njit(nogil=True, cache=True, error_model="numpy")
def _seen_texel(texels, at, values, start, basis, first, x, y, weight, out, lane):
    """Add one texel whose colour depends on the direction."""
    width, height = at[WIDTH], at[HEIGHT]
    if x < 0 or y < 0 or x >= width or y >= height or weight == 0:
        return
    texel = texels[at[OFFSET] + (y + 1) * at[STRIDE] + x + 1]
    alpha = np.float32(texel >> np.uint32(24))
    if alpha == 0:
        return
    share = weight * alpha
    place = start + y * width + x
    for c in range(3):
        color = np.float32((texel >> np.uint32(8 * c)) & np.uint32(255))
        total = np.float32(0)
        for n in range(values.shape[1]):
            factor = np.float32(values[place, n, c]) * np.float32(2) - np.float32(255)
            total += factor * basis[first + n]
        out[16 * c + lane] += share * min(max(color + total, np.float32(0)), np.float32(255))
    out[48 + lane] += share


@njit(nogil=True, cache=True, error_model="numpy")
def _seen_lanes(texels, at, base_u, base_v, values, start, basis, first, scratch):
    """Bilinear samples of sixteen pixels, whose coordinates are the last values of scratch."""
    scratch[:64] = 0
    functions = values.shape[1]
    for lane in range(16):
        u = min(max(scratch[64 + lane] + np.float32(base_u), np.float32(-1)),
                np.float32(at[WIDTH]))  # fmt: skip
        v = min(max(scratch[80 + lane] + np.float32(base_v), np.float32(-1)),
                np.float32(at[HEIGHT]))  # fmt: skip
        left, above = np.floor(u), np.floor(v)
        s, t = u - left, v - above
        x, y, here = int(left), int(above), first + lane * functions
        for j in range(2):
            for i in range(2):
                weight = (s if i else _ONE - s) * (t if j else _ONE - t)
                _seen_texel(
                    texels, at, values, start, basis, here, x + i, y + j, weight, scratch, lane
                )


@njit(inline="always")
def seen(texels, at, u, v, base_u, base_v, values, start, basis, first, scratch):
    """Like :func:`bilinear` for colour that depends on the direction.

    ``first`` is the place in ``basis`` of the first pixel's functions; ``scratch`` (96,) float32.
    """
    store(scratch, 64, maximum(u, np.float32(-1 - base_u)))
    store(scratch, 80, maximum(v, np.float32(-1 - base_v)))
    _seen_lanes(texels, at, base_u, base_v, values, start, basis, first, scratch)
    return load(scratch, 0), load(scratch, 16), load(scratch, 32), load(scratch, 48)
