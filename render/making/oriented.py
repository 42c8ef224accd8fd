"""A structural multiplane image: planes in space where a scene has them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from render.making.depths import EDGE_WEIGHT, disparity_of, edge_strength, plane_disparities
from render.making.edges import split_edges
from render.making.fill import neighbourhood
from render.making.layers import facing_crop, grown, slices
from render.making.photo import checked_photo
from render.making.surfaces import CREASE, assign, find_planes, tolerance_of
from render.making.tilted import disparity_map, pictures
from scenes.camera import Camera
from scenes.errors import Cancelled
from scenes.planes import MOST_LAYERS, Layer, PlaneScene
from scenes.registry import Cancel, Progress, never, no_progress

STEPS = 31
"""Hidden parts reach as far as between so many even steps of the whole range of disparity."""


def structural(
    photo: NDArray[np.uint8],
    depth: NDArray[np.floating],
    camera: Camera,
    count: int = 8,
    rest: int = 8,
    name: str = "photo",
    progress: Progress = no_progress,
    cancel: Cancel = never,
) -> PlaneScene:
    """Planes of any pose that fit the depth of a photo, and parallel ones for what fits none.

    A structural multiplane image (S-MPI: Zhang et al. 2023): walls, floors and tables become one
    plane each, on which straight lines stay straight from every view, and which may intersect.

    Parameters
    ----------
    photo, depth, camera, progress, cancel
        As of :func:`render.making.from_depth`.
    count
        The most planes of any pose.
    rest
        The most planes parallel to the photo, for pixels that belong to none of those.

    Raises
    ------
    ValueError, Cancelled
        As :func:`render.making.from_depth`.

    Notes
    -----
    Seen from ``camera`` the planes are the photo within what filtering it twice costs: textures
    on slanted planes are resampled.
    """
    photo = checked_photo(photo, camera)
    if np.shape(depth) != photo.shape[:2]:
        raise ValueError(f"depth must be {photo.shape[:2]} like the photo, got {np.shape(depth)}")
    if not (count >= 0 and rest >= 1 and count + rest <= MOST_LAYERS):
        raise ValueError(f"count and rest must be 1 to {MOST_LAYERS} together")
    progress(0, count + rest, "planes")
    disparity = disparity_of(depth)
    planes = find_planes(disparity, count, cancel)
    labels = np.full(disparity.shape, -1, np.int64)
    if len(planes):
        labels = assign(disparity, planes)
    step = float(np.ptp(disparity)) / STEPS
    layers: list[Layer] = []
    for index, plane in enumerate(planes):
        if cancel():
            raise Cancelled
        image = _seen_of(plane, labels == index, photo, disparity, step)
        layers += pictures(camera, plane, image, f"plane {index + 1}")
        progress(index + 1, count + rest, "planes")
    remaining = labels < 0
    if remaining.any():
        layers += _parallel(photo, disparity, remaining, camera, rest, progress, count, cancel)
    progress(count + rest, count + rest, "planes")
    return PlaneScene(tuple(layers), camera, photo, name=name)


def _seen_of(
    plane: NDArray[np.float64],
    mine: NDArray[np.bool_],
    photo: NDArray[np.uint8],
    disparity: NDArray[np.float64],
    step: float,
) -> NDArray[np.uint8]:
    """What the camera sees of a plane, and what goes on behind nearer things."""
    own = disparity_map(plane, *disparity.shape)
    tolerance = tolerance_of(disparity)
    # Where two planes meet both show the same pixels, so that no gap opens along the line.
    beside = neighbourhood(mine.astype(np.float32), largest=True, radius=2) > 0
    mine = mine | (beside & (np.abs(own - disparity) < CREASE * tolerance))
    nearness = disparity - own
    hidden, farther = ~mine & (nearness > 0), ~mine & (nearness < -tolerance)
    image = grown(photo.astype(np.float32), mine.astype(np.float32), hidden, farther,
                  np.maximum(nearness, 0), step)  # fmt: skip
    # Hidden parts end at twice the depth of the farthest thing that is seen.
    image[own < disparity.min() / 2] = 0
    return image


def _parallel(
    photo: NDArray[np.uint8],
    disparity: NDArray[np.float64],
    remaining: NDArray[np.bool_],
    camera: Camera,
    count: int,
    progress: Progress,
    done: int,
    cancel: Cancel,
) -> list[Layer]:
    """Planes parallel to the photo for the pixels that are left."""
    weights = 1 + EDGE_WEIGHT * edge_strength(photo)
    planes = plane_disparities(disparity[remaining], weights[remaining], count)
    samples = split_edges(photo, disparity, np.inf)
    layers: list[Layer] = []
    for index, image in enumerate(slices(samples, planes, remaining)):
        if cancel():
            raise Cancelled
        layer = facing_crop(camera, 1 / planes[index], image, f"parallel {index + 1}")
        if layer is not None:
            layers.append(layer)
        progress(done + index + 1, done + count, "planes")
    return layers
