"""SOG: splats as lossless WebP pictures, in a zip archive or a folder (PlayCanvas).

Version 2 and the older description without a version are read, both as a ``.sog`` archive, as the
``meta.json`` of a folder, or as the folder; version 2 is written.
"""

from __future__ import annotations

from pathlib import Path

from scenes.bounded import peek
from scenes.gaussians import GaussianScene
from scenes.registry import Cancel, Format, Option, Progress, never, no_progress

SOG_QUALITY = Option(
    "sog_quality",
    "Quality",
    "fast: a small palette of view-dependent colours and quick packing. good: a large palette. "
    "best: a palette trained longer and finer steps, some 10 % larger; a self-organising grid is "
    "tried as well, and the smaller file kept.",
    "good",
    choices=("fast", "good", "best"),
)
"""Also of scenes in levels of detail."""


def sniff(path: Path, head: bytes) -> bool:
    """A zip archive with a ``meta.json`` of SOG at its root, such a description, or its folder."""
    from scenes.sog.source import LEVELS, holds_meta

    if path.is_dir():
        return not (path / LEVELS).is_file() and holds_meta(path / "meta.json")
    if head.startswith(b"PK"):
        return b'"means"' in peek(path, "meta.json", 4096)
    return b'"means"' in head and holds_meta(path)


def read(path: Path, progress: Progress = no_progress, cancel: Cancel = never) -> GaussianScene:
    """Read a scene; see :func:`scenes.sog.reader.read_scene`."""
    from scenes.sog.reader import read_scene

    return read_scene(Path(path), progress, cancel)


def write(
    scene: GaussianScene,
    path: Path,
    progress: Progress = no_progress,
    cancel: Cancel = never,
    sog_quality: str = "good",
) -> tuple[str, ...]:
    """Write a scene; see :func:`scenes.sog.writer.write_scene`."""
    from scenes.sog.quality import QUALITIES
    from scenes.sog.writer import write_scene

    return write_scene(scene, Path(path), QUALITIES[sog_quality], progress, cancel)


def estimate(scene: GaussianScene, sog_quality: str = "good") -> int:
    """Bytes of the files, as measured on captures: 14 a splat, with view-dependent colour 16, and
    the palette."""
    from scenes.sog.palette import palette_size
    from scenes.sog.quality import QUALITIES

    degree = min(scene.sh_degree, 3)
    if degree == 0:
        return 12_000 + 13 * scene.count
    entries = min(palette_size(scene.count), QUALITIES[sog_quality].entries)
    return 12_000 + 15 * scene.count + entries * 3 * ((degree + 1) ** 2 - 1) // 4


FORMAT = Format(
    name="sog",
    title="SOG (PlayCanvas, WebP pictures)",
    extensions=(".sog", "meta.json"),
    kind="gaussians",
    sniff=sniff,
    read=read,
    write=write,
    write_options=(SOG_QUALITY,),
    estimate=estimate,
    sh_degree=3,
    frame="as captured; the file does not say",
    precision=(
        "positions 16 bits of a logarithm, sizes and first colours 256 values, opacity 1/255, "
        "rotations 26 bits, view-dependent colour a palette"
    ),
)
