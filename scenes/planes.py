"""Multiplane images: textured planes and shells that stand for a scene near a reference camera."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scenes.camera import Camera
from scenes.gaussians import overview

LARGEST_SIDE = 16_384
"""Pixels of an image."""
MOST_LAYERS = 4096


@dataclass(frozen=True, eq=False)
class Plane:
    """A picture on a parallelogram in space.

    Attributes
    ----------
    image
        (h, w, 4) uint8, straight alpha. The alpha of a plane without its own is 255.
    corner
        (3,) float64, scene units: where the top left corner of the top left pixel lies.
    across, down
        (3,) float64: from there to the top right and to the bottom left corner. Whoever sees
        ``across`` to the right and ``down`` downward sees the front; ``across x down`` points
        away from them.
    name
        What the file calls it.
    """

    image: NDArray[np.uint8]
    corner: NDArray[np.float64]
    across: NDArray[np.float64]
    down: NDArray[np.float64]
    name: str = ""

    def __post_init__(self) -> None:
        _freeze_image(self)
        for attribute in ("corner", "across", "down"):
            _freeze_numbers(self, attribute, (3,))
        sine = np.linalg.norm(np.cross(self.across, self.down))
        if sine <= 1e-12 * np.linalg.norm(self.across) * np.linalg.norm(self.down):
            raise ValueError("across and down must span a plane")

    @classmethod
    def facing(cls, camera: Camera, depth: float, image: ArrayLike, name: str = "") -> Plane:
        """A plane parallel to the picture of a camera at ``depth`` > 0, which it fills."""
        depths = np.full(3, float(depth))
        x = np.array([0.0, camera.width, 0.0]) - camera.cx
        y = np.array([0.0, 0.0, camera.height]) - camera.cy
        if camera.projection == "pinhole":
            x, y = x * depth, y * depth
        points = np.stack([x / camera.fx, y / camera.fy, depths, np.ones(3)])
        corner, right, left = (camera.world_from_camera @ points)[:3].T
        return cls(np.asarray(image), corner, right - corner, left - corner, name)

    @property
    def corners(self) -> NDArray[np.float64]:
        """(4, 3) top left, top right, bottom right, bottom left."""
        x, y = np.array([[0.0, 1, 1, 0], [0, 0, 1, 1]])
        return self.corner + x[:, None] * self.across + y[:, None] * self.down


@dataclass(frozen=True, eq=False)
class Shell:
    """An equirectangular picture on a sphere, seen from within (a layer of a multi-sphere image).

    Attributes
    ----------
    image
        (h, w, 4) uint8, straight alpha. Row 0 is at the top (-y of the shell), the middle column
        in front (+z), columns run to the right (+x) and meet behind.
    centre
        (3,) float64, scene units.
    radius
        Scene units, > 0.
    rotation
        (3, 3) float64, from the axes of the shell to those of the scene.
    name
        What the file calls it.
    """

    image: NDArray[np.uint8]
    centre: NDArray[np.float64]
    radius: float
    rotation: NDArray[np.float64] = field(default_factory=lambda: np.eye(3))
    name: str = ""

    def __post_init__(self) -> None:
        _freeze_image(self)
        _freeze_numbers(self, "centre", (3,))
        _freeze_numbers(self, "rotation", (3, 3))
        if not (np.isfinite(self.radius) and self.radius > 0):
            raise ValueError(f"radius must be positive, got {self.radius}")

    @property
    def corners(self) -> NDArray[np.float64]:
        """(2, 3) the smallest and largest corner of the box around it."""
        return np.stack([self.centre - self.radius, self.centre + self.radius])


Layer = Plane | Shell


@dataclass(frozen=True, eq=False)
class ViewBasis:
    """Colour that depends on the direction of view, as in NeX (Wizadwongsa et al. 2021, eq. 5).

    The colour of a point of layer i is ``clamp(k0 + sum_n k_n H_n(v), 0, 1)``: ``k0`` is the
    layer's own picture and ``v`` the unit direction from the eye to the point, in the axes of the
    reference camera.

    Attributes
    ----------
    maps
        (n, hb, wb) float32: ``H_n`` over the x (columns, -reach[0]..reach[0]) and y (rows) of v.
    reach
        Largest |x| and |y| of the maps; directions beyond are clamped.
    coefficients
        Each (n, h, w, 3) uint8 for ``k_n = 2 value / 255 - 1``; as large as the layer's picture.
    tile_of
        (layers,) which of ``coefficients`` each layer has; layers share them.
    """

    maps: NDArray[np.float32]
    reach: tuple[float, float]
    coefficients: tuple[NDArray[np.uint8], ...]
    tile_of: tuple[int, ...]

    def __post_init__(self) -> None:
        maps = np.ascontiguousarray(self.maps, np.float32)
        if maps.ndim != 3 or 0 in maps.shape:
            raise ValueError(f"maps must be (n, hb, wb), got {maps.shape}")
        if not np.isfinite(maps).all():
            raise ValueError("maps must be finite")
        for block in self.coefficients:
            wrong = block.ndim != 4 or block.shape[0] != len(maps) or block.shape[3] != 3
            if wrong or block.dtype != np.uint8:
                raise ValueError(f"coefficients must be ({len(maps)}, h, w, 3) uint8")
        if any(not 0 <= tile < len(self.coefficients) for tile in self.tile_of):
            raise ValueError("tile_of must name coefficients that are there")
        object.__setattr__(self, "maps", maps)


@dataclass(frozen=True, eq=False)
class PlaneScene:
    """A multiplane image, or a set of local ones that are blended.

    Attributes
    ----------
    layers
        Planes and shells in any order; what is nearer along a ray covers what is farther.
    camera
        The reference camera, or None.
    photo
        (h, w, 3) uint8, the picture that the scene was made from, as the reference camera saw it.
    basis
        View-dependent colour, or None.
    members
        The local scenes of a set (LLFF), each with a camera; a set has no layers of its own.
    name, source, format, metadata, warnings
        As of :class:`scenes.gaussians.GaussianScene`.
    """

    kind: ClassVar[str] = "planes"

    layers: tuple[Layer, ...] = ()
    camera: Camera | None = None
    photo: NDArray[np.uint8] | None = None
    basis: ViewBasis | None = None
    members: tuple[PlaneScene, ...] = ()
    name: str = "untitled"
    source: Path | None = None
    format: str = "memory"
    metadata: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.members and self.layers:
            raise ValueError("a set of local images has no layers of its own")
        if any(member.camera is None or member.members for member in self.members):
            raise ValueError("each member of a set must have a camera, and no members")
        if len(self.layers) > MOST_LAYERS:
            raise ValueError(f"at most {MOST_LAYERS:,} layers, got {len(self.layers):,}")
        if self.basis is not None:
            self._check_basis(self.basis)
        if self.photo is not None and (self.photo.ndim != 3 or self.photo.shape[2] != 3):
            raise ValueError(f"photo must be (h, w, 3), got {self.photo.shape}")
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))

    def _check_basis(self, basis: ViewBasis) -> None:
        if self.camera is None:
            raise ValueError("view-dependent colour needs a reference camera")
        if len(basis.tile_of) != len(self.layers):
            raise ValueError("tile_of must have an entry for each layer")
        for layer, tile in zip(self.layers, basis.tile_of, strict=True):
            if layer.image.shape[:2] != basis.coefficients[tile].shape[1:3]:
                raise ValueError("coefficients must be as large as the layer's picture")

    @property
    def all_layers(self) -> tuple[Layer, ...]:
        """The layers of the scene, or of all its members."""
        return self.layers + tuple(layer for m in self.members for layer in m.layers)

    @property
    def count(self) -> int:
        """Number of layers."""
        return len(self.all_layers)

    @property
    def nbytes(self) -> int:
        """Memory of the pictures, bytes."""
        total = sum(layer.image.nbytes for layer in self.all_layers)
        for scene in (self, *self.members):
            if scene.photo is not None:
                total += scene.photo.nbytes
            if scene.basis is not None:
                total += sum(block.nbytes for block in scene.basis.coefficients)
        return total

    @cached_property
    def bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Smallest and largest corner, (3,) each; zeros for a scene without layers."""
        if self.count == 0:
            return np.zeros(3, np.float32), np.zeros(3, np.float32)
        points = np.concatenate([layer.corners for layer in self.all_layers])
        return points.min(0).astype(np.float32), points.max(0).astype(np.float32)

    @cached_property
    def focus(self) -> tuple[NDArray[np.float64], float]:
        """What one turns around: a centre (3,) and its distance from the reference camera.

        The centre lies in the middle of the reference picture, at the depth (in the middle of
        disparities, weighted by how much each layer shows) where the content is.
        """
        camera = self.reference
        depths, weights = self._depths(camera)
        if camera is None or not weights.any():
            low, high = (corner.astype(np.float64) for corner in self.bounds)
            return (low + high) / 2, max(float(np.linalg.norm(high - low)) / 2, 1e-6)
        depth = 1 / float(np.average(1 / depths, weights=weights))
        middle = np.array([camera.width / 2, camera.height / 2])
        x, y = (middle - (camera.cx, camera.cy)) / (camera.fx, camera.fy) * depth
        centre = (camera.world_from_camera @ [x, y, depth, 1])[:3]
        return centre, depth

    @property
    def reference(self) -> Camera | None:
        """The camera near which the scene is right; of a set, its middle member's."""
        if self.camera is not None or not self.members:
            return self.camera
        places = np.stack([m.camera.position for m in self.members if m.camera is not None])
        middle = int(np.linalg.norm(places - np.median(places, axis=0), axis=1).argmin())
        return self.members[middle].camera

    @cached_property
    def safe_radius(self) -> float:
        """How far the eye may go from the reference camera until layers come apart, scene units.

        One step from layer to layer then shows as two pixels of the reference picture: twice the
        limit of Mildenhall et al. 2019, eq. 7, where it is one. 0 where it cannot be said.
        """
        camera = self.reference
        layers = self.members[0].layers if self.members else self.layers
        if camera is None:
            return 0.0
        disparities = np.unique(np.round(1 / self._depths(camera, layers)[0], 12))
        if len(disparities) < 2:
            return 0.0
        return float(2 / (camera.fx * np.diff(disparities).max()))

    def _depths(
        self, camera: Camera | None, layers: tuple[Layer, ...] | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Depths of the middles of layers in front of a camera, and how much each layer shows."""
        found, shown = [], []
        for layer in self.all_layers if layers is None else layers:
            if camera is None:
                break
            if isinstance(layer, Shell):
                depth = layer.radius
            else:
                middle = layer.corner + 0.5 * (layer.across + layer.down)
                depth = float((camera.camera_from_world @ [*middle, 1])[2])
            if depth > 0:
                found.append(depth)
                # What is seen from the camera: a picture in it is smaller the farther it is.
                shown.append(float(layer.image[::8, ::8, 3].mean()) * _area(layer) / depth**2)
        return np.array(found, np.float64), np.array(shown, np.float64)

    @property
    def up(self) -> NDArray[np.float64]:
        """(3,) what points up: up in the reference picture, or -y."""
        if self.reference is None:
            return np.array([0.0, -1.0, 0.0])
        return -self.reference.camera_from_world[1, :3]

    def facts(self) -> dict[str, str]:
        """How many layers of what size, where they are right, and what colour depends on."""
        sizes = sorted({layer.image.shape[1::-1] for layer in self.all_layers})
        words = f"{self.count:,}"
        if len(sizes) == 1:
            words += f" of {sizes[0][0]} × {sizes[0][1]}"
        elif sizes:
            largest = max(sizes, key=lambda size: size[0] * size[1])
            words += f", up to {largest[0]} × {largest[1]}"
        facts = {"Layers": words}
        if self.members:
            facts["Local images"] = f"{len(self.members):,}, blended by distance"
        if self.basis is not None:
            facts["Colour"] = f"view-dependent, {len(self.basis.maps)} functions"
        camera = self.reference
        if camera is not None:
            fov = np.rad2deg(2 * np.arctan(0.5 * camera.width / camera.fx))
            facts["Made for"] = f"{camera.width} × {camera.height}, {fov:.0f}° wide"
            facts["Safe range"] = f"{self.safe_radius:.3g} units around it"
        if self.photo is not None:
            facts["Photo"] = f"{self.photo.shape[1]} × {self.photo.shape[0]}"
        return facts

    def default_camera(self, width: int = 1280, height: int = 720) -> Camera:
        """The reference camera, such that its picture is seen whole; without one, an overview."""
        camera = self.reference
        if camera is None:
            return overview(*self.focus, width, height)
        scale = min(width / camera.width, height / camera.height)
        return Camera(
            camera.camera_from_world,
            width,
            height,
            camera.fx * scale,
            camera.fy * scale,
            width / 2 + (camera.cx - camera.width / 2) * scale,
            height / 2 + (camera.cy - camera.height / 2) * scale,
            camera.projection,
        )


def _area(layer: Layer) -> float:
    if isinstance(layer, Shell):
        return 4 * np.pi * layer.radius**2
    return float(np.linalg.norm(np.cross(layer.across, layer.down)))


def _freeze_image(layer: Any) -> None:
    image = np.ascontiguousarray(layer.image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 4:
        raise ValueError(f"image must be (h, w, 4) uint8, got {image.shape} {image.dtype}")
    if not (1 <= image.shape[0] <= LARGEST_SIDE and 1 <= image.shape[1] <= LARGEST_SIDE):
        raise ValueError(f"an image must be 1 to {LARGEST_SIDE} pixels wide and high")
    view = image.view()
    view.setflags(write=False)
    object.__setattr__(layer, "image", view)


def _freeze_numbers(layer: Any, attribute: str, shape: tuple[int, ...]) -> None:
    array = np.array(getattr(layer, attribute), np.float64)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"{attribute} must be {shape}, finite")
    array.setflags(write=False)
    object.__setattr__(layer, attribute, array)
