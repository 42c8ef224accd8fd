"""The tables of a compressed PLY: where they stand, and which columns mean what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kernels.codec.unpack_compressed_ply import CHUNK
from scenes.errors import SceneError
from scenes.ply.header import Element, Header
from scenes.ply.layout import REST_COUNTS

WORDS = ("packed_position", "packed_rotation", "packed_scale", "packed_color")
RANGES = tuple(
    f"{end}_{name}"
    for names in (("x", "y", "z"), ("scale_x", "scale_y", "scale_z"), ("r", "g", "b"))
    for end in ("min", "max")
    for name in names
)
"""Columns of a chunk; older files have no colours."""

OLD_RANGES = RANGES[:12]


@dataclass(frozen=True)
class Table:
    """Rows of scalars from byte ``start`` on, and the columns of them that are used."""

    element: Element
    start: int
    row: np.dtype
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Tables:
    """The three tables of a file; ``rest`` is None where it has no view-dependent colour."""

    chunks: Table
    words: Table
    rest: Table | None
    ignored: tuple[str, ...]

    @property
    def count(self) -> int:
        """Number of splats."""
        return self.words.element.count

    @property
    def degree(self) -> int:
        """Degree of the spherical harmonics."""
        return REST_COUNTS[len(self.rest.columns)] if self.rest else 0


def find_tables(header: Header, size: int, path: Path) -> Tables:
    """Make sense of the header of a file of ``size`` bytes.

    Raises
    ------
    SceneError
        For text, for missing or strange columns, and for counts that do not fit each other or
        the file.
    """
    if header.encoding == "ascii":
        raise SceneError(path, "a binary compressed PLY", "one in text", "header")
    starts: dict[str, int] = {}
    start = header.nbytes
    for element in header.elements:
        if element.has_lists:
            raise SceneError(path, "tables without lists", f"element {element.name}", "header")
        starts[element.name] = start
        start += element.count * element.row_bytes
    if start > size:
        raise SceneError(path, f"{start:,} bytes", f"{size:,}", "header")

    def table(name: str, columns: tuple[str, ...], kind: str) -> Table:
        element = header.element(name)
        assert element is not None  # callers have looked
        types = {item.name: item.type for item in element.properties}
        wrong = [column for column in columns if types.get(column) != kind]
        if wrong:
            raise SceneError(
                path, f"a column {wrong[0]} of type {kind} in element {name}",
                types.get(wrong[0], "none"), "header",
            )  # fmt: skip
        return Table(element, starts[name], element.row_type(header.order), columns)

    chunk, vertex, rest = (header.element(name) for name in ("chunk", "vertex", "sh"))
    assert chunk is not None  # is_compressed has looked
    assert vertex is not None
    has_colours = "min_r" in {item.name for item in chunk.properties}
    expected = -(-vertex.count // CHUNK)
    if chunk.count != expected:
        raise SceneError(
            path, f"{expected:,} chunks for {vertex.count:,} splats", f"{chunk.count:,}", "header"
        )
    rest_table = None
    if rest is not None:
        columns = len(rest.properties)
        if rest.count != vertex.count or columns not in REST_COUNTS:
            raise SceneError(
                path, f"{vertex.count:,} rows of 9, 24, 45 or 72 columns in element sh",
                f"{rest.count:,} of {columns}", "header",
            )  # fmt: skip
        rest_table = table("sh", tuple(f"f_rest_{i}" for i in range(columns)), "u1")
    return Tables(
        table("chunk", RANGES if has_colours else OLD_RANGES, "f4"),
        table("vertex", WORDS, "u4"),
        rest_table,
        tuple(
            f"element {element.name}"
            for element in header.elements
            if element.name not in ("chunk", "vertex", "sh")
        ),
    )
