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
    load,
    load_pairs,
    maximum,
    minimum,
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
def bilinear(texels, at, u, v, base_u, base_v):
    """Premultiplied colour and alpha at ``(u + base_u, v + base_v)``, coordinates of texels.

    ``at`` is a row of the table of textures. Outside and where coordinates are no numbers, the
    transparent border is met.
    """
    zero = full(np.float32(0))
    low_u, high_u = np.float32(-1 - base_u), np.float32(at[WIDTH] - base_u)
    low_v, high_v = np.float32(-1 - base_v), np.float32(at[HEIGHT] - base_v)
    u = minimum(maximum(u, low_u), high_u)
    v = minimum(maximum(v, low_v), high_v)
    left = minimum(floor(u), high_u - _ONE)
    above = minimum(floor(v), high_v - _ONE)
    s, t = u - left, v - above
    column = to_int(left) + np.int32(base_u + 1)
    line = to_int(above) + np.int32(base_v + 1)
    offsets = line * np.int32(at[STRIDE]) + column
    first, second = load_pairs(texels, at[OFFSET], offsets)
    third, fourth = load_pairs(texels, at[OFFSET] + at[STRIDE], offsets)
    seen = to_bits(((first | second | third | fourth) >> np.int32(24)) > np.int32(0))
    if seen == np.uint64(0):
        return zero, zero, zero, zero
    rest_s, rest_t = _ONE - s, _ONE - t
    r, g, b, a = _add_texel(first, rest_s * rest_t, zero, zero, zero, zero)
    r, g, b, a = _add_texel(second, s * rest_t, r, g, b, a)
    r, g, b, a = _add_texel(third, rest_s * t, r, g, b, a)
    return _add_texel(fourth, s * t, r, g, b, a)


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
        r1, g1, b1, a1 = bilinear(texels, levels[level], at_u, at_v, 0, 0)
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
