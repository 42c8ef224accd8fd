"""The tables that plane operations hand to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

OFFSET, WIDTH, HEIGHT, STRIDE = 0, 1, 2, 3
"""Columns of the table of textures."""
BLOCK = 32
"""Side of the squares, texels, whose emptiness is known."""
SHARPER = 0.125
"""Taken off the level of detail: what appears up to 9 % smaller than its picture is not averaged,
so that a view a hair's breadth from 1:1 is neither blurred nor slow."""
STOP = 1 / 4096
"""Light that is passed on; less is taken for none: a sixteenth of a step of 8 bits."""


@dataclass(frozen=True, eq=False)
class Textures:
    """The pictures of all layers, one after the other, each with a border of one texel.

    The border of a plane is transparent, so that sampling it fades to nothing within half a texel
    of the edge. That of a shell repeats the first and last columns on the other side, and its
    first and last rows.

    Attributes
    ----------
    texels
        (T,) uint32: red in the lowest byte, then green, blue, and straight alpha.
    table
        (L, M, 4) int64: of layer and level the place of its first border texel, width and height
        without the border, and texels from row to row.
    filled
        [m]: levels that have been made; each has half the size of the one before, rounded up.
    wraps
        (L,) bool, which layers are shells.
    blocks
        (L, 3) int64: where the layer's counts begin in ``occupied``, and columns and rows of
        squares.
    occupied
        (S,) int32: for every corner of the squares how many squares above and left of it show
        anything, a summed-area table with a first row and column of zeros.
    """

    texels: Any
    table: NDArray[np.int64]
    filled: list[int]
    wraps: NDArray[np.bool_]
    blocks: NDArray[np.int64]
    occupied: NDArray[np.int32]

    @property
    def count(self) -> int:
        """Number of layers."""
        return len(self.table)

    @property
    def levels(self) -> int:
        """Levels that there is room for."""
        return self.table.shape[1]


@dataclass(frozen=True, eq=False)
class Geometry:
    """What a view makes of layers; see :mod:`kernels.planes.geometry`.

    Attributes
    ----------
    rows
        (L, 13) float64: for a plane twelve numbers of :func:`~kernels.planes.geometry.plane_rows`
        and a zero, for a shell those of :func:`~kernels.planes.geometry.shell_rows`.
    shown
        (L,) bool: whether the layer may be seen at all.
    nested
        Whether all layers are shells, each within the next larger one: then their order is the
        same for all rays of an eye within the smallest.
    """

    rows: NDArray[np.float64]
    shown: NDArray[np.bool_]
    nested: bool = False


@dataclass(frozen=True, eq=False)
class Coefficients:
    """View-dependent colour: ``clamp(k0 + sum_n k_n H_n)`` for each texel, k0 its own colour.

    Attributes
    ----------
    values
        (T, n, 3) uint8 for ``k_n = 2 value / 255 - 1``, of pictures without border. ``cuda`` also
        takes (T, n, 4), of which it has no need to make words.
    starts
        (L,) int64: the first texel of the layer's picture.
    basis
        (H, W, n) float32: ``H_n`` in the direction of each pixel's ray.
    """

    values: NDArray[np.uint8]
    starts: NDArray[np.int64]
    basis: Any


@dataclass(frozen=True)
class Wanted:
    """Which images to make.

    Attributes
    ----------
    picture
        Whether ``rgba8`` is.
    background
        RGB in 0..1 behind everything; None leaves the picture transparent.
    color, depth, index
        Whether float colour with alpha, depth, and the layer that shows most are.
    """

    picture: bool = True
    background: tuple[float, float, float] | None = None
    color: bool = False
    depth: bool = False
    index: bool = False


@dataclass(frozen=True, eq=False)
class Composite:
    """What came out; None where it was not wanted.

    Attributes
    ----------
    rgba8
        (H, W, 4) uint8, straight alpha; opaque over a background. ``cuda`` leaves it on the device
        where :func:`kernels.cuda.interop.kept_on_device` says so.
    color
        (H, W, 4) float32, premultiplied, without the background.
    depth
        (H, W) float32: mean over what is seen of the depth along the optical axis, scene units; 0
        where nothing is.
    index
        (H, W) int32: the layer that contributes most, -1 where none does.
    counters
        ``touched`` samples that were taken, ``empty`` ones spared because a picture shows nothing
        there, ``stopped`` ones spared because no light was left.
    """

    rgba8: Any
    color: Any
    depth: Any
    index: Any
    counters: dict[str, int]


@dataclass(frozen=True)
class Options:
    """How planes are composited.

    Attributes
    ----------
    back_faces
        Whether planes are seen from behind.
    mipmaps
        Whether pictures that appear smaller are averaged.
    """

    back_faces: bool = False
    mipmaps: bool = True


def level_size(side: int, level: int) -> int:
    """Texels of a side at a level."""
    return -(-side // (1 << level))


def level_count(width: int, height: int) -> int:
    """Levels until one texel is left."""
    return int(max(width, height) - 1).bit_length() + 1
