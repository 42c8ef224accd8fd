"""Self-organising grids: an order of splats in which neighbouring cells of a picture are alike.

Parallel Linear Assignment Sorting (Morgenstern et al., "Compact 3D Scene Representation via
Self-Organizing Gaussian Grids", ECCV 2024, section 3.2): the grid is blurred, cells are moved to
where the blurred grid looks like them, and the blur shrinks step by step.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kernels.codec.blur_grid import blur_grid
from kernels.codec.kmeans import Interrupted
from kernels.codec.swap import swap

Progress = Callable[[int, int, str], None]
Cancel = Callable[[], bool]

SPARE = 16
"""Cells at the end of every row that never take part; see :mod:`kernels.codec.swap`."""
FIRST_RADIUS, LAST_RADIUS, SHRINK = 48.0, 0.5, 0.92
"""Cells. The start along a curve is good on a large scale, so no larger radius is needed."""
PASSES = {"fast": 1, "good": 4, "best": 12}
"""Passes at each radius."""


def grid_sort(
    features: NDArray[np.float32],
    width: int,
    height: int,
    start: NDArray[np.int64],
    seed: int = 0,
    effort: str = "good",
    progress: Progress = lambda done, total, unit: None,
    cancel: Cancel = lambda: False,
    backend: str = "cpu",
) -> NDArray[np.int64]:
    """Which splat lies in each cell of a grid, so that neighbours are alike.

    Parameters
    ----------
    features
        (N, D) float32: what neighbours shall have in common, in units of equal weight.
    width, height
        Of the grid, N <= width * height. Cell i is ``(i % width, i // width)``; the cells behind
        the first N stay empty.
    start
        (N,) an order in which neighbours are alike already, such as along a Morton curve through
        space; it is laid along such a curve through the grid.
    effort
        A name in :data:`PASSES`.

    Returns
    -------
    (N,) int64: splat ``order[i]`` lies in cell i. The same for the same arguments, however many
    threads there are.

    Raises
    ------
    ValueError
        If the grid is too small, or the start is no order of N splats.
    Interrupted
        Soon after ``cancel()`` becomes true.

    Notes
    -----
    Memory: 16 D bytes a cell. Cost: per pass two sweeps over it, one to blur and one to swap;
    there are 55 radii.
    """
    count, depth = features.shape
    if width < 1 or height < 1 or count > width * height:
        raise ValueError(f"{count:,} splats do not fit into {width} x {height} cells")
    if len(start) != count:
        raise ValueError(f"a start of {count:,} splats expected, got {len(start):,}")
    lengths = np.clip(count - width * np.arange(height), 0, width)
    cells = np.zeros((height, width + SPARE), np.int32)
    flat = np.zeros(width * height, np.int64)
    flat[_curve(width, height, count)] = start
    cells[:, :width] = flat.reshape(height, width)
    planes = np.zeros((depth, height, width + SPARE), np.float32)
    exists = np.arange(width + SPARE) < lengths[:, None]
    for plane, values in zip(planes, features.T, strict=True):
        plane[exists] = values[cells[exists]]
    random = np.random.default_rng(seed)
    radii = _radii(width, height)
    total = len(radii) * PASSES[effort]
    for number in range(total):
        if cancel():
            raise Interrupted
        progress(number, total, "passes")
        radius = radii[number // PASSES[effort]]
        target = blur_grid(backend, planes, lengths, radius)
        rows, shifts = _groups(random, height, radius)
        swap(backend, planes, cells, target, lengths, rows, shifts)
    progress(total, total, "passes")
    return cells[exists].astype(np.int64)


def _radii(width: int, height: int) -> list[float]:
    radius = min(FIRST_RADIUS, max(width, height) / 2)
    radii = []
    while radius > LAST_RADIUS:
        radii.append(radius)
        radius *= SHRINK
    return [*radii, LAST_RADIUS]


def _curve(width: int, height: int, count: int) -> NDArray[np.int64]:
    """The first ``count`` cells in the order of a Morton curve through the grid."""
    cell = np.arange(count, dtype=np.uint64)
    code = _spread(cell % np.uint64(width)) | _spread(cell // np.uint64(width)) << np.uint64(1)
    return np.argsort(code, kind="stable")


def _spread(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A zero between any two bits of numbers below 2**16."""
    for shift, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
        values = (values | values << np.uint64(shift)) & np.uint64(mask)
    return values


def _groups(
    random: np.random.Generator, height: int, radius: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Bands of four rows that lie within about a radius, and how far each is moved sideways."""
    reach = max(1, round(radius))
    block = max(4, 4 * (reach // 2))
    offset = int(random.integers(block))
    keys = (np.arange(height) + offset) // block + random.random(height)
    rows = np.argsort(keys)[: height // 4 * 4].reshape(-1, 4)
    return rows, random.integers(-reach, reach + 1, rows.shape)
