"""Single moves of a camera, as functions from camera to camera.

``up`` is a unit vector of the world that should point up the image. Elevation is the angle of the
view above the horizon; yaw turns about ``up`` and leaves it alone, pitch changes it alone, so the
two commute and a drag cut into pieces arrives where the whole drag does. Both keep the roll.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scenes.camera import Camera

Vector = NDArray[np.float64]
POLE = 1e-6
"""Sine of the angle to the pole under which the horizon's direction is the camera's own right."""
POLE_GAP = 1e-4
"""How near to straight up or down turning goes, radians."""


def placed(camera: Camera, rotation: ArrayLike, eye: ArrayLike) -> Camera:
    """The camera at ``eye`` (3,) with axes right, down, forward as columns of ``rotation``.

    The axes are made orthonormal again, so that a long session does not shear the picture.
    """
    axes = np.asarray(rotation, dtype=np.float64)
    forward = axes[:, 2] / np.linalg.norm(axes[:, 2])
    right = np.cross(axes[:, 1], forward)
    right /= np.linalg.norm(right)
    turned = np.stack([right, np.cross(forward, right), forward])
    pose = np.eye(4)
    pose[:3, :3] = turned
    pose[:3, 3] = -turned @ np.asarray(eye, dtype=np.float64)
    return replace(camera, camera_from_world=pose)


def axes_of(camera: Camera) -> Vector:
    """(3, 3) the world directions right, down, forward as columns."""
    return camera.camera_from_world[:3, :3].T


def depth_of(camera: Camera, point: Vector) -> float:
    """Distance of a point along the optical axis, scene units; negative behind the camera."""
    return float(camera.camera_from_world[2, :3] @ point + camera.camera_from_world[2, 3])


def elevation_of(camera: Camera, up: Vector) -> float:
    """Angle of the view above the horizon, -pi/2..pi/2 radians."""
    forward = axes_of(camera)[:, 2]
    return float(np.arctan2(forward @ up, np.linalg.norm(np.cross(forward, up))))


def horizon(camera: Camera, up: Vector) -> tuple[Vector, float]:
    """The level direction to the right of the image, and 1, or -1 for a camera upside down."""
    axes = axes_of(camera)
    level = np.cross(axes[:, 2], up)
    length = float(np.linalg.norm(level))
    if length < POLE:
        return axes[:, 0], 1.0
    level /= length
    side = 1.0 if level @ axes[:, 0] >= 0 else -1.0
    return level * side, side


def turned(camera: Camera, about: Vector, up: Vector, yaw: float, pitch: float) -> Camera:
    """Turn the camera rigidly about a point, which therefore stays at its pixel.

    Positive ``yaw`` turns the view to the left, positive ``pitch`` upwards, radians. The view
    stops just short of straight up and straight down, so it never tips over and never forgets
    which part of its turn about the axis is roll.
    """
    level, side = horizon(camera, up)
    elevation = side * elevation_of(camera, up)
    steepest = np.pi / 2 - POLE_GAP
    pitch = float(np.clip(pitch, min(0.0, -steepest - elevation), max(0.0, steepest - elevation)))
    turn = rotation_about(up, side * yaw) @ rotation_about(level, pitch)
    return placed(camera, turn @ axes_of(camera), about + turn @ (camera.position - about))


def rotation_about(axis: Vector, angle: float) -> Vector:
    """(3, 3) right-handed rotation by ``angle`` radians about a unit axis (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)


def pixel_lengths(camera: Camera, depth: float) -> Vector:
    """(2,) scene units that one pixel to the right and one down are at a depth."""
    distance = 1.0 if camera.projection == "orthographic" else depth
    return distance / np.array([camera.fx, camera.fy])


def moved(camera: Camera, offset: Vector) -> Camera:
    """The camera moved by a world vector (3,)."""
    return placed(camera, axes_of(camera), camera.position + offset)


def approached(camera: Camera, pivot: Vector, scale: float) -> Camera:
    """Zoom: the pivot at ``scale`` times its distance, at the same pixel.

    An orthographic camera keeps its depth (going nearer would only cut off the foreground) and
    magnifies instead.
    """
    offset = camera.position - pivot
    if camera.projection == "pinhole":
        return moved(camera, (scale - 1.0) * offset)
    forward = axes_of(camera)[:, 2]
    sideways = offset - forward * (offset @ forward)
    nearer = moved(camera, (scale - 1.0) * sideways)
    return replace(nearer, fx=camera.fx / scale, fy=camera.fy / scale)


def levelled(camera: Camera, up: Vector) -> Camera:
    """The same place and direction without roll; straight up or down there is none to take."""
    forward = axes_of(camera)[:, 2]
    level = np.cross(forward, up)
    length = np.linalg.norm(level)
    if length < POLE:
        return camera
    right = level / length
    axes = np.stack([right, np.cross(forward, right), forward], axis=1)
    return placed(camera, axes, camera.position)


def framed(camera: Camera, center: Vector, radius: float) -> Camera:
    """The same direction, from where a ball fills the shorter side of the image, centred."""
    half = 0.5 * min(camera.width / camera.fx, camera.height / camera.fy)
    forward = axes_of(camera)[:, 2]
    if camera.projection == "pinhole":
        # The ball's outline is seen under asin(radius / distance).
        distance = radius / np.sin(np.arctan(half))
    else:
        scale = radius / half
        camera = replace(camera, fx=camera.fx / scale, fy=camera.fy / scale)
        distance = max(depth_of(camera, center), 3.0 * radius)
    return placed(camera, axes_of(camera), center - distance * forward)


def axis_directions(up: Vector) -> dict[str, tuple[Vector, Vector]]:
    """Forward direction and image-up of the views along the world's axes.

    ``front`` has +x to the right of the image; ``right`` looks from there, ``top`` from above
    with the front's forward up the image, as modelling programs do for any up axis.
    """
    east = np.array([1.0, 0.0, 0.0])
    if abs(up @ east) > 0.9:
        east = np.array([0.0, 1.0, 0.0])
    east = east - up * (east @ up)
    east /= np.linalg.norm(east)
    ahead = np.cross(up, east)
    return {
        "front": (ahead, up),
        "back": (-ahead, up),
        "right": (-east, up),
        "left": (east, up),
        "top": (-up, ahead),
        "bottom": (up, -ahead),
    }


def looking(camera: Camera, pivot: Vector, distance: float, forward: Vector, up: Vector) -> Camera:
    """The camera at a distance from the pivot, which it sees in its centre; ``up`` in the image."""
    axes = np.stack([np.cross(forward, up), -up, forward], axis=1)
    return placed(camera, axes, pivot - distance * forward)
