"""A self-organising order of Gaussians on a grid, so that images of their attributes compress.

Parallel Linear Assignment Sorting (Morgenstern et al. 2024, "Compact 3D Scene Representation via
Self-Organizing Gaussian Grids", section 3.2): a low-pass of the grid says what should live where,
random groups of four cells are re-assigned so that they come closest to it, and the radius of the
low-pass shrinks until only neighbours count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.codec.blur_grid import blur_grid
from kernels.codec.kmeans import Interrupted
from kernels.codec.morton import morton
from kernels.codec.swap import swap

SPARE = 16
"""Cells behind the end of a row, see :func:`kernels.codec.swap.swap`."""
LAST_RADIUS = 0.6
"""Below this the low-pass is nearly the grid itself."""
POSITION_WEIGHT = 0.4
"""Of positions beside other features: as they come from :func:`features_of` they would win."""
LEVELS = 256
SAMPLE = 1 << 18
"""Values that are enough to place the levels of a codebook."""


@dataclass(frozen=True)
class Effort:
    """How slowly the radius shrinks (factor per step), and how many passes a radius gets."""

    shrink: float
    passes: int


EFFORTS = {"low": Effort(0.8, 4), "normal": Effort(0.9, 8), "high": Effort(0.95, 8)}


def no_progress(done: int, total: int, unit: str) -> None:
    """Nobody is watching."""


def never() -> bool:
    """Nobody can stop it."""
    return False


class _Grid:
    """Features and who lives where, in rows; :meth:`turn` makes columns of the rows.

    NumPy arrays, or tensors of the device for ``cuda``.
    """

    def __init__(self, features: NDArray[Any], width: int, height: int, backend: str) -> None:
        count, depth = features.shape
        self.backend = backend
        self.planes: Any = np.zeros((depth, height, width + SPARE), np.float32)
        self.cells: Any = np.full((height, width + SPARE), -1, np.int32)
        self.lengths = np.clip(count - width * np.arange(height), 0, width)
        self._turned: tuple[Any, Any, NDArray[np.int64]] = (
            np.zeros((depth, width, height + SPARE), np.float32),
            np.full((width, height + SPARE), -1, np.int32),
            (self.lengths > np.arange(width)[:, None]).sum(axis=1),
        )
        row = np.zeros(width * height)
        middle, largest = _middle(features)
        for plane, values, mean in zip(self.planes, features.T, middle, strict=True):
            # Around 0 and within -1..1: no sum of products overflows, and little is rounded.
            row[:count] = (values - mean) / largest
            plane[:, :width] = row.reshape(height, width)
        flat = np.full(width * height, -1, np.int32)
        flat[:count] = np.arange(count)
        self.cells[:, :width] = flat.reshape(height, width)
        if backend == "cuda":
            self._move()
        else:
            self._target = np.empty(max(self.planes.size, self._turned[0].size), np.float32)

    def _move(self) -> None:
        from kernels.cuda.device import to_device

        self.planes, self.cells = to_device(self.planes), to_device(self.cells)
        planes, cells, lengths = self._turned
        self._turned = to_device(planes), to_device(cells), lengths

    def turn(self) -> None:
        """Exchange rows and columns."""
        planes, cells, lengths = self._turned
        for before, after in zip((*self.planes, self.cells), (*planes, cells), strict=True):
            width, height = len(after), len(before)
            after[:, :height] = before[:, :width].T
        self._turned = self.planes, self.cells, self.lengths
        self.planes, self.cells, self.lengths = planes, cells, lengths

    def low_pass(self, radius: float, pause: Callable[[], None]) -> Any:
        """What should live where."""
        if self.backend == "cuda":
            return blur_grid("cuda", self.planes, self.lengths, radius)
        target = self._target[: self.planes.size].reshape(self.planes.shape)
        for plane in range(len(self.planes)):
            pause()
            one = self.planes[plane : plane + 1]
            target[plane : plane + 1] = blur_grid(self.backend, one, self.lengths, radius)
        return target

    def settle(self) -> None:
        """Wait for a device that has been told to do much: it is not to be stopped in between."""
        if self.backend == "cuda":
            from kernels.cuda.staging import event

            event().synchronize()

    def order(self, width: int, count: int) -> NDArray[np.int32]:
        """Who lives in the first cells."""
        cells = self.cells
        if self.backend == "cuda":
            from kernels.cuda.device import to_host

            cells = to_host(cells)[0]
        return np.array(cells[:, :width]).reshape(-1)[:count]

    def groups(self, rng: np.random.Generator, radius: float) -> tuple[NDArray[Any], NDArray[Any]]:
        """Bands of four rows out of a neighbourhood, and how far each is shifted."""
        rows, width = int((self.lengths > 0).sum()), int(self.lengths[0])
        reach = radius / 2
        places = np.arange(rows) + rng.uniform(-1, 1, rows) * max(reach, 2)
        # Where the first band begins is random too: the rows left over are not always the same.
        order = np.argsort(places, kind="stable")[rng.integers(4) if rows >= 8 else 0 :]
        bands = order[: len(order) // 4 * 4].reshape(-1, 4)
        farthest = min(max(1, round(reach)), width - 1)
        return bands, rng.integers(-farthest, farthest + 1, bands.shape)


def _middle(features: NDArray[Any]) -> tuple[NDArray[np.float64], float]:
    """The mean of each feature, and how far any value is from it at most (1 if all are equal)."""
    middle = features.mean(axis=0, dtype=np.float64)
    largest = np.maximum(features.max(axis=0) - middle, middle - features.min(axis=0))
    return middle, float(largest.max(initial=0.0)) or 1.0


def _radii(width: int, height: int, shrink: float) -> list[float]:
    radius, radii = max(width, height) / 2, []
    while radius >= LAST_RADIUS:
        radii.append(radius)
        radius *= shrink
    return radii


def product_count(features: NDArray[Any], width: int, height: int, effort: str) -> float:
    """Multiplications of :func:`grid_sort`: four a value for a swap, which is most of it."""
    schedule = EFFORTS[effort]
    return 8.0 * features.size * schedule.passes * len(_radii(width, height, schedule.shrink))


def grid_sort(
    features: Any,
    width: int,
    height: int,
    *,
    seed: int = 0,
    effort: str = "normal",
    backend: str = "cpu",
    progress: Callable[[int, int, str], None] = no_progress,
    cancel: Callable[[], bool] = never,
) -> NDArray[np.int32]:
    """Lay out Gaussians on a grid so that neighbours have similar features.

    Parameters
    ----------
    features
        (N, D) float32, finite; squared distances between them are what is made small, so the
        caller's scaling is the weight of a feature (see :func:`features_of`).
    width, height
        Cells; N <= width height. Cells without a Gaussian are the last ones of the row-major
        order and stay there.
    seed
        Of the random groups. The same seed gives the same order on any number of threads.
    effort
        ``"low"``, ``"normal"`` or ``"high"``, see :data:`EFFORTS`.
    backend
        Of the low-pass and the swaps; on ``cuda`` the grid stays on the device until it is done.
    progress
        Called as ``progress(done, total, "passes")``.
    cancel
        Asked several times a second.

    Returns
    -------
    (N,) int32: the cell (i mod width, i // width) holds Gaussian ``order[i]``. Backends differ
    where two ways of swapping are equal within rounding.

    Raises
    ------
    ValueError
        If the Gaussians do not fit, or a feature is not finite.
    Interrupted
        When ``cancel`` says so.

    Notes
    -----
    Memory: 12 bytes a value and 8 a cell. Every radius is used for rows and for columns: a pass
    takes its four cells from four different rows, which is what lets sixteen neighbouring groups
    be handled at once. Where it begins matters little, because the first radius is half the grid:
    a smaller one, after a start along a space-filling curve, was always worse.
    """
    values = np.asarray(features)
    if values.ndim != 2 or not 0 <= len(values) <= width * height:
        raise ValueError(f"features {values.shape} do not fit {width} x {height} cells")
    if not np.isfinite(values).all():
        raise ValueError("features must be finite")
    count = len(values)
    if count < 2:
        return np.arange(count, dtype=np.int32)

    grid = _Grid(values, width, height, backend)
    schedule = EFFORTS[effort]
    radii = _radii(width, height, schedule.shrink)
    rng = np.random.default_rng(seed)
    done, total = 0, 2 * schedule.passes * len(radii)

    def pause() -> None:
        if cancel():
            raise Interrupted
        progress(done, total, "passes")

    for radius in radii:
        for _ in range(2):
            target = grid.low_pass(radius, pause)
            for _ in range(schedule.passes):
                pause()
                bands = grid.groups(rng, radius)
                swap(backend, grid.planes, grid.cells, target, grid.lengths, *bands)
                done += 1
            grid.turn()
            grid.settle()
    progress(total, total, "passes")
    return grid.order(width, count)


def _levels(values: Any) -> NDArray[np.float32]:
    """Places in a codebook of :data:`LEVELS` equally used levels, 0..1: what an image stores."""
    flat = np.asarray(values, np.float32).reshape(-1)
    sample = flat[:: max(1, flat.size // SAMPLE)]
    edges = np.quantile(sample, np.linspace(0, 1, LEVELS + 1)[1:-1])
    places = np.searchsorted(edges, flat) / np.float32(LEVELS - 1)
    return places.astype(np.float32).reshape(np.shape(values))


def features_of(means: Any, scales: Any, opacities: Any, sh: Any) -> NDArray[np.float32]:
    """Features whose distances tell how many bytes two neighbouring Gaussians cost as images.

    Values are those an attribute image holds: the high byte of positions that are warped by
    ``sign(x) log(1 + |x|)``, opacity, and places in codebooks shared by the channels of scale and
    of base colour. A feature is divided by its root mean square step along a Morton curve, so
    that each is measured by its own noise, and multiplied by how much of it position tells, which
    is one minus that square over twice the variance: noise is not worth sorting by. Orientation
    is left out because it never made the images smaller.

    Parameters
    ----------
    means, scales, opacities, sh
        (N, 3), (N, 3), (N,) and (N, K, 3), activated as in a scene; only ``sh[:, 0]`` is used.

    Returns
    -------
    (N, D) float32, D from 3 to 10: features that do not vary or are all noise are left out.
    """
    means = np.asarray(means, np.float64)
    warped = np.sign(means) * np.log1p(np.abs(means))
    if len(means) < 2:
        return warped.astype(np.float32)
    lowest = warped.min(axis=0)
    span = warped.max(axis=0) - lowest
    places = (warped - lowest) / np.where(span > 0, span, 1.0)
    values = np.column_stack(
        [
            np.floor(places * 65535 / 256) / 255,
            _levels(np.asarray(sh)[:, 0]),
            _levels(scales),
            np.asarray(opacities),
        ]
    ).astype(np.float32)
    steps = np.diff(values[np.argsort(morton("cpu", warped.astype(np.float32)))], axis=0)
    step = np.sqrt(np.mean(np.square(steps), axis=0, dtype=np.float64))
    variance = values.var(axis=0, dtype=np.float64)
    known = 1 - step**2 / np.where(variance > 0, 2 * variance, 1.0)
    keep = (variance > 0) & (known > 0)
    keep[:3] = True
    weights = np.maximum(known, 0) / np.where(step > 0, step, 1.0)
    weights[:3] *= POSITION_WEIGHT
    return values[:, keep] * weights[keep].astype(np.float32)
