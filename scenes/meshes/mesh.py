"""A triangle mesh in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles.

    Attributes
    ----------
    vertices
        (N, 3) float32, scene units.
    faces
        (M, 3) int32, three vertices each, counter-clockwise seen from outside.
    normals
        (N, 3) float32 of the vertices; None where there are none.
    """

    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    normals: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if self.vertices.ndim != 2 or self.vertices.shape[1] != 3:
            raise ValueError(f"vertices must be (N, 3), got {self.vertices.shape}")
        if self.faces.ndim != 2 or self.faces.shape[1] != 3:
            raise ValueError(f"faces must be (M, 3), got {self.faces.shape}")
        if self.normals is not None and self.normals.shape != self.vertices.shape:
            raise ValueError(f"normals must be {self.vertices.shape}, got {self.normals.shape}")
        if self.faces.size and not (
            self.faces.min() >= 0 and self.faces.max() < len(self.vertices)
        ):
            raise ValueError("faces must name vertices that are there")

    @property
    def is_closed(self) -> bool:
        """Whether each edge has exactly two faces, which pass it in opposite directions."""
        edges = np.concatenate([self.faces[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))])
        numbers = edges.astype(np.int64) @ [len(self.vertices), 1]
        back = edges[:, ::-1].astype(np.int64) @ [len(self.vertices), 1]
        numbers.sort()
        back.sort()
        return bool((np.diff(numbers) > 0).all() and (numbers == back).all())


def fan(counts: NDArray[np.integer], corners: NDArray[np.integer]) -> NDArray[np.int32]:
    """Triangles (M, 3) of polygons: ``counts`` corners each, one after the other in ``corners``.

    A polygon of n corners has the triangles (0, k, k + 1); those of less than three have none.
    """
    firsts = np.cumsum(counts) - counts
    triangles = np.maximum(counts - 2, 0)
    polygon = np.repeat(np.arange(len(counts)), triangles)
    number = np.arange(len(polygon)) - np.repeat(np.cumsum(triangles) - triangles, triangles)
    first = firsts[polygon]
    places = np.stack([first, first + number + 1, first + number + 2], 1)
    return corners[places].astype(np.int32)
