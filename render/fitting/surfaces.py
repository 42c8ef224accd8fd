"""Meshes as signed distances."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.errors import Cancelled, SceneError
from scenes.meshes import read_mesh
from scenes.registry import Cancel, Progress, never, no_progress

MARGIN = 0.1
"""Room around a mesh on each side, in its longest side."""
BLOCK = 8192
"""Points whose distances are found between two questions for cancelling."""
NEAR_SHARE = 0.75
"""Of the samples, those near the surface; the rest is anywhere in the box. None lies on it: an
error that is measured by the distance makes a step of them, on which the gradient means nothing."""
NEAREST, FARTHEST = 1e-3, 5e-2
"""How far off the surface samples near it lie: deviations from ... to ..., in sides of the box."""


@dataclass(frozen=True, eq=False)
class Surface:
    """A triangle mesh in a cube.

    Attributes
    ----------
    vertices, faces
        (V, 3) float64, scene units, and (F, 3) int64.
    lower, side
        (3,) corner and side of the cube, scene units: the mesh with :data:`MARGIN` around it.
    name
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    lower: NDArray[np.float64]
    side: float
    name: str = "untitled"

    @classmethod
    def of_file(
        cls, path: str | Path, progress: Progress = no_progress, cancel: Cancel = never
    ) -> Surface:
        """The mesh in a file. Raises SceneError for what is none."""
        path = Path(path)
        mesh = read_mesh(path, progress, cancel)
        try:
            return cls.of(mesh.vertices, mesh.faces, path.stem)
        except ValueError as error:
            raise SceneError(path, "a mesh", str(error)) from error

    @classmethod
    def of(cls, vertices: Any, faces: Any, name: str = "untitled") -> Surface:
        """A mesh from arrays. Raises ValueError where it has no triangles or no extent."""
        vertices = np.ascontiguousarray(vertices, np.float64)
        faces = np.ascontiguousarray(faces, np.int64)
        if not len(faces):
            raise ValueError("no triangles")
        used = vertices[np.unique(faces)]
        low, high = used.min(0), used.max(0)
        longest = float((high - low).max())
        if not (np.isfinite(used).all() and longest > 0):
            raise ValueError("vertices that span no volume")
        side = longest * (1 + 2 * MARGIN)
        return cls(vertices, faces, (low + high) / 2 - side / 2, side, name)

    def distances(
        self,
        points: NDArray[np.float64],
        progress: Progress = no_progress,
        cancel: Cancel = never,
    ) -> NDArray[np.float32]:
        """(N,) signed distances of (N, 3) points, scene units, negative inside.

        Lengths are exact; inside is where the generalized winding number is above a half, which
        holes and faces turned around do little to (Barill et al. 2018, by libigl).

        Raises
        ------
        Cancelled
        ImportError
            Without libigl.
        """
        igl = _igl()
        found = np.empty(len(points), np.float32)
        kind = igl.SIGNED_DISTANCE_TYPE_FAST_WINDING_NUMBER
        for first in range(0, len(points), BLOCK):
            if cancel():
                raise Cancelled
            progress(first, len(points), "distances")
            part = np.ascontiguousarray(points[first : first + BLOCK], np.float64)
            signed, _, nearest, _ = igl.signed_distance(part, self.vertices, self.faces, kind)
            # Its values are lengths times an approximate winding number; only the sign is right.
            lengths = np.linalg.norm(part - nearest, axis=1)
            found[first : first + BLOCK] = np.copysign(lengths, signed)
        progress(len(points), len(points), "distances")
        return found

    def on_surface(self, count: int, random: np.random.Generator) -> NDArray[np.float64]:
        """(count, 3) points spread evenly over the triangles."""
        a, b, c = (self.vertices[self.faces[:, k]] for k in range(3))
        areas = np.linalg.norm(np.cross(b - a, c - a), axis=1)
        chosen = random.choice(len(areas), count, p=areas / areas.sum())
        s, t = random.random((2, count, 1))
        over = s + t > 1
        s, t = np.where(over, 1 - s, s), np.where(over, 1 - t, t)
        return np.asarray(a[chosen] * (1 - s - t) + b[chosen] * s + c[chosen] * t)

    def samples(
        self, count: int, seed: int, progress: Progress = no_progress, cancel: Cancel = never
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(count, 3) points in the cube and their (count,) distances, in a random order.

        Most lie near the surface and the rest anywhere (after instant-ngp,
        ``src/testbed_sdf.cu``: generate_training_samples_sdf).
        """
        random = np.random.default_rng(seed)
        near = int(NEAR_SHARE * count)
        spread = self.side * np.exp(
            random.uniform(math.log(NEAREST), math.log(FARTHEST), (near, 1))
        )
        shell = self.on_surface(near, random) + spread * random.standard_normal((near, 3))
        anywhere = self.lower + self.side * random.random((count - near, 3))
        every = np.concatenate([shell, anywhere])
        points = np.clip(every, self.lower, self.lower + self.side).astype(np.float32)
        values = self.distances(points.astype(np.float64), progress, cancel)
        order = random.permutation(count)
        return points[order], values[order]


def _igl() -> Any:
    try:
        import igl
    except ImportError as error:
        raise ImportError(
            "distances to meshes need libigl: pip install 'plenoscope[fit]'"
        ) from error
    return igl
