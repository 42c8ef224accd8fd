"""Small things to fit to."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from render.fitting.surfaces import Surface
from scenes.camera import look_at_pose

BLENDER = np.diag([1.0, -1.0, -1.0, 1.0])
"""Camera axes of transforms.json from OpenCV's."""


def ramp(width: int = 48, height: int = 32) -> NDArray[np.uint8]:
    """A picture that is affine in the place."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    picture = np.stack([0.1 + 0.8 * x, 0.9 - 0.7 * y, 0.2 + 0.3 * x + 0.3 * y], -1)
    return np.asarray(np.rint(255 * picture), np.uint8)


def octahedron() -> Surface:
    """A closed surface of eight triangles around (1, 2, 3)."""
    vertices = np.concatenate([np.eye(3), -np.eye(3)]) + np.array([1.0, 2.0, 3.0])
    faces = [
        [0, 1, 2], [1, 3, 2], [3, 4, 2], [4, 0, 2], [1, 0, 5], [3, 1, 5], [4, 3, 5], [0, 4, 5],
    ]  # fmt: skip
    return Surface.of(vertices, faces, "octahedron")


def sphere_views(folder: Path, count: int = 6, size: int = 24, pictures: bool = True) -> Path:
    """A transforms.json of views of a sphere of radius 0.5 whose colour depends on the place."""
    focal = 1.2 * size
    frames: list[dict[str, Any]] = []
    for number in range(count):
        angle = 2 * math.pi * number / count
        eye = 2.5 * np.array([math.cos(angle), math.sin(angle), 0.4 * (-1) ** number])
        pose = look_at_pose(eye, np.zeros(3), (0.0, 0.0, 1.0))
        frames.append({"file_path": f"./r_{number}", "transform_matrix": (pose @ BLENDER).tolist()})
        if pictures:
            Image.fromarray(_sphere(pose, size, focal)).save(folder / f"r_{number}.png")
    path = folder / "transforms.json"
    text = {"camera_angle_x": 2 * math.atan(size / 2 / focal), "frames": frames}
    path.write_text(json.dumps(text))
    return path


def _sphere(pose: NDArray[np.float64], size: int, focal: float) -> NDArray[np.uint8]:
    place = (np.arange(size) + 0.5 - size / 2) / focal
    x, y = np.meshgrid(place, place)
    rays = np.stack([x, y, np.ones_like(x)], -1) @ pose[:3, :3].T
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    eye = pose[:3, 3]
    middle = rays @ eye
    inside = middle**2 - (eye @ eye - 0.25)
    hit = eye + rays * (-middle - np.sqrt(np.maximum(inside, 0)))[..., None]
    colour = np.rint(255 * np.clip(0.5 + hit, 0, 1))
    alpha = np.where(inside > 0, 255, 0)
    return np.concatenate([colour, alpha[..., None]], -1).astype(np.uint8)
