"""Training cameras of the Inria 3DGS code: ``cameras.json`` beside a trained model.

A list of ``{id, img_name, width, height, position[3], rotation[3][3], fx, fy}``; ``rotation`` is
the camera-to-world matrix by rows, axes are OpenCV's, lengths of the image are pixels. Some
writers add ``cx, cy``; without them the principal point is the centre.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scenes.camera import Camera
from scenes.paths.camera_sets import (
    FOCAL_LENGTHS,
    LARGEST_IMAGE,
    MOST_CAMERAS,
    PRINCIPAL_POINTS,
    CameraSet,
    camera_from_world,
    camera_set_format,
)
from scenes.paths.json_file import Value, read_json


def read_set(path: Path) -> CameraSet:
    """Read the cameras of a file, in its order; it does not say where its pictures are."""
    value = read_json(path)
    if not isinstance(value.raw, list):
        value.fail("a list of cameras")
    named = [_camera(item) for item in value.items("camera", most=MOST_CAMERAS)]
    return CameraSet(
        cameras=tuple(camera for _, camera in named),
        names=tuple(name for name, _ in named),
        pictures=(None,) * len(named),
    )


def _camera(item: Value) -> tuple[str, Camera]:
    rotation = item["rotation"]
    pose = np.eye(4)
    pose[:3, :3] = rotation.rows(3)
    pose[:3, 3] = item["position"].numbers(3)
    width = item["width"].integer(1, LARGEST_IMAGE)
    height = item["height"].integer(1, LARGEST_IMAGE)
    camera = Camera(
        camera_from_world(rotation.rigid(pose)),
        width,
        height,
        item["fx"].number(*FOCAL_LENGTHS),
        item["fy"].number(*FOCAL_LENGTHS),
        item.get("cx", width / 2).number(*PRINCIPAL_POINTS),
        item.get("cy", height / 2).number(*PRINCIPAL_POINTS),
    )
    name = item.get("img_name", "").raw
    return (item["img_name"].text() if name else item.where), camera


def sniff(path: Path, head: bytes) -> bool:
    """A list whose first entries have rotation and position."""
    listed = head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")
    return listed and b'"rotation"' in head and b'"position"' in head


FORMAT = camera_set_format(
    name="inria",
    title="Training cameras (Inria cameras.json)",
    extensions=(".cameras.json",),
    sniff=sniff,
    read_set=read_set,
)
