"""Multiplane images of local light field fusion (LLFF), one or a set that is blended."""

from __future__ import annotations

from pathlib import Path

from scenes.planes import PlaneScene
from scenes.registry import Cancel, Format, Progress, never, no_progress


def sniff(path: Path, head: bytes) -> bool:
    """A folder with ``metadata.txt`` beside ``mpi.b``, ``mpi00.png`` or a folder ``mpi00``."""
    from scenes.mpi.llff import is_llff

    return path.is_dir() and is_llff(path)


def read(path: Path, progress: Progress = no_progress, cancel: Cancel = never) -> PlaneScene:
    """Read a scene; see :func:`scenes.mpi.llff.read_scene`."""
    from scenes.mpi.llff import read_scene

    return read_scene(Path(path), progress, cancel)


FORMAT = Format(
    name="llff",
    title="Local light field fusion (LLFF)",
    extensions=(),
    kind="planes",
    sniff=sniff,
    read=read,
    frame="OpenGL poses, read as OpenCV",
    precision="lossless",
)
