"""Containers of named arrays: safetensors files.

Eight bytes (little-endian) say how long the header is: a JSON object that has, for each array,
``dtype``, ``shape`` and ``data_offsets`` (first and last + 1 byte, from the end of the header on),
and in ``__metadata__`` texts by name. The arrays follow, without gaps
(``huggingface/safetensors:README.md``, section Format).
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from scenes.errors import SceneError
from scenes.field_files.tell import Tell
from scenes.paths.json_file import Value, parse
from scenes.writing import new_file

LARGEST_HEADER = 4 << 20
"""Bytes; those of fields have some thousands."""
MOST_AXES = 8
CHUNK = 4 << 20
"""Bytes read or written together."""

TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "u1",
}  # fmt: skip
_NAMES = {np.dtype(code): name for name, code in TYPES.items()}


@dataclass(frozen=True)
class Entry:
    """Where an array lies, from the beginning of the file."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    first: int

    @property
    def nbytes(self) -> int:
        """Its length."""
        return math.prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True)
class Container:
    """A file whose header was read and found consistent; arrays are read when asked for."""

    path: Path
    file: BinaryIO
    metadata: Mapping[str, str]
    entries: Mapping[str, Entry]

    @property
    def nbytes(self) -> int:
        """Of all arrays."""
        return sum(entry.nbytes for entry in self.entries.values())

    def fail(self, expected: str, found: str, where: str = "") -> NoReturn:
        """Raise the error of this file."""
        raise SceneError(self.path, expected, found, where)

    def array(self, name: str, shape: tuple[int, ...], kinds: str, tell: Tell) -> NDArray[Any]:
        """An array that must have this shape and one of these types ("F32 F16"), as it is stored.

        Raises
        ------
        SceneError, Cancelled
        """
        entry = self.entries.get(name)
        if entry is None:
            self.fail(f"an array {name}", "none")
        if entry.shape != shape:
            self.fail(f"{name} of {_words(shape)}", _words(entry.shape))
        if _NAMES[entry.dtype] not in kinds.split():
            self.fail(f"{name} of type {' or '.join(kinds.split())}", _NAMES[entry.dtype])
        out = np.empty(shape, entry.dtype)
        view = out.reshape(-1).view(np.uint8).data
        self.file.seek(entry.first)
        for first in range(0, len(view), CHUNK):
            part = view[first : first + CHUNK]
            if self.file.readinto(part) < len(part):  # type: ignore[attr-defined]
                self.fail(f"{entry.nbytes:,} bytes of {name}", "the end of the file")
            tell.done(len(part))
        return out


def read_container(path: Path, file: BinaryIO) -> Container:
    """Read and check the header.

    Raises
    ------
    SceneError
        For a header that is damaged or larger than :data:`LARGEST_HEADER`, and for arrays that
        overlap, leave gaps (as one that is named twice does), have another size than their shape
        says, or reach beyond the file.
    """
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or not 2 <= length <= min(LARGEST_HEADER, size - 8):
        raise SceneError(path, f"a header of 2 to {LARGEST_HEADER:,} bytes", f"one of {length:,}")
    try:
        text = file.read(length).decode("utf-8")
    except UnicodeDecodeError as error:
        raise SceneError(path, "UTF-8 text", "other bytes", f"byte {8 + error.start}") from None
    value = parse(path, text, "header")
    if not isinstance(value.raw, dict):
        value.fail("an object")
    metadata = value.get("__metadata__", {})
    if not isinstance(metadata.raw, dict):
        metadata.fail("an object")
    texts = {name: metadata[name].text(LARGEST_HEADER) for name in metadata.raw}
    entries = {
        name: _entry(value[name], 8 + length) for name in value.raw if name != "__metadata__"
    }
    _check_places(value, entries, 8 + length, size)
    return Container(path, file, texts, entries)


def _entry(value: Value, start: int) -> Entry:
    kind = value["dtype"].choice(list(TYPES))
    shape = tuple(item.integer(0, 2**40) for item in value["shape"].items("axis", MOST_AXES))
    offsets = [item.integer(0, 2**52) for item in value["data_offsets"].items("offset", 2)]
    entry = Entry(np.dtype(TYPES[kind]), shape, start + offsets[0] if offsets else start)
    if len(offsets) != 2 or offsets[1] - offsets[0] != entry.nbytes:
        value.fail(f"{entry.nbytes:,} bytes for {_words(shape)}", " to ".join(map(str, offsets)))
    return entry


def _check_places(value: Value, entries: dict[str, Entry], start: int, size: int) -> None:
    ordered = sorted(entries.values(), key=lambda entry: (entry.first, entry.nbytes))
    ends = [start, *(entry.first + entry.nbytes for entry in ordered)]
    for entry, end in zip(ordered, ends, strict=False):
        if entry.first != end:
            what = "arrays that overlap" if entry.first < end else "a gap"
            value.fail("arrays that follow each other", what)
    if ends[-1] != size:
        value.fail(f"{ends[-1]:,} bytes", f"a file of {size:,}")


def _words(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{length:,}" for length in shape) or "one number"


def write_container(
    path: Path, metadata: Mapping[str, str], arrays: Mapping[str, NDArray[Any]], tell: Tell
) -> None:
    """Write arrays of the types of :data:`TYPES`, the header padded so that they are aligned.

    Raises
    ------
    SceneError, Cancelled
    """
    ends = np.cumsum([0, *(array.nbytes for array in arrays.values())]).tolist()
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    for (name, array), offsets in zip(arrays.items(), pairwise(ends), strict=True):
        header[name] = {
            "dtype": _NAMES[array.dtype], "shape": list(array.shape), "data_offsets": list(offsets)
        }  # fmt: skip
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 8)
    with new_file(path) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            view = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
            for first in range(0, len(view), CHUNK):
                file.write(view[first : first + CHUNK])
                tell.done(min(CHUNK, len(view) - first))
