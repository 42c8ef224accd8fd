"""3D Gaussian splats in canonical units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from scenes.camera import Camera, look_at_pose

SH_COEFFICIENTS = (1, 4, 9, 16, 25)
"""Number of coefficients per channel for spherical-harmonic degree 0 to 4."""

_TRAINING = {"3dgs": "3D Gaussians", "mip": "Mip-Splatting", "2dgs": "2D Gaussians"}
_UPRIGHT = {
    "-y": (np.array([0.0, -1.0, 0.0]), np.array([0.0, 0.0, -1.0])),
    "y": (np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])),
    "z": (np.array([0.0, 0.0, 1.0]), np.array([0.0, -1.0, 0.0])),
    "-z": (np.array([0.0, 0.0, -1.0]), np.array([0.0, -1.0, 0.0])),
    "x": (np.array([1.0, 0.0, 0.0]), np.array([0.0, -1.0, 0.0])),
    "-x": (np.array([-1.0, 0.0, 0.0]), np.array([0.0, -1.0, 0.0])),
}
"""For an axis that points up: its direction, and the one from the scene to who sees it first."""


@dataclass(frozen=True, eq=False)
class GaussianScene:
    """A set of 3D Gaussians with activated parameters.

    Attributes
    ----------
    means
        (N, 3) float32, scene units, the file's own frame.
    quats
        (N, 4) float32, unit, wxyz.
    scales
        (N, 3) float32, linear standard deviations, scene units, >= 0.
    opacities
        (N,) float32 in 0..1.
    sh
        (N, K, 3) float32, K = 1, 4, 9, 16 or 25; colour = max(0, SH(direction) + 0.5).
    name, source, format
        What to call the scene, the file it came from (None when made in memory), and the name of
        the file format.
    training
        How the splats were trained as the file tells: ``"3dgs"``, ``"mip"`` or ``"2dgs"``.
    metadata
        What the file said beyond the splats (comments, extra elements, vertical axis, ...).
    warnings
        Sentences about what was repaired or dropped while reading.
    """

    kind: ClassVar[str] = "gaussians"

    means: NDArray[np.float32]
    quats: NDArray[np.float32]
    scales: NDArray[np.float32]
    opacities: NDArray[np.float32]
    sh: NDArray[np.float32]
    name: str = "untitled"
    source: Path | None = None
    format: str = "memory"
    training: str = "3dgs"
    metadata: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.means)
        shapes = {
            "means": (count, 3),
            "quats": (count, 4),
            "scales": (count, 3),
            "opacities": (count,),
        }
        for attribute, shape in shapes.items():
            array = np.ascontiguousarray(getattr(self, attribute), dtype=np.float32)
            if array.shape != shape:
                raise ValueError(f"{attribute} must be {shape}, got {array.shape}")
            self._freeze(attribute, array)
        sh = np.ascontiguousarray(self.sh, dtype=np.float32)
        if sh.ndim != 3 or sh.shape[0] != count or sh.shape[2] != 3:
            raise ValueError(f"sh must be ({count}, K, 3), got {sh.shape}")
        if sh.shape[1] not in SH_COEFFICIENTS:
            raise ValueError(f"sh must have 1, 4, 9, 16 or 25 coefficients, got {sh.shape[1]}")
        self._freeze("sh", sh)
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))

    def _freeze(self, attribute: str, array: NDArray[np.float32]) -> None:
        view = array.view()
        view.setflags(write=False)
        object.__setattr__(self, attribute, view)

    @property
    def count(self) -> int:
        """Number of Gaussians."""
        return len(self.means)

    @property
    def sh_degree(self) -> int:
        """Degree of the view-dependent colour, 0 to 4."""
        return SH_COEFFICIENTS.index(self.sh.shape[1])

    @property
    def nbytes(self) -> int:
        """Memory of the arrays, bytes."""
        arrays = (self.means, self.quats, self.scales, self.opacities, self.sh)
        return sum(array.nbytes for array in arrays)

    @cached_property
    def bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Smallest and largest mean, (3,) each; zeros for an empty scene."""
        if self.count == 0:
            return np.zeros(3, np.float32), np.zeros(3, np.float32)
        return self.means.min(axis=0), self.means.max(axis=0)

    @cached_property
    def focus(self) -> tuple[NDArray[np.float64], float]:
        """Where the scene is: robust centre (3,) and radius, scene units.

        Captures carry splats far outside of what was photographed, so the centre is the median
        and the radius the 80th percentile of the distance to it, weighted by nothing.
        """
        if self.count == 0:
            return np.zeros(3), 1.0
        sample = self.means[:: max(1, self.count // 100_000)].astype(np.float64)
        centre = np.median(sample, axis=0)
        radius = float(np.quantile(np.linalg.norm(sample - centre, axis=1), 0.8))
        return centre, max(radius, 1e-6)

    @property
    def up(self) -> NDArray[np.float64]:
        """(3,) what points up in the file's frame: its first view says, its axis, or -y."""
        view = self.metadata.get("default_view")
        if view is not None:
            return np.asarray(view["up"], dtype=np.float64)
        return _upright(self.metadata.get("vertical_axis"))[0]

    def facts(self) -> dict[str, str]:
        """How many splats, what their colour depends on, and how they were trained."""
        plain = self.sh_degree == 0
        return {
            "Splats": f"{self.count:,}",
            "Colour": "the same from all sides" if plain else f"SH degree {self.sh_degree}",
            "Trained as": _TRAINING.get(self.training, self.training),
        }

    def default_camera(self, width: int = 1280, height: int = 720) -> Camera:
        """The view a person sees first: the scene's own, or an upright overview of the whole."""
        view = self.metadata.get("default_view")
        if view is None:
            return overview(*self.focus, width, height, self.metadata.get("vertical_axis"))
        pose = look_at_pose(view["eye"], view["target"], view["up"])
        return Camera.from_fov(pose, float(np.deg2rad(view["fov_y"])), width, height)


def overview(
    centre: NDArray[np.float64], radius: float, width: int, height: int, axis: str | None = None
) -> Camera:
    """A view from slightly above that frames a ball of ``radius`` around ``centre`` (3,).

    ``axis`` is the one that points up, ``"-y"`` where it is None. In a
    picture higher than wide the camera stands back until the ball fits its width.
    """
    fov_y = float(np.deg2rad(50.0))
    narrow = np.arctan(np.tan(0.5 * fov_y) * min(1.0, width / height))
    up, back = _upright(axis)
    eye = centre + 1.4 * radius / np.sin(narrow) * (0.35 * up + 0.9368 * back)
    return Camera.from_fov(look_at_pose(eye, centre, up), fov_y, width, height)


def _upright(axis: str | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return _UPRIGHT.get(axis or "-y", _UPRIGHT["-y"])
