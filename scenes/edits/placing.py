"""Moving, turning, scaling and stretching a scene."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scenes.gaussians import GaussianScene
from scenes.placement import Placement
from scenes.registry import Cancel, Progress, never, no_progress
from scenes.storage import empty
from scenes.writing import blocks

_AXES = {"x": (1, 0, 0), "y": (0, 1, 0), "z": (0, 0, 1)}
_ALIGNED_WITHIN = 1e-6
"""How far a turned axis may be from one of the coordinates and still have its name."""


def transformed(
    scene: GaussianScene,
    matrix: ArrayLike,
    progress: Progress = no_progress,
    cancel: Cancel = never,
) -> GaussianScene:
    """The scene moved by an affine map of its space; mirrors are allowed.

    Turns with a uniform scale are exact: a Gaussian stays what it was, and its colours are turned
    with it. Any other map ``A`` takes the covariance ``C`` to ``A C A^T``, whose principal axes
    become the splat's; colours are turned by the rotation nearest to ``A``. What the scene says of
    its first view and of the axis that points up moves along.

    Parameters
    ----------
    matrix
        (4, 4), last row 0 0 0 1: from the scene's coordinates to the new ones.

    Raises
    ------
    ValueError
        For a matrix of another shape, one with values that are not finite, or one that flattens
        space.
    Cancelled
    """
    affine = _checked(matrix)
    placement = Placement(affine, scene.sh_degree)
    names = ("means", "quats", "scales", "sh")
    arrays: dict[str, Any] = {name: empty(getattr(scene, name).shape, np.float32) for name in names}
    for here in blocks(scene.count, progress, cancel):
        rows = [array[here] for array in arrays.values()]
        for name, row in zip(names, rows, strict=True):
            row[:] = getattr(scene, name)[here]
        placement.apply(*rows)
    return replace(scene, **arrays, metadata=_moved(scene, affine, placement.turn))


def _checked(matrix: ArrayLike) -> NDArray[np.float64]:
    affine = np.asarray(matrix, np.float64)
    if affine.shape != (4, 4):
        raise ValueError(f"matrix must be (4, 4), got {affine.shape}")
    if not np.isfinite(affine).all() or (affine[3] != (0, 0, 0, 1)).any():
        raise ValueError("matrix must be finite with a last row of 0 0 0 1")
    spread = np.linalg.svd(affine[:3, :3], compute_uv=False)
    if spread[2] <= 1e-12 * spread[0]:
        raise ValueError("matrix must not flatten space")
    return affine


def _moved(
    scene: GaussianScene, affine: NDArray[np.float64], turn: NDArray[np.float64]
) -> dict[str, Any]:
    """Metadata whose places and directions have moved."""
    metadata = dict(scene.metadata)
    view = metadata.get("default_view")
    if view is not None:
        places = {
            name: (affine[:3, :3] @ np.asarray(view[name]) + affine[:3, 3]).tolist()
            for name in ("eye", "target")
        }
        metadata["default_view"] = {**view, **places, "up": (turn @ view["up"]).tolist()}
    axis = str(metadata.pop("vertical_axis", ""))
    if axis.lstrip("-") in _AXES:
        up = turn @ _AXES[axis.lstrip("-")] * (-1 if axis.startswith("-") else 1)
        name = _name_of(up)
        if name:
            metadata["vertical_axis"] = name
    return metadata


def _name_of(direction: NDArray[np.float64]) -> str:
    """The coordinate axis that a unit direction runs along; empty where it is none."""
    largest = int(np.abs(direction).argmax())
    if 1 - abs(direction[largest]) > _ALIGNED_WITHIN:
        return ""
    return ("-" if direction[largest] < 0 else "") + "xyz"[largest]
