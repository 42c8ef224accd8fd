"""What is not known gets the colours of its surroundings; distances to what is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def push_pull(values: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Smooth values everywhere from values at some pixels (Gortler et al. 1996, section 3.4).

    Parameters
    ----------
    values
        (H, W, C) float32; what stands where the weight is 0 does not count.
    weights
        (H, W) float32 in 0..1.

    Returns
    -------
    (H, W, C) float32: the values themselves where the weight is 1, else mixed with averages of
    ever larger surroundings; zeros if all weights are. Costs about 60 bytes of traffic a value.
    """
    height, width = weights.shape
    if height == 1 and width == 1:
        return np.where(weights[..., None] > 0, values, np.float32(0))
    weighted = values * weights[..., None]
    total = _sum_of_fours(weights[..., None])
    coarse = _sum_of_fours(weighted) / np.maximum(total, np.float32(1e-12))
    filled = push_pull(coarse.astype(np.float32), np.minimum(total[..., 0], 1).astype(np.float32))
    return weighted + _doubled(filled, height, width) * (1 - weights[..., None])


def _sum_of_fours(values: NDArray[np.float32]) -> NDArray[np.float32]:
    height, width = values.shape[:2]
    if height % 2 or width % 2:
        values = np.pad(values, ((0, height % 2), (0, width % 2), (0, 0)))
    rows = values[0::2] + values[1::2]
    return rows[:, 0::2] + rows[:, 1::2]


def _doubled(values: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Bilinear, pixel centres at halves: every new one lies a quarter beside an old one."""
    for axis, length in ((0, height), (1, width)):
        before = np.concatenate([values.take([0], axis), values], axis)
        after = np.concatenate([values, values.take([-1], axis)], axis)
        old = values.shape[axis]
        first = 0.75 * values + 0.25 * before.take(range(old), axis)
        second = 0.75 * values + 0.25 * after.take(range(1, old + 1), axis)
        both = np.stack([first, second], axis + 1)
        shape = list(values.shape)
        shape[axis] = 2 * old
        values = both.reshape(shape).take(range(length), axis)
    return np.asarray(values, np.float32)


def fill_behind(disparity: NDArray[np.floating], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(H, W) disparities without holes: each takes the smaller of the known ones left and right.

    Most holes are what one of two eyes could not see behind an edge, and that is far. Rows
    without any known value take those of the nearest row that has some.
    """
    columns = np.arange(known.shape[1])
    left = np.maximum.accumulate(np.where(known, columns, -1), 1)
    right = np.minimum.accumulate(np.where(known, columns, known.shape[1])[:, ::-1], 1)[:, ::-1]
    padded = np.pad(disparity.astype(np.float64), ((0, 0), (0, 1)), constant_values=np.inf)
    rows = np.arange(len(known))[:, None]
    filled = np.minimum(padded[rows, left], padded[rows, right])
    some = np.flatnonzero(known.any(1))
    nearest = some[np.abs(some[None, :] - rows).argmin(1)]
    return np.asarray(np.where(known, disparity, filled)[nearest], np.float64)


def distance_to(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(H, W) steps along rows and columns to the nearest pixel of a mask; infinite without one.

    The distance ``|dx| + |dy|`` is exact: it separates into running minima.
    """
    distance = np.where(mask, np.float32(0), np.float32(np.inf))
    for axis in (0, 1):
        steps = np.arange(mask.shape[axis], dtype=np.float32)
        place = steps[:, None] if axis == 0 else steps[None, :]
        forward = np.minimum.accumulate(distance - place, axis) + place
        mirrored = np.flip(distance + place, axis)
        backward = np.flip(np.minimum.accumulate(mirrored, axis), axis) - place
        distance = np.minimum(forward, backward)
    return distance


def neighbourhood(
    values: NDArray[np.floating], largest: bool, radius: int = 1
) -> NDArray[np.floating]:
    """(H, W) the largest or smallest value of the square of 2 radius + 1 pixels around each."""
    choose = np.maximum if largest else np.minimum
    for axis in (0, 1):
        length = values.shape[axis]
        padding = [(0, 0), (0, 0)]
        padding[axis] = (radius, radius)
        padded = np.pad(values, padding, mode="edge")
        shifts = (padded.take(range(s, s + length), axis) for s in range(2 * radius + 1))
        values = next(shifts)
        for shifted in shifts:
            values = choose(values, shifted)
    return values
