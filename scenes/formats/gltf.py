"""glTF with Gaussian splats (``KHR_gaussian_splatting``): ``.glb``, and ``.gltf`` with ``.bin``."""

from __future__ import annotations

from pathlib import Path

from scenes.gaussians import GaussianScene
from scenes.registry import Cancel, Format, Progress, never, no_progress


def sniff(path: Path, head: bytes) -> bool:
    """Any glTF: files without splats are taken as well, so that the reader can say so."""
    if head.startswith(b"glTF"):
        return True
    is_object = head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    return is_object and (path.suffix.lower() == ".gltf" or b"KHR_gaussian_splatting" in head)


def read(path: Path, progress: Progress = no_progress, cancel: Cancel = never) -> GaussianScene:
    """Read a scene; see :func:`scenes.gltf.reader.read_scene`."""
    from scenes.gltf.reader import read_scene

    return read_scene(Path(path), progress, cancel)


def write(
    scene: GaussianScene, path: Path, progress: Progress = no_progress, cancel: Cancel = never
) -> tuple[str, ...]:
    """Write a scene; see :func:`scenes.gltf.writer.write_scene`."""
    from scenes.gltf.writer import write_scene

    return write_scene(scene, Path(path), progress, cancel)


def estimate(scene: GaussianScene) -> int:
    """Bytes of the file, or both: 12 values, and the colour of every splat, as float32."""
    coefficients = min(scene.sh.shape[1], 16)
    return 2000 + 200 * coefficients + scene.count * 12 * (4 + coefficients)


FORMAT = Format(
    name="gltf",
    title="glTF with Gaussian splats",
    extensions=(".glb", ".gltf"),
    kind="gaussians",
    sniff=sniff,
    read=read,
    write=write,
    estimate=estimate,
    sh_degree=3,
    frame="y up, z to the front, x to the left (LUF)",
    axes="luf",
    precision="lossless",
)
