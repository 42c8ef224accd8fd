"""nerfstudio's ``camera_path.json``: keyframes for its editor, dense poses for its renderer.

Two dialects are read. The viewer of 2023 and later stores keyframe matrices as 16 numbers, row by
row, and the seconds each transition takes. The viewer before it (three.js) stores them column by
column inside a string, and times as a fraction of the clip in ``properties``; in a cyclic path
these fractions cover the keys alone, the way back takes the n-th part of the time. Camera axes
are OpenGL's (x right, y up, z backward), field of view is vertical, in degrees.

nerfstudio renders only the dense list ``camera_path``, so what is written plays there exactly as
here, whatever its own interpolation. Names, easing and the kind of interpolation do not survive;
the view before the first and after the last key is written as keys of its own.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.errors import SceneError
from scenes.paths.edit import FASTEST, LONGEST, SHORTEST, SLOWEST
from scenes.paths.interpolate import TIME_GAP, frame_times, pose_at
from scenes.paths.json_file import Value, parse, read_json, write_json
from scenes.paths.path import CameraPath, Keyframe
from scenes.registry import Format

OPENGL_FROM_OPENCV = np.diag([1.0, -1.0, -1.0, 1.0])
WIDTH, HEIGHT = 1920, 1080
"""Size in pixels that is written; a path has none of its own, and nerfstudio lets one change it."""
DEFAULT_FOV, DEFAULT_TRANSITION = 50.0, 2.0
"""Degrees and seconds where a file says nothing."""
LONGEST_PATH = 100_000
"""Most frames that are written, about an hour at 30 frames per second."""


def read(path: Path) -> CameraPath:
    """Read a file of either dialect; without keyframes, its dense frames become the keys."""
    value = read_json(path)
    if "keyframes" not in value and "camera_path" not in value:
        value.fail("a nerfstudio camera path", "JSON of another kind")
    camera_type = value.get("camera_type", "perspective")
    if camera_type.text().lower() not in ("perspective", "fisheye"):
        camera_type.fail("perspective")
    fps = value.get("fps", 24).number(SLOWEST, FASTEST)
    loop = value.get("is_cycle", False).flag()
    keyframes = list(value.get("keyframes", []).items("key"))
    if not keyframes:
        return _from_dense(value, fps)
    default_fov = value.get("default_fov", DEFAULT_FOV).raw
    poses = [_pose(item["matrix"]) for item in keyframes]
    fovs = [np.deg2rad(item.get("fov", default_fov).number(0.01, 179.9)) for item in keyframes]
    old = [dict(_properties(item)) for item in keyframes]
    if all("TIME" in properties for properties in old):
        seconds = value["seconds"].number(SHORTEST, LONGEST)
        share = (len(old) - 1) / len(old) if loop else 1.0
        times = [properties["TIME"].number(0.0, 1.0) * share * seconds for properties in old]
    else:
        times, seconds = _transition_times(value, keyframes, loop)
    names = [item["NAME"].text() if "NAME" in item else "" for item in old]
    keys = [
        Keyframe(time, pose, float(fov), name)
        for time, pose, fov, name in zip(times, poses, fovs, names, strict=True)
    ]
    return CameraPath(tuple(sorted(keys, key=lambda key: key.time)), seconds, fps, loop)


def _from_dense(value: Value, fps: float) -> CameraPath:
    keys = []
    for index, item in enumerate(value["camera_path"].items("frame")):
        fov = np.deg2rad(item.get("fov", DEFAULT_FOV).number(0.01, 179.9))
        keys.append(Keyframe(index / fps, _pose(item["camera_to_world"]), float(fov)))
    if not keys:
        value.fail("keyframes or frames", "none")
    duration = value.get("seconds", len(keys) / fps).number(SHORTEST, LONGEST)
    return CameraPath(tuple(keys), duration, fps, loop=False, interpolation="linear")


def _pose(matrix: Value) -> NDArray[np.float64]:
    """``world_from_camera`` with OpenCV axes of 16 numbers in either order."""
    if isinstance(matrix.raw, str):
        matrix = parse(matrix.file, matrix.raw, matrix.where)
    flat = matrix.numbers(16).reshape(4, 4)
    # One of the last row and the last column is 0 0 0 1, and that is the last row of a pose. At
    # the origin both are; then the dialects are told apart by nothing else, and rows it is.
    by_columns = not flat[:3, 3].any() and flat[3, :3].any()
    return matrix.rigid(flat.T if by_columns else flat) @ OPENGL_FROM_OPENCV


def _properties(item: Value) -> list[tuple[str, Value]]:
    """Names and values of the older dialect's ``[["FOV", 50], ...]``, a string of JSON."""
    if "properties" not in item:
        return []
    listed = parse(item.file, item["properties"].text(), item["properties"].where)
    pairs = []
    for pair in listed.items("property"):
        if not isinstance(pair.raw, list) or len(pair.raw) != 2:
            pair.fail("a name and a value")
        name = Value(pair.file, pair.raw[0], pair.where).text()
        pairs.append((name, Value(pair.file, pair.raw[1], f"{item.where}, {name}")))
    return pairs


