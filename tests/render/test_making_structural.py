"""A photo with depth as planes of any pose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from render.making import structural
from render.making.surfaces import assign, find_planes
from render.making.tilted import pictures
from scenes.camera import Camera, look_at_pose
from scenes.errors import Cancelled
from tests.render.making_inputs import (
    BASELINE,
    OFFSET,
    box_before_wall,
    depth_of,
    motorcycle,
    small_camera,
    texture,
)
from tests.render.plane_views import decibels, moved, seen

CAMERA = small_camera()


@pytest.fixture(scope="module")
def made():
    photo, depth = box_before_wall(CAMERA)
    return photo, structural(photo, depth, CAMERA)


def corner_of_a_room(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Photo and depth of a floor (y = 1) and two walls that meet it at right angles."""
    y, x = np.mgrid[: camera.height, : camera.width] + 0.5
    rays = np.stack([(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy, np.ones_like(x)], 2)
    eye = camera.position
    with np.errstate(divide="ignore"):
        floor = np.where(rays[..., 1] > 0, (1 - eye[1]) / rays[..., 1], np.inf)
    left = (5 + eye[0] - eye[2]) / (1 - rays[..., 0])
    right = (5 - eye[0] - eye[2]) / (1 + rays[..., 0])
    depths = np.stack([floor, left, right])
    which = depths.argmin(0)
    depth = depths.min(0)
    point = eye + depth[..., None] * rays
    colour = texture(point[..., 0] / 3, (point[..., 1] + point[..., 2]) / 3, 0.0)
    colour += 25 * (which[..., None] - 1)
    return np.rint(np.clip(colour, 0, 255)).astype(np.uint8), depth


def test_the_planes_are_found(made):
    photo, scene = made
    assert scene.count == 2
    box = min(scene.layers, key=lambda layer: np.linalg.norm(layer.across))
    np.testing.assert_allclose(box.corners[:, 2], 2, atol=1e-9)
    # A texel of border around the square of 0.8.
    np.testing.assert_allclose(np.linalg.norm(box.across), 0.8, rtol=0.04)
    wall = max(scene.layers, key=lambda layer: np.linalg.norm(layer.across))
    np.testing.assert_allclose(wall.corners[:, 2], 4 + wall.corners[:, 0] / 2, atol=1e-9)
    for layer in scene.layers:
        # Seen from the front: across x down points away from the camera.
        assert np.cross(layer.across, layer.down) @ layer.corner > 0
    # Textures are filtered twice.
    assert decibels(seen(scene, CAMERA)[0], photo) > 35


@pytest.mark.parametrize("offset", [(0.1, 0, 0), (-0.3, 0.2, 0), (0, 0, 0.3)])
def test_planes_in_space_are_right_from_elsewhere(made, offset):
    _, scene = made
    camera = moved(CAMERA, offset)
    image, alpha = seen(scene, camera)
    truth, _ = box_before_wall(camera)
    inner = np.s_[25:-25, 25:-25]
    assert alpha[inner].min() > 0.98
    # Where the photo showed what is seen: exact but for filtering and edges.
    error = np.abs(image - truth).max(2)[inner]
    assert np.median(error) < 3
    assert (error > 30).mean() < 0.12


def test_walls_meet_without_a_gap():
    photo, depth = corner_of_a_room(CAMERA)
    scene = structural(photo, depth, CAMERA)
    assert sum(not layer.name.startswith("parallel") for layer in scene.layers) >= 3
    assert decibels(seen(scene, CAMERA)[0], photo) > 35
    camera = moved(CAMERA, (0.25, -0.1, 0.1))
    image, alpha = seen(scene, camera)
    truth, _ = corner_of_a_room(camera)
    inner = np.s_[12:-12, 16:-16]
    assert alpha[inner].min() > 0.98
    assert decibels(image[inner], truth[inner]) > 30


def test_planes_of_a_noisy_disparity():
    y, x = np.mgrid[:90, :120] + 0.5
    truth = np.array([[0.001, 0.0, 0.1], [-0.002, 0.004, 0.4]])
    both = np.stack([a * x + b * y + c for a, b, c in truth])
    disparity = np.where(x + y < 90, *both) + np.random.default_rng(0).normal(0, 0.001, x.shape)
    found = find_planes(disparity, 5)
    assert len(found) == 2
    labels = assign(disparity, found)
    for plane, mine in zip(truth, (x + y < 90, x + y >= 90), strict=True):
        nearest = np.abs((found - plane) @ [60, 45, 1]).argmin()
        # Noise of 0.001 averaged over thousands of pixels.
        np.testing.assert_allclose(found[nearest] @ [60, 45, 1], plane @ [60, 45, 1], atol=5e-4)
        assert (labels[mine] == nearest).mean() > 0.97


def test_what_fits_no_plane_goes_to_parallel_ones():
    rng = np.random.default_rng(1)
    depth = 2 + rng.random((60, 80))
    photo = rng.integers(0, 256, (60, 80, 3), np.uint8)
    camera = small_camera(80, 60)
    scene = structural(photo, depth, camera, rest=6)
    assert 1 <= scene.count <= 6
    assert all(layer.name.startswith("parallel") for layer in scene.layers)
    assert decibels(seen(scene, camera)[0], photo) > 45


def test_a_camera_anywhere():
    pose = np.linalg.inv(look_at_pose((3, -2, 5), (0, 1, 0)))
    camera = replace(CAMERA, camera_from_world=pose)
    photo, depth = box_before_wall(CAMERA)
    scene = structural(photo, depth, camera)
    assert decibels(seen(scene, camera)[0], photo) > 35


def test_a_plane_to_the_horizon_has_pictures_of_several_sizes():
    # A floor from disparity 1 to nothing: 1 / z grows downward.
    plane = np.array([0.0, 1 / 60, -1.0])
    image = np.full((120, 160, 4), 255, np.uint8)
    parts = list(pictures(CAMERA, plane, image, "floor"))
    assert len(parts) >= 4
    assert all(part.image[..., 0].size < 41 * 120 * 160 for part in parts)
    assert [part.name for part in parts[:2]] == ["floor.1", "floor.2"]


def test_progress_cancel_and_the_door(made):
    photo, depth = box_before_wall(CAMERA)
    told: list[tuple[int, int, str]] = []
    structural(photo, depth, CAMERA, 3, 2, progress=lambda *words: told.append(words))
    assert (told[0], told[-1]) == ((0, 5, "planes"), (5, 5, "planes"))
    with pytest.raises(Cancelled):
        structural(photo, depth, CAMERA, cancel=lambda: True)
    with pytest.raises(ValueError, match="count and rest"):
        structural(photo, depth, CAMERA, -1)
    with pytest.raises(ValueError, match="depth must be"):
        structural(photo, depth[1:], CAMERA)


def test_the_motorcycle_and_its_other_view():
    left, right, disparity, camera = motorcycle(slice(250, 380))
    scene = structural(left, depth_of(disparity), camera, 6, 12)
    assert any(not layer.name.startswith("parallel") for layer in scene.layers)
    assert decibels(seen(scene, camera)[0], left) > 35
    other = replace(moved(camera, (BASELINE, 0, 0)), cx=camera.cx + OFFSET)
    assert decibels(seen(scene, other)[0][:, :640], right[:, :640]) > 20
