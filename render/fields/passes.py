"""In which order the pixels of a picture are made: coarse first, then finer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

STRIDES = (8, 4, 2, 1)
"""Distance of the pixels known after each pass: 1/64, 1/16, 1/4 and all of them."""
TILE = 64
"""Side of a square of pixels whose rays are followed together: they read the same entries."""


@lru_cache(maxsize=4)
def all_pixels(width: int, height: int) -> tuple[NDArray[np.int64], ...]:
    """Tile by tile, those near the middle first: flat numbers of pixels."""
    rows, columns = np.divmod(np.arange(width * height), width)
    across = -(-width // TILE)
    tiles = rows // TILE * across + columns // TILE
    order = np.argsort(tiles, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(tiles[order])) + 1)
    middle = np.array([height / 2, width / 2])

    def distance(pixels: NDArray[np.int64]) -> float:
        return float(np.abs([rows[pixels].mean(), columns[pixels].mean()] - middle).max())

    return tuple(sorted(parts, key=distance))


def refinement(width: int, height: int) -> Iterator[tuple[int, tuple[NDArray[np.int64], ...]]]:
    """For each of :data:`STRIDES` the pixels it adds, in groups that are followed together."""
    known = 0
    for stride in STRIDES:
        groups = []
        for pixels in all_pixels(width, height):
            rows, columns = pixels // width, pixels % width
            new = (rows % stride == 0) & (columns % stride == 0)
            if known:
                new &= (rows % known != 0) | (columns % known != 0)
            groups.append(pixels[new])
        known = stride
        yield stride, tuple(_joined(groups))


def _joined(groups: list[NDArray[np.int64]]) -> Iterator[NDArray[np.int64]]:
    """The same in groups of at least a tile's pixels: small ones cost as much as large ones."""
    waiting: list[NDArray[np.int64]] = []
    for group in groups:
        waiting.append(group)
        if sum(map(len, waiting)) >= TILE * TILE:
            yield np.concatenate(waiting)
            waiting = []
    if waiting and any(map(len, waiting)):
        yield np.concatenate(waiting)


def stretched(known: NDArray[np.uint8], stride: int, width: int, height: int) -> NDArray[np.uint8]:
    """A picture of ``width`` x ``height`` of which only every ``stride``-th pixel is known."""
    rows, columns = np.arange(height) // stride, np.arange(width) // stride
    return np.ascontiguousarray(known[rows][:, columns])
