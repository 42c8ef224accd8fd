"""From a ``.ksplat`` file to a scene."""

from __future__ import annotations

import os
from bisect import bisect_right
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from kernels.codec.outputs import Outputs
from kernels.codec.unpack_ksplat import unpack_ksplat
from scenes.assembly import SplatArrays
from scenes.errors import SceneError
from scenes.gaussians import SH_COEFFICIENTS, GaussianScene
from scenes.ksplat.layout import HEADER, PART, SECTION, Section, end_of, main_of, section_of
from scenes.registry import Cancel, Progress

_WORDS = ("float32", "16 bits", "16 bits, harmonics 8 bits")


class _Buckets:
    """Which bucket each splat of a section of level 1 or 2 lies in, and where that is."""

    def __init__(self, file: BinaryIO, section: Section, path: Path) -> None:
        file.seek(section.lengths)
        stored = np.frombuffer(_exactly(file, 4 * section.partial, path), "<u4")
        # No bucket holds more than there are, whatever it claims: so nothing overflows.
        lengths = np.minimum(stored, section.count)
        table = _exactly(file, section.bucket_bytes * section.buckets, path)
        # Without buckets their size says nothing, and may be anything.
        width = section.bucket_bytes if section.buckets else 12
        rows = np.frombuffer(table, np.uint8).reshape(section.buckets, width)
        self.centres = np.ascontiguousarray(rows[:, :12]).view("<f4").reshape(-1, 3)
        self.size = max(section.bucket_size, 1)
        self.in_full = min(section.full * section.bucket_size, section.count)
        self.full = section.full
        self.ends = self.in_full + np.cumsum(lengths, dtype=np.int64)
        held = int(self.ends[-1]) if len(lengths) else self.in_full
        if held < section.count:
            raise SceneError(path, f"buckets for {section.count:,} splats", f"for {held:,}")

    def centres_of(self, first: int, last: int) -> NDArray[np.float32]:
        """(last - first, 3) centres."""
        splats = np.arange(first, last)
        partial = self.full + np.searchsorted(self.ends, splats, side="right")
        return self.centres[np.where(splats < self.in_full, splats // self.size, partial)]


def read_scene(path: Path, progress: Progress, cancel: Cancel) -> GaussianScene:
    """Read a scene of all sections.

    Raises
    ------
    SceneError, Cancelled
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        main = main_of(file.read(HEADER))
        if main is None:
            raise SceneError(path, "a header of version 0.1", "another")
        if HEADER + SECTION * main.most_sections > size:
            raise SceneError(path, f"{main.most_sections:,} section headers", f"{size:,} bytes")
        sections: list[Section] = []
        start = HEADER + SECTION * main.most_sections
        # All that there is room for: some programs leave the number of those in use at 0.
        for index in range(main.most_sections):
            file.seek(HEADER + SECTION * index)
            raw = _exactly(file, SECTION, path)
            section = section_of(raw, main, start, size, path, f"section {index}")
            start = end_of(section, PART.unpack_from(raw)[1])
            if section.count:
                sections.append(section)
        buckets = [
            _Buckets(file, section, path) if section.coding.level else None for section in sections
        ]
    degree = max((SH_COEFFICIENTS.index(s.coding.terms) for s in sections), default=0)
    starts = list(accumulate((section.count for section in sections), initial=0))
    arrays = SplatArrays(path, starts[-1], degree)

    def part(first: int, last: int) -> None:
        while first < last:
            index = bisect_right(starts, first) - 1
            end = min(last, starts[index + 1])
            _decode(sections[index], buckets[index], first, end, starts[index], arrays)
            first = end

    arrays.fill(part, progress, cancel)
    centre = [float(value) for value in main.centre]
    metadata: dict[str, Any] = {
        "dialect": f"version 0.1, level {main.level}, {len(sections)} sections",
        "quantisation": _WORDS[main.level] + ", colours and opacities 8 bits",
    }
    if any(centre) and np.isfinite(centre).all():
        metadata["scene_centre"] = centre
    return arrays.scene("ksplat", metadata=metadata)


def _decode(
    section: Section,
    buckets: _Buckets | None,
    first: int,
    last: int,
    start: int,
    arrays: SplatArrays,
) -> None:
    """Rows ``first`` to ``last - 1`` of the arrays, all of the section that begins at ``start``."""
    nbytes = section.coding.nbytes
    with arrays.path.open("rb") as file:
        file.seek(section.records + (first - start) * nbytes)
        raw = _exactly(file, (last - first) * nbytes, arrays.path)
    records = np.frombuffer(raw, np.uint8).reshape(-1, nbytes)
    here, terms = slice(first, last), section.coding.terms
    centres = np.zeros((last - first, 3), np.float32)
    if buckets is not None:
        centres = buckets.centres_of(first - start, last - start)
    arrays.sh[here, terms:] = 0
    out = Outputs(
        arrays.means[here], arrays.quats[here], arrays.scales[here], arrays.opacities[here],
        arrays.sh[here, :terms],
    )  # fmt: skip
    with np.errstate(all="ignore"):
        unpack_ksplat("cpu", records, centres, section.coding, out)


def _exactly(file: BinaryIO, count: int, path: Path) -> bytes:
    raw = file.read(count)
    if len(raw) < count:
        raise SceneError(path, f"{count:,} more bytes", f"{len(raw):,}", f"byte {file.tell():,}")
    return raw
