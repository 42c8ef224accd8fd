"""Dumps of raw parameters as NumPy archives (``.npz``), as gsplat's tools pass them around."""

from __future__ import annotations

import zipfile
from pathlib import Path

from scenes.gaussians import GaussianScene
from scenes.registry import Cancel, Format, Progress, never, no_progress


def sniff(path: Path, head: bytes) -> bool:
    """A zip archive with arrays for all parameters of Gaussians.

    Archives of cameras, points or images, and those of neural fields, lack some.
    """
    if not head.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return False
    if not any(name.endswith(".npy") for name in names):
        return False
    from scenes.raw_parameters import parameter_sets

    return bool(parameter_sets(n.removesuffix(".npy") for n in names if n.endswith(".npy")))


def read(path: Path, progress: Progress = no_progress, cancel: Cancel = never) -> GaussianScene:
    """Read a scene; see :func:`scenes.npz.reader.read_scene`."""
    from scenes.npz.reader import read_scene

    return read_scene(Path(path), progress, cancel)


def write(
    scene: GaussianScene, path: Path, progress: Progress = no_progress, cancel: Cancel = never
) -> tuple[str, ...]:
    """Write a scene; see :func:`scenes.npz.writer.write_scene`."""
    from scenes.npz.writer import write_scene

    return write_scene(scene, Path(path), progress, cancel)


def estimate(scene: GaussianScene) -> int:
    """Bytes of the file: 11 values and the colour of every splat, as float32."""
    return 1700 + scene.count * 4 * (11 + 3 * scene.sh.shape[1])


FORMAT = Format(
    name="npz",
    title="Raw parameters (NumPy)",
    extensions=(".npz",),
    kind="gaussians",
    sniff=sniff,
    read=read,
    write=write,
    estimate=estimate,
    sh_degree=4,
    frame="as captured; the file does not say",
    precision="lossless",
)
