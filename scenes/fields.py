"""Neural fields: functions of position and direction, as descriptions and weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kernels.fields.encodings import (
    Composite,
    Encoding,
    Frequency,
    HashGrid,
    Identity,
    OneBlob,
    Simplex,
    SphericalHarmonics,
    TriangleWave,
    TriPlane,
)
from kernels.fields.model import Field, Occupancy, Weights
from kernels.fields.networks import RadialBasis
from scenes.camera import Camera, look_at_pose
from scenes.gaussians import overview

WITH_SURFACE = ("distance", "radiance", "volume")
"""Forms of fields that a mesh can be made of."""
STEPS = 1024
"""Steps of a march through a box of a field that does not say its own (instant-ngp's)."""


@dataclass(frozen=True, eq=False)
class FieldScene:
    """A neural field that can be drawn.

    Attributes
    ----------
    model, weights
        The function and its parameters (float32).
    lower, upper
        (3,) float64 corners of the box outside of which nothing is drawn, scene units. The picture
        of an image field fills a rectangle at z = 0: x to the right, y down.
    occupancy
        Where density may be, as the file says; None where that must be found out.
    step
        Length of a step of the march near the eye, scene units; 0 stands for the diagonal of the
        box divided by :data:`STEPS`.
    cone
        Steps grow to ``cone * distance`` where that is more (instant-ngp's cone angle).
    background
        RGB in 0..1 that the field was trained before; None where the file does not say.
    transfer
        (256, 4) float32 colour (not premultiplied) and extinction per scene unit, for densities of
        0 to 1; of volumes with one output only.
    sharpness
        Of a distance field drawn by NeuS weights, ``s`` per scene unit (Wang et al. 2021, eq. 4);
        0 stands for one that suits the size of the box.
    size
        Pixels (width, height) of the picture of an image field; else None.
    cameras
        Those of the training pictures, where the file has them.
    upward
        (3,) what points up.
    """

    model: Field
    weights: Weights
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    occupancy: Occupancy | None = None
    step: float = 0.0
    cone: float = 0.0
    background: tuple[float, float, float] | None = None
    transfer: NDArray[np.float32] | None = None
    sharpness: float = 0.0
    size: tuple[int, int] | None = None
    cameras: tuple[Camera, ...] = ()
    upward: tuple[float, float, float] = (0.0, -1.0, 0.0)
    name: str = "untitled"
    source: Path | None = None
    format: str = "memory"
    metadata: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    kind: ClassVar[str] = "field"

    def __post_init__(self) -> None:
        for name in ("lower", "upper"):
            corner = np.array(getattr(self, name), np.float64)
            if corner.shape != (3,) or not np.isfinite(corner).all():
                raise ValueError(f"{name} must be (3,), finite")
            corner.setflags(write=False)
            object.__setattr__(self, name, corner)
        flat = self.model.form == "image"
        extent = self.upper - self.lower
        if (extent[: 2 if flat else 3] <= 0).any():
            raise ValueError("upper must be above lower")
        for name in ("step", "cone", "sharpness"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be finite, at least 0, got {value}")
        needs_transfer = self.model.form == "volume" and self.model.network.outputs == 1
        if needs_transfer != (self.transfer is not None):
            raise ValueError("a volume of one output, and nothing else, has a transfer function")
        if self.transfer is not None and self.transfer.shape != (256, 4):
            raise ValueError(f"transfer must be (256, 4), got {self.transfer.shape}")
        if flat != (self.size is not None):
            raise ValueError("an image field, and nothing else, has a size")
        self.weights.check(self.model)
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))

    @property
    def count(self) -> int:
        """Number of parameters."""
        return self.model.parameters

    @property
    def nbytes(self) -> int:
        """Memory of the parameters and the occupancy, bytes."""
        grid = self.occupancy.cells.nbytes if self.occupancy else 0
        return 4 * self.count + grid

    @property
    def bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Smallest and largest corner of the box."""
        return self.lower.astype(np.float32), self.upper.astype(np.float32)

    @cached_property
    def focus(self) -> tuple[NDArray[np.float64], float]:
        """Middle of what is there, and a radius around it: of the box, if that is not known."""
        lower, upper = self.lower, self.upper
        if self.occupancy is not None and self.occupancy.cells[0].any():
            inner, extent = self.occupancy.lower, self.occupancy.upper - self.occupancy.lower
            cells = self.occupancy.cells[0]
            # Fields that were trained have specks far outside of what was photographed.
            places = np.argwhere(cells)[:, ::-1] + 0.5
            first, last = np.quantile(places, (0.01, 0.99), axis=0) / len(cells)
            half = 0.5 / len(cells)
            lower, upper = inner + (first - half) * extent, inner + (last + half) * extent
        return (lower + upper) / 2, max(float(np.linalg.norm(upper - lower)) / 2, 1e-6)

    @property
    def up(self) -> NDArray[np.float64]:
        """(3,) what points up."""
        return np.array(self.upward, np.float64)

    @property
    def stride(self) -> float:
        """Length of a step of the march, scene units."""
        return self.step or float(np.linalg.norm(self.upper - self.lower)) / STEPS

    def facts(self) -> dict[str, str]:
        """What it is a field of, how positions are encoded, and the network."""
        model = self.model
        facts = {"Field": _FORMS[model.form], "Encoding": describe(model.encoding)}
        if model.direction is not None:
            facts["Direction"] = describe(model.direction)
        facts["Network"] = _network_words(model)
        shares = (model.network.parameter_count, model.encoding.parameters)
        facts["Parameters"] = f"{shares[0]:,} in the network, {shares[1]:,} in the encoding"
        if self.size is not None:
            facts["Picture"] = f"{self.size[0]:,} × {self.size[1]:,}"
        if self.occupancy is not None:
            levels, side = self.occupancy.cells.shape[:2]
            facts["Occupancy"] = f"{side}³, {levels} level{'s' * (levels > 1)}"
        if self.background is not None:
            colour = np.round(np.multiply(self.background, 255)).astype(int)
            known = {(255, 255, 255): "white", (0, 0, 0): "black"}
            words = known.get(tuple(colour.tolist()), ", ".join(map(str, colour)))
            facts["Trained before"] = words
        if self.cameras:
            facts["Cameras"] = f"{len(self.cameras):,} of training pictures"
        return facts

    def default_camera(self, width: int = 1280, height: int = 720) -> Camera:
        """A picture whole, from the front; else the file's view or first camera, or an overview."""
        if self.model.form == "image":
            centre = (self.lower + self.upper) / 2
            extent = self.upper - self.lower
            scale = min(width / extent[0], height / extent[1])
            eye = centre - [0, 0, float(extent[:2].max())]
            pose = np.asarray(np.linalg.inv(look_at_pose(eye, centre)), np.float64)
            return Camera(
                pose, width, height, scale, scale, width / 2, height / 2, "orthographic"
            )  # fmt: skip
        view = self.metadata.get("default_view")
        if view is not None:
            pose = look_at_pose(view["eye"], view["target"], view["up"])
            return Camera.from_fov(pose, float(np.deg2rad(view.get("fov_y", 50.0))), width, height)
        if self.cameras:
            return self.cameras[0].resized(width, height)
        return overview(*self.focus, width, height, _axis(self.up))


