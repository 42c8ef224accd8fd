"""Depths of the planes of a multiplane image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def linear_in_disparity(far: float, near: float, count: int) -> NDArray[np.float64]:
    """(count,) depths from ``far`` to ``near``, evenly spaced in disparity 1/z.

    Source: ``google/stereo-magnification:stereomag/mpi.py`` (``inv_depths``) and
    ``Fyusion/LLFF:opengl_viewer/viewer.cpp``. A single plane is the far one.
    """
    shares = np.linspace(0.0, 1.0, count)
    return 1.0 / ((1.0 - shares) / far + shares / near)
