"""World points and lines to pixels of the canvas, for overlays."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scenes.camera import Camera

NEAR_SHARE = 1e-3
"""Near plane of overlays as a share of the size of what is drawn."""


def project_segments(
    camera: Camera, starts: ArrayLike, ends: ArrayLike, near: float
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Project line segments, cut at the near plane.

    Parameters
    ----------
    camera
        The view; coordinates come out in its pixels.
    starts, ends
        (M, 3) world points.
    near
        Depth of the cut, scene units, > 0.

    Returns
    -------
    pixels
        (M, 2, 2) float32, start and end of each segment, pixels.
    visible
        (M,) bool, whether any of the segment lies before the camera; rows that do not are 0.
    """
    a = _to_camera(camera, starts)
    b = _to_camera(camera, ends)
    depth_a, depth_b = a[:, 2], b[:, 2]
    visible = (depth_a > near) | (depth_b > near)
    # The point of the segment at depth `near`: a + s (b - a) with s from the two depths.
    span = depth_b - depth_a
    s = (near - depth_a) / np.where(span == 0, 1.0, span)
    cut = a + s[:, None] * (b - a)
    a = np.where((depth_a <= near)[:, None], cut, a)
    b = np.where((depth_b <= near)[:, None], cut, b)
    pixels = np.stack([_to_pixels(camera, a), _to_pixels(camera, b)], axis=1)
    pixels[~visible] = 0.0
    return pixels.astype(np.float32), visible


def project_points(
    camera: Camera, points: ArrayLike, near: float
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Project (M, 3) points to (M, 2) pixels, and whether each lies before the near plane."""
    in_camera = _to_camera(camera, points)
    visible = in_camera[:, 2] > near
    pixels = _to_pixels(camera, np.where(visible[:, None], in_camera, [0.0, 0.0, 1.0]))
    return pixels.astype(np.float32), visible


def unproject(camera: Camera, x: float, y: float, depth: float) -> NDArray[np.float64]:
    """The world point (3,) at ``depth`` along the optical axis under pixel position (x, y)."""
    along = np.array([(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy, 1.0])
    if camera.projection == "pinhole":
        along[:2] *= depth
    along[2] = depth
    pose = camera.world_from_camera
    return pose[:3, :3] @ along + pose[:3, 3]


def _to_camera(camera: Camera, points: ArrayLike) -> NDArray[np.float64]:
    world = np.asarray(points, dtype=np.float64).reshape(-1, 3)
    pose = camera.camera_from_world
    return world @ pose[:3, :3].T + pose[:3, 3]


def _to_pixels(camera: Camera, in_camera: NDArray[np.float64]) -> NDArray[np.float64]:
    depth = np.ones(len(in_camera)) if camera.projection == "orthographic" else in_camera[:, 2]
    scaled = in_camera[:, :2] / np.where(depth > 0, depth, 1.0)[:, None]
    return scaled * [camera.fx, camera.fy] + [camera.cx, camera.cy]
