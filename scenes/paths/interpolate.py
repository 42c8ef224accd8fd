"""Where the camera is at any time of a path.

Three channels run independently through the keys: position (scene units), orientation (with its
roll) and the zoom ``log tan(fov_y / 2)``, in which equal steps look equally large. By
interpolation:

``spline``
    Position and zoom are cubic splines with continuous acceleration (C2) over the keys' own,
    possibly uneven times; the orientation is their counterpart on rotations. Ends are natural
    (no acceleration), a loop is periodic. A channel that has the same value at two keys in a row
    rests between them and is C1 at those two keys: without that a pause would swing.
``linear``
    Straight lines, the shortest turn, constant speed between keys.
``hold``
    Each key stands until the next one.

Easing is a choice of the key it starts from: it runs the time of that segment slower at its start
(``in``), its end (``out``) or both, to a stop. Easing trades C2 (and C1) for a set speed at that
key: the curve in space stays the same, the speed along it may jump at the key.

Times outside the keys hold the first and the last view, except in a loop, where the time wraps
and a closing segment leads from the last key back to the first over the rest of the duration.
Where nothing is left of the duration, a loop whose last key equals its first is closed there, and
any other cuts. Keys past the end of a loop's round play no part. Of keys at equal times the
later one in the list counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scenes.camera import Camera
from scenes.paths.path import CameraPath, Easing, Keyframe
from scenes.paths.rotations import (
    angular_velocities,
    between,
    exponential,
    matrices_of,
    multiply,
    quaternions_of,
    right_jacobians,
)
from scenes.paths.spline import Array, hermite, spline_slopes

TIME_GAP = 1e-6
"""Keys closer in time than this, seconds, are at the same time."""
SAME = 1e-6
"""Values closer than this are the same: of the path's extent, radians, or of log tan(fov/2)."""
NARROWEST, WIDEST = float(np.deg2rad(1.0)), float(np.deg2rad(170.0))
"""Limits of the vertical field of view, radians."""


def camera_at(path: CameraPath, time: float, width: int, height: int) -> Camera:
    """The camera of a path at ``time`` seconds, for an image of ``width`` x ``height`` pixels.

    Raises ValueError when the path has no keys.
    """
    poses, fov_y = pose_at(path, np.array([time]))
    return Camera.from_fov(poses[0], float(fov_y[0]), width, height)


def cameras_of(path: CameraPath, width: int, height: int) -> list[Camera]:
    """The cameras of all frames of the clip, in order."""
    poses, fov_y = pose_at(path, frame_times(path))
    return [
        Camera.from_fov(pose, float(fov), width, height)
        for pose, fov in zip(poses, fov_y, strict=True)
    ]


def frame_times(path: CameraPath) -> NDArray[np.float64]:
    """Times of the frames, seconds: ``round(duration * fps)`` of them, at least one."""
    return np.arange(max(1, round(path.duration * path.fps))) / path.fps


def pose_at(path: CameraPath, times: ArrayLike) -> tuple[Array, Array]:
    """Poses and fields of view of a path at many times.

    Parameters
    ----------
    path
        Any path with at least one key; ValueError otherwise.
    times
        (T,) seconds.

    Returns
    -------
    ``world_from_camera`` (T, 4, 4) float64, rigid, and ``fov_y`` (T,) radians, 1..170 degrees.
    """
    return _motion(path).at(path, np.asarray(times, dtype=np.float64).reshape(-1))


def ease(easing: Easing, fraction: ArrayLike) -> Array:
    """How far a segment has come at a ``fraction`` (0..1) of its time; monotone, 0 to 1.

    Cubics whose slope is 0 at an eased end and 1 (the unchanged speed) at a free end.
    """
    u = np.asarray(fraction, dtype=np.float64)
    if easing == "in":
        return u * u * (2.0 - u)
    if easing == "out":
        return u * (1.0 + u - u * u)
    if easing == "in-out":
        return u * u * (3.0 - 2.0 * u)
    return u


