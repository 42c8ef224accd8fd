"""Meshes of fields: marching cubes over a grid that is evaluated slab by slab."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.fields.distances import Distances, Floats, NeuralDistance, in_chunks
from render.fields.surface import unit
from scenes.errors import Cancelled
from scenes.fields import FieldScene
from scenes.meshes import Mesh
from scenes.registry import Cancel, Progress, never, no_progress

RESOLUTION = 256
MOST = 2048
"""Cells along the longest side of the box."""
SLAB = 1 << 22
"""Grid points that are held at a time, or two layers where those are more."""
OPAQUE = 100
"""A field of density is cut where a hundredth of its box takes half of the light away."""

_APART = 2e-3
"""Least distance of a vertex from a grid point of a seam, in cells: float32 tells 2048 of them
apart by a sixteenth of that."""


def extract(
    scene: FieldScene,
    resolution: int = RESOLUTION,
    threshold: float | None = None,
    backend: str = "cpu",
    progress: Progress = no_progress,
    cancel: Cancel = never,
) -> Mesh:
    """The surface of a field inside its box, as triangles whose vertices lie on it.

    Distances are cut at 0 and densities at ``threshold`` (per scene unit; None stands for one of
    which a hundredth of the box's diagonal takes half of the light away). What the box cuts through
    is closed by the box's faces, so that no mesh is open. See :func:`polygonize`.

    Raises
    ------
    ValueError
        For fields without a surface, and for resolutions and densities out of range.
    Cancelled
    """
    if scene.model.form in ("radiance", "volume") and threshold is None:
        diagonal = float(np.linalg.norm(scene.upper - scene.lower))
        threshold = math.log(2) * OPAQUE / diagonal
    _check(resolution)
    field = NeuralDistance(scene.model, scene.weights, backend, threshold)
    lower, upper = scene.lower, scene.upper
    # The faces of the box lie between layers of the grid.
    margin = float((upper - lower).max()) / resolution / 2
    within = _Within(field, lower.astype(np.float32), upper.astype(np.float32))
    return polygonize(within, lower - margin, upper + margin, resolution + 1, progress, cancel)


def polygonize(
    field: Distances,
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
    resolution: int,
    progress: Progress = no_progress,
    cancel: Cancel = never,
) -> Mesh:
    """Where a field is 0, by marching cubes (Lorensen and Cline 1987; Lewiner et al. 2003).

    ``resolution`` counts the cells, which are cubes, along the longest side of the box. Each vertex
    takes two steps of Newton's method along the gradient, not farther than half a cell each, and
    has the gradient of the second as its normal. Where the surface goes on beyond the box the mesh
    is open.

    Memory is that of two layers of the grid, or of :data:`SLAB` points, and of the mesh.

    Raises
    ------
    Cancelled
    """
    extent = np.asarray(upper, np.float64) - lower
    cell = float(extent.max()) / resolution
    counts = np.maximum(np.ceil(extent / cell - 1e-6).astype(int), 1) + 1
    grid = _Grid(np.asarray(lower, np.float64), cell, tuple(counts.tolist()))
    layers = max(SLAB // (counts[1] * counts[2]), 1)
    seams = _Seams()
    total = int(counts[0])
    before = _layers(field, grid, 0, 1, cancel)
    for first in range(0, total - 1, layers):
        progress(first, total, "layers")
        last = min(first + layers, total - 1)
        values = np.concatenate([before, _layers(field, grid, first + 1, last + 1, cancel)])
        seams.add(values, first)
        before = values[-1:]
    vertices, faces = seams.joined()
    progress(total, total, "layers")
    points = (lower + vertices.astype(np.float64) * cell).astype(np.float32)
    return _settled(field, points, faces, cell, progress, cancel)


def _check(resolution: int) -> None:
    if not 2 <= resolution <= MOST:
        raise ValueError(f"resolution must be 2 to {MOST}, got {resolution}")


@dataclass(frozen=True, eq=False)
class _Within:
    """The part of a body that a box holds."""

    field: Distances
    lower: Floats
    upper: Floats

    def distances(self, points: Floats) -> Floats:
        """The larger of two: inside is what is inside of both."""
        beyond = np.maximum(self.lower - points, points - self.upper).max(1)
        return np.maximum(self.field.distances(points), beyond)

    def slopes(self, points: Floats) -> tuple[Floats, Floats]:
        """Those of the larger one."""
        values, slopes = self.field.slopes(points)
        below, above = self.lower - points, points - self.upper
        beyond = np.maximum(below, above)
        axis = beyond.argmax(1)
        rows = np.flatnonzero(beyond.max(1) > values)
        slopes[rows] = 0
        slopes[rows, axis[rows]] = np.where(above > below, 1, -1)[rows, axis[rows]]
        return np.maximum(values, beyond.max(1)), slopes


@dataclass(frozen=True)
class _Grid:
    lower: NDArray[np.float64]
    cell: float
    counts: tuple[int, ...]

    def points(self, layer: int) -> Floats:
        """Those of one layer, across the first axis."""
        _, rows, columns = self.counts
        axes = [np.arange(count) * self.cell for count in (rows, columns)]
        points = np.empty((rows, columns, 3), np.float32)
        points[..., 0] = self.lower[0] + layer * self.cell
        points[..., 1] = (self.lower[1] + axes[0])[:, None]
        points[..., 2] = self.lower[2] + axes[1]
        return points.reshape(-1, 3)


def _layers(field: Distances, grid: _Grid, first: int, last: int, cancel: Cancel) -> Floats:
    """Values (last - first, rows, columns); what is no number is outside."""
    values = np.empty((last - first, *grid.counts[1:]), np.float32)
    for layer in range(first, last):
        found = _evaluated(field.distances, grid.points(layer), cancel)
        values[layer - first] = found.reshape(grid.counts[1:])
    values[np.isnan(values)] = np.inf
    np.clip(values, -1e30, 1e30, out=values)
    values[-1] = _off_zero(values[-1])
    return values


def _evaluated(function: Any, points: Floats, cancel: Cancel) -> Any:
    """:func:`in_chunks` for work that ends in :class:`scenes.errors.Cancelled`."""
    from render.request import RenderCancelled

    try:
        return in_chunks(function, points, cancel)
    except RenderCancelled:
        raise Cancelled from None


def _off_zero(layer: Floats) -> Floats:
    """A layer (rows, columns) without surface close to its points.

    Layers at which slabs meet are joined by where their vertices are: two of them, on the edges of
    one grid point, must not be at the same place.
    """
    change = np.zeros_like(layer)
    for axis in (0, 1):
        steps = np.abs(np.diff(layer, axis=axis))
        one, other = np.moveaxis(change, axis, 0)[:-1], np.moveaxis(change, axis, 0)[1:]
        steps = np.moveaxis(steps, axis, 0)
        np.maximum(one, steps, out=one)
        np.maximum(other, steps, out=other)
    least = np.maximum(np.float32(_APART) * change, np.finfo(np.float32).tiny)
    return np.where(np.abs(layer) < least, np.copysign(least, layer), layer)


class _Seams:
    """Meshes of slabs, joined at the vertices that two of them share."""

    def __init__(self) -> None:
        self._vertices: list[Floats] = []
        self._faces: list[NDArray[np.int64]] = []
        self._count = 0
        self._shared: dict[tuple[float, float], int] = {}

    def add(self, values: Floats, first: int) -> None:
        """A slab (layers, rows, columns) that begins at layer ``first``, where the last one ended.

        Vertices of the seam are exactly on it and are computed from the same numbers by both.
        """
        if not (values.min() < 0 <= values.max()):
            self._shared = {}
            return
        from skimage.measure import marching_cubes

        # Degenerate triangles keep the mesh closed; faces turn the other way than here, for a
        # field that is lower inside.
        vertices, faces, _, _ = marching_cubes(
            values, 0.0, gradient_direction="descent", allow_degenerate=True
        )
        last = len(values) - 1
        numbers = np.full(len(vertices), -1, np.int64)
        for index in np.flatnonzero(vertices[:, 0] == 0) if self._shared else ():
            numbers[index] = self._shared.get(tuple(vertices[index, 1:].tolist()), -1)
        own = numbers < 0
        numbers[own] = self._count + np.arange(own.sum())
        self._count += int(own.sum())
        seam = np.flatnonzero(vertices[:, 0] == last)
        places = map(tuple, vertices[seam, 1:].tolist())
        self._shared = dict(zip(places, numbers[seam].tolist(), strict=True))
        vertices = vertices[own]
        vertices[:, 0] += first
        self._vertices.append(vertices.astype(np.float32))
        self._faces.append(numbers[faces])

    def joined(self) -> tuple[Floats, NDArray[np.int32]]:
        """Vertices (N, 3) in cells, and faces (M, 3)."""
        vertices = np.concatenate([np.zeros((0, 3), np.float32), *self._vertices])
        faces = np.concatenate([np.zeros((0, 3), np.int64), *self._faces])
        return vertices, faces.astype(np.int32)


def _settled(
    field: Distances,
    points: Floats,
    faces: NDArray[np.int32],
    cell: float,
    progress: Progress,
    cancel: Cancel,
) -> Mesh:
    """The mesh with its vertices on the surface, as far as two steps lead there."""
    rows = 1 << 16
    normals = np.zeros_like(points)
    for first in range(0, len(points), rows):
        progress(first, len(points), "vertices")
        own = slice(first, first + rows)
        for _ in range(2):
            values, slopes = _evaluated(field.slopes, points[own], cancel)
            points[own] -= _newton(values, slopes, cell / 2)
        normals[own] = unit(slopes)
    progress(len(points), len(points), "vertices")
    return Mesh(points, faces, normals)


def _newton(values: Floats, slopes: Floats, most: float) -> Floats:
    """Steps (N, 3) to where a plane would be 0, of a length up to ``most``; none without slope."""
    lengths = np.linalg.norm(slopes, axis=1)
    usable = np.isfinite(values) & np.isfinite(lengths) & (lengths > 0)
    step = np.divide(values, lengths, out=np.zeros_like(values), where=usable)
    return (np.clip(step, -most, most)[:, None] * unit(slopes)).astype(np.float32)
