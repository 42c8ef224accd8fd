"""From an SPZ file, or from its bytes inside another file, to a scene."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.codec.unpack_spz import Outputs, Packed, unpack_spz
from scenes.assembly import SplatArrays
from scenes.gaussians import GaussianScene
from scenes.registry import Cancel, Progress
from scenes.spz import extensions
from scenes.spz.container import ANTIALIASED, Contents, Header, unpack
from scenes.spz.turn import turn_between

SCENE_FRAME = "rdf"
USUAL_FRAME = "rub"
"""The frame of files that declare none."""


def read_scene(
    path: Path, progress: Progress, cancel: Cancel, stored_frame: str | None = None
) -> GaussianScene:
    """Read an SPZ file of any version.

    Parameters
    ----------
    stored_frame
        The frame of the file whatever it declares (:data:`scenes.frames.FRAMES`); None to go by
        the file.

    Raises
    ------
    SceneError, Cancelled
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        contents = unpack(file, size, path, progress, cancel)
    return _scene(contents, path, progress, cancel, stored_frame)


def read_blob(
    path: Path,
    data: memoryview | bytes,
    progress: Progress,
    cancel: Cancel,
    stored_frame: str | None = None,
) -> GaussianScene:
    """Read an SPZ that stands inside the file ``path``; otherwise as :func:`read_scene`."""
    contents = unpack(io.BytesIO(data), len(data), path, progress, cancel)
    return _scene(contents, path, progress, cancel, stored_frame)


def _scene(
    contents: Contents, path: Path, progress: Progress, cancel: Cancel, stored_frame: str | None
) -> GaussianScene:
    header = contents.header
    told = extensions.parse(contents.extensions, path)
    frame = stored_frame or told.frame or USUAL_FRAME
    metadata: dict[str, Any] = {
        "dialect": f"version {header.version}, {contents.container}",
        "quantisation": quantisation(header),
        "stored_frame": frame,
        "frame_source": "chosen" if stored_frame else "declared" if told.frame else "assumed",
        "ignored": told.ignored,
    }
    if told.orbit:
        metadata["safe_orbit_camera"] = told.orbit
    arrays = _decoded(contents, frame, path, progress, cancel)
    training = "mip" if header.flags & ANTIALIASED else "3dgs"
    return arrays.scene("spz", training=training, metadata=metadata)


def quantisation(header: Header) -> str:
    """The steps of a file, in a phrase."""
    if header.version == 1:
        positions = "positions as float16"
    else:
        positions = f"positions in steps of 1/{1 << header.fractional_bits} unit"
    rotations = "8" if header.version < 3 else "10"
    return f"{positions}, rotations of 3 x {rotations} bits, the rest in bytes"


def _decoded(
    contents: Contents, frame: str, path: Path, progress: Progress, cancel: Cancel
) -> SplatArrays:
    header = contents.header
    arrays = SplatArrays(path, header.count, header.degree)
    to_scene = turn_between(frame, SCENE_FRAME, header.degree)
    step = 2.0**-header.fractional_bits
    tables: list[NDArray[np.uint8]] = [
        np.frombuffer(data, np.uint8).reshape(header.count, width)
        for data, width in zip(contents.arrays, header.widths, strict=True)
    ]
    tables[1] = tables[1].reshape(header.count)

    def part(first: int, last: int) -> None:
        here = slice(first, last)
        out = Outputs(
            arrays.means[here],
            arrays.quats[here],
            arrays.scales[here],
            arrays.opacities[here],
            arrays.sh[here],
        )
        packed = Packed(*(table[here] for table in tables))
        unpack_spz("cpu", packed, step, to_scene.turn, out)
        if to_scene.mixing is not None:
            out.sh[:] = to_scene.sh(out.sh)

    arrays.fill(part, progress, cancel)
    return arrays
