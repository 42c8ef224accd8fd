"""Cameras of a snapshot, in the unit cube: those of its pictures, and the one it was saved with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.camera import Camera
from scenes.paths.camera_sets import (
    FOCAL_LENGTHS,
    LARGEST_IMAGE,
    MOST_CAMERAS,
    camera_from_world,
)
from scenes.paths.json_file import Value

_LENSES = ("lens", "camera_distortion")


def cameras_of(dataset: Value) -> tuple[tuple[Camera, ...], tuple[str, ...]]:
    """The cameras of ``nerf.dataset``, and what to tell about them.

    Raises
    ------
    SceneError
    """
    xforms = list(dataset.get("xforms", []).items("camera", MOST_CAMERAS))
    told = list(dataset.get("metadata", []).items("camera", MOST_CAMERAS))
    if not xforms or (told and len(told) != len(xforms)):
        return (), ()
    lenses = told or [dataset] * len(xforms)
    cameras, bent = [], 0
    for number, (xform, lens) in enumerate(zip(xforms, lenses, strict=True)):
        camera = _camera(dataset, xform, lens, number)
        if camera is None:
            return (), ("The cameras of the pictures lack a focal length or a size.",)
        cameras.append(camera)
        bent += any(_bends(lens.get(name, {}).raw) for name in _LENSES)
    said = f"The lens of {bent} of {len(cameras)} cameras is distorted; it is read as a pinhole."
    return tuple(cameras), (said,) if bent else ()


def _bends(lens: Any) -> bool:
    """Whether a lens says anything but zeros."""
    return isinstance(lens, dict) and any(lens.values())


def _camera(dataset: Value, xform: Value, lens: Value, number: int) -> Camera | None:
    size = lens.get("resolution", dataset.get("image_resolution", None).raw)
    focal = lens.get("focal_length", _legacy_focal(dataset, number))
    if size.raw is None or focal.raw is None:
        return None
    width, height = (item.integer(1, LARGEST_IMAGE) for item in _pair(size))
    focal_x, focal_y = (item.number(*FOCAL_LENGTHS) for item in _pair(focal))
    centre = lens.get("principal_point", [0.5, 0.5]).numbers(2)
    if np.abs(centre).max() > 16:
        lens["principal_point"].fail("a principal point as a share of the picture")
    start = xform["start"] if "start" in xform else xform  # noqa: SIM401
    pose = camera_from_world(pose_of(start))
    return Camera(
        pose, width, height, focal_x, focal_y,
        float(centre[0] * width), float(centre[1] * height),
    )  # fmt: skip


def _legacy_focal(dataset: Value, number: int) -> Any:
    several = dataset.get("focal_lengths", None).raw
    return several[number] if isinstance(several, list) and number < len(several) else None


def _pair(value: Value) -> list[Value]:
    items = list(value.items("number", 2))
    if len(items) != 2:
        value.fail("two numbers")
    return items


def pose_of(value: Value) -> NDArray[np.float64]:
    """A rigid (4, 4) pose, camera to unit cube, of 3 rows of 4 numbers.

    Raises
    ------
    SceneError
    """
    pose = np.eye(4)
    rows = list(value.items("row", 3))
    if len(rows) != 3:
        value.fail("3 rows of 4 numbers")
    pose[:3] = [row.numbers(4) for row in rows]
    return value.rigid(pose)


def lens_json(camera: Camera) -> dict[str, Any]:
    """What :func:`cameras_of` reads in ``metadata``."""
    return {
        "focal_length": [float(camera.fx), float(camera.fy)],
        "lens": {},
        "camera_distortion": {},
        "principal_point": [camera.cx / camera.width, camera.cy / camera.height],
        "rolling_shutter": [0.0, 0.0, 0.0, 0.0],
        "resolution": [camera.width, camera.height],
    }


def pose_json(camera: Camera) -> dict[str, Any]:
    """What :func:`cameras_of` reads in ``xforms``."""
    rows = camera.world_from_camera[:3].tolist()
    return {"start": rows, "end": rows}
