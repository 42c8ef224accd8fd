"""Photos with depth whose every view is known, and the real stereo pair with its ground truth."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest
from PIL import Image

from scenes.camera import Camera
from tests.data import shared_data

FOCAL, CENTRE, OFFSET, BASELINE = 994.978, (311.193, 254.877), 31.086, 0.193001
"""Calibration of the motorcycle pair (skimage.data.stereo_motorcycle), pixels and metres."""


def texture(x: np.ndarray, y: np.ndarray, phase: float) -> np.ndarray:
    """Waves without fine detail, 0..255, (..., 3)."""
    parts = [np.sin(9 * x + phase + i) + np.sin(7 * y - 2 * i + phase) for i in range(3)]
    return 127.5 + 60 * np.stack(parts, -1)


def box_before_wall(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Photo (H, W, 3) uint8 and depth (H, W) of a square at 2 before a wall that slopes from 4."""
    y, x = np.mgrid[: camera.height, : camera.width] + 0.5
    rays = np.stack([(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy, np.ones_like(x)], 2)
    eye = camera.position
    # The wall: z = 4 + x / 2.
    wall = (4 + eye[0] / 2 - eye[2]) / (1 - rays[..., 0] / 2)
    front = 2 - eye[2]
    there = eye + front * rays
    on_box = np.abs(there[..., :2]).max(-1) < 0.4
    depth = np.where(on_box, front, wall)
    point = eye + depth[..., None] * rays
    wall_colour = texture(point[..., 0], point[..., 1], 0.0)
    box_colour = 255 - texture(2 * point[..., 0], 2 * point[..., 1], 1.0)
    colour = np.where(on_box[..., None], box_colour, wall_colour)
    return np.rint(np.clip(colour, 0, 255)).astype(np.uint8), depth


def small_camera(width: int = 160, height: int = 120) -> Camera:
    return Camera(np.eye(4), width, height, 140.0, 140.0, width / 2, height / 2)


def motorcycle(rows: slice = slice(None)) -> tuple[np.ndarray, np.ndarray, np.ndarray, Camera]:
    """Left and right photo, true disparity (not-a-number where unknown), camera of the left."""
    left, right = (
        np.asarray(Image.open(shared_data(f"images/motorcycle_{side}.png")).convert("RGB"))[rows]
        for side in ("left", "right")
    )
    file = files("skimage") / "data" / "motorcycle_disp.npz"
    if not file.is_file():
        pytest.skip("scikit-image has no motorcycle_disp.npz here")
    with file.open("rb") as opened, np.load(opened) as archive:
        disparity = archive[archive.files[0]].astype(np.float64)[rows]
    disparity[~np.isfinite(disparity)] = np.nan
    top = rows.start or 0
    camera = Camera(
        np.eye(4), left.shape[1], left.shape[0], FOCAL, FOCAL, CENTRE[0], CENTRE[1] - top
    )
    return left, right, disparity, camera


def depth_of(disparity: np.ndarray) -> np.ndarray:
    """Metres, of the motorcycle pair."""
    return BASELINE * FOCAL / (disparity + OFFSET)
