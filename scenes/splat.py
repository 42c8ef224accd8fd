"""Reading and writing ``.splat`` files (facts: antimatter15/splat ``convert.py``, ``main.js``)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kernels.codec.outputs import Outputs
from kernels.codec.unpack_splat import RECORD, unpack_splat
from scenes.assembly import SplatArrays
from scenes.errors import SceneError
from scenes.gaussians import GaussianScene
from scenes.raw import color_bytes, harmonics_cut
from scenes.registry import Cancel, Progress
from scenes.writing import blocks, new_file, training_lost, view_lost


def read_scene(path: Path, progress: Progress, cancel: Cancel) -> GaussianScene:
    """Read a scene of degree 0.

    Raises
    ------
    SceneError
        For a length that is no multiple of 32 bytes, or a file that is cut while it is read.
    Cancelled
    """
    size = path.stat().st_size
    if size % RECORD:
        raise SceneError(path, f"a multiple of {RECORD} bytes", f"{size:,} bytes")
    arrays = SplatArrays(path, size // RECORD, 0)

    def part(first: int, last: int) -> None:
        with path.open("rb") as file:
            file.seek(first * RECORD)
            raw = file.read((last - first) * RECORD)
        if len(raw) < (last - first) * RECORD:
            raise SceneError(path, f"{size:,} bytes", "the end of the file before")
        here = slice(first, last)
        records = np.frombuffer(raw, np.uint8).reshape(-1, RECORD)
        unpack_splat("cpu", records, Outputs(
            arrays.means[here], arrays.quats[here], arrays.scales[here], arrays.opacities[here],
            arrays.sh[here],
        ))  # fmt: skip

    arrays.fill(part, progress, cancel)
    metadata = {
        "dialect": "32-byte records",
        "quantisation": "colours and opacities 1/255, rotations 1/128",
    }
    return arrays.scene("splat", metadata=metadata)


def write_scene(
    scene: GaussianScene, path: Path, progress: Progress, cancel: Cancel
) -> tuple[str, ...]:
    """Write the splats that weigh most first, as programs that load while they draw expect.

    Raises
    ------
    SceneError, Cancelled
    """
    weights = -scene.scales.prod(axis=1, dtype=np.float64) * scene.opacities
    order = np.argsort(weights, kind="stable")
    outside = 0
    with new_file(path) as file:
        for here in blocks(scene.count, progress, cancel):
            records, clamped = _records(scene, order[here])
            file.write(records.data)
            outside += clamped
    notes = harmonics_cut(scene, 0, ".splat")
    if outside:
        notes += (f"{outside:,} colour values were clamped to 0 to 1.",)
    return notes + training_lost(scene.training) + view_lost(scene.metadata)


def _records(scene: GaussianScene, rows: NDArray[np.int64]) -> tuple[NDArray[np.uint8], int]:
    """(R, 32) bytes, and how many colours were clamped."""
    records = np.empty((len(rows), RECORD), np.uint8)
    floats = np.concatenate([scene.means[rows], scene.scales[rows]], axis=1, dtype="<f4")
    records[:, :24] = floats.view(np.uint8)
    records[:, 24:28], clamped = color_bytes(scene.sh[rows, :1], scene.opacities[rows])
    quats = scene.quats[rows]
    # The byte of +1 would be 256; of a quaternion and its negative, the one without it is taken.
    largest = np.take_along_axis(quats, np.abs(quats).argmax(1)[:, None], 1)
    quats = np.where(largest > 0.996, -quats, quats)
    records[:, 28:] = np.clip(np.rint(quats * 128 + 128), 0, 255)
    return records, clamped