def _transition_times(
    value: Value, keyframes: list[Value], loop: bool
) -> tuple[list[float], float]:
    """Times of the keys and the duration: each key tells how long it takes to reach it.

    The way to the first key counts only in a loop, where it is the way back.
    """
    usual = value.get("default_transition_sec", DEFAULT_TRANSITION).number(0.0, LONGEST)
    seconds = [
        item["override_transition_sec"].number(0.0, LONGEST)
        if item.get("override_transition_enabled", False).flag()
        else usual
        for item in keyframes
    ]
    times = np.cumsum([0.0, *seconds[1:]])
    duration = times[-1] + (seconds[0] if loop else 0.0)
    if duration > LONGEST:
        value.fail(f"a clip of at most {LONGEST:g} seconds", f"{duration:g}")
    # One key alone takes no time at all; the file's own length, where given, is at least a clip.
    stated = value.get("seconds", usual).number(0.0, LONGEST)
    return times.tolist(), max(float(duration) or stated, SHORTEST)


def write(camera_path: CameraPath, path: Path) -> None:
    """Write keyframes for nerfstudio's editor and a dense ``camera_path`` for its renderer."""
    count = round(camera_path.duration * camera_path.fps)
    if count > LONGEST_PATH:
        raise SceneError(path, f"at most {LONGEST_PATH} frames to write", str(count))
    times = _key_times(camera_path)
    poses, fovs = pose_at(camera_path, times)
    arrivals = np.diff(times, prepend=times[-1] - camera_path.duration)
    dense_poses, dense_fovs = pose_at(camera_path, frame_times(camera_path))
    keyframes: list[dict[str, Any]] = [
        {
            "matrix": _flat(pose),
            "fov": float(np.rad2deg(fov)),
            "aspect": WIDTH / HEIGHT,
            "override_transition_enabled": True,
            "override_transition_sec": float(seconds),
        }
        for pose, fov, seconds in zip(poses, fovs, arrivals, strict=True)
    ]
    dense = [
        {
            "camera_to_world": _flat(pose),
            "fov": float(np.rad2deg(fov)),
            "aspect": WIDTH / HEIGHT,
        }
        for pose, fov in zip(dense_poses, dense_fovs, strict=True)
    ]
    record = {
        "default_fov": float(np.rad2deg(fovs[0])),
        "default_transition_sec": DEFAULT_TRANSITION,
        "keyframes": keyframes,
        "camera_type": "perspective",
        "render_height": HEIGHT,
        "render_width": WIDTH,
        "fps": camera_path.fps,
        "seconds": camera_path.duration,
        "is_cycle": camera_path.loop,
        "smoothness_value": 0.0,
        "camera_path": dense,
    }
    write_json(path, record)


def _key_times(path: CameraPath) -> NDArray[np.float64]:
    """Times to write as keyframes: the keys' own within the clip, and the clip's start and end.

    nerfstudio starts at the first key, and ends with the last one unless the path is a loop.
    """
    times = sorted(key.time for key in path.keys if key.time < path.duration - TIME_GAP)
    if not times or times[0] > TIME_GAP:
        times.insert(0, 0.0)
    if not path.loop:
        times.append(path.duration)
    kept = [times[0]]
    kept += [after for before, after in pairwise(times) if after - before > TIME_GAP]
    return np.array(kept)


def _flat(pose: NDArray[np.float64]) -> list[float]:
    return (pose @ OPENGL_FROM_OPENCV).ravel().tolist()


def sniff(path: Path, head: bytes) -> bool:
    """An object that has one of the two lists near its beginning."""
    known = b'"keyframes"' in head or b'"camera_to_world"' in head
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{") and known


FORMAT = Format(
    name="nerfstudio",
    title="nerfstudio camera path",
    extensions=(".nerfstudio.json",),
    kind="path",
    sniff=sniff,
    read=read,
    write=write,
)
