"""Where in the pictures the splats lie."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.errors import Cancelled
from scenes.gaussians import GaussianScene
from scenes.registry import Cancel, Progress
from scenes.sog.pack import log_scales, squeezed
from scenes.sog.quality import Quality


def grid_size(count: int) -> tuple[int, int]:
    """Width and height of the pictures, multiples of 4 as other writers have them."""
    width = 4 * max(1, math.ceil(math.sqrt(count) / 4))
    return width, 4 * max(1, math.ceil(count / width / 4))


def orders_of(
    scene: GaussianScene,
    codes: NDArray[np.uint16],
    quality: Quality,
    progress: Progress,
    cancel: Cancel,
) -> Iterator[NDArray[np.int64]]:
    """Which splat lies in each cell, row by row (N,): orders of which the smallest file is kept.

    First along a Morton curve through the stored positions ``codes`` (N, 3), then, where
    ``quality`` asks for it, a self-organising grid that starts there. The order of N splats is
    worth ``log2(N!) / N`` bits each, 2 bytes for half a million. Measured on captures, the curve
    saves 1.9 bytes of the upper halves of the positions and so leaves little to gain: a grid makes
    colours and sizes smaller, and positions larger.
    """
    from kernels.codec.order import morton_order

    along_curve = morton_order(codes.astype(np.float32))
    yield along_curve
    if quality.grid is None or scene.count < 64:
        return
    from kernels.codec.grid_sort import grid_sort
    from kernels.codec.kmeans import Interrupted

    try:
        yield grid_sort(
            _features(scene),
            *grid_size(scene.count),
            along_curve,
            effort=quality.grid,
            progress=progress,
            cancel=cancel,
        )
    except Interrupted:
        raise Cancelled from None


def _features(scene: GaussianScene) -> NDArray[np.float32]:
    """(N, 10) squeezed position, logarithm of the scale, first colour and opacity.

    Weights were found on captures: the high bytes of positions compress well only where
    neighbours are close, and colours gain most from being beside their like.
    """
    columns = [
        8.0 * _standard(squeezed(scene.means)),
        0.5 * _standard(log_scales(scene.scales)),
        2.0 * _standard(scene.sh[:, 0]),
        _standard(scene.opacities[:, None]),
    ]
    return np.concatenate(columns, axis=1).astype(np.float32)


def _standard(values: NDArray[Any]) -> NDArray[np.float32]:
    """About the mean, in units of the standard deviation, at most three of them."""
    spread = max(float(values.std()), 1e-9)
    return np.clip((values - values.mean(0)) / spread, -3, 3).astype(np.float32)
