"""SPZ (Niantic, Scaniverse): splats in some 15 to 25 bytes each, versions 1 to 4.

Files hold x right, y up, z back (RUB) unless an extension of theirs declares another frame; but
some programs write the numbers of a PLY as they are (RDF) and declare nothing, so the frame can
be chosen on reading. What the files known to us hold, found by comparing positions and, where
rotations and harmonics tell, those as well:

- ``biker.spz`` (version 4, no extension) against ``biker.compressed.ply``: RUB;
- ``three_points_from_train.spz`` (version 3) against the PLY of that name: RUB;
- ``minimal-v3.spz`` and ``minimal-v4.spz`` (no extension): RUB of the points that
  ``minimal.ksplat`` holds, while ``minimal-v2.spz`` holds the same as they are, RDF.

The SPZ library changes the sign of the last coefficient of degree 4 where y changes its sign
(``splat-types.h``, last entry of ``flipSh``), which that harmonic, ``cos 4 phi``, does not do;
files are read and written by the harmonics.
"""

from __future__ import annotations

import zlib
from pathlib import Path

from scenes.frames import FRAMES
from scenes.gaussians import GaussianScene
from scenes.registry import Cancel, Format, Option, Progress, never, no_progress

_MAGIC = b"NGSP"


def sniff(path: Path, head: bytes) -> bool:
    """The magic word, plain or as the first thing in a gzip stream."""
    if head.startswith(b"\x1f\x8b"):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, len(_MAGIC))
        except zlib.error:
            return False
    return head.startswith(_MAGIC)


def read(
    path: Path,
    progress: Progress = no_progress,
    cancel: Cancel = never,
    stored_frame: str = "auto",
) -> GaussianScene:
    """Read a scene; see :func:`scenes.spz.reader.read_scene`."""
    from scenes.spz.reader import read_scene

    chosen = None if stored_frame == "auto" else stored_frame
    return read_scene(Path(path), progress, cancel, chosen)


def write(
    scene: GaussianScene,
    path: Path,
    progress: Progress = no_progress,
    cancel: Cancel = never,
    spz_version: int = 3,
    stored_frame: str = "rub",
) -> tuple[str, ...]:
    """Write a scene; see :func:`scenes.spz.writer.write_scene`."""
    from scenes.spz.writer import write_scene

    return write_scene(scene, Path(path), progress, cancel, spz_version, stored_frame)


def estimate(scene: GaussianScene, spz_version: int = 3, stored_frame: str = "rub") -> int:
    """A guess at the bytes of the file; see :func:`scenes.spz.size.estimated_size`."""
    from scenes.spz.size import estimated_size

    return estimated_size(scene, spz_version, stored_frame)


FORMAT = Format(
    name="spz",
    title="SPZ",
    extensions=(".spz",),
    kind="gaussians",
    sniff=sniff,
    read=read,
    write=write,
    read_options=(
        Option(
            "stored_frame",
            "Axes of the file",
            "Where the file's axes point; some programs write captures' axes (rdf) and do not "
            "say so.",
            "auto",
            ("auto", *FRAMES),
        ),
    ),
    write_options=(
        Option(
            "spz_version",
            "Version",
            "Version 3 is read by all programs; version 4 says where its axes point, and keeps "
            "spherical harmonics of degree 4.",
            3,
            (3, 4),
        ),
        Option(
            "stored_frame",
            "Axes of the file",
            "Where the file's axes point; programs expect rub.",
            "rub",
            FRAMES,
        ),
    ),
    estimate=estimate,
    # What all programs read; version 4 holds one more.
    sh_degree=3,
    frame="y up, z back (RUB), or as the file declares",
    precision=(
        "positions 1/4096 unit, scales 6 %, rotations 0.2 degrees, opacities 1/255, colours 1/135, "
        "harmonics 1/16 (degree 1) and 1/8"
    ),
)
