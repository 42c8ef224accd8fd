"""From cameras to what kernels want."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kernels.gaussians.types import View
from scenes.camera import Camera


def view_of(camera: Camera, world_from_file: NDArray[np.float64] | None) -> View:
    """The camera in the axes of the scene's file, as kernels want it."""
    pose = camera.camera_from_world
    if world_from_file is not None:
        pose = pose @ world_from_file
    rotation = np.ascontiguousarray(pose[:3, :3])
    return View(
        rotation,
        -rotation.T @ pose[:3, 3],
        camera.fx,
        camera.fy,
        camera.cx,
        camera.cy,
        camera.width,
        camera.height,
        camera.projection == "orthographic",
    )


def supersampled(camera: Camera, factor: int) -> Camera:
    """The same view with ``factor`` times the pixels each way."""
    return Camera(
        camera.camera_from_world,
        camera.width * factor,
        camera.height * factor,
        camera.fx * factor,
        camera.fy * factor,
        camera.cx * factor,
        camera.cy * factor,
        camera.projection,
    )
