"""A photo with depth as a multiplane image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from render.making import from_depth
from render.making.depths import disparity_of, plane_disparities
from render.making.fill import distance_to, push_pull
from scenes.camera import Camera
from scenes.errors import Cancelled
from tests.data import shared_data
from tests.render.making_inputs import (
    BASELINE,
    OFFSET,
    box_before_wall,
    depth_of,
    motorcycle,
    small_camera,
)
from tests.render.plane_views import decibels, moved, seen

CAMERA = small_camera()


@pytest.fixture(scope="module")
def made():
    photo, depth = box_before_wall(CAMERA)
    return photo, from_depth(photo, depth, CAMERA, 24)


def test_the_planes_over_each_other_are_the_photo(made):
    photo, scene = made
    image, alpha = seen(scene, CAMERA)
    # Rounding to 8 bits of a handful of layers leaves a third of a step.
    assert decibels(image, photo) > 55
    assert alpha.min() > 0.999
    assert scene.camera is CAMERA
    np.testing.assert_array_equal(scene.photo, photo)
    assert 1 < scene.count <= 24


@pytest.mark.parametrize("direction", [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -0.7, 0), (0, 0, 1)])
def test_small_moves_tear_nothing_open_and_show_what_is_there(made, direction):
    _, scene = made
    disparities = [1 / layer.corner[2] for layer in scene.layers]
    # Where planes that lie evenly come apart by two pixels.
    reach = 2 * (len(disparities) - 1) / (CAMERA.fx * np.ptp(disparities))
    for part in (1, 0.5, 0.25):
        camera = moved(CAMERA, tuple(np.array(direction) * reach * part))
        image, alpha = seen(scene, camera)
        # What the photo did not show comes in from the border.
        margin = min(50, round(CAMERA.fx * reach * part * max(disparities)) + 4)
        inner = np.s_[margin:-margin, margin:-margin]
        assert alpha[inner].min() > 0.98
    truth, _ = box_before_wall(camera)
    # At a quarter of the way; what the square uncovers is made up, and texture that two planes
    # share is blurred.
    assert decibels(image[inner], truth[inner]) > 22


def test_the_far_goes_on_behind_the_near(made):
    _, scene = made
    camera = moved(CAMERA, (0.15, 0, 0))
    image, _ = seen(scene, camera)
    truth, depth = box_before_wall(camera)
    # To the right of the square, which moved left, lies wall that the photo did not show.
    row = CAMERA.height // 2
    edge = np.flatnonzero(depth[row] < 2.5).max()
    uncovered = np.s_[row - 15 : row + 15, edge + 2 : edge + 5]
    box = np.s_[row - 15 : row + 15, edge - 5 : edge - 2]
    wrong = np.abs(image[uncovered] - truth[uncovered]).mean()
    assert wrong < 0.5 * np.abs(truth[uncovered] - truth[box][:, ::-1]).mean()


def test_mixed_pixels_at_an_edge_are_shared():
    photo, depth = box_before_wall(small_camera(640, 480))
    camera = replace(CAMERA, fx=35.0, fy=35.0)
    photo = photo.reshape(120, 4, 160, 4, 3).mean((1, 3)).astype(np.uint8)
    scene = from_depth(photo, depth[2::4, 2::4], camera, 16)
    nearest = min(scene.layers, key=lambda layer: layer.corner[2])
    alpha = nearest.image[..., 3]
    assert ((alpha > 20) & (alpha < 235)).any()
    image, _ = seen(scene, camera)
    assert decibels(image, photo) > 45


@pytest.mark.parametrize(
    ("depth", "count", "layers"),
    [(np.full((6, 9), 3.0), 8, 1), (np.tile([1.0, 2.0, 5.0], (6, 3)), 8, 3)],
)
def test_few_depths_give_few_planes(depth, count, layers):
    camera = small_camera(9, 6)
    photo = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)
    scene = from_depth(photo, depth, camera, count)
    assert scene.count == layers
    depths = sorted(layer.corner[2] for layer in scene.layers)
    np.testing.assert_allclose(depths, np.unique(depth))
    # Whatever is split at edges must add up, whichever colours it has.
    assert decibels(seen(scene, camera)[0], photo) > 45


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (5, 1), (2, 2)])
def test_tiny_photos(height, width):
    camera = small_camera(width, height)
    photo = np.full((height, width, 3), 77, np.uint8)
    depth = np.linspace(1, 2, height * width).reshape(height, width)
    assert decibels(seen(from_depth(photo, depth, camera, 4), camera)[0], photo) > 45


def test_planes_lie_where_the_weight_is():
    rng = np.random.default_rng(1)
    disparity = np.concatenate([rng.normal(0.2, 0.01, 9000), rng.normal(0.8, 0.01, 1000)])
    planes = plane_disparities(disparity, np.ones(10_000), 10)
    assert (np.diff(planes) > 0).all()
    assert 5 <= (planes < 0.5).sum() <= 8
    even = plane_disparities(rng.uniform(1, 2, 100_000), np.ones(100_000), 10)
    # Uniform content wants even planes; 100,000 samples leave about a percent of noise.
    np.testing.assert_allclose(even, 1.05 + 0.1 * np.arange(10), atol=0.01)
    heavy = plane_disparities(disparity, np.where(disparity > 0.5, 1000.0, 1e-3), 10)
    assert (heavy > 0.5).sum() > (planes > 0.5).sum()


def test_holes_of_depth_take_the_far_side():
    depth = np.array([[4.0, np.nan, 0, 2, np.inf, -1, 2], [np.nan] * 7])
    expected = [0.25, 0.25, 0.25, 0.5, 0.25, 0.25, 0.5]
    np.testing.assert_allclose(disparity_of(depth), [expected, expected])
    with pytest.raises(ValueError, match="positive somewhere"):
        disparity_of(np.zeros((2, 2)))


def test_push_pull_keeps_what_is_known_and_joins_it():
    values = np.zeros((37, 50, 1), np.float32)
    values[:, 0], values[:, -1] = 10, 20
    weights = np.zeros((37, 50), np.float32)
    weights[:, [0, -1]] = 1
    filled = push_pull(values, weights)[..., 0]
    np.testing.assert_array_equal(filled[:, [0, -1]], values[:, [0, -1], 0])
    assert filled.min() >= 10
    assert filled.max() <= 20
    assert filled[18, 5] < 13 < 17 < filled[18, 44]


def test_distances_are_city_blocks():
    mask = np.random.default_rng(2).random((13, 17)) < 0.05
    places = np.argwhere(mask)
    y, x = np.mgrid[:13, :17]
    expected = np.min([abs(y - r) + abs(x - c) for r, c in places], 0)
    np.testing.assert_array_equal(distance_to(mask), expected)
    assert np.isinf(distance_to(np.zeros((3, 4), bool))).all()


def test_progress_and_cancel():
    photo, depth = box_before_wall(CAMERA)
    told: list[tuple[int, int, str]] = []
    from_depth(photo, depth, CAMERA, 5, progress=lambda *words: told.append(words))
    assert told[0] == (0, 5, "planes")
    assert told[-1] == (5, 5, "planes")
    with pytest.raises(Cancelled):
        from_depth(photo, depth, CAMERA, 5, cancel=lambda: len(told) > 0)


def test_what_does_not_fit_is_refused():
    photo, depth = box_before_wall(CAMERA)
    for bad in (photo[..., :1], photo.astype(float), photo[:50]):
        with pytest.raises(ValueError, match=r"photo must be|camera must be"):
            from_depth(bad, depth, CAMERA)
    with pytest.raises(ValueError, match="depth must be"):
        from_depth(photo, depth[1:], CAMERA)
    with pytest.raises(ValueError, match="count must be"):
        from_depth(photo, depth, CAMERA, 0)
    with pytest.raises(ValueError, match="pinhole"):
        from_depth(photo, depth, replace(CAMERA, projection="orthographic"))


def test_the_motorcycle_and_its_other_view():
    rows = slice(180, 330)
    left, right, disparity, camera = motorcycle(rows)
    scene = from_depth(left, depth_of(disparity), camera, 32)
    assert decibels(seen(scene, camera)[0], left) > 45
    other = replace(moved(camera, (BASELINE, 0, 0)), cx=camera.cx + OFFSET)
    image, alpha = seen(scene, other)
    inner = np.s_[:, :640]
    assert alpha[inner].min() > 0.98
    # At a pose that the photo did not have: what 32 planes blur and what is made up cost most.
    assert decibels(image[inner], right[inner]) > 22


def test_a_photo_with_a_made_depth():
    photo = np.asarray(Image.open(shared_data("images/kodim08.png")).convert("RGB"))[200:350, :300]
    depth = np.broadcast_to(np.linspace(9, 2, 150)[:, None], (150, 300))
    camera = Camera(np.eye(4), 300, 150, 400.0, 400.0, 150.0, 75.0)
    assert decibels(seen(from_depth(photo, depth, camera), camera)[0], photo) > 50
