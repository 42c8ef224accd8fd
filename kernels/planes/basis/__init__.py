"""The functions of a view-dependent basis in the direction of every pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.gaussians.types import View
from kernels.registry import Cost, Operation
from kernels.workspace import Workspace


def _cost(result: Any, maps: Any, reach: Any, turn: Any, view: View, workspace: Workspace) -> Cost:
    pixels = view.width * view.height
    return Cost(nbytes=20 * maps.shape[0] * pixels, flops=(20 + 8 * maps.shape[0]) * pixels)


OPERATION = Operation(__name__, _cost)


def basis(
    backend: str,
    maps: NDArray[np.float32],
    reach: tuple[float, float],
    turn: NDArray[np.float64],
    view: View,
    workspace: Workspace,
) -> Any:
    """``H_n(v)`` for the ray of each pixel centre (Wizadwongsa et al. 2021, NeX, section 3.2).

    Parameters
    ----------
    maps
        (n, hb, wb) float32, over x and y of v from ``-reach`` to ``reach``; bilinear between the
        middles of texels, directions beyond take the border.
    reach
        Largest |x| and |y|.
    turn
        (3, 3) from camera axes to those of the reference camera.
    view
        The camera; all rays of an orthographic one have the same direction.

    Returns
    -------
    (H, W, n) float32; from ``cuda`` a tensor of the device.

    Raises
    ------
    ValueError
        For maps of another shape or type.

    Notes
    -----
    Error of ``cpu`` and ``cuda``: rounding to float32. Cost: 20 bytes a value.
    """
    if maps.ndim != 3 or maps.dtype != np.float32:
        raise ValueError(f"maps must be (n, hb, wb) float32, got {maps.shape} {maps.dtype}")
    return OPERATION(backend, maps, reach, turn, view, workspace)
