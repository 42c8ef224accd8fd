"""Encodings of a tile of samples on a GPU, for kernels that encode and do more besides.

A tile has a row for each sample, whose coordinates come as a tuple of vectors, and a column for
each result from a first one on. Encodings that read tables find the entries for (rows of
a table of levels) x (samples), samples in neighbouring threads: those of neighbouring rays often
share a cell, and so what is read. Two features that follow each other are read as one int64.
"""

from __future__ import annotations

import triton
import triton.language as tl

from kernels.cuda.functions import power_of_two, saturated, sin

BASE, STRIDE, SIZE, INVERSE, HASHED, FACTORS = range(6)
"""Columns of the table of levels, int64: the first element and those of an entry, in words of one
or two features; entries; ``floor(2^32 / entries)``; whether vertices are hashed; the factor of
each coordinate."""
COLUMNS = FACTORS + 7
LINEAR, SMOOTHSTEP, NEAREST = range(3)

_COLUMNS, _BASE, _STRIDE = tl.constexpr(COLUMNS), tl.constexpr(BASE), tl.constexpr(STRIDE)
_SIZE, _INVERSE, _HASHED = tl.constexpr(SIZE), tl.constexpr(INVERSE), tl.constexpr(HASHED)
_FACTORS = tl.constexpr(FACTORS)
_SMOOTHSTEP, _NEAREST = tl.constexpr(SMOOTHSTEP), tl.constexpr(NEAREST)
_TURN = tl.constexpr(6.2831853)


@triton.jit
def appended(items, item):
    """A tuple with one item more; Triton unpacks none."""
    return items + (item,)  # noqa: RUF005


@triton.jit
def wrapped(index, size, inverse):
    """Uint32 modulo ``size`` below 2^31 + 1: the quotient is estimated one too small at most."""
    rest = index - tl.umulhi(index, inverse) * size
    return tl.where(rest >= size, rest - size, rest)


@triton.jit
def joined(one, other, hashed):
    """What two coordinates of a vertex say of its entry."""
    return tl.where(hashed, one ^ other, one + other)


@triton.jit
def features(words, VECTOR: tl.constexpr):
    """One tile of float32, or the two whose bits stand in one of int64."""
    if VECTOR == 1:
        return words, words
    else:
        low = words.to(tl.int32).to(tl.float32, bitcast=True)
        return low, (words >> 32).to(tl.int32).to(tl.float32, bitcast=True)


@triton.jit
def by_samples(one, other, VECTOR: tl.constexpr):
    """[rows, samples] as [samples, features]; of pairs those of a row stand side by side."""
    if VECTOR == 1:
        return tl.trans(one)
    else:
        pairs = tl.permute(tl.join(one, other), (1, 0, 2))
        return tl.reshape(pairs, (one.shape[1], 2 * one.shape[0]))


@triton.jit
def axis(coordinate, scale, factor, MODE: tl.constexpr):
    """Along one axis: the part of the lower vertex in entries, the weight of the upper one, and
    the weight's rate of change by the coordinate."""
    x = tl.fma(tl.broadcast_to(coordinate[None, :], (scale.shape[0], coordinate.shape[0])),
               scale[:, None], 0.5)  # fmt: skip
    low = tl.floor(x)
    share = x - low
    rate = tl.broadcast_to(scale[:, None], share.shape)
    if MODE == _SMOOTHSTEP:
        rate = rate * (6.0 * share * (1.0 - share))
        share = share * share * (3.0 - (share + share))
    return saturated(low).to(tl.uint32, bitcast=True) * factor[:, None], share, rate


@triton.jit
def level_rows(numbers, scales, first, count, ROWS: tl.constexpr):
    """Rows ``first`` to ``first + ROWS - 1`` of ``count`` of a table of levels."""
    row = first + tl.arange(0, ROWS)
    within = row < count
    at = numbers + row.to(tl.int64) * _COLUMNS
    base = tl.load(at + _BASE, mask=within, other=0)
    stride = tl.load(at + _STRIDE, mask=within, other=0)
    size = tl.load(at + _SIZE, mask=within, other=1).to(tl.uint32)
    inverse = tl.load(at + _INVERSE, mask=within, other=0).to(tl.uint32)
    hashed = tl.load(at + _HASHED, mask=within, other=0) != 0
    scale = tl.load(scales + row, mask=within, other=0.0)
    return within, at, base, stride, size, inverse, hashed, scale


