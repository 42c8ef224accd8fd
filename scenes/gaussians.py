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

    def default_camera(self, width: int = 1280, height: int = 720) -> Camera:
        """The view a person sees first: the scene's own, or one that frames :attr:`focus`."""
        view = self.metadata.get("default_view")
        fov_y = float(np.deg2rad(50.0))
        if view is not None:
            pose = look_at_pose(view["eye"], view["target"], view["up"])
            return Camera.from_fov(pose, float(np.deg2rad(view["fov_y"])), width, height)
        centre, radius = self.focus
        distance = 1.4 * radius / np.sin(0.5 * fov_y)
        eye = centre + distance * np.array([0.0, -0.35, -0.9368])
        return Camera.from_fov(look_at_pose(eye, centre), fov_y, width, height)
