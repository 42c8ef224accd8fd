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


@lru_cache(maxsize=4)
def all_pixels(width: int, height: int, tile: int) -> tuple[NDArray[np.int64], ...]:
    """Tile by tile, those near the middle first: flat numbers of pixels."""
    rows, columns = np.divmod(np.arange(width * height), width)
    across = -(-width // tile)
    tiles = rows // tile * across + columns // tile
    order = np.argsort(tiles, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(tiles[order])) + 1)
    middle = np.array([height / 2, width / 2])

    def distance(pixels: NDArray[np.int64]) -> float:
        return float(np.abs([rows[pixels].mean(), columns[pixels].mean()] - middle).max())

    return tuple(sorted(parts, key=distance))


def refinement(
    width: int, height: int, tile: int
) -> Iterator[tuple[int, tuple[NDArray[np.int64], ...]]]:
    """For each of :data:`STRIDES` the pixels it adds, in groups that are followed together."""
    known = 0
    for stride in STRIDES:
        groups = []
        for pixels in all_pixels(width, height, tile):
            rows, columns = pixels // width, pixels % width
            new = (rows % stride == 0) & (columns % stride == 0)
            if known:
                new &= (rows % known != 0) | (columns % known != 0)
            groups.append(pixels[new])
        known = stride
        yield stride, tuple(_joined(groups, tile * tile))


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
