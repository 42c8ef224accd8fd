"""Multiplane images as folders of numbered layers (single-view MPI, stereo magnification)."""

from __future__ import annotations

from pathlib import Path

from scenes.planes import PlaneScene
from scenes.registry import Cancel, Format, Option, Progress, never, no_progress


def sniff(path: Path, head: bytes) -> bool:
    """A folder with two or more of ``layer_00.png``, ``mpi_00.png``, ``mpi_rgb_00.png``, ..."""
    from scenes.mpi.layers import is_layers

    return path.is_dir() and is_layers(path)


def read(
    path: Path,
    progress: Progress = no_progress,
    cancel: Cancel = never,
    mpi_near: float = 1.0,
    mpi_far: float = 100.0,
    mpi_fov: float = 60.0,
    mpi_aspect: float = 0.0,
) -> PlaneScene:
    """Read a scene; see :func:`scenes.mpi.layers.read_scene`."""
    from scenes.mpi.layers import read_scene

    return read_scene(Path(path), progress, cancel, mpi_near, mpi_far, mpi_fov, mpi_aspect)


FORMAT = Format(
    name="layers",
    title="Folder of MPI layers (single-view MPI, stereo magnification)",
    extensions=(),
    kind="planes",
    sniff=sniff,
    read=read,
    read_options=(
        Option(
            "mpi_near",
            "Nearest layer",
            "Depth of the last layer of a folder of layers, which does not say it.",
            1.0,
        ),
        Option(
            "mpi_far", "Farthest layer", "Depth of the first layer of a folder of layers.", 100.0
        ),
        Option(
            "mpi_fov",
            "Field of view",
            "Horizontal, in degrees, of the picture of a folder of layers.",
            60.0,
            low=1,
            high=170,
        ),
        Option(
            "mpi_aspect",
            "Width over height",
            "Of the picture of a folder of layers as it is displayed, for layers that were "
            "squeezed into squares. 0: as the photo beside them, or as they are.",
            0.0,
            low=0,
            high=100,
        ),
    ),
    frame="OpenCV, the reference camera at the origin",
    precision="lossless",
)
