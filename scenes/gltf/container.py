"""The two shapes of a glTF file, and the bytes that its JSON refers to.

A ``.glb`` file is a header (magic, version, length), a chunk of JSON and at most one chunk of
bytes; a ``.gltf`` file is the JSON alone, with bytes beside it or inside it as ``data:`` URIs
(Khronos, "glTF 2.0 Specification", 3.6 and 4). What a file of strangers says is held against what
is there before anything is read.
"""

from __future__ import annotations

import binascii
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

from scenes.bounded import is_inside
from scenes.errors import SceneError
from scenes.paths.json_file import Value, parse

MAGIC = b"glTF"
LARGEST_JSON = 64 << 20
"""Bytes of JSON that are read at most. Embedded bytes of more than this belong beside the file."""

MOST_VALUES = 2_000_000
"""Values of JSON at most; a file of a thousand meshes has some 100,000."""

LARGEST = 1 << 53
"""Offsets and lengths beyond are not told apart by all readers of JSON."""

_JSON, _BIN = 0x4E4F534A, 0x004E4942
_EXTENDED = ("EXT_meshopt_compression", "KHR_meshopt_compression")


@dataclass(frozen=True)
class Buffer:
    """A run of bytes in a file, or in memory where they stood in the JSON."""

    path: Path
    start: int
    size: int
    data: bytes | None = None

    def read(self, offset: int, size: int) -> bytes | memoryview:
        """Bytes that the caller knows to lie inside; SceneError where the file has shrunk."""
        if self.data is not None:
            return memoryview(self.data)[offset : offset + size]
        with self.path.open("rb") as file:
            file.seek(self.start + offset)
            raw = file.read(size)
        if len(raw) < size:
            raise SceneError(self.path, f"{size:,} bytes", "the end of the file",
                             f"byte {self.start + offset}")  # fmt: skip
        return raw


@dataclass(frozen=True)
class View:
    """A bufferView: part of a buffer, with the distance of its elements (0: packed)."""

    buffer: Buffer
    offset: int
    size: int
    stride: int


@dataclass
class Document:
    """The JSON of a file, and its buffers once they are asked for."""

    path: Path
    root: Value
    is_binary: bool
    binary: Buffer | None
    _buffers: dict[int, Buffer] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """Bytes of all buffers that have been asked for, each place counted once."""
        places = {(b.path, b.start, id(b.data)): b.size for b in self._buffers.values()}
        return sum(places.values())

    def item(self, kind: str, index: int) -> Value:
        """Entry ``index`` of a list at the top ("accessors"); SceneError where there is none."""
        entries = self.root.get(kind, []).raw
        if not isinstance(entries, list):
            self.root[kind].fail("a list")
        if not 0 <= index < len(entries):
            raise SceneError(self.path, f"one of {len(entries):,} {kind}", f"number {index}")
        return Value(self.path, entries[index], f"{kind} {index}")

    def count(self, kind: str) -> int:
        """How many entries a list at the top has."""
        entries = self.root.get(kind, []).raw
        return len(entries) if isinstance(entries, list) else 0

    def view(self, index: int) -> View:
        """A bufferView that lies inside its buffer."""
        value = self.item("bufferViews", index)
        offset = value.get("byteOffset", 0).integer(0, LARGEST)
        size = value["byteLength"].integer(1, LARGEST)
        stride = value.get("byteStride", 0).integer(0, 1 << 16)
        number = value["buffer"].integer(0, LARGEST)
        if not self._has_bytes(number):
            packed = [name for name in _EXTENDED if name in value.get("extensions", {})]
            found = f"only values packed by {packed[0]}" if packed else "a buffer without any"
            value.fail("a buffer with bytes", found)
        buffer = self.buffer(number)
        if offset + size > buffer.size:
            value.fail(f"bytes up to {offset + size:,} in buffer {number}", f"{buffer.size:,}")
        return View(buffer, offset, size, stride)

    def _has_bytes(self, index: int) -> bool:
        value = self.item("buffers", index)
        return value.get("uri", None).raw is not None or (index == 0 and self.binary is not None)

    def buffer(self, index: int) -> Buffer:
        """A buffer, at least as long as it says."""
        if index not in self._buffers:
            value = self.item("buffers", index)
            size = value["byteLength"].integer(1, LARGEST)
            uri = value.get("uri", None)
            if uri.raw is None:
                buffer = self.binary or value.fail("bytes in the file", "none")
            else:
                buffer = _of_uri(self.path, uri)
            if buffer.size < size:
                value.fail(f"{size:,} bytes", f"{buffer.size:,}")
            self._buffers[index] = Buffer(buffer.path, buffer.start, size, buffer.data)
        return self._buffers[index]


