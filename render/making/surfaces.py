"""Planes in space that a depth map consists of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scenes.errors import Cancelled
from scenes.registry import Cancel, never

TOLERANCE = 0.01
"""How far a pixel may lie off a plane, as a part of the range of disparity."""
SMALLEST = 0.02
"""The part of all pixels that a plane must have."""
HYPOTHESES = 400
POINTS = 20_000
"""Pixels that hypotheses are tried on."""
NEIGHBOURHOOD = 0.1
"""The three pixels of a hypothesis lie in a square of this part of the picture."""
SMOOTHING = 4
"""Pixels to each side that have a say in which plane one belongs to."""
CREASE = 3.0
"""Tolerances within which a pixel may follow its neighbours to another plane."""


def tolerance_of(disparity: NDArray[np.float64]) -> float:
    """In disparity, from the range without its extreme hundredths."""
    low, high = np.quantile(disparity, [0.01, 0.99])
    return float(max(TOLERANCE * (high - low), 1e-9 * high))


def find_planes(
    disparity: NDArray[np.float64], count: int, cancel: Cancel = never
) -> NDArray[np.float64]:
    """(n, 3) float64, n <= count: ``disparity = a x + b y + c`` at pixel centres, largest first.

    The disparity of a plane in space is affine in the pixel (1 / z = n . ray for n . X = 1), so
    planes are found by RANSAC (Fischler and Bolles 1981) of affine functions: three pixels that
    lie close together make a hypothesis, which counts the pixels it explains; the best one is
    fitted to those by least squares, and they are taken out.
    """
    generator = np.random.default_rng(0)
    height, width = disparity.shape
    chosen = generator.permutation(disparity.size)[:POINTS]
    y, x = np.divmod(chosen, width)
    points = np.stack([x + 0.5, y + 0.5, np.ones(len(x))], 1)
    values = disparity.ravel()[chosen]
    tolerance = tolerance_of(disparity)
    radius = max(NEIGHBOURHOOD * max(height, width) / 2, 2.0)
    left = np.ones(len(values), bool)
    found: list[NDArray[np.float64]] = []
    while len(found) < count and left.sum() >= max(3, SMALLEST * len(values)):
        if cancel():
            raise Cancelled
        plane = _best(points[left], values[left], radius, tolerance, generator)
        inside = left & (np.abs(points @ plane - values) < tolerance)
        if inside.sum() < max(3, SMALLEST * len(values)):
            break
        found.append(plane)
        left &= ~(np.abs(points @ plane - values) < tolerance)
    return np.array(found).reshape(-1, 3)


def _best(
    points: NDArray[np.float64],
    values: NDArray[np.float64],
    radius: float,
    tolerance: float,
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """The affine function that explains most points."""
    best: NDArray[np.float64] = np.zeros(3)
    most = -1
    order = np.lexsort((points[:, 0], points[:, 1] // radius))
    for _ in range(HYPOTHESES):
        # Two companions from the same or a neighbouring strip of rows.
        first = points[generator.integers(len(points))]
        strip = order[slice(*np.searchsorted(
            points[order, 1] // radius, [first[1] // radius - 1, first[1] // radius + 2]
        ))]  # fmt: skip
        near = strip[np.abs(points[strip, :2] - first[:2]).max(1) <= radius]
        three = generator.choice(near, 3) if len(near) else near
        if len(three) < 3 or abs(np.linalg.det(points[three])) < 1:
            continue
        plane = np.linalg.solve(points[three], values[three])
        explained = int((np.abs(points @ plane - values) < tolerance).sum())
        if explained > most:
            best, most = plane, explained
    for _ in range(5):
        inside = np.abs(points @ best - values) < tolerance
        if inside.sum() < 3:
            break
        best = np.asarray(np.linalg.lstsq(points[inside], values[inside])[0])
    return best


def assign(disparity: NDArray[np.float64], planes: NDArray[np.float64]) -> NDArray[np.int64]:
    """(H, W) which plane each pixel belongs to, -1 for none.

    Each pixel votes for the plane that is closest if it lies within the tolerance, and becomes
    what most of its square of :data:`SMOOTHING` pixels to each side are, if that fits it at all.
    """
    height, width = disparity.shape
    tolerance = tolerance_of(disparity)
    y, x = np.mgrid[:height, :width] + 0.5
    errors = np.stack([np.abs(a * x + b * y + c - disparity) for a, b, c in planes])
    votes = np.where(errors.min(0) < tolerance, errors.argmin(0), -1)
    labels = np.full(votes.shape, -1, np.int64)
    most = _box_sum(votes == -1)
    for index, error in enumerate(errors):
        said = np.where(error < CREASE * tolerance, _box_sum(votes == index), -1)
        labels[said > most] = index
        most = np.maximum(most, said)
    for index in range(len(planes)):
        mine = labels == index
        if mine.sum() < SMALLEST / 2 * mine.size:
            labels[mine] = -1
    return labels


def _box_sum(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(H, W) how many pixels of the square around each are set."""
    side = 2 * SMOOTHING + 1
    padded = np.pad(mask.astype(np.int64), SMOOTHING)
    sums = np.pad(padded.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    return np.asarray(
        sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    )
