"""The tables that Gaussian operations hand to each other.

A *splat record* is one row of sixteen numbers, one cache line in float32: all that binning and
blending ever read of a visible splat. With ``d = pixel - mean``, the whitened offset
``u = L11 dx + L12 dy, v = L22 dy`` has ``u^2 + v^2 = d^T conic d``: the Cholesky factor of the
conic, which keeps needle-thin splats exact where the expanded quadratic form cancels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MEAN_X, MEAN_Y, L11, L12, L22 = 0, 1, 2, 3, 4
LOG2_OPACITY = 5
"""log2 of the opacity after any compensation."""
LOG2_FLOOR = 6
"""A pixel contributes where ``log2(opacity) - (u^2 + v^2) log2(e)/2`` is at least this."""
OFFSET = 7
"""Subtracted from alpha by renderers whose falloff reaches zero (opacity times a constant)."""
RED, GREEN, BLUE = 8, 9, 10
DEPTH = 11
EXTENT_X, EXTENT_Y = 12, 13
"""Half size of the exact box of contributing pixels, px."""
BOX = 14
"""Half size of a square box that cuts the splat besides, px; infinite where there is none."""
SOURCE = 15
"""Index of the splat in the scene, as the bits of an int32 (float32 tables), else its value."""
RECORD = 16

TILE = 32
"""Side of a tile, px: 8 x 8 blocks."""
BLOCK = 4
"""Side of a block, px: sixteen pixels, one vector."""

LOG2_E = 1.4426950408889634
FALLOFF = 0.5 * LOG2_E
"""exp(-q / 2) = 2^(-FALLOFF q)."""


@dataclass(frozen=True, eq=False)
class View:
    """What projection needs of a camera.

    Attributes
    ----------
    rotation
        (3, 3) float64, camera axes (x right, y down, z forward) from scene axes.
    position
        (3,) float64, the optical centre in scene coordinates.
    fx, fy, cx, cy
        Pixels; of an orthographic view ``fx, fy`` are pixels per scene unit.
    width, height
        Pixels.
    orthographic
        Whether rays are parallel.
    """

    rotation: NDArray[np.float64]
    position: NDArray[np.float64]
    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int
    orthographic: bool = False

    @property
    def tiles_x(self) -> int:
        """Tiles in a row."""
        return -(-self.width // TILE)

    @property
    def tiles_y(self) -> int:
        """Rows of tiles."""
        return -(-self.height // TILE)


@dataclass(frozen=True)
class Options:
    """The choices in which renderers of Gaussians differ.

    Attributes
    ----------
    blur
        Variance added to both screen axes, px^2 (low-pass filter).
    compensate
        Scale the opacity by sqrt(det / det_blurred), so that blur keeps the splat's energy.
    near, far
        Splats whose mean lies outside are not drawn, scene units along the optical axis.
    alpha_cap, alpha_min
        Largest alpha of a splat at a pixel, and the smallest that is blended.
    cut
        Largest ``d^T conic d`` drawn (8 = sqrt(8) sigma); infinite where only alpha decides.
    fade
        True for the falloff (exp(-q/2) - e^-4) / (1 - e^-4) that reaches zero at ``cut`` = 8.
    box_sigma
        Cut at a square of ceil(box_sigma sqrt(lambda_max)) px, rounded out to 16-px tiles; 0 off.
    clamp
        Splats further outside than (1 + clamp) times the half frustum are linearised there.
    max_axis, max_axis_in_view
        Longest sqrt(2 lambda) of the screen ellipse, px, longer axes are shortened; infinite for
        none. With the second, the shorter side of the picture is a limit too.
    min_axis
        Splats whose longer sqrt(2 lambda) is below are not drawn, px; 0 for none.
    radial
        Sort by distance to the camera instead of depth along the optical axis.
    stop
        Blending of a pixel ends before the splat that would bring its transmittance to or below
        this; negative for never.
    """

    blur: float = 0.3
    compensate: bool = False
    near: float = 0.01
    far: float = 1e10
    alpha_cap: float = 0.99
    alpha_min: float = 1.0 / 255.0
    cut: float = float("inf")
    fade: bool = False
    box_sigma: float = 0.0
    clamp: float = 0.3
    max_axis: float = float("inf")
    max_axis_in_view: bool = False
    min_axis: float = 0.0
    radial: bool = False
    stop: float = 1e-4


@dataclass(frozen=True, eq=False)
class Splats:
    """Visible splats of one view: ``records`` (R, 16) and ``rows`` (M,), the rows in use.

    ``keys`` (M,) are what they are sorted by: depth or distance as the bits of a float32, which
    order like the numbers because none is negative (reference: the float itself).
    ``blocks`` is what shading needs to find the splats again (backend's own).
    """

    records: Any
    rows: Any
    keys: Any
    blocks: Any = None
    total: int = 0

    @property
    def count(self) -> int:
        """Number of visible splats."""
        return len(self.rows)

    def settled(self) -> bool:
        """Whether the tables had room for everything; asked when the picture is there."""
        return True


@dataclass(frozen=True, eq=False)
class TileLists:
    """For each tile, row by row, the records that may touch it, in depth order.

    ``starts`` (tiles + 1,) int64 into ``rows`` (K,) int32 and ``masks`` (K,) uint64, where bit
    ``8 y + x`` says that the splat may contribute to block (x, y) of the tile.
    """

    starts: Any
    rows: Any
    masks: Any
    consumed: int
    """How many of the splats offered, nearest first, are listed: all that fit in the limit."""

    @property
    def count(self) -> int:
        """Number of tile keys."""
        return int(self.starts[-1])


@dataclass(frozen=True, eq=False)
class Accumulation:
    """Blended but not yet over a background, in the layout of the backend.

    ``planes`` holds colour, transmittance and, where asked for, depth (``cpu``: (tiles, 64, C,
    16) float32; ``reference``: (H, W, C)). C is 4 (R, G, B, T) or 5 (with sum of weight x depth).
    Transmittance may carry a minus sign that marks a pixel as finished. The counters are those of
    the last launch.
    """

    planes: Any
    width: int
    height: int
    touched: Any = None
    """(tiles,) uint8, 0 for tiles not blended yet, whose planes hold nothing (``cpu`` alone)."""
    evaluated: int = 0
    contributing: int = 0
    stopped_tiles: int = 0
