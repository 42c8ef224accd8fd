"""The 32-byte records of antimatter15/splat (``.splat``): no header, no view dependence."""

from __future__ import annotations

from pathlib import Path

from scenes.gaussians import GaussianScene
from scenes.registry import Cancel, Format, Progress, never, no_progress


def sniff(path: Path, head: bytes) -> bool:
    """Never: the files begin with a number. Their name decides."""
    return False


def read(path: Path, progress: Progress = no_progress, cancel: Cancel = never) -> GaussianScene:
    """Read a scene; see :func:`scenes.splat.read_scene`."""
    from scenes.splat import read_scene

    return read_scene(Path(path), progress, cancel)


def write(
    scene: GaussianScene, path: Path, progress: Progress = no_progress, cancel: Cancel = never
) -> tuple[str, ...]:
    """Write a scene; see :func:`scenes.splat.write_scene`."""
    from scenes.splat import write_scene

    return write_scene(scene, Path(path), progress, cancel)


def estimate(scene: GaussianScene) -> int:
    """Bytes of the file."""
    return 32 * scene.count


FORMAT = Format(
    name="splat",
    title="Splat records",
    extensions=(".splat",),
    kind="gaussians",
    sniff=sniff,
    read=read,
    write=write,
    estimate=estimate,
    sh_degree=0,
    frame="as captured; the file does not say",
    precision="positions and scales lossless, colours and opacities 1/255, rotations 1/128",
)