@dataclass(frozen=True, eq=False)
class _Motion:
    """A path made ready to be asked: K knots, S = K - 1 segments (S = K when closed)."""

    times: Array
    """(S + 1,) knot times; a closed motion ends where it begins, one round later."""
    eased: tuple[Easing, ...]
    positions: Array
    """(K, 3), and likewise one row per knot below."""
    quats: Array
    zooms: Array
    steps: Array
    """(S, 3) position, and (S, 3) rotation vectors and (S, 1) zoom changes below."""
    turns: Array
    zoom_steps: Array
    velocities: Array
    """(K, 3), with (K, 3) angular velocities in the moving frame and (K, 1) zoom speeds below."""
    spins: Array
    zoom_speeds: Array

    def at(self, path: CameraPath, times: Array) -> tuple[Array, Array]:
        """Poses (T, 4, 4) and fields of view (T,) at times (T,)."""
        start = self.times[0]
        if path.loop and path.duration > 0:
            times = start + np.mod(times - start, path.duration)
        times = np.clip(times, start, self.times[-1])
        if len(self.times) == 1:
            nothing = np.zeros(len(times), dtype=np.int64)
            return self._poses(self.positions[nothing], self.quats[nothing], self.zooms[nothing])
        segment = np.searchsorted(self.times, times, side="right") - 1
        segment = np.minimum(segment, len(self.times) - 2)
        length = np.diff(self.times)[segment]
        u = (times - self.times[segment]) / length
        if path.interpolation == "hold":
            segment = np.where(u >= 1.0, segment + 1, segment) % len(self.positions)
            return self._poses(self.positions[segment], self.quats[segment], self.zooms[segment])
        for index in np.unique(segment):
            if self.eased[index] != "none":
                inside = segment == index
                u[inside] = ease(self.eased[index], u[inside])
        if path.interpolation == "linear":
            move, turn, zoom = (
                u[:, None] * item[segment] for item in (self.steps, self.turns, self.zoom_steps)
            )
        else:
            move, turn, zoom = self._spline(segment, length, u)
        quats = multiply(self.quats[segment], exponential(turn))
        return self._poses(self.positions[segment] + move, quats, self.zooms[segment] + zoom)

    def _spline(
        self, segment: NDArray[np.int64], length: Array, u: Array
    ) -> tuple[Array, Array, Array]:
        """Changes of the three channels since the segment's first knot."""
        following = (segment + 1) % len(self.positions)
        # The rotation vector's rate at the segment's end, of the angular velocity there.
        _, inverse = right_jacobians(self.turns[segment])
        arriving = np.einsum("tij,tj->ti", inverse, self.spins[following])
        velocities, speeds = self.velocities, self.zoom_speeds
        return (
            hermite(self.steps[segment], velocities[segment], velocities[following], length, u),
            hermite(self.turns[segment], self.spins[segment], arriving, length, u),
            hermite(self.zoom_steps[segment], speeds[segment], speeds[following], length, u),
        )

    @staticmethod
    def _poses(positions: Array, quats: Array, zooms: Array) -> tuple[Array, Array]:
        poses = np.zeros((len(positions), 4, 4))
        poses[:, :3, :3] = matrices_of(quats / np.linalg.norm(quats, axis=1, keepdims=True))
        poses[:, :3, 3] = positions
        poses[:, 3, 3] = 1.0
        limits = np.log(np.tan(0.5 * np.array([NARROWEST, WIDEST])))
        fov_y = 2.0 * np.arctan(np.exp(np.clip(zooms[:, 0], *limits)))
        return poses, np.clip(fov_y, NARROWEST, WIDEST)


def _used_keys(path: CameraPath) -> list[Keyframe]:
    """Keys in order of time, one per time, without those that a loop's round has no room for."""
    if not path.keys:
        raise ValueError("a camera path without keys has no views")
    used: list[Keyframe] = []
    for key in sorted(path.keys, key=lambda item: item.time):
        if used and key.time - used[-1].time < TIME_GAP:
            used.pop()
        elif path.loop and used and key.time > used[0].time + path.duration + TIME_GAP:
            break
        used.append(key)
    return used


def _same_view(a: Keyframe, b: Keyframe) -> bool:
    return bool(
        np.allclose(a.world_from_camera, b.world_from_camera, rtol=SAME, atol=1e-9)
        and abs(a.fov_y - b.fov_y) < SAME
    )


@lru_cache(maxsize=16)
def _motion(path: CameraPath) -> _Motion:
    """Solve for the curve once per path; a path never changes, so its identity is the key."""
    keys = _used_keys(path)
    rest = keys[0].time + path.duration - keys[-1].time
    closed = path.loop and len(keys) > 1 and rest > TIME_GAP
    times = [key.time for key in keys]
    if closed:
        times.append(keys[0].time + path.duration)
    elif path.loop and len(keys) > 2 and _same_view(keys[0], keys[-1]):
        closed = True
        keys = keys[:-1]
    positions = np.stack([key.world_from_camera[:3, 3] for key in keys])
    quats = quaternions_of(np.stack([key.world_from_camera[:3, :3] for key in keys]))
    fov_y = np.clip([[key.fov_y] for key in keys], NARROWEST, WIDEST)
    zooms = np.log(np.tan(0.5 * fov_y))

    segments = len(times) - 1
    following = (np.arange(segments) + 1) % len(keys)
    steps = positions[following] - positions[:segments]
    turns = between(quats[:segments], quats[following])
    zoom_steps = zooms[following] - zooms[:segments]
    extent = float(np.linalg.norm(np.ptp(positions, axis=0)))
    velocities, spins, speeds = np.zeros((len(keys), 3)), np.zeros((len(keys), 3)), zooms * 0.0
    if segments and path.interpolation == "spline":
        lengths = np.diff(times)

        def still(changes: Array, tolerance: float) -> NDArray[np.bool_]:
            return np.linalg.norm(changes, axis=1) <= tolerance

        velocities = spline_slopes(lengths, steps, still(steps, SAME * extent), closed)
        spins = angular_velocities(lengths, turns, still(turns, SAME), closed)
        speeds = spline_slopes(lengths, zoom_steps, still(zoom_steps, SAME), closed)
    return _Motion(
        np.array(times),
        tuple(key.easing for key in keys),
        positions,
        quats,
        zooms,
        steps,
        turns,
        zoom_steps,
        velocities,
        spins,
        speeds,
    )
