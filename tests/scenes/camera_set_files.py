"""Files of camera sets as their programs write them, made of one set of cameras."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.camera import Camera
from scenes.paths.rotations import exponential, matrices_of

OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])
NAMES = ("photo_1.jpg", "photo_2.jpg", "photo_10.jpg")


def quaternions() -> NDArray[np.float64]:
    """Unit quaternions w x y z, world to camera, one for each name."""
    return exponential(np.random.default_rng(5).normal(size=(len(NAMES), 3)))


def some_cameras() -> list[Camera]:
    """Cameras with a lens of 640 x 480 pixels."""
    poses = np.tile(np.eye(4), (len(NAMES), 1, 1))
    poses[:, :3, :3] = matrices_of(quaternions())
    poses[:, :3, 3] = np.random.default_rng(6).normal(size=(len(NAMES), 3))
    return [Camera(pose, 640, 480, 500.0, 505.0, 322.0, 239.0) for pose in poses]


def transforms(**changes: Any) -> dict[str, Any]:
    """The content of a ``transforms.json``, frames in another order than their names."""
    frames = [
        {
            "file_path": f"./images/{name}",
            "transform_matrix": (c.world_from_camera @ OPENGL).tolist(),
        }
        for name, c in zip(NAMES, some_cameras(), strict=True)
    ]
    lens = {"fl_x": 500.0, "fl_y": 505.0, "cx": 322.0, "cy": 239.0, "w": 640, "h": 480.0}
    return {**lens, "frames": frames[::-1], **changes}


def colmap_bytes(model: int = 1, parameters: tuple[float, ...] = (500.0, 505.0, 322.0, 239.0),
                 points: int = 3) -> tuple[bytes, bytes]:  # fmt: skip
    """``cameras.bin`` and ``images.bin``."""
    lens = struct.pack(f"<QIiQQ{len(parameters)}d", 1, 7, model, 640, 480, *parameters)
    images = [struct.pack("<Q", len(NAMES))]
    rows = zip(NAMES, quaternions(), some_cameras(), strict=True)
    for number, (name, quat, camera) in list(enumerate(rows, start=1))[::-1]:
        images.append(struct.pack("<I7dI", number, *quat, *camera.camera_from_world[:3, 3], 7))
        images.append(name.encode() + b"\0" + struct.pack("<Q", points) + bytes(24 * points))
    return lens, b"".join(images)


def colmap_text() -> tuple[str, str]:
    """``cameras.txt`` and ``images.txt``; one image has no points."""
    lines = ["# Image list", "#   POINTS2D[] as (X, Y, POINT3D_ID)"]
    rows = zip(NAMES, quaternions(), some_cameras(), strict=True)
    for number, (name, quat, camera) in enumerate(rows, start=1):
        numbers = " ".join(repr(float(v)) for v in (*quat, *camera.camera_from_world[:3, 3]))
        lines += [f"{number} {numbers} 7 {name}", "" if number == 2 else "1.5 2.5 -1 " * 30_000]
    return "# Cameras\n7 PINHOLE 640 480 500 505 322 239\n", "\n".join(lines) + "\n"


def write_model(folder: Path, cameras: bytes, images: bytes) -> Path:
    """A binary model in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cameras.bin").write_bytes(cameras)
    (folder / "images.bin").write_bytes(images)
    return folder


def poses_bounds() -> NDArray[np.float64]:
    """The array of a ``poses_bounds.npy``; its lens has one focal length and its centre."""
    rows = []
    for camera in some_cameras():
        pose = camera.world_from_camera
        block = np.stack([pose[:3, 1], pose[:3, 0], -pose[:3, 2], pose[:3, 3], [480, 640, 500]], 1)
        rows.append(np.concatenate([block.ravel(), [0.5, 9.0]]))
    return np.array(rows)


def ingp_path(**changes: Any) -> dict[str, Any]:
    """The content of an instant-ngp camera path."""
    keys = [
        {
            "R": [*(float(v) for v in quat[1:]), float(quat[0])],
            "T": [0.5, 0.25 * index, 0.5],
            "fov": 50.0 + index,
            "scale": 1.0,
            "slice": 0.0,
            "aperture_size": 0.0,
        }
        for index, quat in enumerate(quaternions())
    ]
    return {"loop": False, "path": keys, "time": 0.25, **changes}
