"""Fewer spherical harmonics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scenes.gaussians import SH_COEFFICIENTS, GaussianScene
from scenes.registry import Cancel, Progress, never, no_progress
from scenes.storage import empty
from scenes.writing import blocks


def with_sh_degree(
    scene: GaussianScene,
    degree: int,
    progress: Progress = no_progress,
    cancel: Cancel = never,
) -> GaussianScene:
    """The scene with its view-dependent colour cut to ``degree``, 0 to 4.

    The harmonics are orthogonal, so dropping the higher ones is the best fit of a lower degree.
    A scene of that degree or a lower one is returned as it is.

    Raises
    ------
    ValueError
        For a degree outside 0 to 4.
    Cancelled
    """
    if not 0 <= degree < len(SH_COEFFICIENTS):
        raise ValueError(f"degree must be 0 to {len(SH_COEFFICIENTS) - 1}, got {degree}")
    if degree >= scene.sh_degree:
        return scene
    kept = SH_COEFFICIENTS[degree]
    sh = empty((scene.count, kept, 3), np.float32)
    for here in blocks(scene.count, progress, cancel):
        sh[here] = scene.sh[here, :kept]
    return replace(scene, sh=sh)