def _axis(up: NDArray[np.float64]) -> str:
    """The name of the axis that points up most."""
    axis = int(np.abs(up).argmax())
    return ("-" if up[axis] < 0 else "") + "xyz"[axis]


_FORMS = {
    "radiance": "radiance",
    "volume": "volume",
    "distance": "signed distance",
    "image": "image",
    "light": "light field",
}


def describe(encoding: Encoding) -> str:
    """An encoding in a few words."""
    match encoding:
        case HashGrid() | Simplex():
            what = encoding.kind if isinstance(encoding, HashGrid) else "simplex"
            finest = encoding.tables[-1].resolution
            return (
                f"{what} grid, {encoding.levels} levels of {encoding.features}, "
                f"{encoding.base} to {finest:,} vertices, 2^{encoding.log2_size} entries"
            )
        case TriPlane():
            side = encoding.resolution
            return f"tri-plane, {side} × {side} of {encoding.features}, {encoding.reduce}"
        case Frequency():
            return f"{encoding.count} frequencies"
        case TriangleWave():
            return f"{encoding.count} triangle waves"
        case OneBlob():
            return f"one-blob of {encoding.bins} bins"
        case SphericalHarmonics():
            return f"spherical harmonics, degree {encoding.degree}"
        case Identity():
            return "the coordinates themselves"
        case Composite():
            return ", ".join(describe(part) for part in encoding.parts)


def _network_words(model: Field) -> str:
    layers = model.network.layers
    widths = " → ".join(str(layer.outputs) for layer in layers)
    names = {
        "Gaussian" if isinstance(layer, RadialBasis) else layer.activation for layer in layers[:-1]
    }
    return f"{model.network.inputs} → {widths}, {', '.join(sorted(names)) or 'linear'}"
