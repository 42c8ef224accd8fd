"""Multiplane images of NeX with view-dependent colour, as its web viewer opens them."""

from __future__ import annotations

from pathlib import Path

from scenes.planes import PlaneScene
from scenes.registry import Cancel, Format, Progress, never, no_progress


def sniff(path: Path, head: bytes) -> bool:
    """A ``config.js`` that declares planes and sublayers, or a folder with one."""
    from scenes.mpi.nex import is_nex

    return (path.is_dir() or b"sublayers" in head) and is_nex(path)


def read(path: Path, progress: Progress = no_progress, cancel: Cancel = never) -> PlaneScene:
    """Read a scene; see :func:`scenes.mpi.nex.read_scene`."""
    from scenes.mpi.nex import read_scene

    return read_scene(Path(path), progress, cancel)


FORMAT = Format(
    name="nex",
    title="NeX web scene",
    extensions=(),
    kind="planes",
    sniff=sniff,
    read=read,
    frame="OpenCV, as captured",
    precision="lossless",
)
