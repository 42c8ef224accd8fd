"""SuperSplat projects: splats where the editor has them, and poses that look at them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from render.render import render
from render.request import RenderRequest
from scenes.camera import Camera
from scenes.edits import transformed
from scenes.errors import Cancelled, SceneError
from scenes.gaussians import GaussianScene
from scenes.open import open_scene, save_scene
from scenes.paths.files import read_path
from tests.scenes.format_cases import random_scene

TURNED = [0, 0, 1, 0]
"""The editor's turn of a PLY that nobody moved, xyzw."""


def project(
    place: Path, splats: list[dict[str, Any]], scenes: list[GaussianScene], **more: Any
) -> Path:
    path = place / "a.ssproj"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("document.json", json.dumps({"version": 0, "splats": splats} | more))
        for index, scene in enumerate(scenes):
            save_scene(scene, place / "part.ply")
            archive.write(place / "part.ply", f"splat_{index}.ply")
    return path


def test_a_ply_that_nobody_moved_comes_out_as_it_was(tmp_path: Path) -> None:
    scene = random_scene(50, 3)
    again = open_scene(project(tmp_path, [{"name": "it", "rotation": TURNED}], [scene]))
    np.testing.assert_array_equal(again.means, scene.means)
    np.testing.assert_array_equal(again.sh, scene.sh)
    np.testing.assert_array_equal(again.quats, scene.quats)
    assert again.format == "ssproj"
    assert again.name == "a"
    assert again.warnings == ()


def test_moved_turned_and_scaled(tmp_path: Path) -> None:
    scene = random_scene(50, 2)
    quarter = [0, np.sin(np.pi / 4), 0, np.cos(np.pi / 4)]  # about y, in the editor
    placed = {"rotation": quarter, "position": [1, 2, 3], "scale": [2, 2, 2]}
    again = open_scene(project(tmp_path, [placed], [scene]))
    editor = scene.means.astype(np.float64) @ np.array([[0, 0, 2], [0, 2, 0], [-2, 0, 0]]).T
    editor += [1, 2, 3]
    np.testing.assert_allclose(again.means, editor * [-1, -1, 1], rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(again.scales, 2 * scene.scales, rtol=1e-6)


def test_several_splats_some_of_them_hidden(tmp_path: Path) -> None:
    scenes = [random_scene(count, 1, seed=count) for count in (20, 30, 40)]
    splats = [
        {"name": "one", "rotation": TURNED},
        {"name": "two", "rotation": TURNED, "visible": False},
        {"name": "three", "rotation": TURNED, "position": [0, 5, 0], "brightness": 0.3},
    ]
    again = open_scene(project(tmp_path, splats, scenes))
    assert again.count == 60
    assert [part["name"] for part in again.metadata["parts"]] == ["one", "three"]
    assert again.metadata["hidden"] == ["two"]
    assert again.warnings == ("Corrections of colour of three are not applied.",)
    expected = transformed(scenes[2], np.array([[1, 0, 0, 0], [0, 1, 0, -5], [0, 0, 1, 0],
                                                [0, 0, 0, 1]]))  # fmt: skip
    np.testing.assert_allclose(again.means[20:], expected.means, rtol=1e-6, atol=1e-5)


def poses() -> dict[str, Any]:
    return {
        "camera": {"fov": 90},
        "timeline": {"frames": 90, "frameRate": 30, "smoothness": 1, "loop": False},
        "poseSets": [{"name": "set0", "poses": [
            {"name": "one", "frame": 0, "position": [0, 1, 5], "target": [0, 0, 0]},
            {"name": "two", "position": [5, 1, 0], "target": [0, 0, 0], "fov": 40},
            {"name": "late", "frame": 90, "position": [5, 1, 0], "target": [0, 0, 0]},
        ]}],
    }  # fmt: skip


def test_poses_are_keys(tmp_path: Path) -> None:
    path = project(tmp_path, [{"rotation": TURNED}], [random_scene(5, 0)], **poses())
    camera_path = read_path(path)
    assert [key.name for key in camera_path.keys] == ["one", "two"]
    assert [key.time for key in camera_path.keys] == [0, 1]
    assert (camera_path.duration, camera_path.fps, camera_path.loop) == (3, 30, False)
    first = camera_path.keys[0]
    np.testing.assert_allclose(first.world_from_camera[:3, 3], [0, -1, 5])
    np.testing.assert_allclose(first.fov_y, 2 * np.arctan(9 / 16))
    np.testing.assert_allclose(first.world_from_camera[:3, 0] @ [0, 1, 0], 0, atol=1e-12)


def test_a_pose_sees_what_the_editor_shows(tmp_path: Path) -> None:
    """A splat that lies above the editor's origin is seen above the middle of the picture."""
    scene = GaussianScene(
        np.array([[0, 0.5, 0]], np.float32), np.array([[1, 0, 0, 0]], np.float32),
        np.full((1, 3), 0.1, np.float32), np.ones(1, np.float32), np.ones((1, 1, 3), np.float32),
    )  # fmt: skip
    path = project(tmp_path, [{"rotation": [0, 0, 0, 1]}], [scene], **poses())
    key = read_path(path).keys[0]
    camera = Camera.from_fov(key.world_from_camera, key.fov_y, 64, 64)
    alpha = render(RenderRequest(open_scene(path), camera, outputs=("alpha",))).images["alpha"]
    assert alpha[:30].max() > 0.9
    assert alpha[34:].max() < 0.01


@pytest.mark.parametrize(
    ("splats", "more", "match"),
    [
        ([], {}, "a splat that is visible, found none"),
        ([{"visible": False}], {}, "found 1 hidden ones"),
        ([{"rotation": [0, 0, 0, 0]}], {}, "splat 1, rotation.*expected a quaternion"),
        ([{"scale": [0, 1, 1]}], {}, "splat 1, scale.*neither zero nor huge"),
        ([{"position": [1e30, 0, 0]}], {}, "splat 1, position"),
        ([{}, {}], {}, "an entry splat_1.ply, found none"),
        ([{}], {"version": 1}, "version.*expected a number from 0 to 0"),
    ],
)
def test_what_is_wrong_is_said(
    tmp_path: Path, splats: list[Any], more: dict[str, Any], match: str
) -> None:
    path = project(tmp_path, splats, [random_scene(3, 0)], **more)
    with pytest.raises(SceneError, match=match):
        open_scene(path)


def test_errors_of_the_ply_name_the_project(tmp_path: Path) -> None:
    path = tmp_path / "a.ssproj"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("document.json", json.dumps({"splats": [{}]}))
        archive.writestr("splat_0.ply", b"ply\nformat ascii 1.0\nend_header\n")
    with pytest.raises(SceneError, match=r"a\.ssproj \(splat_0\.ply"):
        open_scene(path)


def test_no_poses_and_cancel(tmp_path: Path) -> None:
    path = project(tmp_path, [{}], [random_scene(3, 0)])
    with pytest.raises(SceneError, match="expected camera poses, found none"):
        read_path(path)
    with pytest.raises(Cancelled):
        open_scene(path, cancel=lambda: True)
