"""A multiplane image from a photo and its depth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from render.making.depths import EDGE_WEIGHT, disparity_of, edge_strength, plane_disparities
from render.making.edges import split_edges
from render.making.layers import facing_crop, slices
from scenes.camera import Camera
from scenes.errors import Cancelled
from scenes.planes import LARGEST_SIDE, MOST_LAYERS, PlaneScene
from scenes.registry import Cancel, Progress, never, no_progress

EDGE_STEPS = 3.0
"""Neighbours whose disparities are this many planes apart lie on two things, not on a slope."""


def from_depth(
    photo: NDArray[np.uint8],
    depth: NDArray[np.floating],
    camera: Camera,
    count: int = 32,
    name: str = "photo",
    progress: Progress = no_progress,
    cancel: Cancel = never,
) -> PlaneScene:
    """Planes parallel to a photo at the depths that it has most of, soft between neighbours.

    Seen from ``camera`` the planes over each other are the photo (above 45 dB; what differs are
    pixels at edges of depth whose colours no mixture explains). Each plane goes on behind nearer
    ones until planes that follow each other have moved apart by two pixels.

    Parameters
    ----------
    photo
        (H, W, 3) uint8.
    depth
        (H, W), scene units along the optical axis; 0 and not-a-number are holes, which get the
        depth of their surroundings, and infinity is as far as the farthest that is finite.
    camera
        What took the photo: a pinhole of W by H pixels.
    count
        The most planes, 1 to 4096; fewer where the depth has fewer values.
    progress, cancel
        Count planes.

    Raises
    ------
    ValueError
        If sizes disagree, the photo is no picture, or no depth is positive.
    Cancelled
        When ``cancel()`` became true.

    Notes
    -----
    Cost: about 0.1 s a plane and megapixel on one core; memory of the pictures, cut to what they
    show, and some 200 bytes a pixel of the photo.
    """
    photo = checked_photo(photo, camera)
    if np.shape(depth) != photo.shape[:2]:
        raise ValueError(f"depth must be {photo.shape[:2]} like the photo, got {np.shape(depth)}")
    if not 1 <= count <= MOST_LAYERS:
        raise ValueError(f"count must be 1 to {MOST_LAYERS}, got {count}")
    progress(0, count, "planes")
    disparity = disparity_of(depth)
    weights = 1 + EDGE_WEIGHT * edge_strength(photo)
    planes = plane_disparities(disparity, weights, count)
    if cancel():
        raise Cancelled
    step = (planes[-1] - planes[0]) / max(len(planes) - 1, 1)
    samples = split_edges(photo, disparity, EDGE_STEPS * step if step else np.inf)
    layers = []
    for index, image in enumerate(slices(samples, planes)):
        if cancel():
            raise Cancelled
        layer = facing_crop(camera, 1 / planes[index], image, f"plane {index + 1}")
        if layer is not None:
            layers.append(layer)
        progress(index + 1, len(planes), "planes")
    return PlaneScene(tuple(layers), camera, photo, name=name)


def checked_photo(photo: NDArray[np.uint8], camera: Camera) -> NDArray[np.uint8]:
    """The photo as it was given. Raises ValueError where it is none of that camera's."""
    photo = np.asarray(photo)
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or not photo.size:
        raise ValueError(f"photo must be (H, W, 3) uint8, got {photo.shape} {photo.dtype}")
    if max(photo.shape) > LARGEST_SIDE:
        raise ValueError(f"a photo may be at most {LARGEST_SIDE} pixels wide and high")
    if (camera.height, camera.width) != photo.shape[:2]:
        raise ValueError(
            f"camera must be {photo.shape[1]}x{photo.shape[0]} like the photo, "
            f"got {camera.width}x{camera.height}"
        )
    if camera.projection != "pinhole":
        raise ValueError("camera must be a pinhole")
    return photo
