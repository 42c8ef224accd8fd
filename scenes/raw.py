"""From activated values to those that trainers optimise and most files keep."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

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
