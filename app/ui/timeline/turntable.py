"""A camera path once around the scene, from the view that is shown."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.document import Document
from app.ui.timeline.scale import snapped
from scenes.camera import Camera
from scenes.paths.edit import turned
from scenes.paths.path import CameraPath, Keyframe
from scenes.planes import PlaneScene
from scenes.sway import sway
from scenes.transforms import ORIENTATIONS

KEYS = 8
"""Enough for the spline to stay within a thousandth of the radius of a circle."""


def turntable(
    view: Camera, centre: ArrayLike, duration: float = 8.0, fps: float = 30.0
) -> CameraPath:
    """Turn a view once about the vertical axis through ``centre`` (3,), as a closed loop.

    The vertical is the world's y axis, as the display orientation leaves it. The first key is the
    view itself, so the turn begins with what is seen.
    """
    centre = np.asarray(centre, dtype=np.float64)
    keys = []
    for index in range(KEYS):
        pose = _turn(centre, 2 * np.pi * index / KEYS) @ view.world_from_camera
        keys.append(Keyframe(snapped(duration * index / KEYS, fps), pose, view.fov_y))
    return CameraPath(tuple(keys), duration, fps, loop=True, name="turntable")


def turntable_of(document: Document) -> CameraPath | None:
    """The turntable of the current scene and view with the present clip's time; None without.

    Around a multiplane image there is nothing to see: the camera sways near its own.
    """
    if document.scene is None or document.view is None:
        return None
    scene, view = document.scene, document.view
    if isinstance(scene, PlaneScene) and scene.safe_radius:
        path = sway(scene, scene.default_camera(), document.path.duration, document.path.fps)
        if document.orientation != "none":
            path = turned(path, ORIENTATIONS[document.orientation].world_from_file)
        return path
    centre = scene.focus[0]
    if document.orientation != "none":
        centre = ORIENTATIONS[document.orientation].world_from_file[:3, :3] @ centre
    return turntable(view, centre, document.path.duration, document.path.fps)


def _turn(centre: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    """(4, 4) rotation by ``angle`` radians about the vertical axis through a point."""
    turn = np.eye(4)
    cos, sin = np.cos(angle), np.sin(angle)
    turn[:3, :3] = [[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]
    turn[:3, 3] = centre - turn[:3, :3] @ centre
    return turn
