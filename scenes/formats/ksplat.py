"""The ``.ksplat`` files of mkkellogg/GaussianSplats3D, version 0.1, compression levels 0 to 2.

What real files settled: the hand-made ``minimal.ksplat`` of PlayCanvas counts 0 sections and has
one, and has a bucket at level 0, where none is needed: both are read.
"""

from __future__ import annotations

from pathlib import Path

from scenes.gaussians import GaussianScene
from scenes.registry import Cancel, Format, Option, Progress, never, no_progress

_SIZES = ((44, 80, 140), (24, 42, 72), (24, 33, 48))
"""Bytes of a splat by level and degree."""


def sniff(path: Path, head: bytes) -> bool:
    """The version, a level and counts of sections that fit the file."""
    if head[:2] != b"\0\1" or len(head) < 4096:
        return False
    most, sections = (int.from_bytes(head[at : at + 4], "little") for at in (4, 8))
    level = int.from_bytes(head[20:22], "little")
    return (
        level <= 2 and sections <= most and most > 0 and path.stat().st_size >= 4096 + 1024 * most
    )


def read(path: Path, progress: Progress = no_progress, cancel: Cancel = never) -> GaussianScene:
    """Read a scene; see :func:`scenes.ksplat.reader.read_scene`."""
    from scenes.ksplat.reader import read_scene

    return read_scene(Path(path), progress, cancel)


def write(
    scene: GaussianScene,
    path: Path,
    progress: Progress = no_progress,
    cancel: Cancel = never,
    ksplat_level: int = 1,
) -> tuple[str, ...]:
    """Write a scene; see :func:`scenes.ksplat.writer.write_scene`."""
    from scenes.ksplat.writer import write_scene

    return write_scene(scene, Path(path), progress, cancel, ksplat_level)


def estimate(scene: GaussianScene, ksplat_level: int = 1) -> int:
    """Bytes of the file without its buckets, which are few."""
    return 5120 + scene.count * _SIZES[ksplat_level][min(scene.sh_degree, 2)]


FORMAT = Format(
    name="ksplat",
    title="KSplat (GaussianSplats3D)",
    extensions=(".ksplat",),
    kind="gaussians",
    sniff=sniff,
    read=read,
    write=write,
    write_options=(
        Option(
            "ksplat_level",
            "Compression",
            "0 keeps 32-bit numbers, 1 keeps 16 bits, 2 keeps 8 bits of spherical harmonics.",
            1,
            (0, 1, 2),
        ),
    ),
    estimate=estimate,
    sh_degree=2,
    frame="as captured; the file does not say",
    precision=(
        "positions 1/13107 unit, scales, rotations and harmonics float16, colours and opacities "
        "1/255"
    ),
)
