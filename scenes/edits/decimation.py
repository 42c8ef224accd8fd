"""Fewer splats that look nearly the same."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kernels.codec.order import morton_order
from scenes.errors import Cancelled
from scenes.gaussians import GaussianScene
from scenes.paths.rotations import matrices_of, quaternions_of
from scenes.registry import Cancel, Progress, never, no_progress
from scenes.storage import empty

ROWS = 65_536
MOST_ROUNDS = 64
SHARE = 0.5
"""Of the neighbouring pairs, at most so many are merged in a round: the cheapest half."""

Array = NDArray[np.float32]


class _Splats(NamedTuple):
    """Arrays of a scene under way: (N, 3), (N, 4), (N, 3), (N,), (N, K, 3)."""

    means: Array
    quats: Array
    scales: Array
    opacities: Array
    sh: Array


def decimate(
    scene: GaussianScene,
    count: int,
    progress: Progress = no_progress,
    cancel: Cancel = never,
) -> GaussianScene:
    """Merge neighbouring splats until ``count`` are left.

    In every round splats are put along a Morton curve, each is paired with the next, and the pairs
    that lose least become one splat each with the pair's mean, covariance and colour (moments
    weighted by opacity times area) and about its opacity times area. What a pair loses is how far
    its splats lie apart relative to their size and how much their colours differ, times how much
    of the picture the lesser of them covers: faint and tiny splats vanish in their neighbours
    first. Deterministic; a scene with fewer splats is returned as it is.

    Raises
    ------
    ValueError
        For a count below 1.
    Cancelled
    """
    if count < 1:
        raise ValueError(f"at least one splat must be left, got {count}")
    if count >= scene.count:
        return scene
    splats = _Splats(scene.means, scene.quats, scene.scales, scene.opacities, scene.sh)
    for number in range(MOST_ROUNDS):
        here = len(splats.means)
        progress(scene.count - here, scene.count - count, "splats merged")
        splats = _round(splats, here - count, number % 2, cancel)
        if len(splats.means) <= count:
            break
    progress(scene.count - count, scene.count - count, "splats merged")
    return replace(scene, **splats._asdict())


def _round(splats: _Splats, surplus: int, offset: int, cancel: Cancel) -> _Splats:
    """Merge at most ``surplus`` of the pairs that begin at ``offset`` of the curve."""
    order = morton_order(splats.means)
    offset = offset if len(order) > 2 else 0
    first = order[offset : len(order) - 1 : 2]
    second = order[offset + 1 :: 2][: len(first)]
    costs = np.empty(len(first), np.float32)
    for start in range(0, len(first), ROWS):
        _look(cancel)
        here = slice(start, start + ROWS)
        costs[here] = _losses(splats, first[here], second[here])
    merged = min(surplus, max(1, int(SHARE * len(first))))
    chosen = np.argpartition(costs, merged - 1)[:merged] if merged < len(costs) else slice(None)
    first, second = first[chosen], second[chosen]
    kept = np.ones(len(order), bool)
    kept[first] = kept[second] = False
    rest = np.flatnonzero(kept)
    total = len(rest) + len(first)
    out = _Splats(*(empty((total, *array.shape[1:]), np.float32) for array in splats))
    for start in range(0, len(rest), ROWS):
        _look(cancel)
        rows = rest[start : start + ROWS]
        for target, source in zip(out, splats, strict=True):
            target[start : start + len(rows)] = source[rows]
    for start in range(0, len(first), ROWS):
        _look(cancel)
        pairs = slice(start, start + ROWS)
        at = len(rest) + start
        values = _merged(splats, first[pairs], second[pairs])
        for target, value in zip(out, values, strict=True):
            target[at : at + len(value)] = value
    return out


def _look(cancel: Cancel) -> None:
    if cancel():
        raise Cancelled


def _areas(scales: Array) -> NDArray[np.float64]:
    """What a splat covers seen from its broadest side, up to a factor; never 0."""
    ordered = np.sort(scales.astype(np.float64), axis=1)
    return np.maximum(ordered[:, 2] * ordered[:, 1], 1e-30)


def _losses(splats: _Splats, one: NDArray[np.int64], other: NDArray[np.int64]) -> Array:
    apart = splats.means[one].astype(np.float64) - splats.means[other]
    sizes = [np.square(splats.scales[rows].astype(np.float64)).sum(1) for rows in (one, other)]
    relative = np.square(apart).sum(1) / (sizes[0] + sizes[1] + 1e-30)
    # A needle in a sheet changes its shape when merged, even at the same place.
    volumes = [np.log(_areas(splats.scales[rows])) for rows in (one, other)]
    shape = np.square(volumes[0] - volumes[1])
    colour = np.square(splats.sh[one, 0] - splats.sh[other, 0]).sum(1)
    covers = [splats.opacities[rows] * _areas(splats.scales[rows]) for rows in (one, other)]
    with np.errstate(over="ignore"):
        loss = np.minimum(covers[0], covers[1]) * (relative + 0.1 * shape + colour + 1e-3)
    return loss.astype(np.float32)


def _merged(splats: _Splats, one: NDArray[np.int64], other: NDArray[np.int64]) -> _Splats:
    """One splat for each pair."""
    covers = np.stack(
        [splats.opacities[rows] * _areas(splats.scales[rows]) for rows in (one, other)]
    )
    total = covers.sum(0)
    weights = np.where(total > 0, covers / np.where(total > 0, total, 1), 0.5)
    rows = (one, other)
    means = sum(w[:, None] * splats.means[r] for w, r in zip(weights, rows, strict=True))
    covariance = np.zeros((len(one), 3, 3))
    for weight, row in zip(weights, rows, strict=True):
        axes = matrices_of(splats.quats[row].astype(np.float64)) * splats.scales[row][:, None, :]
        apart = splats.means[row] - means
        covariance += weight[:, None, None] * (
            axes @ axes.transpose(0, 2, 1) + apart[:, :, None] * apart[:, None, :]
        )
    squares, turns = np.linalg.eigh(covariance)
    turns *= np.sign(np.linalg.det(turns))[:, None, None]
    scales = np.sqrt(np.maximum(squares, 0)).astype(np.float32)
    sh = sum(w[:, None, None] * splats.sh[r] for w, r in zip(weights, rows, strict=True))
    greatest = np.maximum(splats.opacities[one], splats.opacities[other])
    opacities = np.clip(total / _areas(scales), 0, np.minimum(1, 2 * greatest))
    return _Splats(
        means.astype(np.float32),
        quaternions_of(turns).astype(np.float32),
        scales,
        opacities.astype(np.float32),
        sh.astype(np.float32),
    )
