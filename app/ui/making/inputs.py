"""Photos and depth maps for a multiplane image, as they are or small enough for a preview."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenes.errors import SceneError

_REMEMBERED = 8
"""Small pictures that are kept, so that another number of layers need not read the files again."""


@dataclass(frozen=True, eq=False)
class Photo:
    """A picture (H, W, 3) uint8, and the width and height of the file that it was made from."""

    pixels: NDArray[np.uint8]
    full: tuple[int, int]

    @property
    def scale(self) -> float:
        """Pixels of this for one of the file's, along a row."""
        return self.pixels.shape[1] / self.full[0]


def photo(path: Path, longest: int | None) -> Photo:
    """The picture of a file, at most ``longest`` pixels wide and high.

    Raises
    ------
    SceneError
    """
    return _read_photo(path, None) if longest is None else _small_photo(path, _age(path), longest)


def second_photo(path: Path, longest: int | None, first: Photo, first_path: Path) -> Photo:
    """The other picture of a pair.

    Raises
    ------
    SceneError
        Also where the sizes differ.
    """
    second = photo(path, longest)
    if second.full != first.full:
        raise SceneError(path, f"{_words(first.full)}, like {first_path.name}", _words(second.full))
    return second


def depth_of(path: Path, first: Photo, first_path: Path) -> NDArray[np.float64]:
    """The values of a depth file at the pixels of a photo, (H, W).

    They are picked, not averaged: between two things there is nothing.

    Raises
    ------
    SceneError
        Also where the file has another number of pixels than the photo's.
    """
    height, width = first.pixels.shape[:2]
    if (width, height) == first.full:
        return _read_depth(path, first.full, first_path)
    return _small_depth(path, _age(path), first.full, first_path, (width, height))


def _age(path: Path) -> int:
    """Tells apart what a file held at different times; 0 for what cannot be read."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=_REMEMBERED)
def _small_photo(path: Path, age: int, longest: int) -> Photo:
    return _read_photo(path, longest)


def _read_photo(path: Path, longest: int | None) -> Photo:
    from PIL import Image

    from render.making.depth_files import read_photo

    pixels = read_photo(path)
    height, width = pixels.shape[:2]
    scale = 1.0 if longest is None else min(1.0, longest / max(height, width))
    if scale < 1:
        size = max(round(width * scale), 1), max(round(height * scale), 1)
        pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))
    return Photo(pixels, (width, height))


@lru_cache(maxsize=_REMEMBERED)
def _small_depth(
    path: Path, age: int, full: tuple[int, int], first_path: Path, size: tuple[int, int]
) -> NDArray[np.float64]:
    values = _read_depth(path, full, first_path)
    columns, rows = (
        ((np.arange(small) + 0.5) * large / small).astype(np.int64)
        for small, large in zip(size, full, strict=True)
    )
    return values[rows[:, None], columns]


def _read_depth(path: Path, full: tuple[int, int], first_path: Path) -> NDArray[np.float64]:
    from render.making.depth_files import read_depth

    values = read_depth(path)
    height, width = values.shape
    if (width, height) != full:
        raise SceneError(path, f"{_words(full)}, like {first_path.name}", _words((width, height)))
    return values


def _words(size: tuple[int, int]) -> str:
    return f"{size[0]} by {size[1]} pixels"
