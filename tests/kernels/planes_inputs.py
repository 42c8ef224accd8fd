"""Stacks of planes for tests of the plane operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.gaussians.types import View
from kernels.planes.composite import composite
from kernels.planes.geometry import geometry_of
from kernels.planes.halve import halve
from kernels.planes.pack import pack
from kernels.planes.types import Coefficients, Composite, Options, Wanted
from kernels.workspace import Workspace

EVERYTHING = Wanted(True, (0.2, 0.3, 0.4), True, True, True)
NO_PLANES = (np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 3)))
NO_SHELLS = (np.zeros((0, 3)), np.zeros(0), np.zeros((0, 3, 3)))


def turned(yaw: float, pitch: float, roll: float = 0.0) -> np.ndarray:
    """(3, 3) a rotation, angles in radians."""
    (ca, cb, cc), (sa, sb, sc) = np.cos([yaw, pitch, roll]), np.sin([yaw, pitch, roll])
    around_y = np.array([[ca, 0, sa], [0, 1, 0], [-sa, 0, ca]])
    around_x = np.array([[1, 0, 0], [0, cb, -sb], [0, sb, cb]])
    around_z = np.array([[cc, -sc, 0], [sc, cc, 0], [0, 0, 1]])
    return around_z @ around_x @ around_y


def looking(
    width: int = 90,
    height: int = 60,
    eye: tuple[float, float, float] = (0, 0, 0),
    rotation: np.ndarray | None = None,
    focal: float = 80.0,
    orthographic: bool = False,
) -> View:
    """A view along +z unless turned."""
    turn = np.eye(3) if rotation is None else rotation
    place = np.array(eye, np.float64)
    return View(turn, place, focal, focal, width / 2, height / 2, width, height, orthographic)


@dataclass
class Stack:
    """Pictures on planes or shells."""

    images: list[np.ndarray]
    planes: tuple[np.ndarray, ...] = NO_PLANES
    shells: tuple[np.ndarray, ...] = NO_SHELLS

    @property
    def is_shell(self) -> np.ndarray:
        """Planes come first."""
        return np.arange(len(self.images)) >= len(self.planes[0])

    def rendered(
        self,
        backend: str,
        view: View,
        options: Options | None = None,
        wanted: Wanted = EVERYTHING,
        levels: int = 1,
        coefficients: Coefficients | None = None,
    ) -> Composite:
        """The composite of a backend, whose own operations make all that it needs."""
        options = options or Options()
        textures = pack(backend, self.images, self.is_shell.tolist())
        while textures.filled[0] < min(levels, textures.levels):
            halve(backend, textures)
        count = len(self.planes[0])
        sizes = np.array([image.shape[1::-1] for image in self.images[:count]]).reshape(-1, 2)
        geometry = geometry_of(
            self.planes,  # type: ignore[arg-type]
            sizes,
            self.shells,  # type: ignore[arg-type]
            self.is_shell,
            view,
            options.back_faces,
        )
        return composite(
            backend, textures, geometry, view, options, wanted, coefficients, Workspace()
        )


def noise(rng: np.random.Generator, height: int, width: int, alpha: tuple[int, int]) -> np.ndarray:
    """A picture of random texels."""
    image = rng.integers(0, 256, (height, width, 4), dtype=np.uint8)
    image[..., 3] = rng.integers(alpha[0], alpha[1] + 1, (height, width))
    return image


def stack(
    count: int,
    width: int = 70,
    height: int = 50,
    seed: int = 0,
    alpha: tuple[int, int] = (0, 255),
    askew: float = 0.0,
) -> Stack:
    """Planes that fill the view of a camera at the origin, far ones first; ``askew`` tilts them."""
    rng = np.random.default_rng(seed)
    depth = 1 / np.linspace(1 / 20, 1, count) if count > 1 else np.ones(count)
    zero = np.zeros(count)
    half = 0.5 * np.array([90, 60]) / 80.0
    corner = np.stack([-half[0] * depth, -half[1] * depth, depth], 1)
    across = np.stack([2 * half[0] * depth, zero, zero], 1)
    down = np.stack([zero, 2 * half[1] * depth, zero], 1)
    sides = [side + rng.normal(0, askew, side.shape) for side in (corner, across, down)]
    images = [noise(rng, height, width, alpha) for _ in range(count)]
    return Stack(images, tuple(sides))


def shells(count: int, seed: int = 0, spread: float = 0.0, **size: Any) -> Stack:
    """Spheres of radius 1, 2, ... around the origin, or around near places."""
    rng = np.random.default_rng(seed)
    height, width = size.get("height", 40), size.get("width", 80)
    images = [noise(rng, height, width, (0, 255)) for _ in range(count)]
    turns = np.stack([turned(0.3 * i, 0.2 * i) for i in range(count)]).reshape(-1, 3, 3)
    centres = rng.normal(0, spread, (count, 3))
    return Stack(images, shells=(centres, np.arange(1.0, count + 1), turns))


def decibels(one: np.ndarray, other: np.ndarray) -> float:
    """PSNR of values in 0..1."""
    error = np.mean(np.square(np.asarray(one, np.float64) - other))
    return float(-10 * np.log10(max(error, 1e-20)))
