"""What the ``cuda`` backend tells its kernels of a frame: one small table, copied once.

A row of 32 words of eight bytes is a layer that may be seen, the foremost first. Words are float64
for the plan, which needs them to place what float32 rounds; pairs of float32 and whole numbers for
the compositing, which reads as few words as it can.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernels.gaussians.types import View
from kernels.planes.composite.slopes import slopes_of
from kernels.planes.geometry import KEY, U, V, W
from kernels.planes.types import (
    HEIGHT,
    OFFSET,
    STRIDE,
    WIDTH,
    Coefficients,
    Geometry,
    Textures,
)

ROW = 32
SLOPE, IS_SHELL = 13, 14
"""Columns of float64, beside the numbers of :class:`~kernels.planes.types.Geometry`."""
U_STEPS, V_STEPS, KEY_STEPS, DETAIL = 16, 17, 18, 19
"""Columns of pairs of float32: what U, V and the key change by from pixel to pixel and row to row;
slope and whether it is a shell."""
CORNER, SIZE, LINE, LAYER, START = 20, 21, 22, 23, 24
"""Place of texel (0, 0) of the first level; width and height as a pair; texels from row to row; the
layer's number; the first of its coefficients."""
SHELL = 25
"""Seven pairs of float32: centre, radius, rotation."""


@dataclass(frozen=True, eq=False)
class FrameTable:
    """The layers that may be seen, in the order of the middle of the picture.

    Attributes
    ----------
    rows
        (n, 32) float64, as bytes.
    same
        Whether the order holds at all pixels.
    smaller
        Whether any may appear smaller than its picture.
    shells
        Whether any is a shell.
    """

    rows: NDArray[np.float64]
    same: bool
    smaller: bool
    shells: bool


def frame_table(
    textures: Textures, geometry: Geometry, view: View, coefficients: Coefficients | None
) -> FrameTable:
    """The table of a frame."""
    layers = np.flatnonzero(geometry.shown)
    wraps = textures.wraps[layers]
    rows = geometry.rows[layers]
    middle = _keys(rows, wraps, view, 0.5 * view.width, 0.5 * view.height)
    order = np.lexsort((-layers, -middle))
    layers, wraps, rows = layers[order], wraps[order], rows[order]
    slopes = slopes_of(textures, geometry, view)[layers]

    table = np.zeros((len(layers), ROW))
    table[:, : rows.shape[1]] = rows
    table[:, SLOPE], table[:, IS_SHELL] = slopes, wraps
    steps = [rows[:, at : at + 2] for at in (U, V, KEY)]
    pairs = [*steps, np.stack([slopes, wraps], 1)]
    table[:, U_STEPS:CORNER] = _as_words(np.concatenate(pairs, 1))
    words = table.view(np.int64)
    first = textures.table[layers, 0]
    words[:, CORNER] = first[:, OFFSET] + first[:, STRIDE] + 1
    table[:, SIZE : SIZE + 1] = _as_words(first[:, [WIDTH, HEIGHT]])
    words[:, LINE], words[:, LAYER] = first[:, STRIDE], layers
    if coefficients is not None:
        words[:, START] = coefficients.starts[layers]
    table[:, SHELL:] = _as_words(np.concatenate([rows, np.zeros((len(rows), 1))], 1))

    corners = [(x, y) for x in (0, view.width) for y in (0, view.height)]
    same = geometry.nested or (
        not wraps.any()
        and all((np.diff(_keys(rows, wraps, view, x, y)) <= 0).all() for x, y in corners)
    )
    return FrameTable(table, same, _any_smaller(rows, wraps, slopes, corners), bool(wraps.any()))


def _as_words(numbers: NDArray[np.generic]) -> NDArray[np.float64]:
    """(n, 2 k) numbers as (n, k) words that are pairs of float32."""
    return np.ascontiguousarray(numbers, np.float32).view(np.float64)


def _any_smaller(
    rows: NDArray[np.float64],
    wraps: NDArray[np.bool_],
    slopes: NDArray[np.float64],
    corners: list[tuple[int, int]],
) -> bool:
    """Whether a layer is above its first level of detail anywhere: W is affine, so corners tell."""
    planes = rows[~wraps]
    w = np.stack([planes[:, W] * x + planes[:, W + 1] * y + planes[:, W + 2] for x, y in corners])
    least = np.where((w > 0).all(0) | (w < 0).all(0), np.abs(w).min(0), 0.0)
    with np.errstate(divide="ignore"):
        details = slopes[~wraps] - 3 * np.log2(least)
    return bool((details > 0).any() or (slopes[wraps] > 0).any())


def _keys(
    rows: NDArray[np.float64], wraps: NDArray[np.bool_], view: View, x: float, y: float
) -> NDArray[np.float64]:
    """(n,) keys of the order at a point of the picture; of shells that are missed -inf."""
    keys = rows[:, KEY] * x + rows[:, KEY + 1] * y + rows[:, KEY + 2]
    if not wraps.any():
        return keys
    across, down = (x - view.cx) / view.fx, (y - view.cy) / view.fy
    centre, radius = rows[:, :3], rows[:, 3]
    start = np.array([across, down, 0.0]) if view.orthographic else np.zeros(3)
    along = np.array([0.0, 0, 1]) if view.orthographic else np.array([across, down, 1.0])
    towards = centre - start
    length = along @ along
    half = towards @ along
    inside = half * half - length * ((towards * towards).sum(1) - radius * radius)
    depth = (half + np.sqrt(np.maximum(inside, 0))) / length
    hit = (inside >= 0) & (depth > 0)
    key = -depth if view.orthographic else 1 / np.where(hit, depth, 1.0)
    return np.where(wraps, np.where(hit, key, -np.inf), keys)
