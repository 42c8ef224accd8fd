"""3D Gaussian splats as PLY: the format of the Inria program and of everybody since."""

from __future__ import annotations

import io
from pathlib import Path

from scenes.errors import SceneError
from scenes.gaussians import GaussianScene
from scenes.ply.header import read_header
from scenes.ply.layout import is_compressed
from scenes.registry import Cancel, Format, Progress, never, no_progress


def sniff(path: Path, head: bytes) -> bool:
    """Any PLY, except the packed dialect, which is a format of its own.

    Files whose header is damaged are taken as well, so that the reader can say what is wrong.
    """
    if not head.startswith((b"ply\n", b"ply\r", b"ply ")):
        return False
    try:
        header = read_header(io.BufferedReader(io.BytesIO(head)), path)
    except SceneError:
        return True
    return not is_compressed(header)


def read(path: Path, progress: Progress = no_progress, cancel: Cancel = never) -> GaussianScene:
    """Read a scene; see :func:`scenes.ply.reader.read_scene`."""
    # The reader brings Numba, which asking for a list of formats should not wait for.
    from scenes.ply.reader import read_scene

    return read_scene(Path(path), progress, cancel)


def write(
    scene: GaussianScene, path: Path, progress: Progress = no_progress, cancel: Cancel = never
) -> tuple[str, ...]:
    """Write a scene; see :func:`scenes.ply.writer.write_scene`."""
    from scenes.ply.writer import write_scene

    return write_scene(scene, Path(path), progress, cancel)


def estimate(scene: GaussianScene) -> int:
    """Bytes of the file: 17 values and the view-dependent colour of every splat, as float32."""
    return 1500 + scene.count * 4 * (17 + 3 * (scene.sh.shape[1] - 1))


FORMAT = Format(
    name="ply",
    title="3D Gaussian splatting PLY",
    extensions=(".ply",),
    kind="gaussians",
    sniff=sniff,
    read=read,
    write=write,
    estimate=estimate,
    sh_degree=4,
    frame="as captured (RDF), or as its comments say",
    precision="lossless",
)
