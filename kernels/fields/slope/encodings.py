"""Encodings with their derivatives for the ``cuda`` backend: a launch for each part.

What is written has a side for the values and one for each coordinate's derivatives: (sides, N,
columns).
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl

from kernels.fields.encode.cuda import (
    BLOB,
    FREQUENCY,
    HARMONICS,
    IDENTITY,
    TRIANGLE,
    coordinates,
    formula_of,
)
from kernels.fields.encode.device import harmonics_table, levels_of, words_of
from kernels.fields.encode.tiles import (
    NEAREST,
    appended,
    by_samples,
    corners_of,
    features,
    joined,
    level_rows,
    of_column,
    simplex_axes,
    wrapped,
)
from kernels.fields.encodings import (
    INTERPOLATIONS,
    Composite,
    Encoding,
    HashGrid,
    Simplex,
    TriPlane,
)
from kernels.fields.slope.tiles import (
    bilinear_sides,
    blob_sides,
    frequency_sides,
    harmonics_sides,
    plane_sides,
    side_weight,
    triangle_sides,
)

SAMPLES, WORDS, COLUMNS = 64, 4, 16
"""Samples of a program, and words or columns of each."""

_FREQUENCY, _TRIANGLE = tl.constexpr(FREQUENCY), tl.constexpr(TRIANGLE)
_BLOB, _IDENTITY, _NEAREST = tl.constexpr(BLOB), tl.constexpr(IDENTITY), tl.constexpr(NEAREST)


@triton.jit
def _put(out, side, apart, row, used, stride, column, width, tile):
    """Write a tile of a side."""
    at = out + side * apart + row[:, None] * stride + column[None, :]
    tl.store(at, tile, mask=used[:, None] & (column < width)[None, :])


@triton.jit(do_not_specialize=["count", "rows", "width", "apart"],
            do_not_specialize_on_alignment=["positions", "out"])  # fmt: skip
def _cubes(
    positions, table, numbers, scales, out, count, rows, stride, apart, out_stride, width,
    DIMS: tl.constexpr, MODE: tl.constexpr, VECTOR: tl.constexpr, SAMPLES: tl.constexpr,
    ROWS: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64) * SAMPLES + tl.arange(0, SAMPLES)
    used = row < count
    p = coordinates(positions, row, used, stride, DIMS)
    first = tl.program_id(1) * ROWS
    column = first * VECTOR + tl.arange(0, VECTOR * ROWS)
    apart = apart.to(tl.int64)
    within, at, base, steps, size, inverse, hashed, scale = level_rows(
        numbers, scales, first, rows, ROWS
    )
    CORNERS: tl.constexpr = 1 if MODE == _NEAREST else 1 << DIMS
    wanted = (within[:, None] & used[None, :])[None, :, :]
    if CORNERS <= 8:
        corner = tl.arange(0, CORNERS)
        entry, weight = corners_of(p, corner, at, within, hashed, scale, DIMS, MODE)
        place = wrapped(entry, size[None, :, None], inverse[None, :, None])
        word = base[None, :, None] + place.to(tl.int64) * steps[None, :, None]
        left, right = features(tl.load(table + word, mask=wanted, other=0), VECTOR)
        for side in tl.static_range(1 if MODE == _NEAREST else DIMS + 1):
            if MODE != _NEAREST:
                weight = side_weight(p, corner, at, within, scale, side, DIMS, MODE)
                tile = by_samples(tl.sum(weight * left, 0), tl.sum(weight * right, 0), VECTOR)
            else:
                tile = by_samples(tl.sum(left, 0), tl.sum(right, 0), VECTOR)
            _put(out, side, apart, row, used, out_stride, column, width, tile)
    else:
        # Too many sums for the registers: a side at a time.
        for side in range(DIMS + 1):
            one = tl.zeros([ROWS, SAMPLES], tl.float32)
            other = one
            for start in range(0, CORNERS, 8):
                corner = start + tl.arange(0, 8)
                entry, weight = corners_of(p, corner, at, within, hashed, scale, DIMS, MODE)
                place = wrapped(entry, size[None, :, None], inverse[None, :, None])
                word = base[None, :, None] + place.to(tl.int64) * steps[None, :, None]
                left, right = features(tl.load(table + word, mask=wanted, other=0), VECTOR)
                weight = side_weight(p, corner, at, within, scale, side, DIMS, MODE)
                one += tl.sum(weight * left, 0)
                other += tl.sum(weight * right, 0)
            tile = by_samples(one, other, VECTOR)
            _put(out, side, apart, row, used, out_stride, column, width, tile)


@triton.jit(do_not_specialize=["count", "rows", "width", "apart"],
            do_not_specialize_on_alignment=["positions", "out"])  # fmt: skip
def _simplices(
    positions, table, numbers, scales, out, count, rows, stride, apart, out_stride, width, skew,
    DIMS: tl.constexpr, VECTOR: tl.constexpr, SAMPLES: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64) * SAMPLES + tl.arange(0, SAMPLES)
    used = row < count
    p = coordinates(positions, row, used, stride, DIMS)
    first = tl.program_id(1) * ROWS
    column = first * VECTOR + tl.arange(0, VECTOR * ROWS)
    apart = apart.to(tl.int64)
    within, at, base, steps, size, inverse, hashed, scale = level_rows(
        numbers, scales, first, rows, ROWS
    )
    wanted = within[:, None] & used[None, :]
    fractions, ranks, turns, entry = simplex_axes(p, scale, skew, at, within, hashed, DIMS)
    place = wrapped(entry, size[:, None], inverse[:, None]).to(tl.int64) * steps[:, None]
    words = tl.load(table + (base[:, None] + place), mask=wanted, other=0)
    one, other = features(words, VECTOR)
    start_one, start_other = one, other
    before_one, before_other = one, other
    changes, other_changes = (one,), (one,)
    for k in tl.static_range(DIMS):
        turn = entry * 0
        fraction = one * 0.0
        for d in tl.static_range(DIMS):
            turn = tl.where(ranks[d] == k, turns[d], turn)
            fraction = tl.where(ranks[d] == k, fractions[d], fraction)
        entry = joined(entry, turn, hashed[:, None])
        place = wrapped(entry, size[:, None], inverse[:, None]).to(tl.int64) * steps[:, None]
        words = tl.load(table + (base[:, None] + place), mask=wanted, other=0)
        left, right = features(words, VECTOR)
        change, other_change = left - before_one, right - before_other
        one, other = tl.fma(fraction, change, one), tl.fma(fraction, other_change, other)
        before_one, before_other = left, right
        changes = (change,) if k == 0 else appended(changes, change)
        other_changes = (other_change,) if k == 0 else appended(other_changes, other_change)
    tile = by_samples(one, other, VECTOR)
    _put(out, 0, apart, row, used, out_stride, column, width, tile)
    # Of all fractions together the change is that from the lowest vertex to the highest.
    whole, other_whole = skew * (before_one - start_one), skew * (before_other - start_other)
    for d in tl.static_range(DIMS):
        one, other = whole, other_whole
        for k in tl.static_range(DIMS):
            one += tl.where(ranks[d] == k, changes[k], 0.0)
            other += tl.where(ranks[d] == k, other_changes[k], 0.0)
        tile = by_samples(one * scale[:, None], other * scale[:, None], VECTOR)
        _put(out, d + 1, apart, row, used, out_stride, column, width, tile)


@triton.jit(do_not_specialize=["count", "width", "resolution", "apart"],
            do_not_specialize_on_alignment=["positions", "out"])  # fmt: skip
def _planes(
    positions, table, out, count, stride, apart, out_stride, width, resolution, words,
    PRODUCT: tl.constexpr, VECTOR: tl.constexpr, SAMPLES: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64) * SAMPLES + tl.arange(0, SAMPLES)
    used = row < count
    p = coordinates(positions, row, used, stride, 3)
    first = tl.program_id(1) * ROWS
    apart = apart.to(tl.int64)
    area = resolution.to(tl.int64) * resolution
    zero = tl.zeros([ROWS, SAMPLES], tl.float32)
    for half in tl.static_range(VECTOR):
        value = zero
        by_x, by_y, by_z = zero, zero, zero
        for number in tl.static_range(3):
            across = p[0] if number < 2 else p[1]
            down = p[1] if number == 0 else p[2]
            a, b, c, d, s, t, right, low = plane_sides(
                across, down, used, table, number * area, resolution, words, first, words, VECTOR,
                ROWS,
            )  # fmt: skip
            a, b = features(a, VECTOR)[half], features(b, VECTOR)[half]
            c, d = features(c, VECTOR)[half], features(d, VECTOR)[half]
            found, along, falling = bilinear_sides(a, b, c, d, s, t, right, low)
            if PRODUCT and number > 0:
                by_x, by_y, by_z = by_x * found, by_y * found, by_z * found
                along, falling = along * value, falling * value
                value = value * found
            else:
                value += found
            if number == 0:
                by_x += along
                by_y += falling
            elif number == 1:
                by_x += along
                by_z += falling
            else:
                by_y += along
                by_z += falling
        place = (first + tl.arange(0, ROWS)) * VECTOR + half
        _put(out, 0, apart, row, used, out_stride, place, width, tl.trans(value))
        _put(out, 1, apart, row, used, out_stride, place, width, tl.trans(by_x))
        _put(out, 2, apart, row, used, out_stride, place, width, tl.trans(by_y))
        _put(out, 3, apart, row, used, out_stride, place, width, tl.trans(by_z))


@triton.jit(do_not_specialize=["count", "each", "width", "apart"],
            do_not_specialize_on_alignment=["positions", "out"])  # fmt: skip
def _formula(
    positions, table, out, count, stride, apart, out_stride, width, each, scale, offset,
    KIND: tl.constexpr, DIMS: tl.constexpr, DEGREE: tl.constexpr, SAMPLES: tl.constexpr,
    COLUMNS: tl.constexpr,
):  # fmt: skip
    """``each`` is the number of columns of a coordinate, or of pairs of them."""
    row = tl.program_id(0).to(tl.int64) * SAMPLES + tl.arange(0, SAMPLES)
    used = row < count
    p = coordinates(positions, row, used, stride, DIMS)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    apart = apart.to(tl.int64)
    if DEGREE > 0:
        value, by_x, by_y, by_z = harmonics_sides(p, column, table, DEGREE)
        _put(out, 0, apart, row, used, out_stride, column, width, value)
        _put(out, 1, apart, row, used, out_stride, column, width, by_x)
        _put(out, 2, apart, row, used, out_stride, column, width, by_y)
        _put(out, 3, apart, row, used, out_stride, column, width, by_z)
    else:
        number = column // each
        if KIND == _FREQUENCY:
            number = column // (2 * each)
            value, slope = frequency_sides(p, column, each, DIMS)
        elif KIND == _TRIANGLE:
            value, slope = triangle_sides(p, column, each, DIMS)
        elif KIND == _BLOB:
            value, slope = blob_sides(p, column, each, DIMS)
        else:
            value = tl.fma(of_column(p, column, DIMS), scale, offset)
            slope = value * 0.0 + scale
        _put(out, 0, apart, row, used, out_stride, column, width, value)
        for d in tl.static_range(DIMS):
            own = tl.where((number == d)[None, :], slope, 0.0)
            _put(out, d + 1, apart, row, used, out_stride, column, width, own)


def _whole_power(number: int, most: int) -> int:
    return min(triton.next_power_of_2(number), most)


def _grid(encoding: HashGrid | Simplex, points: Any, table: Any, out: Any) -> None:
    words, vector = words_of(table, encoding.features)
    levels = levels_of(encoding, vector)
    rows = _whole_power(levels.rows, WORDS)
    programs = triton.cdiv(len(points), SAMPLES), triton.cdiv(levels.rows, rows)
    given = (
        points, words, levels.numbers, levels.scales, out, len(points), levels.rows,
        points.stride(0), out.stride(0), out.stride(1), encoding.width,
    )  # fmt: skip
    if isinstance(encoding, Simplex):
        _simplices[programs](
            *given, float(encoding.skew), DIMS=encoding.dims, VECTOR=vector, SAMPLES=SAMPLES,
            ROWS=rows,
        )  # fmt: skip
        return
    mode = INTERPOLATIONS.index(encoding.interpolation)
    _cubes[programs](
        *given, DIMS=encoding.dims, MODE=mode, VECTOR=vector, SAMPLES=SAMPLES, ROWS=rows
    )


def _triplane(encoding: TriPlane, points: Any, table: Any, out: Any) -> None:
    words, vector = words_of(table, encoding.features)
    count = encoding.features // vector
    rows = _whole_power(count, WORDS)
    _planes[(triton.cdiv(len(points), SAMPLES), triton.cdiv(count, rows))](
        points, words, out, len(points), points.stride(0), out.stride(0), out.stride(1),
        encoding.width, encoding.resolution, count, PRODUCT=encoding.reduce == "product",
        VECTOR=vector, SAMPLES=SAMPLES, ROWS=rows,
    )  # fmt: skip


def _by_formula(encoding: Encoding, points: Any, out: Any) -> None:
    kind, each, degree, scale, offset = formula_of(encoding)
    columns = _whole_power(encoding.width, COLUMNS)
    _formula[(triton.cdiv(len(points), SAMPLES), triton.cdiv(encoding.width, columns))](
        points, harmonics_table(), out, len(points), points.stride(0), out.stride(0),
        out.stride(1), encoding.width, each, scale, offset, KIND=kind, DIMS=encoding.inputs,
        DEGREE=degree if kind == HARMONICS else 0, SAMPLES=SAMPLES, COLUMNS=columns,
    )  # fmt: skip


def derive(
    encoding: Encoding, points: torch.Tensor, parameters: torch.Tensor, out: torch.Tensor
) -> None:
    """Write values and derivatives to ``out`` (1 + inputs, N, width), which holds zeros."""
    match encoding:
        case Composite():
            _composite(encoding, points, parameters, out)
        case HashGrid() | Simplex():
            _grid(encoding, points, parameters, out)
        case TriPlane():
            _triplane(encoding, points, parameters, out)
        case _:
            _by_formula(encoding, points, out)


def _composite(
    whole: Composite, points: torch.Tensor, parameters: torch.Tensor, out: torch.Tensor
) -> None:
    """Parts one after the other, their sum, or their product with the product's rule."""
    column = start = 0
    for number, (part, first) in enumerate(zip(whole.parts, whole.begins, strict=True)):
        own = parameters[start : start + part.parameters]
        start += part.parameters
        shape = (1 + part.inputs, len(points), part.width)
        found = torch.zeros(shape, dtype=torch.float32, device=points.device)
        derive(part, points[:, first:], own, found)
        axes = slice(1 + first, 1 + first + part.inputs)
        columns = slice(column, column + part.width)
        if whole.reduce == "concatenate":
            column += part.width
        if whole.reduce == "product" and number > 0:
            out[1:] *= found[0]
            out[axes] += found[1:] * out[0]
            out[0] *= found[0]
        else:
            out[0, :, columns] += found[0]
            out[axes, :, columns] += found[1:]
