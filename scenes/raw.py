"""From activated values to those that trainers optimise and most files keep."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.gaussians.shade.basis import C0
from scenes.gaussians import GaussianScene


def logits(opacities: NDArray[np.float32]) -> NDArray[np.float64]:
    """``log(o / (1 - o))``: -Inf for 0 and +Inf for 1, which activate to what they were."""
    values: NDArray[Any] = opacities.astype(np.float64)
    with np.errstate(divide="ignore"):
        return np.log(values) - np.log1p(-values)


def logarithms(scales: NDArray[np.float32]) -> NDArray[np.float32]:
    """``log(s)``: -Inf for 0."""
    with np.errstate(divide="ignore"):
        return np.log(scales)


def color_bytes(
    sh: NDArray[np.float32], opacities: NDArray[np.float32]
) -> tuple[NDArray[np.uint8], int]:
    """(R, 4) red, green, blue and opacity in steps of 1/255, and how many colours were outside.

    ``sh`` (R, K, 3). Within half a step of 0 and 255 is rounding, not clamping.
    """
    steps = np.rint((0.5 + C0 * sh[:, 0].astype(np.float64)) * 255)
    rgba = np.empty((len(sh), 4), np.uint8)
    rgba[:, :3] = np.clip(steps, 0, 255)
    rgba[:, 3] = np.rint(opacities * 255)
    return rgba, int(np.count_nonzero((steps < 0) | (steps > 255)))


def harmonics_cut(scene: GaussianScene, degree: int, name: str) -> tuple[str, ...]:
    """What to tell who writes a scene to a format that holds at most ``degree``."""
    if scene.sh_degree <= degree:
        return ()
    if degree == 0:
        return (f"{name} holds no spherical harmonics: splats look the same from all sides.",)
    return (
        f"Spherical harmonics of degree {scene.sh_degree} were cut to {degree}, the most that "
        f"{name} holds.",
    )
