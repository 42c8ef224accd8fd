"""Typed values of a glTF file, as float32 rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.gltf.container import LARGEST, Document, View

TYPES = {5120: "i1", 5121: "u1", 5122: "i2", 5123: "u2", 5125: "u4", 5126: "f4"}
"""NumPy's name of every componentType."""

WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}

Cache = dict[tuple[int, int, int], Any]
"""Bytes of interleaved rows that several accessors share, for the time of one block."""


@dataclass(frozen=True)
class Accessor:
    """Rows of one attribute; they lie inside the bytes of their view.

    Attributes
    ----------
    count, width, type, normalized
        Rows, numbers of a row, NumPy's type of a number, and whether whole numbers stand for
        fractions of the largest.
    view, offset, stride
        Where the first row stands in which view, and the distance of rows in bytes.
    """

    count: int
    width: int
    type: str
    normalized: bool
    view: View
    offset: int
    stride: int

    @property
    def row_bytes(self) -> int:
        """Bytes of the numbers of a row."""
        return self.width * int(self.type[1])

    def rows(self, first: int, last: int, cache: Cache) -> NDArray[np.float32]:
        """(last - first, width) float32; normalised numbers in -1..1 or 0..1.

        ``c / 127``, ``c / 255``, ``c / 32767`` or ``c / 65535``, and never below -1 (Khronos,
        "glTF 2.0 Specification", 3.6.2.2).
        """
        raw, inside = self._bytes(first, last, cache)
        strides = (self.stride, int(self.type[1]))
        table = np.ndarray((last - first, self.width), f"<{self.type}", raw, inside, strides)
        values = table.astype(np.float32)
        if self.normalized:
            values /= np.float32(np.iinfo(self.type).max)
            np.maximum(values, -1, out=values)
        return values

    def _bytes(self, first: int, last: int, cache: Cache) -> tuple[Any, int]:
        """Bytes with the rows in them, and where in those the first number is."""
        inside = self.offset % self.stride
        begin = self.offset + first * self.stride
        if inside + self.row_bytes > self.stride or self.row_bytes == self.stride:
            size = (last - first - 1) * self.stride + self.row_bytes
            return self.view.buffer.read(self.view.offset + begin, size), 0
        begin -= inside
        size = min((last - first) * self.stride, self.view.size - begin)
        key = (id(self.view.buffer), self.view.offset + begin, size)
        if key not in cache:
            cache[key] = self.view.buffer.read(self.view.offset + begin, size)
        return cache[key], inside


def accessor(document: Document, index: int, kinds: tuple[str, ...], width: int) -> Accessor:
    """Accessor ``index``, whose numbers are of one of some types and whose rows have ``width``.

    Raises
    ------
    SceneError
        Where it does not fit its view, or has a type that the attribute may not have; for sparse
        ones, and those whose values are nowhere in the file.
    """
    value = document.item("accessors", index)
    code = value["componentType"].integer(0, LARGEST)
    if TYPES.get(code) not in kinds:
        allowed = ", ".join(str(key) for key, name in TYPES.items() if name in kinds)
        value.fail(f"a componentType of {allowed}", f"{code}")
    name = value["type"].choice(tuple(WIDTHS))
    if WIDTHS[name] != width:
        value.fail(f"rows of {width} numbers", name)
    if "sparse" in value:
        value.fail("values one after the other", "a sparse accessor")
    if "bufferView" not in value:
        value.fail("a bufferView", "none")
    view = document.view(value["bufferView"].integer(0, LARGEST))
    kind = TYPES[code]
    row = width * int(kind[1])
    found = Accessor(
        count=value["count"].integer(0, LARGEST),
        width=width,
        type=kind,
        normalized=value.get("normalized", False).flag() and kind != "f4",
        view=view,
        offset=value.get("byteOffset", 0).integer(0, LARGEST),
        stride=view.stride or row,
    )
    if found.stride < row:
        value.fail(f"a byteStride of {row} or more", f"{found.stride}")
    need = found.offset + (found.count - 1) * found.stride + row
    if found.count and need > view.size:
        value.fail(f"{found.count:,} rows in {need:,} bytes", f"{view.size:,}")
    return found
