"""Encodings for the ``cuda`` backend: a launch for each part of a composite.

A program encodes a tile of samples and columns; see :mod:`kernels.fields.encode.tiles`.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl

from kernels.cuda.device import to_device
from kernels.cuda.residents import resident
from kernels.fields.encode.device import harmonics_table, levels_of, words_of
from kernels.fields.encode.tiles import (
    appended,
    blob,
    frequency,
    grid,
    harmonics,
    of_column,
    planes,
    simplex,
    triangle,
)
from kernels.fields.encodings import (
    INTERPOLATIONS,
    Composite,
    Encoding,
    Frequency,
    HashGrid,
    Identity,
    OneBlob,
    Simplex,
    SphericalHarmonics,
    TriangleWave,
    TriPlane,
)

SAMPLES = 64
"""Samples of a program."""
WORDS = 8
"""Words of a sample that a program reads: four for each thread, with all their corners on the way
at once, in a hundred registers."""
WIDEST, WIDEST_HARMONICS = 32, 16
"""Columns of a program where they are computed; harmonics are all computed for every column."""

SET, ADD, MULTIPLY = range(3)
FREQUENCY, TRIANGLE, BLOB, IDENTITY, HARMONICS = range(5)

_SET, _ADD = tl.constexpr(SET), tl.constexpr(ADD)
_FREQUENCY, _TRIANGLE = tl.constexpr(FREQUENCY), tl.constexpr(TRIANGLE)
_BLOB, _IDENTITY = tl.constexpr(BLOB), tl.constexpr(IDENTITY)


@triton.jit
def coordinates(positions, row, used, stride, DIMS: tl.constexpr):
    """A tuple of the coordinates of some rows."""
    at = positions + row * stride
    p = (tl.load(at, mask=used, other=0.0),)
    for d in tl.static_range(1, DIMS):
        p = appended(p, tl.load(at + d, mask=used, other=0.0))
    return p


@triton.jit
def put(out, row, used, stride, column, width, tile, JOIN: tl.constexpr):
    """Write a tile, or join it to what stands there."""
    at = out + row[:, None] * stride + column[None, :]
    inside = used[:, None] & (column < width)[None, :]
    if JOIN != _SET:
        known = tl.load(at, mask=inside, other=0.0)
        tile = tile + known if JOIN == _ADD else tile * known
    tl.store(at, tile, mask=inside)


@triton.jit(do_not_specialize=["count", "rows", "width", "out_stride"],
            do_not_specialize_on_alignment=["positions", "out"])  # fmt: skip
def _levels(
    positions, table, numbers, scales, out, count, rows, stride, out_stride, width, skew,
    DIMS: tl.constexpr, MODE: tl.constexpr, SIMPLEX: tl.constexpr, VECTOR: tl.constexpr,
    JOIN: tl.constexpr, SAMPLES: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64) * SAMPLES + tl.arange(0, SAMPLES)
    used = row < count
    p = coordinates(positions, row, used, stride, DIMS)
    first = tl.program_id(1) * ROWS
    if SIMPLEX:
        tile = simplex(p, used, table, numbers, scales, first, rows, skew, DIMS, VECTOR, ROWS)
    else:
        tile = grid(p, used, table, numbers, scales, first, rows, DIMS, MODE, VECTOR, ROWS, 8)
    column = first * VECTOR + tl.arange(0, VECTOR * ROWS)
    put(out, row, used, out_stride, column, width, tile, JOIN)


@triton.jit(do_not_specialize=["count", "width", "out_stride", "resolution"],
            do_not_specialize_on_alignment=["positions", "out"])  # fmt: skip
def _planes(
    positions, table, out, count, stride, out_stride, width, resolution, words,
    PRODUCT: tl.constexpr, VECTOR: tl.constexpr, JOIN: tl.constexpr, SAMPLES: tl.constexpr,
    ROWS: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64) * SAMPLES + tl.arange(0, SAMPLES)
    used = row < count
    p = coordinates(positions, row, used, stride, 3)
    first = tl.program_id(1) * ROWS
    tile = planes(p, used, table, 0, resolution, words, first, words, PRODUCT, VECTOR, ROWS)
    column = first * VECTOR + tl.arange(0, VECTOR * ROWS)
    put(out, row, used, out_stride, column, width, tile, JOIN)


@triton.jit(do_not_specialize=["count", "each", "width", "out_stride"],
            do_not_specialize_on_alignment=["positions", "out"])  # fmt: skip
def _formula(
    positions, table, out, count, stride, out_stride, width, each, scale, offset,
    KIND: tl.constexpr, DIMS: tl.constexpr, DEGREE: tl.constexpr, JOIN: tl.constexpr,
    SAMPLES: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """``each`` is the number of waves or bins."""
    row = tl.program_id(0).to(tl.int64) * SAMPLES + tl.arange(0, SAMPLES)
    used = row < count
    p = coordinates(positions, row, used, stride, DIMS)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    if KIND == _FREQUENCY:
        tile = frequency(p, column, each, DIMS)
    elif KIND == _TRIANGLE:
        tile = triangle(p, column, each, DIMS)
    elif KIND == _BLOB:
        tile = blob(p, column, each, DIMS)
    elif KIND == _IDENTITY:
        tile = tl.fma(of_column(p, column, DIMS), scale, offset)
    else:
        tile = harmonics(p, column, table, DEGREE)
    put(out, row, used, out_stride, column, width, tile, JOIN)


def _whole_power(number: int, least: int, most: int) -> int:
    return min(max(triton.next_power_of_2(number), least), most)


def _grid(
    encoding: HashGrid | Simplex, points: Any, table: torch.Tensor, out: Any, join: int
) -> None:
    words, vector = words_of(table, encoding.features)
    levels = levels_of(encoding, vector)
    is_simplex = isinstance(encoding, Simplex)
    mode = 0 if isinstance(encoding, Simplex) else INTERPOLATIONS.index(encoding.interpolation)
    # Cells of more than four coordinates have so many axes that their parts fill the registers.
    rows = _whole_power(levels.rows, 1, WORDS if encoding.dims <= 4 else WORDS // 4)
    _levels[(triton.cdiv(len(out), SAMPLES), triton.cdiv(levels.rows, rows))](
        points, words, levels.numbers, levels.scales, out, len(out), levels.rows,
        points.stride(0), out.stride(0), encoding.width,
        float(encoding.skew) if isinstance(encoding, Simplex) else 0.0,
        DIMS=encoding.dims, MODE=mode, SIMPLEX=is_simplex, VECTOR=vector, JOIN=join,
        SAMPLES=SAMPLES, ROWS=rows,
    )  # fmt: skip


def _triplane(encoding: TriPlane, points: Any, table: torch.Tensor, out: Any, join: int) -> None:
    words, vector = words_of(table, encoding.features)
    count = encoding.features // vector
    rows = _whole_power(count, 1, WORDS)
    _planes[(triton.cdiv(len(out), SAMPLES), triton.cdiv(count, rows))](
        points, words, out, len(out), points.stride(0), out.stride(0), encoding.width,
        encoding.resolution, count, PRODUCT=encoding.reduce == "product", VECTOR=vector,
        JOIN=join, SAMPLES=SAMPLES, ROWS=rows,
    )  # fmt: skip


def formula_of(encoding: Encoding) -> tuple[int, int, int, float, float]:
    """Kind, columns (or pairs of them) of a coordinate, degree, scale and offset."""
    match encoding:
        case Frequency():
            return FREQUENCY, encoding.count, 0, 1.0, 0.0
        case TriangleWave():
            return TRIANGLE, encoding.count, 0, 1.0, 0.0
        case OneBlob():
            return BLOB, encoding.bins, 0, 1.0, 0.0
        case SphericalHarmonics():
            return HARMONICS, 1, encoding.degree, 1.0, 0.0
        case Identity():
            return IDENTITY, 1, 0, float(encoding.scale), float(encoding.offset)
    raise TypeError(f"no encoding: {encoding!r}")


def _by_formula(encoding: Encoding, points: Any, out: Any, join: int) -> None:
    kind, each, degree, scale, offset = formula_of(encoding)
    columns = _whole_power(encoding.width, 4, WIDEST_HARMONICS if degree else WIDEST)
    _formula[(triton.cdiv(len(out), SAMPLES), triton.cdiv(encoding.width, columns))](
        points, harmonics_table(), out, len(out), points.stride(0), out.stride(0),
        encoding.width, each, scale, offset, KIND=kind, DIMS=encoding.inputs, DEGREE=degree,
        JOIN=join, SAMPLES=SAMPLES, COLUMNS=columns,
    )  # fmt: skip


def _encode(
    encoding: Encoding, points: torch.Tensor, parameters: torch.Tensor, out: torch.Tensor, join: int
) -> None:
    """Write to columns of ``out``, or join to them."""
    match encoding:
        case Composite():
            _composite(encoding, points, parameters, out, join)
        case HashGrid() | Simplex():
            _grid(encoding, points, parameters, out, join)
        case TriPlane():
            _triplane(encoding, points, parameters, out, join)
        case _:
            _by_formula(encoding, points, out, join)


def _composite(
    whole: Composite, points: torch.Tensor, parameters: torch.Tensor, out: torch.Tensor, join: int
) -> None:
    if whole.reduce != "concatenate" and join != SET:
        aside = torch.empty_like(out)
        _composite(whole, points, parameters, aside, SET)
        out.add_(aside) if join == ADD else out.mul_(aside)
        return
    column = start = 0
    for number, (part, first) in enumerate(zip(whole.parts, whole.begins, strict=True)):
        own = parameters[start : start + part.parameters]
        start += part.parameters
        if whole.reduce == "concatenate":
            _encode(part, points[:, first:], own, out[:, column : column + part.width], join)
            column += part.width
        else:
            how = SET if number == 0 else ADD if whole.reduce == "sum" else MULTIPLY
            _encode(part, points[:, first:], own, out, how)


def run(encoding: Encoding, positions: Any, parameters: Any) -> torch.Tensor:
    """See :func:`kernels.fields.encode.encode`."""
    points = to_device(positions).float()
    table = resident(parameters).float()
    out = torch.empty((len(points), encoding.width), dtype=torch.float32, device=points.device)
    if len(points):
        _encode(encoding, points, table, out, SET)
    return out
