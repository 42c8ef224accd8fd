"""Unpacking what strangers compressed, with a bound on what comes out."""

from __future__ import annotations

import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from scenes.errors import Cancelled, SceneError
from scenes.registry import Cancel, Progress, never, no_progress

CHUNK = 1 << 20
MOST_ENTRIES = 4096
"""Files in an archive; a streamed scene of a city has some hundreds."""


def gunzip(
    file: BinaryIO, path: Path, limit: int, progress: Progress = no_progress, cancel: Cancel = never
) -> bytearray:
    """All of a gzip stream, at most ``limit`` bytes; members that follow each other are joined.

    Memory is what comes out, and never more than ``limit`` (a bomb ends there).

    Raises
    ------
    SceneError
        For a stream that is damaged, ends early or is longer than ``limit``.
    Cancelled
    """
    out = bytearray()
    unpacker = zlib.decompressobj(wbits=31)
    size = path.stat().st_size
    while raw := file.read(CHUNK):
        while raw:
            if cancel():
                raise Cancelled
            try:
                out += unpacker.decompress(raw, CHUNK)
            except zlib.error as error:
                raise SceneError(path, "a whole gzip stream", str(error)) from None
            if len(out) > limit:
                raise SceneError(path, f"at most {limit:,} bytes in the gzip stream", "more")
            raw = unpacker.unconsumed_tail
            if unpacker.eof:
                raw = unpacker.unused_data
                if raw:
                    unpacker = zlib.decompressobj(wbits=31)
        progress(min(file.tell(), size), size, "bytes")
    while not unpacker.eof:
        more = unpacker.decompress(b"", CHUNK)
        if not more:
            raise SceneError(path, "a whole gzip stream", "its end too early")
        out += more
        if len(out) > limit:
            raise SceneError(path, f"at most {limit:,} bytes in the gzip stream", "more")
    return out


def unzstd(
    data: bytes | memoryview, size: int, path: Path, what: str, cancel: Cancel = never
) -> bytearray:
    """One zstd frame that holds exactly ``size`` bytes, which the caller has found reasonable.

    The frame's own claim must agree, so memory is never taken on its word.

    Raises
    ------
    SceneError, Cancelled
    """
    import zstandard

    out = bytearray()
    try:
        claim = zstandard.frame_content_size(data)
        if claim not in (-1, size):
            raise SceneError(path, f"{size:,} bytes in {what}", f"a stream of {claim:,}")
        unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 27)
        with unpacker.stream_reader(data) as stream:
            while len(out) < size and (piece := stream.read(min(CHUNK, size - len(out)))):
                if cancel():
                    raise Cancelled
                out += piece
            more = stream.read(1)
    except zstandard.ZstdError as error:
        raise SceneError(path, f"a whole zstd stream of {what}", str(error)) from None
    if len(out) != size or more:
        raise SceneError(path, f"{size:,} bytes in {what}", "more" if more else f"{len(out):,}")
    return out


class Archive:
    """A zip file whose entries are looked at before they are unpacked.

    Parameters
    ----------
    path
        The file.
    limit
        Most bytes that all entries together may unpack to.
    entries
        Most files.

    Raises
    ------
    SceneError
        For a damaged archive, absurdly many entries, names that lead out of it, links, encrypted
        entries, or a total above ``limit``.
    """

    def __init__(self, path: Path, limit: int, entries: int = MOST_ENTRIES) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as error:
            raise SceneError(path, "a zip archive", _shown(error)) from None
        try:
            self._entries = self._checked(limit, entries)
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *unused: object) -> None:
        self._zip.close()

    @property
    def names(self) -> tuple[str, ...]:
        """All files inside."""
        return tuple(self._entries)

    def size(self, name: str) -> int:
        """Bytes of an entry as the archive says; SceneError where there is none."""
        return self._entry(name).file_size

    def read(self, name: str) -> bytes:
        """The bytes of an entry; never more than the archive says it has."""
        size = self.size(name)
        with self.stream(name) as file:
            data = file.read(size)
            if len(data) < size or file.read(1):
                raise SceneError(self.path, f"{size:,} bytes in {name}", "another number")
        return data

    @contextmanager
    def stream(self, name: str) -> Iterator[IO[bytes]]:
        """An entry as a file, for those that are better not held as a whole.

        Reading gives at most :meth:`size` bytes, but fewer where the entry is shorter. Whatever
        the block meets that is wrong with the archive ends in SceneError.
        """
        entry = self._entry(name)
        try:
            with self._zip.open(entry) as file:
                yield file
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, EOFError,
                OSError, RuntimeError, ValueError) as error:  # fmt: skip
            raise SceneError(self.path, f"a whole entry {name[:100]}", _shown(error)) from None

    def _entry(self, name: str) -> zipfile.ZipInfo:
        if name not in self._entries:
            raise SceneError(self.path, f"an entry {name[:100]}", "none in the archive")
        return self._entries[name]

    def _checked(self, limit: int, most: int) -> dict[str, zipfile.ZipInfo]:
        infos = self._zip.infolist()
        if len(infos) > most:
            raise SceneError(self.path, f"at most {most:,} entries", f"{len(infos):,}")
        entries = {}
        for info in infos:
            if info.filename.endswith("/"):
                continue
            name = info.filename
            if not is_inside(name) or stat.S_ISLNK(info.external_attr >> 16):
                raise SceneError(self.path, "entries inside the archive", f"'{name[:100]}'")
            if info.flag_bits & 1:
                raise SceneError(self.path, "entries without a password", name[:100])
            entries[name] = info
        total = sum(info.file_size for info in entries.values())
        if total > limit:
            raise SceneError(
                self.path, f"at most {limit:,} bytes in the archive", f"a claim of {total:,}"
            )
        return entries


def peek(path: Path, name: str, size: int) -> bytes:
    """The first bytes of an entry of a zip archive; empty where there is none. Never raises."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(name) as file:
            return file.read(size)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, KeyError, OSError, ValueError,
            RuntimeError, EOFError, NotImplementedError):  # fmt: skip
        return b""


def _shown(error: Exception) -> str:
    """What an unpacker says, in one line without the bytes that it may quote."""
    return " ".join(str(error).split())[:100] or "a damaged one"


def is_inside(name: str) -> bool:
    """Whether a relative name from a file stays below the folder that it is relative to."""
    path = PurePosixPath(name.replace("\\", "/"))
    return not (path.is_absolute() or ".." in path.parts or ":" in name or "\0" in name)
