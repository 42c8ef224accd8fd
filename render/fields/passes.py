"""In which order the pixels of a picture are made: coarse first, then finer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

STRIDES = (8, 4, 2, 1)
"""Distance of the pixels known after each pass: 1/64, 1/16, 1/4 and all of them."""
TILE = 64
"""Side of a square of pixels whose rays are followed together through a volume: they read the same
entries, and give some ten thousand samples at a time."""
WIDE_TILE = 128
"""The same, where a ray gives one sample at a time."""
DEVICE_TILE = 2048
"""The same of a device, which has ten thousands of threads to fill again and again; four million
rays and their samples are some hundreds of megabytes."""
SQUARE = 8
"""Side of the squares in which the pixels of a tile follow each other for a device: the rays of a
warp go through the same cells."""


@lru_cache(maxsize=8)
def all_pixels(
    width: int, height: int, tile: int, square: int = 0
) -> tuple[NDArray[np.int64], ...]:  # fmt: skip
    """Tile by tile, those near the middle first: flat numbers of pixels.

    Those of a tile are in order of squares, or of rows where ``square`` is 0.
    """
    middle = np.array([height / 2, width / 2])
    tiles = []
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            ends = min(top + tile, height), min(left + tile, width)
            side = square or tile
            # Axes: row and column of the square, row and column in it.
            rows = (top + np.arange(-(-(ends[0] - top) // side) * side)).reshape(-1, 1, side, 1)
            wide = np.arange(-(-(ends[1] - left) // side) * side)
            columns = (left + wide).reshape(1, -1, 1, side)
            pixels = (rows * width + columns)[(rows < ends[0]) & (columns < ends[1])]
            far = np.abs(np.array([top + ends[0] - 1, left + ends[1] - 1]) / 2 - middle).max()
            tiles.append((float(far), pixels))
    return tuple(pixels for _, pixels in sorted(tiles, key=lambda each: each[0]))


@lru_cache(maxsize=2)
def refinement(
    width: int, height: int, tile: int, square: int = 0
) -> tuple[tuple[int, tuple[NDArray[np.int64], ...]], ...]:
    """For each of :data:`STRIDES` the pixels it adds, in groups that are followed together."""
    known = 0
    passes = []
    for stride in STRIDES:
        groups = []
        for pixels in all_pixels(width, height, tile, square):
            rows, columns = pixels // width, pixels % width
            new = (rows % stride == 0) & (columns % stride == 0)
            if known:
                new &= (rows % known != 0) | (columns % known != 0)
            groups.append(pixels[new])
        known = stride
        passes.append((stride, tuple(_joined(groups, tile * tile))))
    return tuple(passes)


def _joined(groups: list[NDArray[np.int64]], least: int) -> Iterator[NDArray[np.int64]]:
    """The same in groups of at least so many pixels: small ones cost as much as large ones."""
    waiting: list[NDArray[np.int64]] = []
    for group in groups:
        waiting.append(group)
        if sum(map(len, waiting)) >= least:
            yield np.concatenate(waiting)
            waiting = []
    if waiting and any(map(len, waiting)):
        yield np.concatenate(waiting)


def stretched(known: NDArray[np.uint8], stride: int, width: int, height: int) -> NDArray[np.uint8]:
    """A picture of ``width`` x ``height`` of which only every ``stride``-th pixel is known."""
    rows, columns = np.arange(height) // stride, np.arange(width) // stride
    return np.ascontiguousarray(known[rows][:, columns])
