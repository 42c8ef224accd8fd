"""A camera that sways around a reference camera and keeps looking at the same thing."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from scenes.camera import Camera, look_at_pose
from scenes.planes import PlaneScene

PERIOD = 4.0
"""Seconds of one turn."""
FLATNESS = 0.4
"""Height of the ellipse over its width: eyes sit side by side."""
WIDEST = 0.2
"""Most that the ellipse is wide, to each side, of the distance of what is looked at."""


def swayed(scene: PlaneScene, camera: Camera, seconds: float) -> Camera:
    """Where the camera is after some time: on an ellipse within the safe radius of the scene."""
    turn = 2 * math.pi * seconds / PERIOD
    centre, distance = scene.focus
    radius = min(scene.safe_radius, WIDEST * distance)
    step = radius * np.array([math.sin(turn), FLATNESS * math.cos(turn), 0.0])
    pose, up = camera.world_from_camera, scene.up
    eye = pose[:3, 3] + pose[:3, :3] @ step
    before = look_at_pose(pose[:3, 3], centre, up)[:3, :3]
    after = look_at_pose(eye, centre, up)[:3, :3]
    moved = np.eye(4)
    moved[:3, :3], moved[:3, 3] = after @ before.T @ pose[:3, :3], eye
    return replace(camera, camera_from_world=np.asarray(np.linalg.inv(moved), np.float64))
