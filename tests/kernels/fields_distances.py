"""Distances of simple bodies, exact and in any type, for tests of rays and meshes."""

from __future__ import annotations

import numpy as np


class Body:
    """A distance function of points (N, 3), and its gradient by central differences."""

    def __init__(self, function, scale: float = 1.0) -> None:
        self._function, self._scale = function, scale

    def distances(self, points):
        return np.asarray(self._scale * self._function(points), points.dtype)

    def slopes(self, points):
        exact = points.astype(np.float64)
        steps = 1e-6 * np.eye(3)
        ends = [self._function(exact + s) - self._function(exact - s) for s in steps]
        gradients = self._scale * np.stack(ends, 1) / 2e-6
        return self.distances(points), gradients.astype(points.dtype)


def sphere(radius: float = 1.0):
    return lambda p: np.linalg.norm(p, axis=1) - radius


def torus(large: float, small: float):
    """Around the z axis."""
    return lambda p: np.hypot(np.hypot(p[:, 0], p[:, 1]) - large, p[:, 2]) - small


def box(*half: float):
    """Exact outside and inside."""

    def function(p):
        q = np.abs(p) - np.asarray(half, p.dtype)
        outside = np.linalg.norm(np.maximum(q, 0), axis=1)
        return outside + np.minimum(q.max(1), 0)

    return function
