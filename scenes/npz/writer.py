"""From a scene to a NumPy archive under the names of gsplat's trainer."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.gaussians import GaussianScene
from scenes.raw import logarithms, logits
from scenes.registry import Cancel, Progress
from scenes.writing import blocks, new_file, training_lost

Rows = Callable[[slice], NDArray[Any]]


def parameters(scene: GaussianScene) -> dict[str, tuple[tuple[int, ...], Rows]]:
    """Name -> shape, and what makes some rows, of all arrays in a file's order."""
    count, coefficients = scene.count, scene.sh.shape[1]
    return {
        "means": ((count, 3), lambda here: scene.means[here]),
        "quats": ((count, 4), lambda here: scene.quats[here]),
        "scales": ((count, 3), lambda here: logarithms(scene.scales[here])),
        "opacities": ((count,), lambda here: logits(scene.opacities[here])),
        "sh0": ((count, 1, 3), lambda here: scene.sh[here, :1]),
        "shN": ((count, coefficients - 1, 3), lambda here: scene.sh[here, 1:]),
    }


def header_of(shape: tuple[int, ...]) -> bytes:
    """The head of an ``.npy`` file of little-endian float32."""
    head = io.BytesIO()
    told = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(head, told)
    return head.getvalue()


def write_scene(
    scene: GaussianScene, path: Path, progress: Progress, cancel: Cancel
) -> tuple[str, ...]:
    """Write ``means, quats, scales, opacities, sh0, shN``, uncompressed, block by block.

    Raises
    ------
    SceneError, Cancelled
    """
    arrays = parameters(scene)
    with new_file(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for index, (name, (shape, rows)) in enumerate(arrays.items()):

            def told(done: int, total: int, unit: str, index: int = index) -> None:
                progress((index * total + done) // len(arrays), total, unit)

            # The date of the entry is that of all archives of NumPy, so files compare equal.
            entry = zipfile.ZipInfo(f"{name}.npy")
            with archive.open(entry, "w", force_zip64=True) as out:
                out.write(header_of(shape))
                for here in blocks(scene.count, told, cancel):
                    out.write(np.ascontiguousarray(rows(here), "<f4").data)
    return _lost(scene)


def _lost(scene: GaussianScene) -> tuple[str, ...]:
    """Sentences about what an archive of bare numbers has no place for."""
    said = [*training_lost(scene.training)]
    if scene.metadata.get("vertical_axis"):
        said.append("The file does not keep which axis points up.")
    if scene.metadata.get("default_view"):
        said.append("The file does not keep the first view.")
    return tuple(said)
