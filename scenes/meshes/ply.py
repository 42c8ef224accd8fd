"""Triangle meshes in PLY files: ``vertex`` rows, and ``face`` rows that are lists of vertices."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.errors import Cancelled, SceneError
from scenes.meshes.mesh import Mesh, fan
from scenes.ply.header import Element, Header, read_header
from scenes.registry import Cancel, Progress
from scenes.writing import blocks, new_file

_AXES = ("x", "y", "z")
_NORMAL = ("nx", "ny", "nz")
_LISTS = ("vertex_indices", "vertex_index")
_ROWS = 1 << 16
_LINE_LIMIT = 1 << 20
_FACE = np.dtype([("count", "u1"), ("corners", "<i4", 3)])


def write(mesh: Mesh, path: Path, progress: Progress, cancel: Cancel) -> None:
    """See :func:`scenes.meshes.write_mesh`."""
    names = _AXES if mesh.normals is None else _AXES + _NORMAL
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        f"element vertex {len(mesh.vertices)}",
        *(f"property float {name}" for name in names),
        f"element face {len(mesh.faces)}",
        "property list uchar int vertex_indices",
        "end_header",
    ]
    parts = [mesh.vertices] if mesh.normals is None else [mesh.vertices, mesh.normals]
    with new_file(path) as file:
        file.write("\n".join([*lines, ""]).encode())
        for rows in blocks(len(mesh.vertices), progress, cancel, unit="vertices"):
            file.write(np.concatenate([part[rows] for part in parts], 1).astype("<f4").tobytes())
        for rows in blocks(len(mesh.faces), progress, cancel, unit="triangles"):
            out = np.empty(rows.stop - rows.start, _FACE)
            out["count"], out["corners"] = 3, mesh.faces[rows]
            file.write(out.tobytes())


def read(path: Path, progress: Progress, cancel: Cancel) -> Mesh:
    """See :func:`scenes.meshes.read_mesh`."""
    size = path.stat().st_size
    with path.open("rb") as file:
        header = read_header(file, path)
        vertex, face = (_needed(header, name, path) for name in ("vertex", "face"))
        names = {item.name for item in vertex.properties}
        if not names.issuperset(_AXES) or vertex.has_lists:
            raise SceneError(path, "vertices with x, y and z", ", ".join(sorted(names))[:80])
        lists = [item for item in face.properties if item.count_type and item.name in _LISTS]
        if len(lists) != 1 or lists[0].type[0] == "f":
            raise SceneError(path, "faces with one list vertex_indices", _names(face))
        if header.order == ">":
            raise SceneError(path, "text or binary_little_endian", "binary_big_endian")
        reader = _Rows(file, path, header, size, progress, cancel)
        wanted = [*_AXES, *(_NORMAL if names.issuperset(_NORMAL) else ())]
        table: NDArray[np.float32] | None = None
        triangles: list[NDArray[np.int32]] = []
        for element in header.elements:
            if element is vertex:
                table = reader.scalars(element, wanted)
            elif element is face:
                triangles = list(reader.lists(element))
            else:
                reader.skip(element)
    assert table is not None  # the header has the element
    faces = np.concatenate([np.zeros((0, 3), np.int32), *triangles])
    if faces.size and not (faces.min() >= 0 and faces.max() < len(table)):
        raise SceneError(
            path, f"faces of vertices 0 to {len(table) - 1:,}", f"vertex {_worst(faces, table)}"
        )
    normals = np.ascontiguousarray(table[:, 3:]) if table.shape[1] > 3 else None
    return Mesh(np.ascontiguousarray(table[:, :3]), faces, normals)


def _worst(faces: NDArray[np.int32], table: NDArray[Any]) -> int:
    return int(faces.min() if faces.min() < 0 else faces.max())


def _needed(header: Header, name: str, path: Path) -> Element:
    element = header.element(name)
    if element is None:
        found = ", ".join(item.name for item in header.elements)
        raise SceneError(path, f"an element {name} of a mesh", (found or "no elements")[:80])
    return element


def _names(element: Element) -> str:
    return ", ".join(item.name for item in element.properties)[:80] or "no properties"


class _Rows:
    """Reads the rows of one element after the other; memory follows the bytes that are there."""

    def __init__(
        self,
        file: BufferedReader,
        path: Path,
        header: Header,
        size: int,
        progress: Progress,
        cancel: Cancel,
    ) -> None:
        self._file, self._path, self._size = file, path, size
        self._text = not header.order
        self._progress, self._cancel = progress, cancel

    def _tell(self) -> None:
        if self._cancel():
            raise Cancelled
        self._progress(min(self._file.tell(), self._size), self._size, "bytes")

    def _fail(self, element: Element, found: str) -> SceneError:
        expected = f"{element.count:,} rows of element {element.name}"
        return SceneError(self._path, expected, found, f"byte {self._file.tell()}")

    def _check(self, element: Element, least: int) -> None:
        """Refuse a count that the rest of the file cannot hold."""
        if element.count * least > self._size - self._file.tell():
            raise self._fail(element, f"{self._size - self._file.tell():,} bytes")

    def _lines(self, element: Element) -> Iterator[list[bytes]]:
        """The words of each row."""
        self._check(element, 2)
        for number in range(element.count):
            if number % 8192 == 0:
                self._tell()
            line = self._file.readline(_LINE_LIMIT)
            if not line.strip():
                raise self._fail(element, f"{number:,}")
            yield line.split()

    def scalars(self, element: Element, names: list[str]) -> NDArray[np.float32]:
        """(count, names) columns of an element without lists."""
        if self._text:
            order = [item.name for item in element.properties]
            columns = [order.index(name) for name in names]
            self._check(element, 2 * len(order) - 1)
            table = np.empty((element.count, len(names)), np.float32)
            for number, words in enumerate(self._lines(element)):
                try:
                    table[number] = [float(words[column]) for column in columns]
                except (ValueError, IndexError):
                    raise self._fail(element, f"row {number:,}: {_shown(words)}") from None
            return table
        row = element.row_type("<")
        self._check(element, row.itemsize)
        table = np.empty((element.count, len(names)), np.float32)
        for first in range(0, element.count, _ROWS):
            self._tell()
            block = self._records(element, row, min(_ROWS, element.count - first))
            for column, name in enumerate(names):
                table[first : first + len(block), column] = block[name]
        return table

    def _records(self, element: Element, row: np.dtype[Any], count: int) -> NDArray[Any]:
        raw = self._file.read(count * row.itemsize)
        if len(raw) < count * row.itemsize:
            raise self._fail(element, "the end of the file")
        return np.frombuffer(raw, row)

    def skip(self, element: Element) -> None:
        """Pass over an element that a mesh does not need."""
        if self._text:
            for _ in self._lines(element):
                pass
        elif element.has_lists:
            raise SceneError(
                self._path, "no lists beside those of faces", f"element {element.name}"
            )
        else:
            self._check(element, element.row_bytes)
            self._file.seek(element.count * element.row_bytes, 1)

    def lists(self, element: Element) -> Iterator[NDArray[np.int32]]:
        """Triangles of the faces, block by block."""
        if self._text:
            yield from self._text_lists(element)
            return
        least = sum(np.dtype(item.count_type or item.type).itemsize for item in element.properties)
        self._check(element, least)
        number = 0
        while number < element.count:
            self._tell()
            number += yield from self._equal(element, number)

    def _equal(self, element: Element, number: int) -> Any:
        """A block of rows whose lists are as long as those of its first; returns how many."""
        start = self._file.tell()
        row, lengths = self._first_row(element)
        self._file.seek(start)
        fitting = (self._size - start) // row.itemsize
        block = self._records(element, row, min(_ROWS, element.count - number, max(fitting, 1)))
        same = np.ones(len(block), bool)
        for name, length in lengths.items():
            same &= block["n" + name] == length
        rows = len(block) if same.all() else int(np.argmin(same))
        self._file.seek(start + rows * row.itemsize)
        name = next(name for name in lengths if name in _LISTS)
        counts = np.full(rows, lengths[name], np.int64)
        yield fan(counts, block[name][:rows].ravel())
        return rows

    def _first_row(self, element: Element) -> tuple[np.dtype[Any], dict[str, int]]:
        """The type of the row at the present place, and how long its lists are."""
        fields: list[Any] = []
        lengths: dict[str, int] = {}
        for item in element.properties:
            if not item.count_type:
                fields.append((item.name, "<" + item.type))
                self._file.seek(item.nbytes, 1)
                continue
            (length,) = self._records(element, np.dtype("<" + item.count_type), 1)
            if length < 0 or int(length) * item.nbytes > self._size - self._file.tell():
                raise self._fail(element, f"a list of {length}")
            lengths[item.name] = int(length)
            fields.append(("n" + item.name, "<" + item.count_type))
            fields.append((item.name, "<" + item.type, (int(length),)))
            self._file.seek(int(length) * item.nbytes, 1)
        return np.dtype(fields), lengths

    def _text_lists(self, element: Element) -> Iterator[NDArray[np.int32]]:
        counts: list[int] = []
        corners: list[int] = []
        for number, words in enumerate(self._lines(element)):
            try:
                own = [int(word) for word in _corners(element, words)]
                if max(own, default=0) >= 2**31:
                    raise ValueError
            except (ValueError, IndexError):
                raise self._fail(element, f"row {number:,}: {_shown(words)}") from None
            counts.append(len(own))
            corners += own
            if len(counts) == _ROWS or len(corners) > 4 * _ROWS:
                yield fan(np.array(counts), np.array(corners, np.int64))
                counts, corners = [], []
        yield fan(np.array(counts, np.int64), np.array(corners, np.int64))


def _corners(element: Element, words: list[bytes]) -> list[bytes]:
    """The items of the list of corners among the words of a row. Raises ValueError, IndexError."""
    at = 0
    for item in element.properties:
        if not item.count_type:
            at += 1
            continue
        count = int(words[at])
        own = words[at + 1 : at + 1 + count]
        if count < 0 or len(own) < count:
            raise ValueError
        if item.name in _LISTS:
            return own
        at += 1 + count
    raise ValueError


def _shown(words: list[bytes]) -> str:
    text = b" ".join(words[:8])[:60].decode("latin-1")
    return f"'{''.join(letter if letter.isprintable() else '?' for letter in text)}'"
