"""What is seen of a plane in space, as pictures on it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from scenes.camera import Camera
from scenes.planes import LARGEST_SIDE, Plane

OCTAVE = 2.0
"""Disparities of one picture differ by at most this factor: a texel fits the nearest part."""
OVERSAMPLING = 2.0
"""Texels per pixel of the photo, along one side, where the plane is nearest."""
MOST_TEXELS = 40.0
"""Texels of a picture for each pixel of the photo that shows on it."""
OVERLAP = 2.0
"""Pixels by which the pictures of a plane reach into each other."""


def disparity_map(plane: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """(H, W) ``a x + b y + c`` at pixel centres."""
    a, b, c = plane
    y, x = np.mgrid[:height, :width] + 0.5
    return np.asarray(a * x + b * y + c)


def pictures(
    camera: Camera, plane: NDArray[np.float64], image: NDArray[np.uint8], name: str
) -> Iterator[Plane]:
    """Planes that show ``image`` (H, W, 4) uint8, as the camera sees it, on a plane in space.

    ``plane`` is (a, b, c) of ``1 / z = a x + b y + c`` at pixel (x, y), which is n . X = 1 with
    ``n = (a fx, b fy, a cx + b cy + c)``. A plane that leads far away becomes several pictures,
    one for each octave of disparity, for a picture has texels of one size.
    """
    disparity = disparity_map(plane, *image.shape[:2])
    shown = (image[..., 3] > 0) & (disparity > 0)
    if not shown.any():
        return
    low, high = float(disparity[shown].min()), float(disparity[shown].max())
    # Beyond a thousandth of the nearest part's disparity there is nothing to tell apart.
    low = max(low, high / 1000)
    octaves = max(1, math.ceil(math.log(high / low, OCTAVE) - 1e-9))
    borders = np.geomspace(low, high, octaves + 1)
    # Of a plane that faces the camera all disparities are equal up to rounding.
    margin = OVERLAP * math.hypot(plane[0], plane[1]) + 1e-6 * low
    for index in range(octaves):
        # Towards the horizon a pixel is more than all that is left.
        reach = max(borders[index] - margin, 0.8 * borders[index]), borders[index + 1] + margin
        inside = shown & (disparity >= reach[0]) & (disparity <= reach[1])
        if inside.any():
            title = name if octaves == 1 else f"{name}.{index + 1}"
            yield _picture(camera, plane, image, inside, reach, title)


def _picture(
    camera: Camera,
    plane: NDArray[np.float64],
    image: NDArray[np.uint8],
    inside: NDArray[np.bool_],
    reach: tuple[float, float],
    name: str,
) -> Plane:
    """The rectangle on the plane around the pixels ``inside``."""
    a, b, c = plane
    normal = np.array([a * camera.fx, b * camera.fy, a * camera.cx + b * camera.cy + c])
    foot = normal / (normal @ normal)
    across, down = _axes(normal)
    rows, columns = np.nonzero(inside)
    corners = np.stack([columns, rows], 1)[:, None] + np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
    x, y = corners.reshape(-1, 2).T
    disparity = a * x + b * y + c
    ahead = disparity >= reach[0] / 2
    x, y, disparity = x[ahead], y[ahead], disparity[ahead]
    rays = np.stack([(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy, np.ones(len(x))], 1)
    points = rays / disparity[:, None]
    u, v = points @ across, points @ down
    low, high = np.array([u.min(), v.min()]), np.array([u.max(), v.max()])
    # A length at disparity d is f d times as many pixels, or fewer where it is seen aslant.
    nearest = disparity.max()
    wanted = OVERSAMPLING * nearest * (high - low) * (camera.fx, camera.fy)
    too_many = max(1.0, math.sqrt(wanted.prod() / (MOST_TEXELS * inside.sum() + 1000)))
    width, height = np.clip(np.ceil(wanted / too_many).astype(int) + 2, 1, LARGEST_SIDE)
    # A transparent texel around, for whoever filters.
    border = (high - low) / np.maximum([width - 2, height - 2], 1)
    low, high = low - border, high + border
    i, j = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    u, v = low[0] + i * (high[0] - low[0]), low[1] + j * (high[1] - low[1])
    there = foot + u[None, :, None] * across + v[:, None, None] * down
    depth = there[..., 2]
    front = depth > 0
    safe = np.where(front, depth, 1)
    x = camera.fx * there[..., 0] / safe + camera.cx
    y = camera.fy * there[..., 1] / safe + camera.cy
    here = front & (1 / safe >= reach[0]) & (1 / safe <= reach[1])
    texture = sampled(image, x, y, here)
    pose = camera.world_from_camera
    corner = foot + low[0] * across + low[1] * down
    place = (pose @ [*corner, 1])[:3]
    extent = high - low
    turn = pose[:3, :3]
    return Plane(texture, place, turn @ (extent[0] * across), turn @ (extent[1] * down), name)


def _axes(normal: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit vectors in a plane, to the right and down for who sees its front.

    ``normal`` points away from the eye.
    """
    unit = normal / np.linalg.norm(normal)
    right = np.array([1.0, 0, 0]) - unit[0] * unit
    if np.linalg.norm(right) < 0.1:
        forward = np.array([0, 0, 1.0]) - unit[2] * unit
        right = -np.sign(unit[0]) * forward
    right = right / np.linalg.norm(right)
    return right, np.cross(unit, right)


def sampled(
    image: NDArray[np.uint8],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    inside: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    """(h, w, 4) uint8 of straight alpha, bilinear between pixel centres, beyond them transparent.

    ``x``, ``y`` (h, w) in pixels; where ``inside`` is not set, nothing.
    """
    height, width = image.shape[:2]
    alpha = image[..., 3:].astype(np.float32)
    premultiplied = np.concatenate([image[..., :3] * (alpha / 255), alpha], 2)
    padded = np.pad(premultiplied, ((1, 1), (1, 1), (0, 0)))
    # Half of a border pixel lies beyond its centre and is as solid as the rest.
    padded[[0, -1]], padded[:, [0, -1]] = padded[[1, -2]], padded[:, [1, -2]]
    inside = inside & (x >= 0) & (x <= width) & (y >= 0) & (y <= height)
    x, y = np.where(inside, x + 0.5, 0), np.where(inside, y + 0.5, 0)
    left, top = x.astype(np.int64), y.astype(np.int64)
    right_part = (x - left)[..., None].astype(np.float32)
    low_part = (y - top)[..., None].astype(np.float32)
    upper = padded[top, left] * (1 - right_part) + padded[top, left + 1] * right_part
    lower = padded[top + 1, left] * (1 - right_part) + padded[top + 1, left + 1] * right_part
    mixed = (upper * (1 - low_part) + lower * low_part) * inside[..., None]
    mixed[..., :3] *= 255 / np.maximum(mixed[..., 3:], np.float32(1e-3))
    # The viewer filters edges once more: half as soft here, they come out as soft as pixels are.
    mixed[..., 3] = np.clip(2 * mixed[..., 3] - 127.5, 0, 255)
    mixed[mixed[..., 3] < 0.5] = 0
    return np.rint(np.clip(mixed, 0, 255)).astype(np.uint8)
