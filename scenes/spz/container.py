"""The bytes of an SPZ file: header, planar arrays, and what is compressed how.

Versions 1 to 3 are one gzip stream of a 16-byte header, six arrays and perhaps extensions; the
same without gzip is met as well. Version 4 is a plain header of 32 bytes, extensions, a table of
contents and one zstd stream for every array that is not empty (nianticlabs/spz ``README.md``,
``src/cc/load-spz.cc``).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from kernels.codec.unpack_spz import FIRST_THREE, FIXED_WIDTH, HALF_WIDTH, SMALLEST_THREE
from scenes.bounded import gunzip, unzstd
from scenes.errors import SceneError
from scenes.gaussians import SH_COEFFICIENTS
from scenes.registry import Cancel, Progress

MAGIC = b"NGSP"
GZIP_MAGIC = b"\x1f\x8b"
HEADER_BYTES, PLAIN_HEADER_BYTES = 16, 32
ANTIALIASED, EXTENDED, LOD_TREE = 0x1, 0x2, 0x80
ARRAYS = ("positions", "alphas", "colors", "scales", "rotations", "sh")

MOST_EXPANSION = 1024
"""Deflate shrinks no further. An honest scene comes to a fifth of its size at best."""
LEAST_BUDGET = 1 << 26
"""Bytes that a file of any size may unpack to: zstd shrinks equal splats to almost nothing."""
MOST_EXTENSIONS = 1 << 20
"""Bytes of extensions; those that are known take 32."""
MOST_FRACTIONAL_BITS = 31

_CHUNK = 4096


@dataclass(frozen=True)
class Header:
    """What the first 16 bytes say, in all versions."""

    version: int
    count: int
    degree: int
    fractional_bits: int
    flags: int

    @property
    def widths(self) -> tuple[int, ...]:
        """Bytes of a splat in each of :data:`ARRAYS`."""
        return (
            HALF_WIDTH if self.version == 1 else FIXED_WIDTH,
            1,
            3,
            3,
            FIRST_THREE if self.version < 3 else SMALLEST_THREE,
            3 * (SH_COEFFICIENTS[self.degree] - 1),
        )

    @property
    def sizes(self) -> tuple[int, ...]:
        """Bytes of each of :data:`ARRAYS`."""
        return tuple(width * self.count for width in self.widths)

    def packed(self) -> bytes:
        """The 16 bytes; the last is the number of streams in version 4, else 0."""
        streams = sum(size > 0 for size in self.sizes) if self.version == 4 else 0
        return MAGIC + struct.pack(
            "<II4B",
            self.version,
            self.count,
            self.degree,
            self.fractional_bits,
            self.flags,
            streams,
        )


@dataclass(frozen=True)
class Contents:
    """An unpacked file: ``arrays`` as in :data:`ARRAYS`, ``extensions`` not parsed yet."""

    header: Header
    arrays: tuple[memoryview, ...]
    extensions: memoryview
    container: str


def unpack(file: BinaryIO, size: int, path: Path, progress: Progress, cancel: Cancel) -> Contents:
    """Unpack a file of ``size`` bytes that stands at its first byte.

    Memory is what comes out, and only after the header was found to be possible.

    Raises
    ------
    SceneError, Cancelled
    """
    head = file.read(PLAIN_HEADER_BYTES)
    if head.startswith(GZIP_MAGIC):
        return _from_gzip(file, size, path, progress, cancel)
    header = parse_header(head, size, path)
    if header.version < 4:
        return _plain(file, header, size, path)
    return _from_streams(file, head, header, size, path, progress, cancel)


def parse_header(head: bytes, size: int, path: Path) -> Header:
    """Check the header of a file of ``size`` bytes.

    Raises
    ------
    SceneError
        Also for a count of splats that such a file cannot hold.
    """
    if head[:4] != MAGIC[: len(head)] or len(head) < HEADER_BYTES:
        found = f"only {len(head)} bytes" if MAGIC.startswith(head[:4]) else repr(head[:4])
        raise SceneError(path, f"an SPZ header that begins with {MAGIC!r}", found, "byte 0")
    version, count, degree, bits, flags = struct.unpack_from("<II3B", head, 4)
    if not 1 <= version <= 4:
        raise SceneError(path, "SPZ version 1 to 4", f"version {version}", "byte 4")
    if degree >= len(SH_COEFFICIENTS):
        raise SceneError(path, "spherical harmonics of degree 0 to 4", f"{degree}", "byte 12")
    if bits > MOST_FRACTIONAL_BITS:
        raise SceneError(path, f"0 to {MOST_FRACTIONAL_BITS} fractional bits", f"{bits}", "byte 13")
    if flags & LOD_TREE:
        # Spark's extended files hold coarser copies of their splats among them, and twice the
        # opacity's range: shown as they are, everything would be drawn several times.
        raise SceneError(path, "splats of one level of detail", "a tree of them (Spark)", "byte 14")
    header = Header(version, count, degree, bits, flags)
    need = sum(header.sizes)
    if need > max(MOST_EXPANSION * size, LEAST_BUDGET):
        raise SceneError(
            path,
            f"{count:,} splats ({need:,} bytes unpacked)",
            f"a file of {size:,} bytes, too small for them",
            "byte 8",
        )
    return header


def _from_gzip(
    file: BinaryIO, size: int, path: Path, progress: Progress, cancel: Cancel
) -> Contents:
    file.seek(0)
    header = parse_header(_first_bytes(file, path), size, path)
    if header.version == 4:
        raise SceneError(path, "SPZ version 1 to 3 in a gzip stream", "version 4", "byte 4")
    file.seek(0)
    limit = HEADER_BYTES + sum(header.sizes)
    if header.flags & EXTENDED:
        limit += MOST_EXTENSIONS
    data = memoryview(gunzip(file, path, limit, progress, cancel))
    return _split(data[HEADER_BYTES:], header, path, "gzip stream")


def _first_bytes(file: BinaryIO, path: Path) -> bytes:
    """What a gzip stream begins with."""
    unpacker = zlib.decompressobj(wbits=31)
    out = b""
    try:
        while len(out) < HEADER_BYTES and (raw := file.read(_CHUNK)):
            out += unpacker.decompress(raw, HEADER_BYTES - len(out))
    except zlib.error as error:
        raise SceneError(path, "a whole gzip stream", str(error)) from None
    return out


def _plain(file: BinaryIO, header: Header, size: int, path: Path) -> Contents:
    need = sum(header.sizes)
    if need > size - HEADER_BYTES:
        raise _too_short(path, header, size - HEADER_BYTES)
    file.seek(HEADER_BYTES)
    data = memoryview(file.read(need + MOST_EXTENSIONS + 1))
    return _split(data, header, path, "not compressed")


def _split(data: memoryview, header: Header, path: Path, container: str) -> Contents:
    """Cut the arrays of versions 1 to 3 out of what follows the header."""
    arrays, at = [], 0
    for size in header.sizes:
        arrays.append(data[at : at + size])
        at += size
    if len(data) < at:
        raise _too_short(path, header, len(data))
    extensions = data[at:]
    most = MOST_EXTENSIONS if header.flags & EXTENDED else 0
    if len(extensions) > most:
        raise SceneError(path, f"{at + most:,} bytes after the header", "more")
    return Contents(header, tuple(arrays), extensions, container)


def _too_short(path: Path, header: Header, found: int) -> SceneError:
    need = sum(header.sizes)
    return SceneError(path, f"{header.count:,} splats ({need:,} bytes)", f"{found:,} bytes")


def _from_streams(
    file: BinaryIO,
    head: bytes,
    header: Header,
    size: int,
    path: Path,
    progress: Progress,
    cancel: Cancel,
) -> Contents:
    if len(head) < PLAIN_HEADER_BYTES:
        raise SceneError(path, f"a header of {PLAIN_HEADER_BYTES} bytes", f"{len(head)}", "byte 0")
    count, table = struct.unpack_from("<BI", head, 15)
    start = table + 16 * count
    if table < PLAIN_HEADER_BYTES or start > size:
        raise SceneError(
            path, f"a table of contents inside {size:,} bytes", f"at byte {table:,}", "byte 16"
        )
    extensions = b""
    if header.flags & EXTENDED:
        length = table - PLAIN_HEADER_BYTES
        if length > MOST_EXTENSIONS:
            raise SceneError(
                path, f"at most {MOST_EXTENSIONS:,} bytes of extensions", f"{length:,}", "byte 16"
            )
        extensions = file.read(length)
    file.seek(table)
    entries = list(struct.iter_unpack("<QQ", file.read(16 * count)))
    _check_table(entries, header, size - start, path, table)
    arrays = tuple(_streams(file, entries, header, path, size, progress, cancel))
    return Contents(header, arrays, memoryview(extensions), "zstd streams")


def _check_table(
    entries: list[tuple[int, ...]], header: Header, left: int, path: Path, table: int
) -> None:
    """Refuse sizes that are not those of the header's arrays, or do not fill the file."""
    where = f"byte {table}"
    wanted = [size for size in header.sizes if size]
    found = [unpacked for _, unpacked in entries]
    if found != wanted:
        words = ["streams of " + ", ".join(f"{size:,}" for size in sizes[:7]) + " bytes"
                 if sizes else "no streams" for sizes in (wanted, found)]  # fmt: skip
        raise SceneError(path, words[0], words[1], where)
    total = sum(packed for packed, _ in entries)
    if total != left:
        raise SceneError(path, f"{total:,} bytes of streams", f"{left:,}", where)


def _streams(
    file: BinaryIO,
    entries: list[tuple[int, ...]],
    header: Header,
    path: Path,
    size: int,
    progress: Progress,
    cancel: Cancel,
) -> Iterator[memoryview]:
    waiting = iter(entries)
    for name, length in zip(ARRAYS, header.sizes, strict=True):
        if length:
            packed, _ = next(waiting)
            yield memoryview(unzstd(file.read(packed), length, path, name, cancel))
            progress(file.tell(), size, "bytes")
        else:
            yield memoryview(b"")
