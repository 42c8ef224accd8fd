"""Plane scenes as the kernels want them, kept from frame to frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kernels.gaussians.types import View
from kernels.planes.geometry import geometry_of, magnification
from kernels.planes.halve import halve
from kernels.planes.pack import pack
from kernels.planes.types import SHARPER, Geometry, Options, Textures
from scenes.planes import Plane, PlaneScene, Shell


@dataclass(frozen=True, eq=False)
class Upload:
    """One scene of layers: its pictures as a table, its planes and shells as arrays.

    Attributes
    ----------
    scene
        Kept, so that its identity stays its own.
    backend
        That packed it.
    textures
        The pictures.
    """

    scene: PlaneScene
    backend: str
    textures: Textures

    @classmethod
    def of(cls, scene: PlaneScene, backend: str) -> Upload:
        """Pack a scene of layers."""
        images = [layer.image for layer in scene.layers]
        wraps = [isinstance(layer, Shell) for layer in scene.layers]
        return cls(scene, backend, pack(backend, images, wraps))

    @cached_property
    def _planes(self) -> tuple[NDArray[np.float64], ...]:
        planes = [layer for layer in self.scene.layers if isinstance(layer, Plane)]
        names = ("corner", "across", "down")
        return tuple(
            np.array([getattr(plane, name) for plane in planes]).reshape(-1, 3) for name in names
        )

    @cached_property
    def _sizes(self) -> NDArray[np.int64]:
        planes = [layer for layer in self.scene.layers if isinstance(layer, Plane)]
        sizes = [(plane.image.shape[1], plane.image.shape[0]) for plane in planes]
        return np.array(sizes, np.int64).reshape(-1, 2)

    @cached_property
    def _shells(self) -> tuple[NDArray[np.float64], ...]:
        shells = [layer for layer in self.scene.layers if isinstance(layer, Shell)]
        return (
            np.array([shell.centre for shell in shells]).reshape(-1, 3),
            np.array([shell.radius for shell in shells], np.float64),
            np.array([shell.rotation for shell in shells]).reshape(-1, 3, 3),
        )

    @cached_property
    def coefficients(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """(T, n, 3) values and the first texel of each layer, of a scene with a basis.

        ``cuda`` gets (T, n, 4), which it reads as words.
        """
        basis = self.scene.basis
        assert basis is not None  # whoever asks has looked
        sizes = [block.shape[1] * block.shape[2] for block in basis.coefficients]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        channels = 4 if self.backend == "cuda" else 3
        values = np.zeros((starts[-1], len(basis.maps), channels), np.uint8)
        for block, start, end in zip(basis.coefficients, starts, starts[1:], strict=False):
            values[start:end, :, :3] = np.moveaxis(block, 0, 2).reshape(end - start, -1, 3)
        return values, starts[list(basis.tile_of)].astype(np.int64)

    def seen_from(self, view: View, options: Options) -> Geometry:
        """Geometry for a view; makes the smaller levels of the pictures that it needs."""
        geometry = geometry_of(
            self._planes,  # type: ignore[arg-type]
            self._sizes,
            self._shells,  # type: ignore[arg-type]
            self.textures.wraps,
            view,
            options.back_faces,
        )
        if options.mipmaps and self.scene.basis is None:
            wanted = min(self._levels(geometry, view), self.textures.levels)
            while self.textures.filled[0] < wanted:
                halve(self.backend, self.textures)
        return geometry

    def _levels(self, geometry: Geometry, view: View) -> int:
        """How many levels the view needs: as many as the smallest texels on the screen want."""
        most = 1.0
        planes = geometry.rows[geometry.shown & ~self.textures.wraps]
        for x in (0, view.width):
            for y in (0, view.height):
                scale = magnification(planes, x, y)
                scale = np.where(np.isfinite(scale), scale, np.inf)
                most = max(most, float(scale.max(initial=1.0)))
        shells = self.textures.table[self.textures.wraps, 0, 1:3].prod(axis=1)
        around = np.sqrt(shells / (2 * np.pi**2 * view.fx * view.fy))
        most = max(most, float(around.max(initial=1.0)))
        return max(int(np.ceil(np.log2(min(most, 2.0**30)) - SHARPER)), 0) + 1
