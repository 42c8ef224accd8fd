"""A rectified pair as a multiplane image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from render.making import from_stereo
from render.making.stereo import match
from scenes.camera import Camera
from scenes.errors import Cancelled
from tests.data import shared_data
from tests.render.making_inputs import (
    BASELINE,
    OFFSET,
    box_before_wall,
    motorcycle,
    small_camera,
)
from tests.render.plane_views import decibels, moved, seen

CAMERA = small_camera()


@pytest.fixture(scope="module")
def pair():
    """The square before the wall from two eyes, with grain that makes it matchable."""
    other = moved(CAMERA, (0.3, 0, 0))
    (left, depth), (right, _) = box_before_wall(CAMERA), box_before_wall(other)
    return left, right, depth


def test_depth_of_a_known_scene(pair):
    left, right, depth = pair
    found = match(left, right)
    truth = CAMERA.fx * 0.3 / depth
    seen_by_both = np.arange(CAMERA.width) - truth > 0
    assert found.known.mean() > 0.75
    # Texture of long waves, matched to a fraction of a pixel; edges are off by a few pixels.
    assert np.median(np.abs(found.disparity - truth)[seen_by_both]) < 0.25
    assert (np.abs(found.disparity - truth)[seen_by_both] > 2).mean() < 0.06


def test_scene_of_a_known_pair(pair):
    left, right, depth = pair
    scene = from_stereo(left, right, CAMERA, 0.3, count=24)
    assert decibels(seen(scene, CAMERA)[0], left) > 50
    image, _ = seen(scene, moved(CAMERA, (0.3, 0, 0)))
    assert decibels(image[:, :-35], right[:, :-35]) > 20
    depths = np.array([layer.corner[2] for layer in scene.layers])
    assert np.abs(depths - depth.min()).min() < 0.1
    # Without a baseline it is the unit.
    relative = from_stereo(left, right, CAMERA, offset=0.0, count=24)
    other = np.array([layer.corner[2] for layer in relative.layers])
    np.testing.assert_allclose(other * 0.3, depths, rtol=1e-9)


def test_a_range_may_be_given_and_may_be_negative(pair):
    left, right, _ = pair
    shifted = np.roll(right, 30, 1)
    found = match(left, shifted, (-30, 0))
    expected = match(left, right, (0, 30))
    both = found.known & expected.known
    assert both.mean() > 0.5
    assert np.median(np.abs(found.disparity + 30 - expected.disparity)[both]) < 0.1
    scene = from_stereo(left, shifted, CAMERA, disparities=(-30, 0), count=8)
    assert all(layer.corner[2] > 0 for layer in scene.layers)


def test_progress_and_cancel(pair):
    left, right, _ = pair
    told: list[tuple[int, int, str]] = []
    match(left, right, progress=lambda *words: told.append(words))
    assert told[0][0] == 0
    assert told[-1] == (2, 2, "bands")
    with pytest.raises(Cancelled):
        match(left, right, cancel=lambda: True)


def test_what_does_not_fit_is_refused(pair):
    left, right, _ = pair
    with pytest.raises(ValueError, match="alike"):
        from_stereo(left, right[1:], CAMERA)
    with pytest.raises(ValueError, match="baseline"):
        from_stereo(left, right, CAMERA, -1.0)
    with pytest.raises(ValueError, match="disparities"):
        match(left, right, (5, 2))
    with pytest.raises(ValueError, match="disparities"):
        match(left, right, (0, 1000))


@pytest.mark.parametrize("size", [(1, 1), (3, 9), (9, 3)])
def test_tiny_pairs(size):
    photo = np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)
    found = match(photo, photo, (0, 1))
    assert found.disparity.shape == size


def test_the_motorcycle_against_its_ground_truth():
    left, right, truth, camera = motorcycle(slice(200, 330))
    found = match(left, right)
    there = np.isfinite(truth)
    error = np.abs(found.disparity - truth)[there]
    # Measured: 12 % of all pixels beyond a pixel for the whole picture, median 0.16.
    assert np.median(error) < 0.3
    assert (error > 2).mean() < 0.2
    scene = from_stereo(left, right, camera, BASELINE, OFFSET, 32)
    assert decibels(seen(scene, camera)[0], left) > 45
    other = replace(moved(camera, (BASELINE, 0, 0)), cx=camera.cx + OFFSET)
    assert decibels(seen(scene, other)[0][:, :640], right[:, :640]) > 21


def test_a_pair_from_a_film():
    left, right = (
        np.asarray(Image.open(shared_data(f"images/twain_{side}.jpg")).convert("RGB"))[300:420]
        for side in ("left", "right")
    )
    camera = Camera(np.eye(4), 1024, 120, 1.722 * 1024, 2.296 * 768, 512.0, 84.0)
    scene = from_stereo(left, right, camera, 0.0082, count=24)
    assert decibels(seen(scene, camera)[0], left) > 45
    inner = np.s_[:, :980]
    image, _ = seen(scene, moved(camera, (0.0082, 0, 0)))
    # The right view is far closer than the left photo as it is.
    assert decibels(image[inner], right[inner]) > decibels(left[inner], right[inner]) + 4
