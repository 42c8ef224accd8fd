"""Plenoscope's neural fields: one file that holds all of a field, to the bit.

A ``.field.safetensors`` is a safetensors file (:mod:`scenes.field_files.safetensors`). Of its
``__metadata__``, ``format`` is "plenoscope-field", ``version`` "1" and ``description`` a JSON text:

``name``
    text.
``field``
    ``form``, ``density``, ``color``, ``unit``, ``toward``, ``lower`` and ``upper`` as in
    :class:`kernels.fields.model.Field`, and

    ``encoding``, ``direction`` (null where there is none)
        ``type`` ("grid", "simplex", "tri-plane", "frequency", "triangle-wave", "one-blob",
        "identity", "spherical-harmonics", "composite") and the attributes of that class of
        :mod:`kernels.fields.encodings`; ``parts`` of a composite are such objects.
    ``network``
        ``inputs``, ``results`` (spans: source, first column, last + 1; source -1 is the input) and
        ``layers``, each with ``type`` "linear" (``inputs``, ``outputs``, ``activation``, ``omega``,
        ``bias``, ``reads``: spans) or "radial-basis" (``inputs``, ``kernels``, ``reads``).
``lower``, ``upper``
    corners of the box outside of which nothing is drawn, scene units.
``step``, ``cone``, ``sharpness``, ``background`` (null or RGB), ``size`` (null or width, height),
``upward``
    as in :class:`scenes.fields.FieldScene`.
``occupancy`` (null where there is none)
    ``levels``, ``side``, ``lower`` and ``upper`` of the innermost box.
``metadata``
    an object.

The arrays:

``network``, ``encoding``, ``direction``
    the flat parameters, F32 or F16; empty ones are there too.
``occupancy``
    U8: the cells by level, z, y, x, eight in a byte, the first in the highest bit.
``transfer``
    F32 (256, 4), of volumes of one output.
``cameras``
    F64 (N, 23): camera_from_world by rows, width, height, fx, fy, cx, cy, 1 if orthographic.
"""

from __future__ import annotations

from pathlib import Path

from scenes.fields import FieldScene
from scenes.registry import Cancel, Format, Option, Progress, never, no_progress


def sniff(path: Path, head: bytes) -> bool:
    """A header that begins with the name of the format."""
    return head[8:9] == b"{" and b"plenoscope-field" in head


def read(path: Path, progress: Progress = no_progress, cancel: Cancel = never) -> FieldScene:
    """Read a scene; see :func:`scenes.field_files.archive.read_scene`."""
    from scenes.field_files.archive import read_scene

    return read_scene(Path(path), progress, cancel)


def write(
    scene: FieldScene,
    path: Path,
    progress: Progress = no_progress,
    cancel: Cancel = never,
    weights: str = "float32",
) -> tuple[str, ...]:
    """Write a scene; see :func:`scenes.field_files.archive.write_scene`."""
    from scenes.field_files.archive import write_scene

    return write_scene(scene, Path(path), weights, progress, cancel)


def estimate(scene: FieldScene, weights: str = "float32") -> int:
    """Bytes of the file; see :func:`scenes.field_files.archive.estimate`."""
    from scenes.field_files import archive

    return archive.estimate(scene, weights)


FORMAT = Format(
    name="field",
    title="Neural field (Plenoscope)",
    extensions=(".field.safetensors",),
    kind="field",
    sniff=sniff,
    read=read,
    write=write,
    write_options=(
        Option(
            "weights",
            "Parameters",
            "float32: to the bit. float16: half the size, rounded to 11 bits.",
            "float32",
            choices=("float32", "float16"),
        ),
    ),
    estimate=estimate,
    frame="as the field was trained",
    precision="lossless; float16: 11 bits",
)
