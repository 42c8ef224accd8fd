"""Snapshots of instant-ngp (``.ingp``, ``.msgpack``): radiance, distance, image, volume."""

from __future__ import annotations

from pathlib import Path

from scenes.fields import FieldScene
from scenes.registry import Cancel, Format, Option, Progress, never, no_progress

LARGEST_PICTURE = 1 << 16
"""Pixels of a side."""


def sniff(path: Path, head: bytes) -> bool:
    """An object, perhaps compressed, that begins with the configuration of a network."""
    from scenes.field_files.ngp.container import looks_like_snapshot

    return looks_like_snapshot(head)


def read(
    path: Path,
    progress: Progress = no_progress,
    cancel: Cancel = never,
    picture_width: int | None = None,
    picture_height: int | None = None,
) -> FieldScene:
    """Read a scene; see :func:`scenes.field_files.ngp.reader.read_scene`."""
    from scenes.field_files.ngp.reader import read_scene

    return read_scene(Path(path), picture_width, picture_height, progress, cancel)


def write(
    scene: FieldScene,
    path: Path,
    progress: Progress = no_progress,
    cancel: Cancel = never,
    weights: str = "float32",
) -> tuple[str, ...]:
    """Write a scene; see :func:`scenes.field_files.ngp.writer.write_scene`."""
    from scenes.field_files.ngp.writer import write_scene

    return write_scene(scene, Path(path), weights, progress, cancel)


def estimate(scene: FieldScene, weights: str = "float32") -> int:
    """Bytes of the file; see :func:`scenes.field_files.ngp.writer.estimate`."""
    from scenes.field_files.ngp import writer

    return writer.estimate(scene, weights)


_PICTURE = "pixels of the picture of an image field; open: that of the only picture in its folder."

FORMAT = Format(
    name="ngp",
    title="instant-ngp snapshot",
    extensions=(".ingp", ".msgpack"),
    kind="field",
    sniff=sniff,
    read=read,
    write=write,
    read_options=(
        Option("picture_width", "Width", f"Width, {_PICTURE}", None, low=1, high=LARGEST_PICTURE),
        Option(
            "picture_height", "Height", f"Height, {_PICTURE}", None, low=1, high=LARGEST_PICTURE
        ),
    ),
    write_options=(
        Option(
            "weights",
            "Parameters",
            "float32: to the bit. float16: half the size, as instant-ngp itself writes.",
            "float32",
            choices=("float32", "float16"),
        ),
    ),
    estimate=estimate,
    frame="unit cube of instant-ngp, y up",
    precision="lossless; float16: 11 bits",
)
