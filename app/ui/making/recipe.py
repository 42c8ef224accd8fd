"""What a multiplane image is to be made from, and how: data that can make it in any size."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from app.ui.making.inputs import Photo, depth_of, photo, second_photo
from render.request import RenderSettings
from scenes.camera import Camera
from scenes.planes import PlaneScene
from scenes.registry import Cancel, Progress
from scenes.scene import Scene

FEWEST, MOST = 2, 128
"""Layers that can be chosen."""
WIDEST = 170.0
"""Degrees of the field of view."""

Values = Literal["depth", "stretched", "disparity"]
"""What the numbers of a depth file are: depth in scene units; depth of which only the order is
known, or disparity, both to be stretched to a nearest and a farthest depth."""


class Recipe(Protocol):
    """One way to make a multiplane image."""

    @property
    def name(self) -> str:
        """What the scene will be called."""

    @property
    def missing(self) -> str:
        """What is still to be chosen, as a sentence; empty when nothing is."""

    @property
    def problem(self) -> str:
        """Why these choices do not go together, as a sentence; empty when they do."""

    def make(self, longest: int | None, progress: Progress, cancel: Cancel) -> PlaneScene:
        """Make it, from pictures at most ``longest`` pixels wide and high. Call it on a worker.

        Raises
        ------
        SceneError, ValueError, Cancelled
        """


@dataclass(frozen=True)
class FromPhoto:
    """A photo and its depth.

    Attributes
    ----------
    photo, depth
        Files; None before they are chosen.
    count
        Layers.
    fov
        Degrees from the left to the right border.
    values, near, far
        What the depth file's numbers are, and the range for those that are stretched.
    tilted
        Whether planes may stand anywhere in space.
    """

    photo: Path | None = None
    depth: Path | None = None
    count: int = 32
    fov: float = 60.0
    values: Values = "depth"
    near: float = 1.0
    far: float = 100.0
    tilted: bool = False

    @property
    def name(self) -> str:
        """The photo's."""
        return self.photo.stem if self.photo else ""

    @property
    def missing(self) -> str:
        """The photo or its depth."""
        if self.photo is None:
            return "Choose a photo and a depth map of the same size."
        return "" if self.depth else "Choose the depth map of this photo."

    @property
    def problem(self) -> str:
        """A range that has no inside."""
        if self.values != "depth" and not self.near < self.far:
            return "The nearest depth must be less than the farthest."
        return ""

    def make(self, longest: int | None, progress: Progress, cancel: Cancel) -> PlaneScene:
        """See :class:`Recipe`."""
        from render.making import from_depth, structural
        from render.making.depth_files import as_depth

        assert self.photo is not None
        assert self.depth is not None
        image = photo(self.photo, longest)
        values = depth_of(self.depth, image, self.photo)
        stretched = self.values != "depth"
        depth = as_depth(
            values,
            self.near if stretched else None,
            self.far if stretched else None,
            self.values == "disparity",
        )
        camera = _camera(image, self.fov)
        if not self.tilted:
            return from_depth(image.pixels, depth, camera, self.count, self.name, progress, cancel)
        free = self.count // 2
        rest = self.count - free
        return structural(image.pixels, depth, camera, free, rest, self.name, progress, cancel)


@dataclass(frozen=True)
class FromPair:
    """Two photos of a rectified pair.

    Attributes
    ----------
    left, right
        Files; None before they are chosen.
    count
        Layers.
    fov
        Degrees from the left to the right border, where ``focal`` is not known.
    focal
        Pixels, or None.
    baseline
        Distance of the two places in scene units; None makes it the unit.
    """

    left: Path | None = None
    right: Path | None = None
    count: int = 32
    fov: float = 60.0
    focal: float | None = None
    baseline: float | None = None

    @property
    def name(self) -> str:
        """The left photo's."""
        return self.left.stem if self.left else ""

    @property
    def missing(self) -> str:
        """One of the photos."""
        if self.left is None:
            return "Choose the left and the right photo of a rectified pair."
        return "" if self.right else "Choose the right photo of this pair."

    @property
    def problem(self) -> str:
        """A pair that is none."""
        if self.left is not None and self.left == self.right:
            return "Left and right are the same photo."
        return ""

    def make(self, longest: int | None, progress: Progress, cancel: Cancel) -> PlaneScene:
        """See :class:`Recipe`."""
        from render.making import from_stereo

        assert self.left is not None
        assert self.right is not None
        left = photo(self.left, longest)
        right = second_photo(self.right, longest, left, self.left)
        return from_stereo(
            left.pixels,
            right.pixels,
            _camera(left, self.fov, self.focal),
            self.baseline,
            count=self.count,
            name=self.name,
            progress=progress,
            cancel=cancel,
        )


@dataclass(frozen=True, eq=False)
class FromScene:
    """An open scene, from one view.

    Attributes
    ----------
    scene, camera
        The scene and the view, in the frame of the scene's file; None where there is none.
    count
        Layers.
    settings
        How the scene is drawn.
    """

    scene: Scene | None = None
    camera: Camera | None = None
    count: int = 32
    settings: RenderSettings = field(default_factory=RenderSettings)

    @property
    def name(self) -> str:
        """The scene's, with what became of it."""
        return f"{Path(self.scene.name).stem} planes" if self.scene else ""

    @property
    def missing(self) -> str:
        """The scene."""
        return "" if self.scene and self.camera else "Open a scene first."

    @property
    def problem(self) -> str:
        """A view that has no depth."""
        if self.camera is not None and self.camera.projection != "pinhole":
            return "Planes are made for a perspective view: press 5 in the picture for one."
        return ""

    def make(self, longest: int | None, progress: Progress, cancel: Cancel) -> PlaneScene:
        """See :class:`Recipe`."""
        from render.making import from_scene

        assert self.camera is not None
        camera = self.camera
        if longest is not None:
            scale = min(1.0, longest / max(camera.width, camera.height))
            camera = camera.stretched(
                max(round(camera.width * scale), 1), max(round(camera.height * scale), 1)
            )
        made = from_scene(self.scene, camera, self.count, self.settings, progress, cancel)
        return replace(made, name=self.name)


def _camera(image: Photo, fov: float, focal: float | None = None) -> Camera:
    """What took a photo: its centre is in the middle. ``focal`` in pixels of the file."""
    height, width = image.pixels.shape[:2]
    if focal is None:
        pixels = 0.5 * width / math.tan(math.radians(fov) / 2)
    else:
        pixels = focal * image.scale
    return Camera(np.eye(4), width, height, pixels, pixels, width / 2, height / 2)
