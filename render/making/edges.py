"""At an edge of depth a pixel sees two things: how much of which, and their colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.making.fill import neighbourhood

RADIUS = 3
"""Pixels around one at an edge from which the colours of both sides are taken."""


@dataclass(frozen=True)
class Samples:
    """A photo as a surface that fills it, and a nearer one that covers parts of some pixels.

    Attributes
    ----------
    colour, disparity
        (H, W, 3) float32 in 0..255 and (H, W) float64: what fills each pixel.
    rows, columns
        (N,) the pixels that something nearer covers in part.
    near_colour, near_disparity, coverage
        (N, 3) float32, (N,) float64, (N,) float64 in 0..1 of that.
    """

    colour: NDArray[np.float32]
    disparity: NDArray[np.float64]
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    near_colour: NDArray[np.float32]
    near_disparity: NDArray[np.float64]
    coverage: NDArray[np.float64]


def split_edges(photo: NDArray[np.uint8], disparity: NDArray[np.float64], jump: float) -> Samples:
    """Take the pixels next to a jump of disparity apart into what is near and what is far.

    With F and B the mean colours of the near and the far side nearby, and C the pixel's own, the
    coverage is ``(C - B).(F - B) / |F - B|^2`` in 0..1, the closed form of matting between two
    known colours (Porter and Duff's over, solved for alpha). Where both sides look alike a pixel
    belongs to its own side. Then the colours are moved so that the near over the far is C again,
    as far as 0..255 allows.

    Parameters
    ----------
    photo, disparity
        (H, W, 3) uint8 and (H, W).
    jump
        The difference of disparity between neighbours that makes an edge, > 0.
    """
    colour = photo.astype(np.float32)
    highest = neighbourhood(disparity, largest=True)
    lowest = neighbourhood(disparity, largest=False)
    at_edge = highest - lowest > jump
    rows, columns = np.nonzero(at_edge)
    high, low = highest[rows, columns], lowest[rows, columns]
    own = disparity[rows, columns]
    on_near_side = own > (high + low) / 2
    # Surfaces that slope keep their own disparity on the side to which a pixel belongs.
    near_disparity = np.where(on_near_side, own, high)
    far_disparity = np.where(on_near_side, low, own)
    near, far, found = _side_colours(colour, disparity, at_edge, rows, columns, (high + low) / 2)
    pixel = colour[rows, columns]
    across = near - far
    length = (across**2).sum(1)
    coverage = ((pixel - far) * across).sum(1) / np.maximum(length, 1e-6)
    unlike = found & (length > 30.0**2)
    coverage = np.where(unlike, np.clip(coverage, 0, 1), on_near_side)
    coverage[coverage < 0.05] = 0
    coverage[coverage > 0.95] = 1
    part = coverage[:, None].astype(np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        near = np.clip(np.where(part > 0, (pixel - (1 - part) * far) / part, pixel), 0, 255)
        far = np.clip(np.where(part < 1, (pixel - part * near) / (1 - part), far), 0, 255)
    # What nothing far is known of stays one surface; whole pixels have nothing to share.
    covered = (coverage > 0) & (coverage < 1) & found
    wholly_near = (coverage == 1) & found
    disparity, colour = disparity.copy(), colour.copy()
    settled = found & ~wholly_near
    disparity[rows[settled], columns[settled]] = far_disparity[settled]
    colour[rows[settled], columns[settled]] = far[settled]
    disparity[rows[wholly_near], columns[wholly_near]] = near_disparity[wholly_near]
    return Samples(
        colour,
        disparity,
        rows[covered],
        columns[covered],
        near[covered].astype(np.float32),
        near_disparity[covered],
        coverage[covered].astype(np.float64),
    )


def _side_colours(
    colour: NDArray[np.float32],
    disparity: NDArray[np.float64],
    at_edge: NDArray[np.bool_],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    middle: NDArray[np.float64],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Mean colours of the pixels around that are nearer and farther than ``middle``.

    Pixels at edges are mixtures and do not count. The third result says where both were found.
    """
    height, width = disparity.shape
    sums = np.zeros((2, len(rows), 3), np.float32)
    counts = np.zeros((2, len(rows), 1), np.float32)
    for dy in range(-RADIUS, RADIUS + 1):
        for dx in range(-RADIUS, RADIUS + 1):
            y, x = rows + dy, columns + dx
            inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
            y, x = np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)
            pure = inside & ~at_edge[y, x]
            nearer = disparity[y, x] > middle
            for side, chosen in enumerate((pure & nearer, pure & ~nearer)):
                weight = chosen[:, None].astype(np.float32) / (1 + dx * dx + dy * dy)
                sums[side] += weight * colour[y, x]
                counts[side] += weight
    near, far = sums / np.maximum(counts, np.float32(1e-6))
    found: NDArray[np.bool_] = np.asarray((counts[:, :, 0] > 0).all(0), np.bool_)
    return near, far, found
