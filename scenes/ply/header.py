"""The header of a PLY file, any dialect.

The header is text: ``ply``, ``format``, then ``element NAME COUNT`` each followed by its
``property TYPE NAME`` or ``property list COUNT_TYPE ITEM_TYPE NAME``, comments anywhere, and
``end_header``. The rows follow, element by element. (Greg Turk, "The PLY Polygon File Format",
Stanford 1994.)
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

import numpy as np

from scenes.errors import SceneError

HEADER_LIMIT = 1 << 20
"""Longest header that is read, bytes; real ones have some 1,500."""

ENCODINGS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
"""Name in the ``format`` line and NumPy's sign for the byte order."""

SCALARS = {
    "char": "i1",
    "uchar": "u1",
    "short": "i2",
    "ushort": "u2",
    "int": "i4",
    "uint": "u4",
    "float": "f4",
    "double": "f8",
    "int8": "i1",
    "uint8": "u1",
    "int16": "i2",
    "uint16": "u2",
    "int32": "i4",
    "uint32": "u4",
    "float32": "f4",
    "float64": "f8",
}
"""Every scalar type of PLY, both families of names, as a NumPy type without byte order."""


@dataclass(frozen=True)
class Property:
    """One column: ``type`` is a NumPy scalar type; a list has the type of its count as well."""

    name: str
    type: str
    count_type: str | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of one value (of a list: of one item)."""
        return int(self.type[1])


@dataclass(frozen=True)
class Element:
    """One table of the file."""

    name: str
    count: int
    properties: tuple[Property, ...]

    @property
    def has_lists(self) -> bool:
        """Whether rows differ in length."""
        return any(item.count_type for item in self.properties)

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of scalars."""
        return sum(item.nbytes for item in self.properties)

    def row_type(self, order: str) -> np.dtype:
        """The packed NumPy record of a row of scalars; ``order`` is ``"<"`` or ``">"``."""
        return np.dtype([(item.name, order + item.type) for item in self.properties])


@dataclass(frozen=True)
class Header:
    """What the header says; ``nbytes`` and ``lines`` tell where it ends."""

    encoding: str
    elements: tuple[Element, ...]
    comments: tuple[str, ...]
    information: tuple[str, ...]
    nbytes: int
    lines: int

    @property
    def order(self) -> str:
        """NumPy's sign for the byte order, empty for text."""
        return ENCODINGS[self.encoding]

    def element(self, name: str) -> Element | None:
        """The element of that name, or None."""
        return next((item for item in self.elements if item.name == name), None)


class _Builder:
    """Takes the lines of a header one by one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.line = 1
        self.encoding = ""
        self.elements: list[tuple[str, int, list[Property]]] = []
        self.comments: list[str] = []
        self.information: list[str] = []
        self.names: set[str] = set()

    def fail(self, expected: str, found: str) -> SceneError:
        return SceneError(self.path, expected, _shown(found), f"line {self.line}")

    def take(self, text: str) -> None:
        keyword, _, rest = text.strip().partition(" ")
        if keyword == "comment":
            self.comments.append(rest.strip())
        elif keyword == "obj_info":
            self.information.append(rest.strip())
        elif keyword == "format":
            self._format(text, rest.split())
        elif keyword == "element":
            self._element(text, rest.split())
        elif keyword == "property":
            self._property(text, rest.split())
        elif keyword:
            raise self.fail("format, comment, element, property or end_header", text)

    def _format(self, text: str, words: list[str]) -> None:
        if len(words) != 2 or words[0] not in ENCODINGS or words[1] != "1.0":
            raise self.fail("a format line such as 'format binary_little_endian 1.0'", text)
        if self.encoding:
            raise self.fail("one format line", "a second one")
        self.encoding = words[0]

    def _element(self, text: str, words: list[str]) -> None:
        if len(words) != 2 or not (words[1].isascii() and words[1].isdigit()):
            raise self.fail("'element NAME COUNT' with a whole number", text)
        if len(words[1]) > 18:
            raise self.fail("a count that a file can hold", words[1])
        if any(name == words[0] for name, _, _ in self.elements):
            raise self.fail("every element once", f"element {words[0]} again")
        self.elements.append((words[0], int(words[1]), []))
        self.names = set()

    def _property(self, text: str, words: list[str]) -> None:
        if not self.elements:
            raise self.fail("an element line before the first property", text)
        if len(words) == 4 and words[0] == "list":
            types = words[1:3]
        elif len(words) == 2:
            types = words[:1]
        else:
            raise self.fail("'property TYPE NAME' or 'property list TYPE TYPE NAME'", text)
        unknown = [word for word in types if word not in SCALARS]
        if unknown:
            raise self.fail("a PLY type (char to double, int8 to float64)", unknown[0])
        if len(types) == 2 and SCALARS[types[0]][0] == "f":
            raise self.fail("a whole-number type for the length of a list", types[0])
        name = words[-1]
        if name in self.names:
            raise self.fail("every property once", f"property {name} again")
        self.names.add(name)
        count_type = SCALARS[types[0]] if len(types) == 2 else None
        self.elements[-1][2].append(Property(name, SCALARS[types[-1]], count_type))

    def finish(self, nbytes: int) -> Header:
        if not self.encoding:
            raise self.fail("a format line before end_header", "none")
        elements = tuple(
            Element(name, count, tuple(properties)) for name, count, properties in self.elements
        )
        return Header(
            self.encoding,
            elements,
            tuple(self.comments),
            tuple(self.information),
            nbytes,
            self.line,
        )


def read_header(file: BufferedReader, path: Path) -> Header:
    """Read the header at the start of ``file``; reads at most :data:`HEADER_LIMIT` bytes.

    Raises
    ------
    SceneError
        With the line, for anything that is no PLY header.
    """
    first = file.readline(8)
    if first.rstrip(b"\r\n\t ") != b"ply" or not first.endswith(b"\n"):
        raise SceneError(path, "a PLY file, which begins with 'ply'", _bytes_shown(first), "line 1")
    builder = _Builder(path)
    nbytes = len(first)
    while nbytes < HEADER_LIMIT:
        builder.line += 1
        raw = file.readline(HEADER_LIMIT - nbytes)
        nbytes += len(raw)
        text = raw.decode("utf-8", errors="replace").strip().replace("\t", " ")
        if text == "end_header":
            return builder.finish(nbytes)
        if not raw.endswith(b"\n"):
            if nbytes >= HEADER_LIMIT:
                break
            raise builder.fail("end_header", "the end of the file")
        builder.take(text)
    raise SceneError(
        path, "end_header", f"none in the first {HEADER_LIMIT:,} bytes", f"line {builder.line}"
    )


def _shown(text: str, limit: int = 80) -> str:
    """Text from a file, made short and printable for a message."""
    text = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
    return text if len(text) <= limit else text[:limit] + "..."


def _bytes_shown(raw: bytes) -> str:
    return f"'{_shown(raw.decode('latin-1').strip())}'" if raw.strip() else "nothing"
