"""Headers of a ``.ksplat`` file (mkkellogg/GaussianSplats3D ``src/loaders/SplatBuffer.js``)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from kernels.codec.unpack_ksplat import Coding
from scenes.errors import SceneError
from scenes.gaussians import SH_COEFFICIENTS

HEADER = 4096
SECTION = 1024
LEVELS = (0, 1, 2)
HIGHEST_DEGREE = 2
DEFAULT_SH = 1.5
"""Bytes of harmonics span -1.5..1.5 where the header says nothing."""
DEFAULT_RANGE = (1, 32_767, 32_767)
"""Steps from a bucket's centre to its wall, by compression level."""

MAIN = struct.Struct("<BBxxIIIIHxx3fff")
PART = struct.Struct("<IIIIfHxxIIIIH")


@dataclass(frozen=True)
class Main:
    """The header of the file."""

    most_sections: int
    level: int
    centre: tuple[float, float, float]
    low: float
    high: float


@dataclass(frozen=True)
class Section:
    """One run of splats: ``partial`` lengths, ``centres`` and ``records`` are places in bytes."""

    count: int
    bucket_size: int
    buckets: int
    full: int
    partial: int
    bucket_bytes: int
    coding: Coding
    lengths: int

    @property
    def centres(self) -> int:
        """Where the centres of the buckets begin."""
        return self.lengths + 4 * self.partial

    @property
    def records(self) -> int:
        """Where the splats begin."""
        return self.centres + self.bucket_bytes * self.buckets


def main_of(head: bytes) -> Main | None:
    """The header, if the bytes can be one."""
    if len(head) < HEADER:
        return None
    major, minor, most, sections, _, _, level, *numbers = MAIN.unpack_from(head)
    if (major, minor) != (0, 1) or level not in LEVELS or not sections <= most:
        return None
    low, high = numbers[3:]
    return Main(most, level, tuple(numbers[:3]), low or -DEFAULT_SH, high or DEFAULT_SH)


def section_of(raw: bytes, main: Main, start: int, size: int, path: Path, where: str) -> Section:
    """A section whose data begin at ``start`` and fit into a file of ``size`` bytes.

    Raises
    ------
    SceneError
    """
    (count, most, bucket_size, buckets, block, bucket_bytes, steps, _, full, partial, degree) = (
        PART.unpack_from(raw)
    )

    def fail(expected: str, found: object) -> SceneError:
        return SceneError(path, expected, f"{found}", where)

    if degree > HIGHEST_DEGREE:
        raise fail(f"spherical harmonics of degree 0 to {HIGHEST_DEGREE}", degree)
    if count > most:
        raise fail(f"at most {most:,} splats", f"{count:,}")
    if buckets and bucket_bytes < 12:
        raise fail("12 bytes for the centre of a bucket", bucket_bytes)
    steps = steps or DEFAULT_RANGE[main.level]
    coding = Coding(
        main.level, SH_COEFFICIENTS[degree], 0.5 * block / steps, steps, main.low, main.high
    )
    section = Section(count, bucket_size, buckets, full, partial, bucket_bytes, coding, start)
    end = section.records + count * coding.nbytes
    if end > size:
        raise fail(f"{end:,} bytes", f"a file of {size:,}")
    if main.level and count and full + partial != buckets:
        raise fail(f"{buckets:,} full and partly filled buckets", f"{full:,} and {partial:,}")
    return section


def end_of(section: Section, most: int) -> int:
    """Where the next section begins; ``most`` splats have room here."""
    return section.records + most * section.coding.nbytes
