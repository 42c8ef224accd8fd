"""From a scene to an SPZ file, one array after the other, in blocks."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from scenes.frames import frame_of
from scenes.gaussians import GaussianScene
from scenes.registry import Cancel, Progress
from scenes.spz import extensions
from scenes.spz.container import ANTIALIASED, ARRAYS, EXTENDED, PLAIN_HEADER_BYTES, Header
from scenes.spz.pack import USUAL_BITS, Packer, fractional_bits
from scenes.spz.reader import USUAL_FRAME
from scenes.spz.turn import turn_between
from scenes.writing import blocks, new_file

GZIP_LEVEL = 6
ZSTD_LEVEL = 12
"""The levels of the SPZ library."""
ROWS = 16_384
"""Splats packed and compressed together: at most 0.1 s between two looks at cancel."""

MOST_DEGREE = {3: 3, 4: 4}
"""Spherical harmonics that readers of a version take."""


def write_scene(
    scene: GaussianScene,
    path: Path,
    progress: Progress,
    cancel: Cancel,
    spz_version: int = 3,
    stored_frame: str = USUAL_FRAME,
) -> tuple[str, ...]:
    """Write version 3 or 4; returns sentences on what the file does not keep.

    The order of the splats stays. Version 4 declares its frame; version 3 has no extensions,
    because programs older than those refuse files that are longer than their arrays.

    Raises
    ------
    ValueError
        For another version or an unknown frame.
    SceneError
        Where the place cannot be written.
    Cancelled
        And no file is left.
    """
    packer = packer_for(scene, spz_version, stored_frame)
    flags = ANTIALIASED if scene.training == "mip" else 0
    if spz_version == 4:
        flags |= EXTENDED
    header = Header(spz_version, scene.count, packer.degree, packer.bits, flags)
    with new_file(path) as file:
        if spz_version == 3:
            _write_gzip(file, header, packer, progress, cancel)
        else:
            orbit = scene.metadata.get("safe_orbit_camera")
            records = extensions.build(stored_frame, orbit)
            _write_streams(file, header, records, packer, progress, cancel)
    return tuple(_losses(scene, header, packer, stored_frame))


def packer_for(scene: GaussianScene, spz_version: int, stored_frame: str) -> Packer:
    """What makes the bytes; takes as high a degree and as fine steps as version and scene allow.

    Raises
    ------
    ValueError
        As :func:`write_scene`.
    """
    if spz_version not in MOST_DEGREE:
        raise ValueError(f"spz_version must be 3 or 4, got {spz_version}")
    degree = min(scene.sh_degree, MOST_DEGREE[spz_version])
    turn = turn_between(frame_of(scene), stored_frame, degree)
    return Packer(scene, turn, degree, fractional_bits(scene))


def _pieces(
    header: Header, packer: Packer, progress: Progress, cancel: Cancel
) -> Iterator[tuple[int, Callable[[Any], None]]]:
    """For each array that is not empty: its size, and what writes it into a binary file."""
    filled = [(name, size) for name, size in zip(ARRAYS, header.sizes, strict=True) if size]
    for index, (name, size) in enumerate(filled):
        rows = getattr(packer, name)

        def told(done: int, total: int, unit: str, index: int = index) -> None:
            progress((index * total + done) // len(filled), total, unit)

        def write(out: Any, rows: Any = rows, told: Progress = told) -> None:
            for here in blocks(header.count, told, cancel, ROWS):
                out.write(rows(here).data)

        yield size, write


def _write_gzip(
    file: BinaryIO, header: Header, packer: Packer, progress: Progress, cancel: Cancel
) -> None:
    # Without name and time, equal scenes make equal files.
    with gzip.GzipFile("", "wb", GZIP_LEVEL, file, mtime=0) as stream:
        stream.write(header.packed())
        for _, write in _pieces(header, packer, progress, cancel):
            write(stream)


def _write_streams(
    file: BinaryIO,
    header: Header,
    records: bytes,
    packer: Packer,
    progress: Progress,
    cancel: Cancel,
) -> None:
    import zstandard

    table = PLAIN_HEADER_BYTES + len(records)
    file.write(header.packed() + struct.pack("<I12x", table) + records)
    entries = b""
    pieces = list(_pieces(header, packer, progress, cancel))
    file.write(bytes(16 * len(pieces)))
    for size, write in pieces:
        first = file.tell()
        compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
        with compressor.stream_writer(file, size=size, closefd=False) as stream:
            write(stream)
        entries += struct.pack("<QQ", file.tell() - first, size)
    file.seek(table)
    file.write(entries)


def _losses(
    scene: GaussianScene, header: Header, packer: Packer, stored_frame: str
) -> Iterator[str]:
    """What the file does not keep, in sentences."""
    if scene.count == 0:
        yield "The file holds no splats, which other programs refuse."
    if header.degree < scene.sh_degree:
        yield (
            f"Spherical harmonics of degree {scene.sh_degree} were cut to {header.degree}, the "
            f"most that programs read in version {header.version} of .spz."
        )
    if header.version == 3 and stored_frame != USUAL_FRAME:
        yield (
            f"Version 3 of .spz cannot say that its axes are {stored_frame.upper()}: programs will "
            f"take them for {USUAL_FRAME.upper()}."
        )
    if header.fractional_bits < USUAL_BITS:
        yield (
            f"Positions are so far out that they were kept in steps of "
            f"1/{1 << header.fractional_bits} unit instead of 1/{1 << USUAL_BITS}."
        )
    yield from _clamped(packer)
    if scene.training == "2dgs":
        yield "That the splats are 2D Gaussians was not kept: .spz files do not say so."
    if header.version == 3 and "safe_orbit_camera" in scene.metadata:
        yield "The safe orbit of the camera was left out: only version 4 of .spz holds one."
    if "default_view" in scene.metadata:
        yield "The first view was left out: .spz files hold none."


_RANGES = {
    "positions": ("coordinates", "the largest that 24 bits hold"),
    "colors": ("colour values", "a first coefficient of -3.33 to 3.33"),
    "scales": ("scales", "the range exp(-10) = 0.000045 to exp(5.9375) = 379 units"),
    "sh": ("coefficients of spherical harmonics", "-1 to 1"),
}


def _clamped(packer: Packer) -> Iterator[str]:
    for name, count in packer.clamped.items():
        if count:
            what, limit = _RANGES[name]
            yield f"{count:,} {what} were clamped to {limit}."
