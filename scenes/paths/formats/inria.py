"""Training cameras of the Inria 3DGS code: ``cameras.json`` beside a trained model.

A list of ``{id, img_name, width, height, position[3], rotation[3][3], fx, fy}``; ``rotation`` is
the camera-to-world matrix by rows, axes are OpenCV's, lengths of the image are pixels. Some
writers add ``cx, cy``; without them the principal point is the centre.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scenes.camera import Camera
from scenes.paths.json_file import Value, read_json
from scenes.paths.path import CameraPath, Keyframe
from scenes.registry import Format

LARGEST_IMAGE = 65_536
"""Pixels a side."""


def cameras_in(value: Value) -> list[tuple[str, Camera]]:
    """The named cameras of a file's list."""
    if not isinstance(value.raw, list):
        value.fail("a list of cameras")
    return [_camera(item) for item in value.items("camera", most=100_000)]


def _camera(item: Value) -> tuple[str, Camera]:
    rotation = item["rotation"]
    pose = np.eye(4)
    pose[:3, :3] = rotation.rows(3)
    pose[:3, 3] = item["position"].numbers(3)
    camera_from_world = np.eye(4)
    pose = rotation.rigid(pose)
    camera_from_world[:3, :3] = pose[:3, :3].T
    camera_from_world[:3, 3] = -pose[:3, :3].T @ pose[:3, 3]
    width = item["width"].integer(1, LARGEST_IMAGE)
    height = item["height"].integer(1, LARGEST_IMAGE)
    limits = -LARGEST_IMAGE, 2 * LARGEST_IMAGE
    camera = Camera(
        camera_from_world,
        width,
        height,
        item["fx"].number(1e-2, 1e7),
        item["fy"].number(1e-2, 1e7),
        item.get("cx", width / 2).number(*limits),
        item.get("cy", height / 2).number(*limits),
    )
    name = item.get("img_name", "").raw
    return (item["img_name"].text() if name else item.where), camera


def read(path: Path) -> CameraPath:
    """The cameras as a path: one key a second, in the file's order."""
    cameras = cameras_in(read_json(path))
    keys = tuple(
        Keyframe(float(index), camera.world_from_camera, camera.fov_y, name)
        for index, (name, camera) in enumerate(cameras)
    )
    return CameraPath(keys, duration=max(1.0, len(keys) - 1.0))


def sniff(path: Path, head: bytes) -> bool:
    """A list whose first entries have rotation and position."""
    listed = head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")
    return listed and b'"rotation"' in head and b'"position"' in head


FORMAT = Format(
    name="inria",
    title="Training cameras (Inria cameras.json)",
    extensions=(".cameras.json",),
    kind="path",
    sniff=sniff,
    read=read,
)
