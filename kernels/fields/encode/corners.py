"""Which rows of a table sixteen samples read at a time, and what each of them counts.

Of a strip of samples, the entries and weights of sixteen are written down corner by corner, one
vector after the other: corner k of sample s stands ``16 k + s mod 16`` after the first of its
sixteen.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from kernels.fields.encode.lanes import exclusive_or, modulo, plus, saturated, times
from kernels.fields.encode.plan import FACTORS, HASHED, SIZE
from kernels.fields.encodings import INTERPOLATIONS
from kernels.simd import (
    LANES,
    floor,
    fma,
    full,
    full_int,
    load,
    maximum,
    minimum,
    select,
    store,
    to_float,
)

SMOOTHSTEP, NEAREST = INTERPOLATIONS.index("smoothstep"), INTERPOLATIONS.index("nearest")

_ONE, _HALF = np.float32(1), np.float32(0.5)


@njit(inline="always")
def _wrap(entries, at, count, size, inverse):
    """Take ``count`` vectors of entries modulo the size of their level."""
    if size & (size - 1) == 0:
        mask = full_int(np.int32(size - 1))
        for c in range(count):
            place = at + c * LANES
            store(entries, place, load(entries, place) & mask)
    else:
        for c in range(count):
            place = at + c * LANES
            store(entries, place, modulo(load(entries, place), size, inverse))


@njit(inline="always")
def _join(one, other, hashed):
    if hashed:
        return exclusive_or(one, other)
    return one + other


@njit(inline="always")
def _axis(coordinates, at, scale, factor, smooth):
    """What the lower and upper vertex along one axis add to entries, and the share of the upper."""
    x = fma(load(coordinates, at), scale, _HALF)
    low = floor(x)
    lower = times(saturated(low), factor)
    share = x - low
    if smooth:
        share = share * share * (np.float32(3) - (share + share))
    return lower, plus(lower, factor), share


@njit(inline="always")
def _two(entries, weights, at, entry, weight, lower, upper, share, hashed):
    """A corner of two axes is joined with both vertices of the third."""
    store(entries, at, _join(entry, lower, hashed))
    store(entries, at + 4 * LANES, _join(entry, upper, hashed))
    store(weights, at, weight * (_ONE - share))
    store(weights, at + 4 * LANES, weight * share)


@njit(inline="always")
def _eight(coordinates, own, block, rows, level, scale, smooth, entries, weights, hashed):
    """Like :func:`cubes` for three coordinates, all in registers; ``hashed`` is a literal."""
    size, inverse = level[SIZE], 1.0 / level[SIZE]
    mask = full_int(np.int32(size - 1))
    one, two, three = level[FACTORS], level[FACTORS + 1], level[FACTORS + 2]
    for v in range(0, rows, LANES):
        at, p = 8 * v, own + v
        x0, x1, s = _axis(coordinates, p, scale, one, smooth)
        y0, y1, t = _axis(coordinates, p + block, scale, two, smooth)
        z0, z1, u = _axis(coordinates, p + 2 * block, scale, three, smooth)
        if hashed:
            # Sizes of hashed levels are powers of two.
            x0, x1, y0, y1 = x0 & mask, x1 & mask, y0 & mask, y1 & mask
            z0, z1 = z0 & mask, z1 & mask
        left, near = _ONE - s, _ONE - t
        e00, e10 = _join(x0, y0, hashed), _join(x1, y0, hashed)
        e01, e11 = _join(x0, y1, hashed), _join(x1, y1, hashed)
        _two(entries, weights, at, e00, left * near, z0, z1, u, hashed)
        _two(entries, weights, at + LANES, e10, s * near, z0, z1, u, hashed)
        _two(entries, weights, at + 2 * LANES, e01, left * t, z0, z1, u, hashed)
        _two(entries, weights, at + 3 * LANES, e11, s * t, z0, z1, u, hashed)
        if not hashed:
            _wrap(entries, at, 8, size, inverse)


@njit(nogil=True, cache=True, error_model="numpy")
def cubes_of_three(coordinates, own, block, rows, level, scale, mode, entries, weights):
    smooth = mode == SMOOTHSTEP
    if level[HASHED] != 0:
        _eight(coordinates, own, block, rows, level, scale, smooth, entries, weights, True)
    else:
        _eight(coordinates, own, block, rows, level, scale, smooth, entries, weights, False)
    return 8


@njit(nogil=True, cache=True, error_model="numpy")
def cubes(coordinates, own, block, rows, dims, level, scale, mode, entries, weights):
    """Entries and weights of all corners for a strip; how many corners there are.

    Coordinate by coordinate: those known so far are joined with the lower vertex, and copies of
    them with the upper one.
    """
    size, hashed = level[SIZE], level[HASHED] != 0
    inverse = 1.0 / size
    corners = 1 if mode == NEAREST else 1 << dims
    for v in range(0, rows, LANES):
        at = v * corners
        store(entries, at, full_int(np.int32(0)))
        store(weights, at, full(_ONE))
        for d in range(dims):
            x = fma(load(coordinates, own + d * block + v), scale, _HALF)
            low = floor(x)
            lower = times(saturated(low), level[FACTORS + d])
            if mode == NEAREST:
                store(entries, at, _join(load(entries, at), lower, hashed))
                continue
            upper = plus(lower, level[FACTORS + d])
            share = x - low
            if mode == SMOOTHSTEP:
                share = share * share * (np.float32(3) - (share + share))
            rest = _ONE - share
            for c in range(1 << d):
                here, there = at + c * LANES, at + (c + (1 << d)) * LANES
                entry, weight = load(entries, here), load(weights, here)
                store(entries, there, _join(entry, upper, hashed))
                store(entries, here, _join(entry, lower, hashed))
                store(weights, there, weight * share)
                store(weights, here, weight * rest)
        _wrap(entries, at, corners, size, inverse)
    return corners


@njit(nogil=True, cache=True, error_model="numpy")
def simplices(coordinates, own, block, rows, dims, level, scale, skew, entries, weights):
    """Entries and weights of the corners of one simplex per sample; how many there are.

    Fractions, and what a step along their coordinate does to an entry, are sorted as they come.
    The step of rank k stands at corner k + 1 while sorting.
    """
    size, hashed = level[SIZE], level[HASHED] != 0
    inverse = 1.0 / size
    corners = dims + 1
    for v in range(0, rows, LANES):
        at = v * corners
        total = full(np.float32(0))
        for d in range(dims):
            total = total + fma(load(coordinates, own + d * block + v), scale, _HALF)
        entry = full_int(np.int32(0))
        for d in range(dims):
            x = fma(load(coordinates, own + d * block + v), scale, _HALF)
            x = fma(total, skew, x)
            low = floor(x)
            lower = times(saturated(low), level[FACTORS + d])
            step = _join(lower, plus(lower, level[FACTORS + d]), True)
            if not hashed:
                step = full_int(np.int32(0))
                step = plus(step, level[FACTORS + d])
            entry = _join(entry, lower, hashed)
            fraction = x - low
            for k in range(d):
                place = at + (k + 1) * LANES
                other, its = load(weights, place), load(entries, place)
                larger = fraction > other
                store(weights, place, select(larger, fraction, other))
                store(entries, place, select(larger, step, its))
                fraction, step = (
                    select(larger, other, fraction),
                    select(larger, its, step),
                )
            place = at + (d + 1) * LANES
            store(weights, place, fraction)
            store(entries, place, step)
        before = full(_ONE)
        store(entries, at, entry)
        for k in range(dims):
            place = at + k * LANES
            after = load(weights, place + LANES)
            store(weights, place, before - after)
            before = after
            entry = _join(entry, load(entries, place + LANES), hashed)
            store(entries, place + LANES, entry)
        store(weights, at + dims * LANES, before)
        _wrap(entries, at, corners, size, inverse)
    return corners


@njit(inline="always")
def _larger_first(one, other, step, next_step):
    """Two fractions and what goes with them, the larger fraction first."""
    swapped = other > one
    return (
        select(swapped, other, one), select(swapped, one, other),
        select(swapped, next_step, step), select(swapped, step, next_step),
    )  # fmt: skip


@njit(inline="always")
def _skewed_axis(x, total, skew, factor, hashed):
    """What the lower vertex adds to an entry, what the step to the upper one does, the fraction."""
    x = fma(total, skew, x)
    low = floor(x)
    lower = times(saturated(low), factor)
    if hashed:
        return lower, exclusive_or(lower, plus(lower, factor)), x - low
    return lower, plus(full_int(np.int32(0)), factor), x - low


@njit(inline="always")
def _four(coordinates, own, block, rows, level, scale, skew, entries, weights, hashed):
    """Like :func:`simplices` for three coordinates, all in registers; ``hashed`` is a literal."""
    size, inverse = level[SIZE], 1.0 / level[SIZE]
    one, two, three = level[FACTORS], level[FACTORS + 1], level[FACTORS + 2]
    for v in range(0, rows, LANES):
        at, p = 4 * v, own + v
        x = fma(load(coordinates, p), scale, _HALF)
        y = fma(load(coordinates, p + block), scale, _HALF)
        z = fma(load(coordinates, p + 2 * block), scale, _HALF)
        total = (x + y) + z
        e, i, f = _skewed_axis(x, total, skew, one, hashed)
        lower, j, g = _skewed_axis(y, total, skew, two, hashed)
        e = _join(e, lower, hashed)
        lower, k, h = _skewed_axis(z, total, skew, three, hashed)
        e = _join(e, lower, hashed)
        f, g, i, j = _larger_first(f, g, i, j)
        g, h, j, k = _larger_first(g, h, j, k)
        f, g, i, j = _larger_first(f, g, i, j)
        store(weights, at, _ONE - f)
        store(weights, at + LANES, f - g)
        store(weights, at + 2 * LANES, g - h)
        store(weights, at + 3 * LANES, h)
        store(entries, at, e)
        e = _join(e, i, hashed)
        store(entries, at + LANES, e)
        e = _join(e, j, hashed)
        store(entries, at + 2 * LANES, e)
        store(entries, at + 3 * LANES, _join(e, k, hashed))
        _wrap(entries, at, 4, size, inverse)


@njit(nogil=True, cache=True, error_model="numpy")
def simplices_of_three(coordinates, own, block, rows, level, scale, skew, entries, weights):
    if level[HASHED] != 0:
        _four(coordinates, own, block, rows, level, scale, skew, entries, weights, True)
    else:
        _four(coordinates, own, block, rows, level, scale, skew, entries, weights, False)
    return 4


@njit(inline="always")
def _border(coordinates, at, last):
    """Lower vertex of a coordinate, and the share of the one above; beyond 0..1 the border."""
    x = minimum(full(_ONE), maximum(full(np.float32(0)), load(coordinates, at))) * to_float(last)
    low = minimum(maximum(saturated(floor(x)), np.int32(0)), last - np.int32(1))
    return low, x - to_float(low)


@njit(nogil=True, cache=True, error_model="numpy")
def squares(coordinates, across, down, rows, resolution, plane, entries, weights, corners, corner):
    """Entries and weights of four corners on one plane, from ``corner`` of ``corners`` on."""
    last = full_int(np.int32(resolution - 1))
    for v in range(0, rows, LANES):
        column, s = _border(coordinates, across + v, last)
        line, t = _border(coordinates, down + v, last)
        first = plus(times(line, resolution) + column, plane * resolution * resolution)
        at = v * corners + corner * LANES
        for c in range(4):
            place = at + c * LANES
            store(entries, place, plus(first, (c & 1) + (c >> 1) * resolution))
            weight = s if c & 1 else _ONE - s
            store(weights, place, weight * (t if c & 2 else _ONE - t))