def read_document(path: Path) -> Document:
    """The JSON of a ``.glb`` or ``.gltf`` file, and where its bytes are.

    Raises
    ------
    SceneError
        For damaged containers, other versions than 2, and JSON that is broken or endless.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] == MAGIC:
            text, binary = _chunks(path, file, head, size)
        else:
            if size > LARGEST_JSON:
                raise _too_large(path)
            file.seek(0)
            text, binary = file.read(LARGEST_JSON + 1), None
    root = _parsed(path, text)
    version = root["asset"]["version"].text(20)
    if not version.startswith("2."):
        raise SceneError(path, "glTF 2", f"version {version!a}", "asset, version")
    return Document(path, root, head[:4] == MAGIC, binary)


def _chunks(path: Path, file: Any, head: bytes, size: int) -> tuple[bytes, Buffer | None]:
    """JSON and bytes of a ``.glb`` file; chunks of other kinds behind them are passed over."""
    if len(head) < 12:
        raise SceneError(path, "a header of 12 bytes", f"{len(head)} bytes", "byte 0")
    version, length = struct.unpack("<II", head[4:])
    if version != 2:
        raise SceneError(path, "a binary glTF of version 2", f"version {version}", "byte 4")
    if length > size:
        raise SceneError(path, f"{length:,} bytes", f"a file of {size:,}", "byte 8")
    chunks = []
    for wanted in (_JSON, _BIN):
        place = file.tell()
        if place + 8 > length:
            break
        nbytes, kind = struct.unpack("<II", file.read(8))
        if place + 8 + nbytes > length:
            found = f"{length - place - 8:,} before the end"
            raise SceneError(path, f"a chunk of {nbytes:,} bytes", found, f"byte {place}")
        if kind != wanted:
            break
        chunks.append((place + 8, nbytes))
        file.seek(nbytes, 1)
    if not chunks:
        raise SceneError(path, "a chunk of JSON", "none", "byte 12")
    start, nbytes = chunks[0]
    if nbytes > LARGEST_JSON:
        raise _too_large(path)
    file.seek(start)
    return file.read(nbytes), Buffer(path, *chunks[1]) if len(chunks) > 1 else None


def _too_large(path: Path) -> SceneError:
    return SceneError(path, f"at most {LARGEST_JSON >> 20} MiB of JSON", "more")


def _parsed(path: Path, raw: bytes) -> Value:
    if sum(raw.count(sign) for sign in (b",", b"[", b"{", b":")) > MOST_VALUES:
        raise SceneError(path, f"at most {MOST_VALUES:,} values of JSON", "more")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SceneError(path, "UTF-8 text", "other bytes", f"byte {error.start}") from None
    root = parse(path, text.rstrip("\0"))
    if not isinstance(root.raw, dict):
        root.fail("an object")
    return root


def _of_uri(path: Path, uri: Value) -> Buffer:
    """The bytes of a ``data:`` URI, or a file below the folder of the glTF file."""
    text = uri.text(LARGEST_JSON)
    if text[:5].lower() == "data:":
        data = _of_data(uri, text)
        return Buffer(path, 0, len(data), data)
    if len(text) > 4096 or not text.isprintable():
        uri.fail("the name of a file", "something else")
    name = unquote(text)
    try:
        folder, file = path.parent.resolve(), (path.parent / name).resolve()
        is_here = is_inside(name) and file.is_relative_to(folder)
        is_there = is_here and file.is_file()
    except (OSError, RuntimeError, ValueError):  # circles of links, names that no system takes
        is_here = is_there = False
    if not is_here:
        uri.fail("a file in the folder of this one", f"{name!a}"[:100])
    if not is_there:
        uri.fail(f"a file {name!a}"[:100], "none")
    return Buffer(file, 0, file.stat().st_size)


def _of_data(uri: Value, text: str) -> bytes:
    head, comma, body = text.partition(",")
    if not comma:
        uri.fail("a data URI", "one without a comma")
    if not head.lower().endswith(";base64"):
        return unquote_to_bytes(body)
    try:
        return binascii.a2b_base64(unquote(body) if "%" in body else body, strict_mode=False)
    except (binascii.Error, ValueError):
        uri.fail("bytes in base64", "something else")
