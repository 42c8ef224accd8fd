"""Several pictures of the same view as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernels.registry import Cost, Operation


def _cost(result: Any, colors: Any, depths: Any, weights: Any) -> Cost:
    pixels = colors[0].shape[0] * colors[0].shape[1]
    return Cost(nbytes=20 * (len(colors) + 1) * pixels, flops=12 * len(colors) * pixels)


OPERATION = Operation(__name__, _cost)


def blend(
    backend: str, colors: Sequence[Any], depths: Sequence[Any], weights: Sequence[float]
) -> tuple[Any, Any]:
    """Blend renderings of local images by weight and alpha (Mildenhall et al. 2019, eq. 8).

    The straight colour is ``sum_i w_i c_i / sum_i w_i a_i`` with premultiplied colours c: where
    an image shows nothing, the others fill in without getting darker. The alpha is the largest
    of all, and depth is averaged as colour is.

    Parameters
    ----------
    colors
        N of (H, W, 4) float32, premultiplied colour and alpha.
    depths
        N of (H, W) float32, or empty.
    weights
        N numbers > 0.

    Returns
    -------
    (color, depth)
        (H, W, 4) premultiplied and (H, W) float32; depth is None where none were given.
    From ``cuda`` they are tensors of the device, which it takes as well.

    Raises
    ------
    ValueError
        If there is nothing, or the numbers disagree.

    Notes
    -----
    Error of ``cpu`` and ``cuda``: rounding to float32. Cost: 20 bytes for each image and pixel.
    """
    if not colors or len(colors) != len(weights) or (depths and len(depths) != len(colors)):
        raise ValueError("there must be as many weights (and depths) as colours, at least one")
    return OPERATION(backend, colors, depths, weights)
