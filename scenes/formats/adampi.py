"""Planes of colour and density in a NumPy archive, as AdaMPI predicts them."""

from __future__ import annotations

import zipfile
from pathlib import Path

from scenes.planes import PlaneScene
from scenes.registry import Cancel, Format, Progress, never, no_progress


def sniff(path: Path, head: bytes) -> bool:
    """A NumPy archive with densities of planes and their depths or disparities."""
    if not head.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(".npy")]
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return False
    if not names:
        return False
    from scenes.mpi.adampi import is_planes

    return is_planes(name.removesuffix(".npy") for name in names)


def read(path: Path, progress: Progress = no_progress, cancel: Cancel = never) -> PlaneScene:
    """Read a scene; see :func:`scenes.mpi.adampi.read_scene`."""
    from scenes.mpi.adampi import read_scene

    return read_scene(Path(path), progress, cancel)


FORMAT = Format(
    name="adampi",
    title="Planes of density (AdaMPI, NumPy)",
    extensions=(".npz",),
    kind="planes",
    sniff=sniff,
    read=read,
    frame="OpenCV, the reference camera at the origin",
    precision="colours and alphas 1/255",
)
