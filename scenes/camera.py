"""A camera: pose and intrinsics, as data.

Axes are OpenCV (x right, y down, z forward), the image origin is the top left corner and pixel
centres lie at +0.5. All lengths of the pose are in scene units, all intrinsics in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Projection = Literal["pinhole", "orthographic"]


@dataclass(frozen=True, eq=False)
class Camera:
    """One view of a scene.

    Attributes
    ----------
    camera_from_world
        (4, 4) float64, rigid: ``p_camera = R p_world + t``.
    width, height
        Image size, pixels.
    fx, fy
        Focal lengths, pixels (``orthographic``: pixels per scene unit).
    cx, cy
        Principal point, pixels from the top left corner.
    projection
        ``"pinhole"`` or ``"orthographic"``.
    """

    camera_from_world: NDArray[np.float64]
    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    projection: Projection = field(default="pinhole")

    def __post_init__(self) -> None:
        pose = np.array(self.camera_from_world, dtype=np.float64)
        if pose.shape != (4, 4):
            raise ValueError(f"camera_from_world must be (4, 4), got {pose.shape}")
        if not np.isfinite(pose).all():
            raise ValueError("camera_from_world must be finite")
        if self.width < 1 or self.height < 1:
            raise ValueError(f"image size must be positive, got {self.width}x{self.height}")
        if not (self.fx > 0 and self.fy > 0):
            raise ValueError(f"focal lengths must be positive, got {self.fx}, {self.fy}")
        pose.setflags(write=False)
        object.__setattr__(self, "camera_from_world", pose)

    @classmethod
    def from_fov(
        cls,
        world_from_camera: ArrayLike,
        fov_y: float,
        width: int,
        height: int,
        projection: Projection = "pinhole",
    ) -> Camera:
        """Square pixels, centred principal point, vertical field of view ``fov_y`` in radians."""
        focal = 0.5 * height / np.tan(0.5 * fov_y)
        pose = np.linalg.inv(np.asarray(world_from_camera, dtype=np.float64))
        return cls(pose, width, height, focal, focal, width / 2, height / 2, projection)

    @classmethod
    def look_at(
        cls,
        eye: ArrayLike,
        target: ArrayLike,
        up: ArrayLike = (0.0, -1.0, 0.0),
        fov_y: float = np.deg2rad(50.0),
        width: int = 1280,
        height: int = 720,
    ) -> Camera:
        """A camera at ``eye`` that sees ``target`` in its centre, ``up`` pointing up the image."""
        return cls.from_fov(look_at_pose(eye, target, up), fov_y, width, height)

    @property
    def world_from_camera(self) -> NDArray[np.float64]:
        """(4, 4) float64, the inverse pose."""
        return np.asarray(np.linalg.inv(self.camera_from_world), np.float64)

    @property
    def position(self) -> NDArray[np.float64]:
        """(3,) the optical centre in world coordinates."""
        rotation = self.camera_from_world[:3, :3]
        return -rotation.T @ self.camera_from_world[:3, 3]

    @property
    def fov_y(self) -> float:
        """Vertical field of view, radians (of the equivalent centred pinhole)."""
        return float(2 * np.arctan(0.5 * self.height / self.fy))

    def resized(self, width: int, height: int) -> Camera:
        """The same view in another size: keeps the vertical field of view, square to the eye."""
        scale = height / self.height
        return replace(
            self,
            width=width,
            height=height,
            fx=self.fx * scale,
            fy=self.fy * scale,
            cx=width / 2 + (self.cx - self.width / 2) * scale,
            cy=self.cy * scale,
        )

    def stretched(self, width: int, height: int) -> Camera:
        """The same view with other pixels: both fields of view are kept, pixels may not be square.

        The picture of a lower resolution covers exactly what the full one does.
        """
        scale_x, scale_y = width / self.width, height / self.height
        return replace(
            self,
            width=width,
            height=height,
            fx=self.fx * scale_x,
            fy=self.fy * scale_y,
            cx=self.cx * scale_x,
            cy=self.cy * scale_y,
        )

    def transformed(self, new_from_world: ArrayLike) -> Camera:
        """The camera that sees a scene moved by ``new_from_world`` as this one did.

        (4, 4) rigid, or a similarity: then depths are as many times as large.
        """
        world_from_new = np.linalg.inv(np.asarray(new_from_world, dtype=np.float64))
        pose = self.camera_from_world @ world_from_new
        scale = float(np.cbrt(np.linalg.det(pose[:3, :3])))
        if abs(scale - 1) > 1e-9:
            pose[:3] /= scale
        return replace(self, camera_from_world=pose)


def look_at_pose(
    eye: ArrayLike, target: ArrayLike, up: ArrayLike = (0.0, -1.0, 0.0)
) -> NDArray[np.float64]:
    """``world_from_camera`` (4, 4) of a camera at ``eye`` looking at ``target``.

    Where the view runs along ``up``, another axis takes its place, so the result is always rigid.
    """
    eye = np.asarray(eye, dtype=np.float64)
    forward = np.asarray(target, dtype=np.float64) - eye
    length = np.linalg.norm(forward)
    forward = forward / length if length > 0 else np.array([0.0, 0.0, 1.0])
    down = -np.asarray(up, dtype=np.float64)
    right = np.cross(down, forward)
    if np.linalg.norm(right) < 1e-9 * max(1.0, float(np.linalg.norm(down))):
        right = np.cross(np.roll(down, 1) + 1e-3, forward)
    right = right / np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2], pose[:3, 3] = (
        right,
        np.cross(forward, right),
        forward,
        eye,
    )
    return pose
