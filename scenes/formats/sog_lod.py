"""Streamed SOG: a scene in levels of detail, each cut into files (PlayCanvas ``lod-meta.json``)."""

from __future__ import annotations

from pathlib import Path

from scenes.formats import sog
from scenes.gaussians import GaussianScene
from scenes.registry import Cancel, Format, Option, Progress, never, no_progress

BUDGET = 4_000_000
"""Most splats of the level that is read where nobody asks for one."""


def sniff(path: Path, head: bytes) -> bool:
    """A ``lod-meta.json`` by what it says, or a folder with one.

    The file may be long, so it is parsed only where its first words do not tell.
    """
    from scenes.sog.source import LEVELS, holds_levels

    if path.is_dir():
        return holds_levels(path / LEVELS)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
        return False
    return b'"lodLevels"' in head or (b'"filenames"' in head and holds_levels(path))


def read(
    path: Path,
    progress: Progress = no_progress,
    cancel: Cancel = never,
    lod: int | None = None,
    budget: int = BUDGET,
) -> GaussianScene:
    """Read one level; see :func:`scenes.sog.lod_reader.read_level`."""
    from scenes.sog.lod_reader import read_level

    return read_level(Path(path), progress, cancel, lod, budget)


def write(
    scene: GaussianScene,
    path: Path,
    progress: Progress = no_progress,
    cancel: Cancel = never,
    lod_levels: int = 4,
    sog_quality: str = "good",
) -> tuple[str, ...]:
    """Write a scene in levels; see :func:`scenes.sog.lod_writer.write_levels`."""
    from scenes.sog.lod_writer import write_levels
    from scenes.sog.quality import QUALITIES

    return write_levels(scene, Path(path), QUALITIES[sog_quality], lod_levels, progress, cancel)


def estimate(scene: GaussianScene, lod_levels: int = 4, sog_quality: str = "good") -> int:
    """Bytes of all files: each level has half of the splats of the one before."""
    finest = sog.estimate(scene, sog_quality)
    return int(finest * (2 - 0.5 ** (lod_levels - 1)))


FORMAT = Format(
    name="sog-lod",
    title="Streamed SOG (PlayCanvas, levels of detail)",
    extensions=("lod-meta.json",),
    kind="gaussians",
    sniff=sniff,
    read=read,
    write=write,
    read_options=(
        Option(
            "lod",
            "Level of detail",
            "0 is the finest; left open, the finest level within the budget is read.",
            None,
            high=31,
        ),
        Option(
            "budget",
            "Most splats",
            "Which level is read where none is named: the finest that has no more splats.",
            BUDGET,
            low=1,
        ),
    ),
    write_options=(
        Option(
            "lod_levels",
            "Levels of detail",
            "Each has half of the splats of the one before; neighbours are merged.",
            4,
            low=1,
            high=12,
        ),
        sog.SOG_QUALITY,
    ),
    estimate=estimate,
    sh_degree=3,
    frame="as captured; the file does not say",
    precision="that of SOG",
)
