"""Codebooks: k-means in many dimensions, and in one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.codec.centroids import centroids
from kernels.codec.nearest import nearest

Progress = Callable[[int, int, str], None]
Cancel = Callable[[], bool]

MOST_VALUES = 4_000_000
"""Values that a codebook of one dimension is made of; more are thinned out evenly."""


class Interrupted(Exception):
    """Raised inside a kernel's driver when ``cancel()`` became true."""


def kmeans(
    points: NDArray[np.float32],
    count: int,
    iterations: int = 10,
    seed: int = 0,
    progress: Progress = lambda done, total, unit: None,
    cancel: Cancel = lambda: False,
    start: NDArray[np.float32] | None = None,
    backend: str = "cpu",
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Lloyd's algorithm ("Least squares quantization in PCM", 1982), exact in every pass.

    Parameters
    ----------
    points
        (N, D) float32, finite, N >= 1; rows may stand apart.
    count
        Clusters; N are made where N is smaller.
    iterations
        Updates at most; ends before when no label changes.
    start
        (count, D) centroids to begin with; otherwise as many points, drawn with ``seed``.
    backend
        Of both halves of a pass. ``cuda`` holds the points on the device for all passes.

    Returns
    -------
    centroids, labels
        (K, D) float32 and (N,) int32, each the nearest. Clusters that lose all points start again
        at the points that lie worst, so duplicates among the points do not waste them.

    Raises
    ------
    ValueError
        For no points, or values that are not finite.
    Interrupted
        Within 0.3 s after ``cancel()`` becomes true.
    """
    if points.ndim != 2 or len(points) == 0 or count < 1:
        raise ValueError(f"points (N, D) with N >= 1 and a count >= 1 expected, got {points.shape}")
    count = min(count, len(points))
    if start is None:
        chosen = np.random.default_rng(seed).choice(len(points), count, replace=False)
        start = points[np.sort(chosen)]
    middle = np.array(start, np.float32)
    held = _held(points, backend)
    labels: NDArray[np.int32] | None = None
    total = (iterations + 1) * len(points)
    for iteration in range(iterations + 1):

        def tick(done: int, parts: int, passed: int = iteration) -> None:
            if cancel():
                raise Interrupted
            progress(passed * len(points) + len(points) * done // parts, total, "vectors")

        before = labels
        labels, squared = nearest(backend, held, middle, before, tick)
        if iteration == 0 and not np.isfinite(squared).all():
            raise ValueError("points must be finite")
        if iteration == iterations or (before is not None and np.array_equal(before, labels)):
            break
        middle, sizes = centroids(backend, held, labels, count)
        empty = np.flatnonzero(sizes == 0)
        if len(empty):
            worst = np.argsort(squared, kind="stable")[::-1][: len(empty)]
            middle[empty] = points[worst]
    assert labels is not None  # there is at least one pass
    progress(total, total, "vectors")
    return middle, labels


def _held(points: NDArray[np.float32], backend: str) -> Any:
    """The points where the backend reads them without bringing them anew in every pass."""
    if backend != "cuda":
        return points
    from kernels.cuda.staging import bring

    return bring(points)


def kmeans_1d(
    values: NDArray[np.float32], count: int = 256, iterations: int = 200
) -> NDArray[np.float32]:
    """A codebook for numbers: ``count`` float32 in rising order.

    In one dimension clusters are runs of the sorted values, so a pass of Lloyd's algorithm is a
    binary search per boundary, and means are differences of prefix sums. Starts at quantiles,
    blended with equal steps so that rare values far out get entries. Fewer distinct values than
    ``count`` each get their own entry, and the largest fills the rest.

    Raises ValueError for no values, or values that are not finite.
    """
    flat = np.asarray(values, np.float32).reshape(-1)
    flat = np.sort(flat[:: -(-len(flat) // MOST_VALUES)] if len(flat) else flat)
    if len(flat) == 0 or not np.isfinite(flat[[0, -1]]).all():
        raise ValueError("at least one value is needed, and only finite ones")
    distinct = flat[np.concatenate([[True], flat[1:] != flat[:-1]])]
    if len(distinct) <= count:
        return np.concatenate([distinct, np.full(count - len(distinct), distinct[-1])])
    share = (np.arange(count) + 0.5) / count
    quantiles = flat[(share * len(flat)).astype(np.int64)].astype(np.float64)
    steps = flat[0] + share * (float(flat[-1]) - float(flat[0]))
    book = np.sort(0.7 * quantiles + 0.3 * steps)
    sums = np.concatenate([[0.0], np.cumsum(flat, dtype=np.float64)])
    bounds = np.full(count + 1, len(flat))
    bounds[0] = 0
    for _ in range(iterations):
        before = bounds.copy()
        bounds[1:-1] = np.searchsorted(flat, 0.5 * (book[1:] + book[:-1]))
        sizes = np.diff(bounds)
        means = np.diff(sums[bounds]) / np.maximum(sizes, 1)
        book = np.sort(np.where(sizes > 0, means, book))
        if np.array_equal(before, bounds):
            break
    return book.astype(np.float32)
