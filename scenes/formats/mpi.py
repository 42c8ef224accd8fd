"""Plenoscope's multiplane images: one file that holds all of a plane scene, to the bit.

A ``.mpi`` is a zip archive, its pictures stored without further compression:

``scene.json`` (deflated, UTF-8)
    ``format`` is "plenoscope-mpi", ``version`` 1, ``units`` "scene" (lengths have no other unit),
    then of the scene, and of each of ``members`` (the local images of a set, each with a camera,
    none with members):

    ``name``
        text.
    ``camera`` (may be absent)
        ``camera_from_world`` (4 rows of 4 numbers, rigid, axes x right, y down, z forward),
        ``size`` (width, height), ``focal`` (fx, fy) and ``principal`` (cx, cy) in pixels from the
        top left corner, ``projection`` "pinhole" or "orthographic".
    ``layers``
        in any order. A plane has ``image`` (the name of a picture), ``corner`` (of its top left),
        ``across`` and ``down`` (the vectors from there to the top right and to the bottom left
        corner). A shell has ``image`` (equirectangular, row 0 at -y, the middle column at +z,
        columns to +x), ``centre``, ``radius`` and ``rotation`` (3 rows of 3 numbers, scene from
        shell). Either may have a ``name``.
    ``photo`` (may be absent)
        the name of a picture without alpha, as the camera saw it.
    ``basis`` (may be absent)
        view-dependent colour (:class:`scenes.planes.ViewBasis`): ``maps``, the name of a file of
        little-endian float32 of ``shape`` (n, rows, columns); ``reach`` (x, y); ``coefficients``,
        for each tile the names of n pictures without alpha; ``tile_of``, the tile of each layer.
    ``metadata`` (may be absent)
        an object.

``layers/000.webp``, ``photo.webp``, ``basis/000_0.webp``, ``members/000/layers/000.webp``, ...
    8 bits a channel, straight alpha, lossless WebP or PNG; what is invisible has its colour too.
    Names are free, and layers may share a picture.
``basis/maps.f32``
    see ``basis``.
"""

from __future__ import annotations

from pathlib import Path

from scenes.bounded import peek
from scenes.planes import PlaneScene
from scenes.registry import Cancel, Format, Option, Progress, never, no_progress


def sniff(path: Path, head: bytes) -> bool:
    """A zip archive whose ``scene.json`` names the format."""
    return head.startswith(b"PK") and b'"plenoscope-mpi"' in peek(path, "scene.json", 4096)


def read(path: Path, progress: Progress = no_progress, cancel: Cancel = never) -> PlaneScene:
    """Read a scene; see :func:`scenes.mpi.archive.read_scene`."""
    from scenes.mpi.archive import read_scene

    return read_scene(Path(path), progress, cancel)


def write(
    scene: PlaneScene,
    path: Path,
    progress: Progress = no_progress,
    cancel: Cancel = never,
    layer_images: str = "webp",
) -> tuple[str, ...]:
    """Write a scene; see :func:`scenes.mpi.archive.write_scene`."""
    from scenes.mpi.archive import write_scene

    return write_scene(scene, Path(path), layer_images, progress, cancel)


def estimate(scene: PlaneScene, layer_images: str = "webp") -> int:
    """Bytes of the file; see :func:`scenes.mpi.archive.estimate`."""
    from scenes.mpi import archive

    return archive.estimate(scene, layer_images)


FORMAT = Format(
    name="mpi",
    title="Multiplane image (Plenoscope)",
    extensions=(".mpi",),
    kind="planes",
    sniff=sniff,
    read=read,
    write=write,
    write_options=(
        Option(
            "layer_images",
            "Pictures",
            "webp: lossless, a third smaller. png: for other programs. Pictures that are too large "
            "for WebP are PNG in any case.",
            "webp",
            choices=("webp", "png"),
        ),
    ),
    estimate=estimate,
    frame="OpenCV; the file keeps the reference camera",
    precision="lossless",
)
