"""Where a field has density, for files that do not say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.fields.model import Occupancy
from render.fields.arrays import host
from render.fields.distances import before_activation
from render.fields.uploads import Upload
from render.turns import KERNELS
from scenes.errors import Cancelled
from scenes.fields import FieldScene
from scenes.registry import Cancel, Progress, never, no_progress

SIDE = 128
"""Cells along each axis (Mueller et al. 2022, appendix E.2)."""
SURFACE_SIDE = 64
"""The same, of distance fields."""
PROBES = 6
"""Points that are looked at in a cell beside an occupied one, besides its middle."""
UNSEEN = 1e-3
"""Opacity that all of what is skipped may add up to along a diagonal of the box."""
_BATCH = 1 << 16


def with_occupancy(
    scene: FieldScene,
    backend: str,
    progress: Progress = no_progress,
    cancel: Cancel = never,
) -> FieldScene:
    """The scene with an occupancy grid, if it is one in space that has none; else as it is.

    Cells of a distance field are occupied if the surface may run through them: at their middle it
    is no farther than a corner. The grid then tells where there is something to look at.

    A point counts if the density there, all along a diagonal of the box, would hide more than
    :data:`UNSEEN`. The middles of all cells are looked at; then, as often as cells are found that
    way, more points of the cells beside occupied ones, the same each time. Cells beside occupied
    ones are occupied in the end.

    Raises
    ------
    Cancelled
    """
    if scene.occupancy is not None or scene.model.form not in ("radiance", "volume", "distance"):
        return scene
    if scene.model.form == "distance":
        return _near_surface(scene, backend, progress, cancel)
    probe, threshold = _Probe(scene, SIDE, backend, cancel), _threshold(scene)
    every = np.arange(SIDE**3)
    found = np.zeros(SIDE**3, bool)
    for first in range(0, SIDE**3, _BATCH):
        progress(first, SIDE**3, "cells of the occupancy grid")
        chosen = every[first : first + _BATCH]
        # What is no number counts as density.
        found[chosen] = ~(probe(chosen, np.zeros(3)) < threshold)
    looked = found.copy()
    rng = np.random.default_rng(0)
    moves = rng.uniform(-0.5, 0.5, (PROBES, 3))
    while True:
        beside = np.flatnonzero(grown(found.reshape((SIDE,) * 3)).reshape(-1) & ~looked)
        looked[beside] = True
        before = found.sum()
        for first in range(0, len(beside), _BATCH):
            chosen = beside[first : first + _BATCH]
            for move in moves:
                found[chosen] |= ~(probe(chosen, move) < threshold)
        if found.sum() == before:
            break
    progress(SIDE**3, SIDE**3, "cells of the occupancy grid")
    cells = grown(found.reshape((SIDE,) * 3))[None]
    return replace(scene, occupancy=Occupancy(cells, scene.lower, scene.upper))


def _near_surface(
    scene: FieldScene, backend: str, progress: Progress, cancel: Cancel
) -> FieldScene:
    probe = _Probe(scene, SURFACE_SIDE, backend, cancel)
    corner = float(np.linalg.norm(scene.upper - scene.lower)) / SURFACE_SIDE / 2
    every = np.arange(SURFACE_SIDE**3)
    found = np.zeros(SURFACE_SIDE**3, bool)
    for first in range(0, SURFACE_SIDE**3, _BATCH):
        progress(first, SURFACE_SIDE**3, "cells of the occupancy grid")
        chosen = every[first : first + _BATCH]
        found[chosen] = np.abs(probe(chosen, np.zeros(3))) * scene.model.unit <= corner
    progress(SURFACE_SIDE**3, SURFACE_SIDE**3, "cells of the occupancy grid")
    cells = found.reshape((1,) + (SURFACE_SIDE,) * 3)
    return replace(scene, occupancy=Occupancy(cells, scene.lower, scene.upper))


class _Probe:
    """The first output at a point of each of some cells."""

    def __init__(self, scene: FieldScene, side: int, backend: str, cancel: Cancel) -> None:
        self._upload, self._side, self._cancel = Upload(scene, backend), side, cancel
        zero = np.array(scene.model.lower)
        scale = 1 / (np.array(scene.model.upper) - zero)
        self._start = (scene.lower - zero) * scale
        self._edge = (scene.upper - scene.lower) * scale / side

    def __call__(self, cells: NDArray[np.int64], move: NDArray[np.float64]) -> NDArray[Any]:
        """(N,) at the middles of cells (N,), moved by so many cells."""
        if self._cancel():
            raise Cancelled
        side = self._side
        place = np.stack([cells % side, cells // side % side, cells // side**2], -1)
        positions = self._start + (place + 0.5 + move) * self._edge
        with KERNELS:
            return host(self._upload.density(positions.astype(np.float32)))


def _threshold(scene: FieldScene) -> float:
    """The raw density below which a whole diagonal hides less than :data:`UNSEEN`."""
    sigma = UNSEEN / float(np.linalg.norm(scene.upper - scene.lower))
    if scene.transfer is not None:
        visible = np.flatnonzero(scene.transfer[:, 3] > sigma)
        if len(visible) and visible[0] == 0:
            return -np.inf
        # Between two entries of the table what is visible begins behind the first.
        sigma = (visible[0] - 1 + 1e-3) / 255 if len(visible) else np.inf
    try:
        return before_activation(scene.model.density, sigma)
    except ValueError:
        # No density is as much.
        return np.inf


def grown(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Every cell with an occupied one among its 26 neighbours is occupied too."""
    for axis in range(3):
        padded = np.moveaxis(np.pad(cells, [(1, 1) if a == axis else (0, 0) for a in range(3)]),
                             axis, 0)  # fmt: skip
        cells = np.moveaxis(padded[:-2] | padded[1:-1] | padded[2:], 0, axis)
    return np.ascontiguousarray(cells)
