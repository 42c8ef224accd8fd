"""Camera paths of instant-ngp (``*_cam.json``).

Keys are ``{R, T, fov, scale, slice, aperture_size}``: a quaternion (x y z w) and a position, camera
to world with OpenCV axes, in the frame of the unit cube that instant-ngp scales its scenes into
(:class:`scenes.paths.camera_sets.UnitCube`), and the vertical field of view in degrees. Poses are
read in that frame. ``timestamp`` tells when a key is left for the next one, the first key is at
the start; without, keys are evenly apart. instant-ngp goes through a B-spline beside its keys,
here the path goes through them. Aperture, slice and scale are not read. Source: instant-ngp
``src/camera_path.cu``.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenes.paths.edit import LONGEST, SHORTEST
from scenes.paths.json_file import LARGEST_LENGTH, Value, read_json
from scenes.paths.path import CameraPath, Interpolation, Keyframe
from scenes.paths.rotations import matrices_of
from scenes.registry import Format

ORDERS: tuple[Interpolation, ...] = ("hold", "linear", "spline", "spline")
"""By ``spline_order``."""


def read(path: Path) -> CameraPath:
    """Read the keys of a file; their frame is that of the unit cube.

    Raises
    ------
    SceneError
    """
    value = read_json(path)
    items = list(value["path"].items("key"))
    if not items:
        value["path"].fail("keys", "none")
    loop = value.get("loop", False).flag()
    usual = max(SHORTEST, len(items) - (0.0 if loop else 1.0))
    stated = value.get("duration_seconds", value.get("seconds", usual).raw)
    duration = stated.number(SHORTEST, LONGEST)
    times = _times(items, loop) * duration
    keys = tuple(_key(item, float(time)) for item, time in zip(items, times, strict=True))
    order = value.get("spline_order", 3).integer(0, len(ORDERS) - 1)
    return CameraPath(keys, duration, loop=loop, interpolation=ORDERS[order])


def _times(items: list[Value], loop: bool) -> NDArray[np.float64]:
    """When each key is reached, as a fraction of the clip."""
    count = len(items)
    ends = np.arange(1.0, count + 1.0)
    if all("timestamp" in item for item in items):
        told = [item["timestamp"].number() for item in items]
        if told[0] > 0 and all(before < after for before, after in pairwise(told)):
            ends = np.array(told)
    starts = np.concatenate([[0.0], ends[:-1]])
    # A loop also takes the time from the last key, which is the way back.
    return starts / (ends[-1] if loop else max(float(starts[-1]), 1e-300))


def _key(item: Value, time: float) -> Keyframe:
    rotation, position = item["R"], item["T"]
    quaternion = np.roll(rotation.numbers(4), 1)
    length = float(np.abs(quaternion).max())
    if not 1e-6 <= length <= 1e6:
        rotation.fail("a quaternion", f"one of length {length:g}")
    pose = np.eye(4)
    pose[:3, :3] = matrices_of(quaternion / np.linalg.norm(quaternion))
    pose[:3, 3] = position.numbers(3)
    if np.abs(pose[:3, 3]).max() > LARGEST_LENGTH:
        position.fail("a camera near the scene")
    return Keyframe(time, pose, float(np.deg2rad(item["fov"].number(0.01, 179.9))))


def sniff(path: Path, head: bytes) -> bool:
    """An object whose beginning speaks of a path with rotations and positions."""
    listed = head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
    return listed and all(word in head for word in (b'"path"', b'"R"', b'"T"'))


FORMAT = Format(
    name="ingp_path",
    title="instant-ngp camera path, in its unit cube",
    extensions=("_cam.json",),
    kind="path",
    sniff=sniff,
    read=read,
)