@triton.jit
def factor_of(at, within, d: tl.constexpr):
    """The factor of a coordinate."""
    return tl.load(at + _FACTORS + d, mask=within, other=0).to(tl.uint32)


@triton.jit
def corners_of(p, corner, at, within, hashed, scale, DIMS: tl.constexpr, MODE: tl.constexpr):
    """What corners of each cell are in entries, not yet wrapped, and their weights: [corners, rows,
    samples]."""
    corner = corner[:, None, None]
    for d in tl.static_range(DIMS):
        factor = factor_of(at, within, d)
        low, share, _ = axis(p[d], scale, factor, MODE)
        upper = (corner >> d) & 1
        part = low[None, :, :] + factor[None, :, None] * upper.to(tl.uint32)
        share = tl.where(upper == 1, share[None, :, :], 1.0 - share[None, :, :])
        if d == 0:
            entry, weight = part, share
        else:
            entry = joined(entry, part, hashed[None, :, None])
            weight = weight * share
    return entry, weight


@triton.jit
def grid(
    p, used, table, numbers, scales, first, count,
    DIMS: tl.constexpr, MODE: tl.constexpr, VECTOR: tl.constexpr, ROWS: tl.constexpr,
    TOGETHER: tl.constexpr,
):  # fmt: skip
    """A grid of cubes: [samples, VECTOR ROWS] from row ``first`` of the table of levels on.

    Up to ``TOGETHER`` corners are asked for at once; those of a sample stay in one thread.
    """
    within, at, base, stride, size, inverse, hashed, scale = level_rows(
        numbers, scales, first, count, ROWS
    )
    CORNERS: tl.constexpr = 1 if MODE == _NEAREST else 1 << DIMS
    STEP: tl.constexpr = CORNERS if CORNERS < TOGETHER else TOGETHER
    wanted = (within[:, None] & used[None, :])[None, :, :]
    one = tl.zeros([ROWS, used.shape[0]], tl.float32)
    other = one
    for start in range(0, CORNERS, STEP):
        corner = start + tl.arange(0, STEP)
        entry, weight = corners_of(p, corner, at, within, hashed, scale, DIMS, MODE)
        place = wrapped(entry, size[None, :, None], inverse[None, :, None])
        word = base[None, :, None] + place.to(tl.int64) * stride[None, :, None]
        left, right = features(tl.load(table + word, mask=wanted, other=0), VECTOR)
        if MODE != _NEAREST:
            left, right = weight * left, weight * right
        one += tl.sum(left, 0)
        other += tl.sum(right, 0)
    return by_samples(one, other, VECTOR)


@triton.jit
def skewed(p, scale, skew, d: tl.constexpr, DIMS: tl.constexpr):
    """Coordinate ``d`` in the grid of simplices; the sum is taken in order."""
    own = p[0][None, :] * 0.0 + scale[:, None] * 0.0
    total = own
    for e in tl.static_range(DIMS):
        x = tl.fma(tl.broadcast_to(p[e][None, :], own.shape), scale[:, None], 0.5)
        total = x if e == 0 else total + x
        if e == d:
            own = x
    return tl.fma(total, skew, own)


@triton.jit
def simplex_axis(p, scale, skew, at, within, hashed, d: tl.constexpr, DIMS: tl.constexpr):
    """Along one axis: the fraction, the part of the lowest vertex in entries, and what a step to
    the upper vertex adds to that (or changes in it)."""
    x = skewed(p, scale, skew, d, DIMS)
    low = tl.floor(x)
    factor = factor_of(at, within, d)[:, None]
    lower = saturated(low).to(tl.uint32, bitcast=True) * factor
    step = tl.where(hashed[:, None], lower ^ (lower + factor), factor + lower * 0)
    return x - low, lower, step


