"""Depths of the planes that a picture's depth is best cut into."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from render.making.fill import fill_behind

BINS = 4096
"""Steps of disparity that k-means works on."""
ROUNDS = 200
EDGE_WEIGHT = 8.0
"""How much more a pixel on the strongest edges of the photo counts than a smooth one."""


def disparity_of(depth: NDArray[np.floating]) -> NDArray[np.float64]:
    """1 / depth, (H, W), where holes get the farther one of what is beside them in their row.

    Depths that are 0, negative or not a number are holes; an infinite depth becomes the farthest
    one that is finite.

    Raises
    ------
    ValueError
        If ``depth`` is no (H, W) array or nothing in it is positive and finite.
    """
    depth = np.asarray(depth, np.float64)
    if depth.ndim != 2:
        raise ValueError(f"depth must be (H, W), got {depth.shape}")
    known = np.isfinite(depth) & (depth > 0)
    if not known.any():
        raise ValueError("depth must be positive somewhere")
    disparity = np.zeros(depth.shape)
    disparity[known] = 1 / depth[known]
    far = np.isposinf(depth)
    disparity[far] = disparity[known].min()
    known |= far
    return fill_behind(disparity, known)


def edge_strength(photo: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(H, W) length of the gradient of the brightness by central differences, 0..1."""
    grey = photo.astype(np.float64).mean(2) / 255
    if min(grey.shape) < 2:
        return np.zeros(grey.shape)
    down, across = np.gradient(grey)
    return np.asarray(np.minimum(np.hypot(down, across), 1.0))


def plane_disparities(
    disparity: NDArray[np.float64], weights: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    """At most ``count`` disparities that stand for all, by weighted k-means, ascending.

    Minimises ``sum_i w_i (d_i - nearest plane)^2`` by Lloyd's rounds on a histogram of
    :data:`BINS` bins, as Tiled MPI (Khan et al. 2023, section 3.2) chooses its planes. Starts
    from quantiles of the cube root of the density, which is how centres lie in the limit of many
    (Panter and Dite 1951). Constant input gives one plane.
    """
    low, high = float(disparity.min()), float(disparity.max())
    if count == 1 or high - low <= 1e-9 * high:
        return np.array([np.average(disparity, weights=weights)])
    mass = np.histogram(disparity, BINS, (low, high), weights=weights)[0]
    moment = np.histogram(disparity, BINS, (low, high), weights=weights * disparity)[0]
    middles, mass = moment[mass > 0] / mass[mass > 0], mass[mass > 0]
    if len(middles) <= count:
        return np.asarray(middles)
    density = np.cumsum(np.cbrt(mass))
    starts = np.searchsorted(density, (np.arange(count) + 0.5) / count * density[-1])
    centres = middles[np.unique(starts)]
    totals = np.concatenate([[0.0], np.cumsum(mass)])
    moments = np.concatenate([[0.0], np.cumsum(mass * middles)])
    for _ in range(ROUNDS):
        cuts = np.searchsorted(middles, (centres[:-1] + centres[1:]) / 2)
        cuts = np.unique(np.concatenate([[0], cuts, [len(middles)]]))
        moved = np.diff(moments[cuts]) / np.diff(totals[cuts])
        if len(moved) == len(centres) and np.allclose(moved, centres, rtol=1e-9, atol=0):
            break
        centres = moved
    return np.asarray(centres)
