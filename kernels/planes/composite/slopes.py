"""How detailed layers appear, as far as all pixels have it in common."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kernels.gaussians.types import View
from kernels.planes.geometry import KEY
from kernels.planes.types import HEIGHT, SHARPER, WIDTH, Geometry, Textures


def slopes_of(textures: Textures, geometry: Geometry, view: View) -> NDArray[np.float64]:
    """(L,) log2 of the determinant of a plane's homography, or the level of detail of a shell.

    A plane's level at a pixel is half of that, less 1.5 log2 of its W there.
    :data:`~kernels.planes.types.SHARPER` is off both.
    """
    slopes = np.empty(textures.count)
    matrices = geometry.rows[:, :KEY].reshape(-1, 3, 3)
    with np.errstate(divide="ignore"):
        slopes[:] = np.log2(np.abs(np.linalg.det(matrices))) - 2 * SHARPER
    sizes = textures.table[:, 0]
    around = sizes[:, WIDTH] * sizes[:, HEIGHT] / (2 * np.pi**2 * view.fx * view.fy)
    detail = 0.5 * np.log2(np.maximum(around, 1e-300)) - SHARPER
    return np.where(textures.wraps, detail, slopes)
