"""Plenoscope's own camera paths: versioned JSON that says which axes and units it means.

::

    {"format": "plenoscope-path", "version": 1,
     "axes": "opencv (x right, y down, z forward), world_from_camera",
     "units": {"length": "scene units", "angle": "degrees", "time": "seconds"},
     "fov_axis": "vertical", "interpolation": "spline", "duration": 8.0, "fps": 30.0,
     "loop": false, "name": "path",
     "keys": [{"time": 0.0, "world_from_camera": [[...] x 4], "fov": 50.0, "name": "",
               "easing": "none"}, ...]}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from scenes.paths.edit import FASTEST, LONGEST, SHORTEST, SLOWEST
from scenes.paths.json_file import Value, read_json, write_json
from scenes.paths.path import CameraPath, Easing, Interpolation, Keyframe
from scenes.registry import Format

NAME = "plenoscope-path"
VERSION = 1
AXES = "opencv (x right, y down, z forward), world_from_camera"
UNITS = {"length": "scene units", "angle": "degrees", "time": "seconds"}


def to_json(path: CameraPath) -> dict[str, Any]:
    """The path as plain JSON values."""
    return {
        "format": NAME,
        "version": VERSION,
        "axes": AXES,
        "units": UNITS,
        "fov_axis": "vertical",
        "interpolation": path.interpolation,
        "duration": path.duration,
        "fps": path.fps,
        "loop": path.loop,
        "name": path.name,
        "keys": [
            {
                "time": key.time,
                "world_from_camera": key.world_from_camera.tolist(),
                "fov": float(np.rad2deg(key.fov_y)),
                "name": key.name,
                "easing": key.easing,
            }
            for key in path.keys
        ],
    }


def from_json(value: Value) -> CameraPath:
    """The path that :func:`to_json` wrote, every value checked."""
    if value.get("format", None).raw != NAME:
        value.fail(f'a camera path ("format": "{NAME}")', "JSON of another kind")
    version = value["version"].integer(1, 1_000_000)
    if version > VERSION:
        value.fail(f"version {VERSION} or older", f"version {version}, from a newer program")
    for name, meant in (("axes", AXES), ("fov_axis", "vertical")):
        value.get(name, meant).choice([meant])
    keys = [_key(item) for item in value["keys"].items("key")]
    return CameraPath(
        keys=tuple(sorted(keys, key=lambda key: key.time)),
        duration=value["duration"].number(SHORTEST, LONGEST),
        fps=value["fps"].number(SLOWEST, FASTEST),
        loop=value["loop"].flag(),
        interpolation=cast(Interpolation, value["interpolation"].choice(get_args(Interpolation))),
        name=value.get("name", "path").text(),
    )


def _key(item: Value) -> Keyframe:
    pose = item["world_from_camera"]
    return Keyframe(
        time=item["time"].number(0.0, LONGEST),
        world_from_camera=pose.rigid(pose.rows(4)),
        fov_y=float(np.deg2rad(item["fov"].number(0.01, 179.9))),
        name=item.get("name", "").text(),
        easing=cast(Easing, item.get("easing", "none").choice(get_args(Easing))),
    )


def sniff(path: Path, head: bytes) -> bool:
    """Names the format near its beginning, and is no project with a path inside."""
    return f'"{NAME}"'.encode() in head and b'"plenoscope-project"' not in head


def read(path: Path) -> CameraPath:
    """Read a path file."""
    return from_json(read_json(path))


def write(camera_path: CameraPath, path: Path) -> None:
    """Write a path file."""
    write_json(path, to_json(camera_path))


FORMAT = Format(
    name="plenoscope",
    title="Plenoscope camera path",
    extensions=(".json",),
    kind="path",
    sniff=sniff,
    read=read,
    write=write,
)
