"""The compressed PLY of SuperSplat and PlayCanvas: 16 bytes a splat, and bytes for harmonics.

What real files settled: ``biker.compressed.ply`` of the PlayCanvas engine has chunks of 18 ranges
and no ``sh`` element, and holds the numbers of a capture (RDF): the same object as SPZ in RUB
agrees with it after the half turn about x.
"""

from __future__ import annotations

import io
from pathlib import Path

from scenes.errors import SceneError
from scenes.gaussians import GaussianScene
from scenes.ply.header import read_header
from scenes.ply.layout import is_compressed
from scenes.registry import Cancel, Format, Progress, never, no_progress

_HEAD = 4096
"""Bytes that sniffing is given."""


def sniff(path: Path, head: bytes) -> bool:
    """A PLY with an element of chunks and packed positions; its header may be a long one."""
    if not head.startswith((b"ply\n", b"ply\r", b"ply ")):
        return False
    try:
        return is_compressed(read_header(io.BufferedReader(io.BytesIO(head)), path))
    except SceneError:
        return len(head) >= _HEAD and _is_compressed(path)


def _is_compressed(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return is_compressed(read_header(file, path))
    except (SceneError, OSError):
        return False


def read(path: Path, progress: Progress = no_progress, cancel: Cancel = never) -> GaussianScene:
    """Read a scene; see :func:`scenes.compressed_ply.reader.read_scene`."""
    from scenes.compressed_ply.reader import read_scene

    return read_scene(Path(path), progress, cancel)


def write(
    scene: GaussianScene, path: Path, progress: Progress = no_progress, cancel: Cancel = never
) -> tuple[str, ...]:
    """Write a scene; see :func:`scenes.compressed_ply.writer.write_scene`."""
    from scenes.compressed_ply.writer import write_scene

    return write_scene(scene, Path(path), progress, cancel)


def estimate(scene: GaussianScene) -> int:
    """Bytes of the file: a header, 72 bytes a chunk, 16 a splat and one for each coefficient."""
    rest = 3 * (min(scene.sh.shape[1], 16) - 1)
    return 700 + 25 * rest + scene.count * (16 + rest) + 72 * (scene.count // 256 + 1)


FORMAT = Format(
    name="compressed-ply",
    title="Compressed PLY (SuperSplat, PlayCanvas)",
    extensions=(".compressed.ply",),
    kind="gaussians",
    sniff=sniff,
    read=read,
    write=write,
    estimate=estimate,
    sh_degree=3,
    frame="as captured (RDF), or as its comments say",
    precision=(
        "positions and scales 1/2047 of a chunk of 256 (y 1/1023), rotations 1/723, colours 1/255 "
        "of a chunk, opacities 1/255, harmonics 1/32"
    ),
)
