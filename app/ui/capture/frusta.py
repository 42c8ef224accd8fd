"""Cameras as wireframes: made once, projected with every paint, found under the pointer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from app.ui.canvas.projection import project_points, project_segments
from scenes.camera import Camera

MOST_FRUSTA = 600
"""Of more cameras every n-th is drawn, so that painting stays cheap."""
SHARE = 0.45
"""Depth of a frustum, of the way to the nearest other camera."""
SMALLEST, LARGEST = 0.012, 0.15
"""Limits of that depth, of the radius of the cameras."""
ALONE = 0.06
"""Depth where there is no other camera, of the size of the scene."""
EDGES = (
    (0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (2, 3), (3, 4), (4, 1), (5, 6), (6, 7), (7, 5),
)  # fmt: skip
"""Pairs of points: four rays from the eye, the picture clockwise, and a roof that tells the top."""
SMALL = 0.25
"""A picture up to this share of the view's height is small."""
_PICTURE = slice(4, 8)
_CHUNK = 256


class Frusta:
    """What cameras see, drawn as pyramids with a roof on the upper side of the picture.

    Parameters
    ----------
    cameras
        Pinhole cameras by the number that the caller knows them by.
    size
        Depth of the pyramids, scene units; wide pictures stand nearer, so that none sprawls.

    Attributes
    ----------
    numbers
        (N,) int64 of the cameras.
    """

    def __init__(self, cameras: Mapping[int, Camera], size: float) -> None:
        self.numbers = np.array(list(cameras), np.int64)
        shown = list(cameras.values())
        self._eyes = np.array([camera.position for camera in shown]).reshape(-1, 3)
        points = np.array([_points(camera, size) for camera in shown]).reshape(-1, 8, 3)
        self._starts, self._ends = (points[:, list(ends)] for ends in zip(*EDGES, strict=True))

    def __len__(self) -> int:
        return len(self.numbers)

    def project(self, view: Camera, near: float) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """The (N, 11, 2, 2) ends of all edges in pixels of ``view``, cut at depth ``near``, and
        (N, 11) which of them can be seen."""
        pixels, visible = project_segments(
            view, self._starts.reshape(-1, 3), self._ends.reshape(-1, 3), near
        )
        return pixels.reshape(-1, len(EDGES), 2, 2), visible.reshape(-1, len(EDGES))

    def eyes(self, view: Camera, near: float) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """The (N, 2) pixels of the cameras' eyes, and (N,) which lie before depth ``near``."""
        return project_points(view, self._eyes, near)

    def small(self, view: Camera, near: float) -> NDArray[np.bool_]:
        """(N,) whether a camera is wholly before ``near`` and its picture :data:`SMALL`."""
        pixels, visible = self.project(view, near)
        side = np.ptp(pixels[:, _PICTURE, 0], axis=1).max(axis=1)
        return (side <= SMALL * view.height) & visible.all(axis=1) & self.eyes(view, near)[1]

    def pick(
        self, view: Camera, near: float, place: tuple[float, float], reach: float
    ) -> int | None:
        """The number of the camera under a pixel, or None.

        An edge is hit within ``reach`` pixels. The picture of a small pyramid is hit as a whole;
        that of a larger one is not, or it would be in the way of the scene. Cameras around the
        eye itself are never hit. The nearest wins among equals.
        """
        if not len(self):
            return None
        pixels, visible = self.project(view, near)
        before = self.eyes(view, near)[1]
        pointer = np.array(place, np.float32)
        distance = np.where(visible, _distance(pixels, pointer), np.inf).min(axis=1)
        distance[_inside(pixels[:, _PICTURE], pointer) & self.small(view, near)] = 0.0
        depth = (self._eyes - view.position) @ view.camera_from_world[2, :3]
        hit = np.flatnonzero(before & (distance <= reach))
        if not len(hit):
            return None
        best = hit[np.lexsort((depth[hit], distance[hit]))[0]]
        return int(self.numbers[best])


def thinned(cameras: Mapping[int, Camera]) -> dict[int, Camera]:
    """At most :data:`MOST_FRUSTA` of the cameras, at even steps."""
    step = max(1, -(-len(cameras) // MOST_FRUSTA))
    return {number: cameras[number] for number in list(cameras)[::step]}


def frustum_size(eyes: NDArray[np.float64], scene_size: float) -> float:
    """Depth of the frusta of cameras at (N, 3) ``eyes``, in scene units like ``scene_size``.

    A share of the median way to the nearest other camera, so that neighbours stay apart, within
    limits that keep them visible where a video was filmed in small steps.
    """
    if len(eyes) < 2:
        return ALONE * scene_size
    radius = float(np.quantile(np.linalg.norm(eyes - np.median(eyes, axis=0), axis=1), 0.9))
    if radius == 0:
        return ALONE * scene_size
    spacing = float(np.median(_nearest(eyes)))
    return float(np.clip(SHARE * spacing, SMALLEST * radius, LARGEST * radius))


def _nearest(eyes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) distance of each point to the nearest other one, by trying all."""
    nearest = np.empty(len(eyes))
    for first in range(0, len(eyes), _CHUNK):
        rows = eyes[first : first + _CHUNK]
        away = np.linalg.norm(rows[:, None] - eyes, axis=2)
        away[np.arange(len(rows)), first + np.arange(len(rows))] = np.inf
        nearest[first : first + _CHUNK] = away.min(axis=1)
    return nearest


def _points(camera: Camera, size: float) -> NDArray[np.float64]:
    """(8, 3) in the world: the eye, the corners of the picture clockwise, the roof."""
    left, right = -camera.cx / camera.fx, (camera.width - camera.cx) / camera.fx
    top, bottom = -camera.cy / camera.fy, (camera.height - camera.cy) / camera.fy
    wide, high = right - left, bottom - top
    roof, tip = top - 0.08 * high, top - 0.35 * high
    flat = np.array(
        [
            (left, top),
            (right, top),
            (right, bottom),
            (left, bottom),
            (left + 0.25 * wide, roof),
            (right - 0.25 * wide, roof),
            (left + 0.5 * wide, tip),
        ]
    )
    depth = size / max(1.0, float(np.abs(flat[:4]).max()))
    points = np.zeros((8, 3))
    points[1:, :2] = depth * flat
    points[1:, 2] = depth
    pose = camera.world_from_camera
    return points @ pose[:3, :3].T + pose[:3, 3]


def _distance(segments: NDArray[np.float32], place: NDArray[np.float32]) -> NDArray[np.float32]:
    """(...,) distances of a point to (..., 2, 2) segments."""
    start, along = segments[..., 0, :], segments[..., 1, :] - segments[..., 0, :]
    length = np.maximum((along * along).sum(axis=-1), 1e-12)
    share = np.clip(((place - start) * along).sum(axis=-1) / length, 0.0, 1.0)
    return np.linalg.norm(start + share[..., None] * along - place, axis=-1)


def _inside(outlines: NDArray[np.float32], place: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(N,) whether a point lies within convex outlines, (N, 4, 2, 2) segments in order."""
    start, along = outlines[..., 0, :], outlines[..., 1, :] - outlines[..., 0, :]
    to = place - start
    side = along[..., 0] * to[..., 1] - along[..., 1] * to[..., 0]
    return np.asarray((side >= 0).all(axis=1) | (side <= 0).all(axis=1))
