"""From a scene to a PLY file in the layout that every program reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenes.gaussians import GaussianScene
from scenes.ply.first_view import view_comment
from scenes.raw import logarithms, logits
from scenes.registry import Cancel, Progress
from scenes.writing import blocks, new_file

_TAGS = {"mip": "mip", "2dgs": "2dgs"}


def write_scene(
    scene: GaussianScene, path: Path, progress: Progress, cancel: Cancel
) -> tuple[str, ...]:
    """Write binary little-endian float32 in the order of the Inria program.

    Opacity 1 becomes logit +Inf, opacity 0 -Inf and scale 0 the logarithm -Inf: all legal, and
    the only values that read back as what they were.

    Raises
    ------
    SceneError
        Where the place cannot be written.
    Cancelled
        And no file is left.
    """
    with new_file(path) as file:
        file.write(_header(scene))
        for here in blocks(scene.count, progress, cancel):
            file.write(_rows(scene, here).data)
    return ()


def comments_of(scene: GaussianScene) -> list[str]:
    """Lines that keep what a PLY has no column for: training, vertical axis, first view."""
    lines = []
    if scene.training in _TAGS:
        lines.append(f"comment SplatRenderMode: {_TAGS[scene.training]}")
    axis = scene.metadata.get("vertical_axis")
    if axis in ("x", "y", "z", "-x", "-y", "-z"):
        lines.append(f"comment Vertical Axis: {axis}")
    view = scene.metadata.get("default_view")
    if view is not None:
        lines.append(f"comment {view_comment(view)}")
    return lines


def _header(scene: GaussianScene) -> bytes:
    lines = ["ply", "format binary_little_endian 1.0", *comments_of(scene)]
    lines.append(f"element vertex {scene.count}")
    names = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
    names += [f"f_rest_{index}" for index in range(3 * (scene.sh.shape[1] - 1))]
    names += ["opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
    lines += [f"property float {name}" for name in names]
    lines.append("end_header")
    return ("\n".join(lines) + "\n").encode("ascii")


def _rows(scene: GaussianScene, here: slice) -> NDArray[np.float32]:
    """(R, 17 + 3 (K - 1)) little-endian rows of raw parameters."""
    rest = 3 * (scene.sh.shape[1] - 1)
    count = len(scene.means[here])
    block = np.zeros((count, 17 + rest), "<f4")
    block[:, 0:3] = scene.means[here]
    block[:, 6:9] = scene.sh[here, 0]
    # Channel-major: all red coefficients, then green, then blue.
    block[:, 9 : 9 + rest] = scene.sh[here, 1:].transpose(0, 2, 1).reshape(count, rest)
    block[:, 9 + rest] = logits(scene.opacities[here])
    block[:, 10 + rest : 13 + rest] = logarithms(scene.scales[here])
    block[:, 13 + rest :] = scene.quats[here]
    return block
