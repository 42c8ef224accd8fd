"""The text of the kernel that follows rays through one kind of field.

Each program has as many lanes as its tile has samples, and a ray in each. In a turn, rays are moved
on to their next sample in an occupied cell, the ended ones are written and replaced by others from
a counter, until most lanes have a sample; then these are encoded, go through the network, and are
composited. So nothing is written between samples, and the tile stays full however long rays are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

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
from kernels.fields.model import ACTIVATIONS, Field
from kernels.fields.network.blocks import Block, Padded, Writer, blocks_of
from kernels.fields.networks import INPUT

COLUMNS = 16
"""Results of an encoding that are made at a time where they are read from tables."""

TOGETHER = 8
"""Corners of a grid that are read at once."""


@dataclass(frozen=True)
class Part:
    """One encoding of those that stand side by side.

    Attributes
    ----------
    encoding
        No composite.
    begin, column, first
        First coordinate, first result and first parameter.
    vector
        Features that are read at a time; 0 where there are none.
    """

    encoding: Encoding
    begin: int
    column: int
    first: int
    vector: int


def parts_of(encoding: Encoding, begin: int = 0, column: int = 0, first: int = 0) -> Iterator[Part]:
    """What an encoding is made of."""
    if not isinstance(encoding, Composite):
        vector = 0
        if isinstance(encoding, HashGrid | Simplex | TriPlane):
            vector = 2 if encoding.features % 2 == 0 and first % 2 == 0 else 1
        yield Part(encoding, begin, column, first, vector)
        return
    for part, start in zip(encoding.parts, encoding.begins, strict=True):
        yield from parts_of(part, begin + start, column, first)
        column += part.width
        first += part.parameters


def _coordinates(part: Part) -> str:
    names = ("x", "y", "z")[part.begin : part.begin + part.encoding.inputs]
    return f"({', '.join(names)},)"


def _from_tables(part: Part, number: int, start: int) -> str:
    """The expression of COLUMNS results from ``start`` on."""
    encoding, p, rows = part.encoding, _coordinates(part), COLUMNS // part.vector
    first, table = start // part.vector, f"table{number}"
    levels = f"{table}, numbers{number}, scales{number}, {first}, rows{number}"
    if isinstance(encoding, HashGrid):
        mode = INTERPOLATIONS.index(encoding.interpolation)
        return (f"tiles.grid({p}, wanted, {levels}, {encoding.dims}, {mode}, {part.vector}, "
                f"{rows}, {TOGETHER})")  # fmt: skip
    if isinstance(encoding, Simplex):
        return (f"tiles.simplex({p}, wanted, {levels}, {encoding.skew!r}, {encoding.dims}, "
                f"{part.vector}, {rows})")  # fmt: skip
    assert isinstance(encoding, TriPlane)
    product = encoding.reduce == "product"
    return (f"tiles.planes({p}, wanted, {table}, 0, size{number}, rows{number}, {first}, "
            f"rows{number}, {product}, {part.vector}, {rows})")  # fmt: skip


def _by_formula(part: Part, block: Block) -> str:
    """The expression of a block of results."""
    encoding, p = part.encoding, _coordinates(part)
    column = f"({block.first - part.column} + tl.arange(0, {block.padded}))"
    dims = encoding.inputs
    match encoding:
        case Frequency():
            return f"tiles.frequency({p}, {column}, {encoding.count}, {dims})"
        case TriangleWave():
            return f"tiles.triangle({p}, {column}, {encoding.count}, {dims})"
        case OneBlob():
            return f"tiles.blob({p}, {column}, {encoding.bins}, {dims})"
        case Identity():
            own = f"tiles.of_column({p}, {column}, {dims})"
            return f"{own} * {encoding.scale!r} + {encoding.offset!r}"
        case SphericalHarmonics():
            return f"tiles.harmonics({p}, {column}, harmonics, {encoding.degree})"
    raise TypeError(f"no encoding: {encoding!r}")


def _blocks(model: Field) -> Iterator[tuple[Block, str]]:
    """Blocks of the encoded position, and their expressions."""
    for number, part in enumerate(parts_of(model.encoding)):
        end = part.column + part.encoding.width
        if part.vector:
            for start in range(part.column, end, COLUMNS):
                block = Block(INPUT, start, min(COLUMNS, end - start))
                yield block, _from_tables(part, number, start - part.column)
        else:
            for block in blocks_of(INPUT, part.column, end):
                yield block, _by_formula(part, block)


def _output(writer: Writer, column: int) -> str:
    """The expression of one result of the network, a number for each lane."""
    for block, own, first in writer.results():
        if first <= column < first + own.width:
            at = own.first - block.first + column - first
            return (f"tl.sum(tl.where((tl.arange(0, {block.padded}) == {at})[None, :], "
                    f"{block.name}, 0.0), 1)")  # fmt: skip
    raise IndexError(column)


def table_arguments(model: Field) -> list[str]:
    """Names of what the parts of the encoding read."""
    names = []
    for number, part in enumerate(parts_of(model.encoding)):
        if isinstance(part.encoding, HashGrid | Simplex):
            names += [f"table{number}", f"numbers{number}", f"scales{number}", f"rows{number}"]
        elif isinstance(part.encoding, TriPlane):
            names += [f"table{number}", f"size{number}", f"rows{number}"]
    return names


@lru_cache(maxsize=32)
def written(model: Field) -> tuple[str, Padded]:
    """The text of the kernel ``follow_rays`` for a model, and the weights of its network."""
    width = model.encoding.width
    beside = model.direction.width if model.direction else 0

    def load(block: Block) -> str:
        column = f"({block.first - width} + tl.arange(0, {block.padded}))"
        inside = f"wanted[:, None] & ({column} < {beside})[None, :]"
        return (f"tl.load(features + row[:, None] * {beside} + {column}[None, :], mask={inside}, "
                "other=0.0)")  # fmt: skip

    blocks = list(_blocks(model))
    writer = Writer(model.network, "LANES", load, [block for block, _ in blocks])
    for block, expression in blocks:
        writer.lines.append(f"{block.name} = {expression}")
        writer.feed(block)
    writer.layers()
    outputs = [_output(writer, column) for column in range(model.network.outputs)]
    names = ["raw", "raw_red", "raw_green", "raw_blue"]
    lines = writer.lines
    for place, text in enumerate(outputs):
        lines.append(f"tl.store(aside + {place} * LANES, {text})")
    # Those that have written are not those that read.
    lines.append("tl.debug_barrier()")
    for place in range(len(outputs)):
        lines.append(f"{names[place]} = tl.load(aside + {place} * LANES)")
    if len(outputs) == 1:
        lines.append("raw_red, raw_green, raw_blue = raw, raw, raw")
    body = "\n".join("        " + line for line in writer.lines).strip()
    text = _KERNEL
    for name, own in (
        ("BODY", body),
        ("TABLES", "".join(f"{name}, " for name in table_arguments(model))),
        ("TRANSFER", str(len(outputs) == 1)),
        ("DENSITY", str(ACTIVATIONS.index(model.density))),
        ("COLOR", str(ACTIVATIONS.index(model.color))),
    ):
        text = text.replace(name, own)
    return text, writer.weights


_KERNEL = """import triton
import triton.language as tl