@triton.jit
def simplex_axes(p, scale, skew, at, within, hashed, DIMS: tl.constexpr):
    """All fractions, their ranks (0 for the largest; of equals the first), steps, lowest entry."""
    fractions, entry, step = simplex_axis(p, scale, skew, at, within, hashed, 0, DIMS)
    fractions, steps = (fractions,), (step,)
    for d in tl.static_range(1, DIMS):
        fraction, lower, step = simplex_axis(p, scale, skew, at, within, hashed, d, DIMS)
        fractions, steps = appended(fractions, fraction), appended(steps, step)
        entry = joined(entry, lower, hashed[:, None])
    ranks = (entry.to(tl.int32) * 0,)
    for d in tl.static_range(DIMS):
        rank = entry.to(tl.int32) * 0
        for e in tl.static_range(DIMS):
            if e < d:
                rank += (fractions[e] >= fractions[d]).to(tl.int32)
            elif e > d:
                rank += (fractions[e] > fractions[d]).to(tl.int32)
        ranks = (rank,) if d == 0 else appended(ranks, rank)
    return fractions, ranks, steps, entry


@triton.jit
def simplex(
    p, used, table, numbers, scales, first, count, skew,
    DIMS: tl.constexpr, VECTOR: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """A grid of simplices, as :func:`grid`: from the lowest vertex to the highest, by ranks."""
    within, at, base, stride, size, inverse, hashed, scale = level_rows(
        numbers, scales, first, count, ROWS
    )
    wanted = within[:, None] & used[None, :]
    fractions, ranks, steps, entry = simplex_axes(p, scale, skew, at, within, hashed, DIMS)
    one = tl.zeros([ROWS, used.shape[0]], tl.float32)
    other = one
    before = one + 1.0
    for corner in tl.static_range(DIMS + 1):
        if corner > 0:
            step = entry * 0
            for d in tl.static_range(DIMS):
                step = tl.where(ranks[d] == corner - 1, steps[d], step)
            entry = joined(entry, step, hashed[:, None])
        after = tl.zeros([ROWS, used.shape[0]], tl.float32)
        for d in tl.static_range(DIMS):
            after = tl.where(ranks[d] == corner, fractions[d], after)
        place = wrapped(entry, size[:, None], inverse[:, None]).to(tl.int64) * stride[:, None]
        words = tl.load(table + (base[:, None] + place), mask=wanted, other=0)
        left, right = features(words, VECTOR)
        one = tl.fma(before - after, left, one)
        other = tl.fma(before - after, right, other)
        before = after
    return by_samples(one, other, VECTOR)


@triton.jit
def border(x, last):
    """On planes: the lower vertex of a coordinate and the weight of the next; NaN stays NaN."""
    x = tl.where(x != x, x, tl.minimum(tl.maximum(x, 0.0), 1.0)) * last.to(tl.float32)
    low = tl.minimum(tl.maximum(tl.floor(x), 0.0), (last - 1).to(tl.float32)).to(tl.int32)
    return low, x - low.to(tl.float32)


@triton.jit
def plane(
    across, down, used, table, base, resolution, stride, first, count,
    VECTOR: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """The four corners of each sample on one plane, [rows, samples] of one or two features, and
    the weights of the right and the lower ones."""
    column, s = border(across, resolution - 1)
    line, t = border(down, resolution - 1)
    word = first + tl.arange(0, ROWS)
    wanted = (word < count)[:, None] & used[None, :]
    corner = (base + line.to(tl.int64) * resolution + column) * stride
    at = table + (corner[None, :] + word[:, None])
    below = at + resolution.to(tl.int64) * stride
    a = tl.load(at, mask=wanted, other=0)
    b = tl.load(at + stride, mask=wanted, other=0)
    c = tl.load(below, mask=wanted, other=0)
    d = tl.load(below + stride, mask=wanted, other=0)
    return a, b, c, d, s, t


@triton.jit
def bilinear(a, b, c, d, s, t):
    """Between four corners."""
    upper = a * (1.0 - s)[None, :] + b * s[None, :]
    lower = c * (1.0 - s)[None, :] + d * s[None, :]
    return upper * (1.0 - t)[None, :] + lower * t[None, :]


@triton.jit
def planes(
    p, used, table, start, resolution, stride, first, count,
    PRODUCT: tl.constexpr, VECTOR: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """A tri-plane: [samples, VECTOR ROWS]; ``stride`` and ``count`` are in words of features, and
    ``start`` in entries."""
    one = tl.zeros([ROWS, used.shape[0]], tl.float32)
    other = one
    for number in tl.static_range(3):
        across = p[0] if number < 2 else p[1]
        down = p[1] if number == 0 else p[2]
        base = start + number * (resolution.to(tl.int64) * resolution)
        a, b, c, d, s, t = plane(
            across, down, used, table, base, resolution, stride, first, count, VECTOR, ROWS
        )
        a, a2 = features(a, VECTOR)
        b, b2 = features(b, VECTOR)
        c, c2 = features(c, VECTOR)
        d, d2 = features(d, VECTOR)
        left, right = bilinear(a, b, c, d, s, t), bilinear(a2, b2, c2, d2, s, t)
        if number == 0:
            one, other = left, right
        elif PRODUCT:
            one, other = one * left, other * right
        else:
            one, other = one + left, other + right
    return by_samples(one, other, VECTOR)


@triton.jit
def of_column(p, number, DIMS: tl.constexpr):
    """For each column the coordinate ``number`` of the samples: [samples, columns]."""
    x = p[0][:, None] + 0.0 * number[None, :].to(tl.float32)
    for d in tl.static_range(1, DIMS):
        x = tl.where((number == d)[None, :], p[d][:, None], x)
    return x


@triton.jit
def turned(x, k, is_cosine):
    """Sine or cosine of ``pi 2^k x``; whole turns are taken away while that is exact."""
    turns = x * power_of_two(k - 1)
    turns -= tl.floor(turns + 0.5)
    return sin(tl.where(is_cosine, 0.25 - tl.abs(turns), turns) * _TURN)


@triton.jit
def frequency(p, column, waves, DIMS: tl.constexpr):
    """Sine and cosine of ``waves`` frequencies for each coordinate."""
    x = of_column(p, column // (2 * waves), DIMS)
    k = column % (2 * waves) // 2
    return turned(x, k[None, :], (column % 2 == 1)[None, :])


@triton.jit
def triangle(p, column, waves, DIMS: tl.constexpr):
    """Triangle waves for each coordinate."""
    x = of_column(p, column // waves, DIMS)
    k = column % waves
    turns = tl.fma(x, tl.broadcast_to(power_of_two(k - 1)[None, :], x.shape),
                   (k.to(tl.float32) * 0.25)[None, :])  # fmt: skip
    return tl.abs(turns - tl.floor(turns) - 0.5) * 4.0 - 1.0


@triton.jit
def quartic(u):
    """Integral of ``15/16 (1 - u^2)^2`` from -1 on; NaN stays NaN."""
    u = tl.where(u > 1.0, 1.0, tl.where(u < -1.0, -1.0, u))
    z = u * u
    p = tl.fma(z, 3.0 / 16.0, -5.0 / 8.0)
    return tl.fma(tl.fma(p, z, 15.0 / 16.0), u, 0.5)


@triton.jit
def below(x, j, wide):
    """How much of the bumps around x, one bin's width wide, lies below border ``j``."""
    at = tl.fma(x, -wide, j)
    return quartic(at - wide) + quartic(at) + quartic(at + wide)


@triton.jit
def blob(p, column, bins, DIMS: tl.constexpr):
    """Shares of a bump in ``bins`` bins for each coordinate."""
    x = of_column(p, column // bins, DIMS)
    j = (column % bins).to(tl.float32)[None, :] + x * 0.0
    wide = bins * 1.0
    return below(x, j + 1.0, wide) - below(x, j, wide)


@triton.jit
def harmonics(p, column, table, DEGREE: tl.constexpr):
    """See :mod:`kernels.fields.encode.harmonics`; ``table`` holds A, B and N, each 8 x 8."""
    x, y, z = 2.0 * p[0] - 1.0, 2.0 * p[1] - 1.0, 2.0 * p[2] - 1.0
    out = p[0][:, None] * 0.0 + column[None, :].to(tl.float32) * 0.0
    real, imaginary = x * 0.0 + 1.0, x * 0.0
    for m in tl.static_range(DEGREE):
        before, legendre = x * 0.0, x * 0.0 + 1.0
        for band in tl.static_range(m, DEGREE):
            if band > m:
                a, b = tl.load(table + 8 * band + m), tl.load(table + 64 + 8 * band + m)
                ahead = a * z * legendre + b * before
                before, legendre = legendre, ahead
            n = tl.load(table + 128 + 8 * band + m) * legendre
            middle = band * (band + 1)
            out = tl.where((column == middle + m)[None, :], (n * real)[:, None], out)
            if m > 0:
                out = tl.where((column == middle - m)[None, :], (n * imaginary)[:, None], out)
        real, imaginary = real * x - imaginary * y, real * y + imaginary * x
    return out
