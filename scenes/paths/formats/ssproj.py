"""Camera poses of a SuperSplat project, the first set.

A pose is position and target in the editor's world (y up), without roll, and a field of view of
the wider side of the picture, which is taken to be 16 to 9. Times are frames of the timeline; a
pose without one lies a second after the one before. Tangents of the editor's spline are scaled by
``smoothness``; here 0 becomes linear and everything else the spline.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scenes.camera import look_at_pose
from scenes.formats.ssproj import sniff
from scenes.paths.edit import FASTEST, LONGEST, SHORTEST, SLOWEST
from scenes.paths.json_file import Value
from scenes.paths.path import CameraPath, Keyframe
from scenes.registry import Format
from scenes.ssproj.document import LARGEST, SCENE_FROM_EDITOR, document_of, opened

ASPECT = 16 / 9
DEFAULT_FOV = 60.0


def read(path: Path) -> CameraPath:
    """Read the poses as keys; those behind the end of the timeline are left out, as there."""
    with opened(path) as archive:
        document = document_of(archive)
    timeline = document.get("timeline", {})
    fps = timeline.get("frameRate", 30).number(SLOWEST, FASTEST)
    frames = timeline.get("frames", 180).number(1, LONGEST * fps)
    fov = document.get("camera", {}).get("fov", DEFAULT_FOV).number(0.01, 179.9)
    sets = list(document.get("poseSets", []).items("set of poses", most=1000))
    poses = list(sets[0].get("poses", []).items("pose")) if sets else []
    keys = [_key(pose, index, fps, fov) for index, pose in enumerate(poses)]
    kept = sorted((key for key in keys if key.time < frames / fps), key=lambda key: key.time)
    if not kept:
        document.get("poseSets", []).fail("camera poses", "none")
    return CameraPath(
        tuple(kept),
        float(np.clip(frames / fps, SHORTEST, LONGEST)),
        fps,
        timeline.get("loop", True).flag(),
        "linear" if timeline.get("smoothness", 1).number(0, 1) == 0 else "spline",
    )


def _key(pose: Value, index: int, fps: float, fov: float) -> Keyframe:
    turn = SCENE_FROM_EDITOR[:3, :3]
    eye, target = pose["position"].numbers(3), pose["target"].numbers(3)
    if max(np.abs(eye).max(), np.abs(target).max()) > LARGEST:
        pose.fail(f"places within {LARGEST:g} of the origin")
    if np.linalg.norm(eye - target) == 0:
        pose.fail("a target away from the position")
    frame = pose.get("frame", index * fps).number(0, LONGEST * fps)
    wide = np.deg2rad(pose.get("fov", fov).number(0.01, 179.9))
    fov_y = 2 * np.arctan(np.tan(wide / 2) / ASPECT)
    matrix = look_at_pose(turn @ eye, turn @ target, turn @ np.array([0.0, 1.0, 0.0]))
    return Keyframe(frame / fps, matrix, float(fov_y), pose.get("name", "").text())


FORMAT = Format(
    name="ssproj",
    title="Camera poses of a SuperSplat project",
    extensions=(".ssproj",),
    kind="path",
    sniff=sniff,
    read=read,
)
