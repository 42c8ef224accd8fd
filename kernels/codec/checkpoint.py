"""Checkpoints of PyTorch as nested dictionaries and lists of tensors, without running code.

A checkpoint is a zip archive with a pickle (``data.pkl``) and one stored entry per storage of
tensors (``data/KEY``), or, before PyTorch 1.6, four pickles (a magic number, a version, what
machine wrote it, the value), the list of keys, and the storages one after the other, each behind
the number of its values (``pytorch:torch/serialization.py``).
"""

from __future__ import annotations

import io
import math
import zipfile
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from kernels.codec.tensor_pickle import (
    SIZES,
    CheckpointError,
    Storage,
    TensorRecord,
    read_pickle,
)

LARGEST_PICKLE = 1 << 20
"""Bytes of instructions; those of trainers with all state of their optimisers have some 100,000."""

OLD_MAGIC = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"
"""How files before PyTorch 1.6 begin: the pickle of a magic number."""

_TYPES = {
    "Double": "f8", "Float": "f4", "Half": "f2", "BFloat16": "u2", "Long": "i8", "Int": "i4",
    "Short": "i2", "Char": "i1", "Byte": "u1", "Bool": "?",
}  # fmt: skip


@dataclass(frozen=True)
class StoredTensor:
    """A tensor that has not been read: ``np.asarray`` reads it, :meth:`rows` a part of it."""

    file: BinaryIO
    record: TensorRecord
    start: int
    order: str

    @property
    def shape(self) -> tuple[int, ...]:
        """Numbers along each axis."""
        return self.record.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the array that reading gives; bfloat16 becomes float32."""
        kind = self.record.storage.kind
        return np.dtype(np.float32 if kind == "BFloat16" else _TYPES[kind])

    @property
    def by_rows(self) -> bool:
        """Whether its numbers follow each other as they do in a fresh array."""
        expected, step = [], 1
        for length in reversed(self.shape):
            expected.append(step)
            step *= length
        steps = zip(self.shape, reversed(expected), self.record.strides, strict=True)
        return all(length == 1 or a == b for length, a, b in steps)

    def check(self) -> None:
        """Refuse a tensor with more values than its storage or that reaches out of it.

        Raises
        ------
        CheckpointError
        """
        record, storage = self.record, self.record.storage
        claimed, end = math.prod(self.shape), record.offset + 1
        for length, stride in zip(self.shape, record.strides, strict=True):
            end += (length - 1) * stride
        if claimed > storage.length or (claimed and end > storage.length):
            shape = "x".join(map(str, self.shape))[:60]
            raise CheckpointError(
                f"a storage for a tensor of {shape}", f"{storage.length:,} values"
            )

    def rows(self, first: int, last: int) -> NDArray[Any]:
        """Rows ``first`` to ``last - 1`` of a tensor that :meth:`check` has passed, stored by rows.

        Raises
        ------
        CheckpointError
            Where the file ends before.
        """
        width = math.prod(self.shape[1:])
        offset = self.record.offset + first * width
        return self._numbers(offset, (last - first) * width).reshape(last - first, *self.shape[1:])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """All of it; CheckpointError where that is more than the file has."""
        self.check()
        record = self.record
        if 0 in self.shape:
            return np.empty(self.shape, dtype or self.dtype)
        steps = zip(self.shape, record.strides, strict=True)
        span = 1 + sum((length - 1) * stride for length, stride in steps)
        numbers = self._numbers(record.offset, span)
        strides = [stride * numbers.itemsize for stride in record.strides]
        array = np.lib.stride_tricks.as_strided(numbers, self.shape, strides, writeable=False)
        return array if dtype is None else array.astype(dtype)

    def _numbers(self, offset: int, count: int) -> NDArray[Any]:
        """``count`` numbers of the storage from ``offset`` on."""
        storage = self.record.storage
        size = SIZES[storage.kind]
        self.file.seek(self.start + offset * size)
        raw = self.file.read(count * size)
        if len(raw) < count * size:
            raise CheckpointError(f"{count * size:,} bytes of a tensor", f"{len(raw):,}")
        numbers = np.frombuffer(raw, self.order + _TYPES[storage.kind])
        if storage.kind == "BFloat16":
            # The upper half of a float32.
            return (numbers.astype(np.uint32) << 16).view(np.float32)
        return numbers


def read_checkpoint(file: BinaryIO) -> Any:
    """Read a checkpoint of PyTorch that holds tensors, numbers, texts and containers of those.

    Parameters
    ----------
    file
        Opened for reading and seekable, and to stay open as long as tensors are read.

    Returns
    -------
    Dictionaries, lists (tuples too), ``int``, ``float``, ``bool``, ``str``, ``bytes``, None,
    ``Unknown`` objects, and :class:`StoredTensor` for tensors and parameters, whose values
    ``np.asarray`` reads. Containers may be shared, and may hold themselves.

    Raises
    ------
    CheckpointError
        For anything that is not a checkpoint, is damaged, refers to other things than tensors,
        or holds storages that are longer than the file says elsewhere.

    Cost
    ----
    At most :data:`LARGEST_PICKLE` bytes are read and interpreted (a second for the worst, a few
    milliseconds for real ones); tensors cost their size when they are read.
    """
    file.seek(0)
    if file.read(len(OLD_MAGIC)) == OLD_MAGIC:
        value, starts, order = _read_old(file)
    else:
        value, starts, order = _read_zip(file)
    return _Placed(file, starts, order).value(value)


class _Starts:
    """Where storages begin in the file, by key."""

    def __init__(self, file: BinaryIO) -> None:
        self.first_bytes: dict[str, int] = {}
        self.end = file.seek(0, io.SEEK_END)

    def put(self, storage: Storage, start: int) -> int:
        """Keep where a storage begins; refuses one that reaches beyond the file."""
        end = start + storage.nbytes
        if not 0 <= start <= end <= self.end:
            key = storage.key[:40]
            raise CheckpointError(f"{storage.nbytes:,} bytes of storage {key}", "a shorter file")
        self.first_bytes[storage.key] = start
        return start

    def of(self, storage: Storage) -> int:
        """The first byte of a storage; refuses those that the file does not have."""
        if storage.key not in self.first_bytes:
            raise CheckpointError(f"a storage {storage.key[:40]}", "none in the file")
        return self.put(storage, self.first_bytes[storage.key])


class _ZipStarts(_Starts):
    """Looked up in the archive when they are asked for."""

    def __init__(self, file: BinaryIO, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(file)
        self.file = file
        self.entries = {info.filename: info for info in archive.infolist()}
        self.folder = folder

    def of(self, storage: Storage) -> int:
        entry = self.entries.get(f"{self.folder}/data/{storage.key}")
        if entry is None:
            raise CheckpointError(f"a storage {storage.key[:40]}", "none in the archive")
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
            raise CheckpointError("storages as they are", "compressed or encrypted ones")
        if entry.file_size != storage.nbytes:
            told = f"{storage.nbytes:,} bytes of storage {storage.key[:40]}"
            raise CheckpointError(told, f"{entry.file_size:,}")
        if storage.key in self.first_bytes:
            return super().of(storage)
        self.file.seek(min(max(0, entry.header_offset), self.end))
        header = self.file.read(30)
        if len(header) < 30 or header[:4] != b"PK\x03\x04":
            raise CheckpointError("a whole zip archive", "an entry without a header")
        lengths = int.from_bytes(header[26:28], "little"), int.from_bytes(header[28:], "little")
        return self.put(storage, entry.header_offset + 30 + sum(lengths))


def _read_zip(file: BinaryIO) -> tuple[Any, _Starts, str]:
    try:
        with zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
            pickles = [i for i in infos if PurePosixPath(i.filename).name == "data.pkl"]
            if len(pickles) != 1:
                raise CheckpointError("a checkpoint of PyTorch", "a file without one data.pkl")
            if pickles[0].file_size > LARGEST_PICKLE:
                limit = f"at most {LARGEST_PICKLE:,} bytes of instructions"
                raise CheckpointError(limit, f"{pickles[0].file_size:,}")
            data = archive.read(pickles[0])
            folder = str(PurePosixPath(pickles[0].filename).parent)
            starts = _ZipStarts(file, archive, folder)
            order = _order(archive, starts.entries.get(f"{folder}/byteorder"))
    except CheckpointError:
        raise
    except Exception as error:  # whatever unpacking makes of a stranger's bytes
        shown = " ".join(str(error).split())[:100]
        raise CheckpointError("a whole checkpoint", shown or "a damaged one") from None
    return read_pickle(io.BytesIO(data)), starts, order


def _order(archive: zipfile.ZipFile, entry: zipfile.ZipInfo | None) -> str:
    """NumPy's sign for the byte order; files without a word on it are little-endian."""
    big = entry is not None and entry.file_size == 3 and archive.read(entry) == b"big"
    return ">" if big else "<"


