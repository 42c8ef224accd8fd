"""SuperSplat projects: a zip archive of PLY files with a place each, and camera poses.

The frame of the result is that of the files: see :mod:`scenes.ssproj.document`.
"""

from __future__ import annotations

from pathlib import Path

from scenes.bounded import peek
from scenes.gaussians import GaussianScene
from scenes.registry import Cancel, Format, Progress, never, no_progress


def sniff(path: Path, head: bytes) -> bool:
    """A zip archive with a ``document.json`` that lists splats."""
    return head.startswith(b"PK") and b'"splats"' in peek(path, "document.json", 1 << 20)


def read(path: Path, progress: Progress = no_progress, cancel: Cancel = never) -> GaussianScene:
    """Read a scene; see :func:`scenes.ssproj.reader.read_scene`."""
    from scenes.ssproj.reader import read_scene

    return read_scene(Path(path), progress, cancel)


FORMAT = Format(
    name="ssproj",
    title="SuperSplat project",
    extensions=(".ssproj",),
    kind="gaussians",
    sniff=sniff,
    read=read,
    sh_degree=3,
    frame="RDF, with y up in the editor; poses too",
    precision="that of its PLY files",
)
