"""The view a person sees first: upright, framed, and the same however the file lies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scenes.gaussians import GaussianScene, overview
from scenes.open import open_scene, save_scene
from scenes.ply.first_view import view_of
from scenes.samples import make_sample
from scenes.transforms import ORIENTATIONS, suggest_orientation
from tests.real_scenes import REAL, real_scene

BALL = np.random.default_rng(0).normal(size=(400, 3))
BALL /= np.linalg.norm(BALL, axis=1, keepdims=True)


def pixels(camera, points) -> tuple[np.ndarray, np.ndarray]:
    """Pixel positions (N, 2) and depths (N,) of world points."""
    seen = points @ camera.camera_from_world[:3, :3].T + camera.camera_from_world[:3, 3]
    plane = seen[:, :2] / seen[:, 2:]
    return plane * (camera.fx, camera.fy) + (camera.cx, camera.cy), seen[:, 2]


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (500, 500), (100, 900)])
def test_an_overview_holds_the_whole_ball_in_any_shape(size: tuple[int, int]) -> None:
    centre, radius = np.array([3.0, -1.0, 7.0]), 2.5
    places, depths = pixels(overview(centre, radius, *size), centre + radius * BALL)
    assert (depths > 0).all()
    assert (places >= 0).all()
    assert (places <= size).all()
    assert (np.ptp(places, axis=0) > 0.5 * min(size)).all()


@pytest.mark.parametrize("axis", ["z", "y", "-y"])
def test_a_file_that_names_its_vertical_is_seen_upright(axis: str) -> None:
    upright = replace(make_sample("spheres", 1000), metadata={})
    file = replace(upright, metadata={"vertical_axis": axis})
    turn = ORIENTATIONS[suggest_orientation(file)].world_from_file
    file = replace(file, means=upright.means @ turn[:3, :3].astype(np.float32))
    np.testing.assert_array_equal(turn[:3, :3] @ file.up, upright.up)
    np.testing.assert_allclose(
        file.default_camera().transformed(turn).camera_from_world,
        upright.default_camera().camera_from_world,
        atol=1e-6 * upright.focus[1],
    )


def test_a_scene_that_brings_its_own_view_keeps_it() -> None:
    view = {"eye": (1, 2, 3), "target": (1, 2, 9), "up": (1, 0, 0), "fov_y": 40}
    scene = replace(
        make_sample("spheres", 1000), metadata={"default_view": view, "vertical_axis": "z"}
    )
    camera = scene.default_camera(300, 200)
    np.testing.assert_array_equal(scene.up, (1, 0, 0))
    np.testing.assert_allclose(camera.position, (1, 2, 3))
    assert np.rad2deg(camera.fov_y) == pytest.approx(40)
    assert (camera.width, camera.height) == (300, 200)


@pytest.mark.parametrize("name", REAL)
def test_real_scenes_are_in_the_picture(name: str) -> None:
    scene = GaussianScene(*real_scene(name).arrays())
    size = 1280, 720
    places, depths = pixels(scene.default_camera(*size), scene.means.astype(np.float64))
    inside = (depths > 0) & ((places >= 0) & (places < size)).all(axis=1)
    middle = places[inside].mean(axis=0)
    assert inside.mean() > 0.9
    assert (np.abs(middle - np.array(size) / 2) < 0.2 * np.array(size)).all()
    assert np.ptp(places[inside], axis=0).max() > 0.2 * size[0]


@pytest.mark.parametrize("name", ["garden", "room", "spheres"])
def test_a_sample_opens_from_its_file_as_it_was_made(name: str, tmp_path: Path) -> None:
    scene = make_sample(name, 1000)
    save_scene(scene, tmp_path / "a.ply")
    back = open_scene(tmp_path / "a.ply")
    assert back.metadata["default_view"] == scene.metadata["default_view"]
    np.testing.assert_array_equal(
        back.default_camera().camera_from_world, scene.default_camera().camera_from_world
    )


@pytest.mark.parametrize(
    "text",
    [
        "eye 1 2 3 target 1 2 3 up 0 -1 0 fov_y 40",
        "eye 1 2 3 target 1 2 9 up 0 0 0 fov_y 40",
        "eye 1 2 3 target 1 2 9 up 0 -1 0 fov_y 400",
        "eye 1 2 3 target 1 2 9 up 0 -1 0 fov_y nan",
        "eye 1 2 1e999 target 1 2 9 up 0 -1 0 fov_y 40",
        "eye 1 2 -- target 1 2 9 up 0 -1 0 fov_y 40",
        "eye 1 2 target 1 2 9 up 0 -1 0 fov_y 40",
        "",
    ],
)
def test_a_view_that_cannot_be_is_left_out(text: str) -> None:
    assert view_of((f"Default View: {text}",)) is None
    good = "Default View: eye 1 2 3 target 1 2 9 up 0 -1 0 fov_y 40"
    assert view_of(("made by hand", good)) == {
        "eye": [1, 2, 3], "target": [1, 2, 9], "up": [0, -1, 0], "fov_y": 40
    }  # fmt: skip