from kernels.fields.encode import tiles
from kernels.fields.follow.lanes import gathered, moved_on, placed, refilled, written
from kernels.fields.network.device import activate, halved, product


@triton.jit(do_not_specialize=["count", "levels", "side"])
def follow_rays(
    origins, directions, near, far, jitter, numbers, clear, weights, features, transfer, harmonics,
    counters, scratch, color, transmittance, distance, samples, TABLES count, levels, side, stop,
    WITH_GRID: tl.constexpr, TAPERED: tl.constexpr, LANES: tl.constexpr, TRIES: tl.constexpr,
):
    ray = tl.full([LANES], -1, tl.int32)
    index = tl.zeros([LANES], tl.int32)
    seen = tl.zeros([LANES], tl.int32)
    way = tl.zeros([LANES], tl.float32)
    ox, oy, oz, dx, dy, dz, offset, end = way, way, way, way, way, way, way, way
    red, green, blue, left, deep = way, way, way, way, way
    aside = scratch + tl.program_id(0) * (4 * LANES) + tl.arange(0, LANES)
    total = tl.zeros([], tl.int32)
    spent = tl.zeros([], tl.int32)
    working = spent == 0
    while working:
        wanted = ray < -1
        t = tl.zeros([LANES], tl.float64)
        tries = tl.zeros([], tl.int32)
        ready, going = tries, tries
        looking = tries == 0
        while looking:
            (ray, index, seen, ox, oy, oz, dx, dy, dz, offset, end, red, green, blue, left, deep,
             spent) = refilled(
                ray, index, seen, ox, oy, oz, dx, dy, dz, offset, end, red, green, blue, left,
                deep, spent, origins, directions, near, far, jitter, numbers, counters, count,
                TAPERED,
            )
            wanted, ended, index, t = moved_on(
                ray, index, seen, ox, oy, oz, dx, dy, dz, offset, end, left, numbers, clear,
                levels, side, stop, WITH_GRID, TAPERED,
            )
            written(
                ended, ray, red, green, blue, left, deep, seen, color, transmittance, distance,
                samples,
            )
            ray = tl.where(ended, -1, ray)
            tries += 1
            ready = tl.sum(wanted.to(tl.int32))
            going = tl.sum((ray >= 0).to(tl.int32))
            full = 4 * ready >= 3 * LANES
            tired = (tries >= TRIES) & (ready > 0)
            more = (going > ready) | (spent == 0)
            looking = more & ((full | tired) == 0)
        x, y, z = placed(ox, oy, oz, dx, dy, dz, t, numbers)
        row = tl.maximum(ray, 0).to(tl.int64)
        BODY
        red, green, blue, left, deep = gathered(
            wanted, raw, raw_red, raw_green, raw_blue, red, green, blue, left, deep, t, numbers,
            transfer, DENSITY, COLOR, TRANSFER, TAPERED,
        )
        seen += wanted.to(tl.int32)
        index += wanted.to(tl.int32)
        total += ready
        working = (going > 0) | (spent == 0)
    tl.atomic_add(counters + 1, total.to(tl.int64))
"""
