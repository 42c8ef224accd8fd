"""Where in the pictures the splats lie."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from scenes.errors import Cancelled
from scenes.gaussians import GaussianScene
from scenes.registry import Cancel, Progress
from scenes.sog.quality import Quality

MOST_CELLS = 4_000_000
"""Splats of a grid: it takes some 160 bytes each."""
BYTES = 32
"""Of a feature of a cell on a device: both grids, sums of float64, and low-passes."""


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
    groups: NDArray[np.int32] | None = None,
) -> Iterator[NDArray[np.int64]]:
    """Which splat lies in each cell, row by row (N,): orders of which the smallest file is kept.

    First along a Morton curve through the stored positions ``codes`` (N, 3), then, where
    ``quality`` asks for it, a self-organising grid. The order of N splats is
    worth ``log2(N!) / N`` bits each, 2 bytes for half a million. Measured on captures, the curve
    saves 1.9 bytes of the upper halves of the positions and so leaves little to gain: a grid makes
    colours and sizes smaller, and positions larger; files become from 1 % smaller to 1 % larger.

    Splats of equal ``groups`` (N,) stay together, in rising order; there is no grid then.
    """
    from kernels.codec.order import morton_order

    along_curve = morton_order(codes.astype(np.float32))
    if groups is not None:
        yield along_curve[np.argsort(groups[along_curve], kind="stable")]
        return
    yield along_curve
    if quality.grid is None or not 64 <= scene.count <= MOST_CELLS:
        return
    from kernels.codec.choice import backend_for
    from kernels.codec.grid_sort import features_of, grid_sort, product_count
    from kernels.codec.kmeans import Interrupted

    features = features_of(scene.means, scene.scales, scene.opacities, scene.sh)
    size = grid_size(scene.count)
    backend = backend_for(product_count(features, *size, quality.grid), BYTES * features.size)
    try:
        order = grid_sort(
            features, *size, effort=quality.grid, backend=backend, progress=progress, cancel=cancel
        )
    except Interrupted:
        raise Cancelled from None
    yield order.astype(np.int64)