def _read_old(file: BinaryIO) -> tuple[Any, _Starts, str]:
    file.seek(0)
    head = io.BytesIO(file.read(LARGEST_PICKLE))
    _, _, machine, value, keys = (read_pickle(head) for _ in range(5))
    little = not isinstance(machine, dict) or machine.get("little_endian", True) is not False
    if not isinstance(keys, list):
        raise CheckpointError("a list of storages", "another value")
    storages = {record.storage.key: record.storage for record in _records(value)}
    starts, place = _Starts(file), head.tell()
    for key in keys:
        if not isinstance(key, str) or key not in storages:
            raise CheckpointError("storages of tensors", f"{key!s:.40}")
        file.seek(place)
        length = int.from_bytes(file.read(8), "little" if little else "big")
        if length != storages[key].length:
            told = f"{storages[key].length:,} values in storage {key[:40]}"
            raise CheckpointError(told, f"{length:,}")
        place = starts.put(storages[key], place + 8) + storages[key].nbytes
    return value, starts, "<" if little else ">"


def _records(value: Any) -> list[TensorRecord]:
    """All tensors in a value."""
    found: list[TensorRecord] = []
    waiting, seen = [value], set()
    while waiting:
        item = waiting.pop()
        if isinstance(item, TensorRecord):
            found.append(item)
        elif isinstance(item, dict | list | tuple) and id(item) not in seen:
            seen.add(id(item))
            waiting.extend(item.values() if isinstance(item, dict) else item)
    return found


class _Placed:
    """Puts tensors that can be read in the place of records, each container once."""

    def __init__(self, file: BinaryIO, starts: _Starts, order: str) -> None:
        self.file = file
        self.starts = starts
        self.order = order
        self.seen: dict[int, Any] = {}

    def value(self, value: Any) -> Any:
        """The value with its tensors; works through a list of what is still to be filled."""
        waiting: list[tuple[Any, Any]] = []
        placed = self._started(value, waiting)
        while waiting:
            source, target = waiting.pop()
            if isinstance(source, dict):
                for key, item in source.items():
                    target[key] = self._started(item, waiting)
            else:
                target.extend(self._started(item, waiting) for item in source)
        return placed

    def _started(self, value: Any, waiting: list[tuple[Any, Any]]) -> Any:
        if isinstance(value, TensorRecord):
            return StoredTensor(self.file, value, self.starts.of(value.storage), self.order)
        if not isinstance(value, dict | list | tuple):
            return value
        if id(value) not in self.seen:
            self.seen[id(value)] = {} if isinstance(value, dict) else []
            waiting.append((value, self.seen[id(value)]))
        return self.seen[id(value)]
