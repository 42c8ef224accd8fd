"""A camera that sways around a reference camera and keeps looking at the same thing.

What stands for a scene near one camera is not turned around: it is looked at from aside.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from scenes.camera import Camera, look_at_pose
from scenes.paths.path import CameraPath, Keyframe
from scenes.planes import PlaneScene

PERIOD = 4.0
"""Seconds of one turn."""
FLATNESS = 0.4
"""Height of the ellipse over its width: eyes sit side by side."""
WIDEST = 0.2
"""Most that the ellipse is wide, to each side, of the distance of what is looked at."""


def sway(
    scene: PlaneScene, camera: Camera, duration: float, fps: float = 30.0, keys: int = 8
) -> CameraPath:
    """One turn of :func:`swayed` as a closed loop; keys lie on whole frames."""
    frames = []
    for index in range(keys):
        time = round(duration * index / keys * fps) / fps
        seen = swayed(scene, camera, PERIOD * time / duration)
        frames.append(Keyframe(time, seen.world_from_camera, camera.fov_y))
    return CameraPath(tuple(frames), duration, fps, loop=True, name="sway")


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
