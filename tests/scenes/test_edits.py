"""Pure edits: what they change, what they keep, and that the picture shows it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kernels.image.psnr import psnr
from render.bench import orbit_cameras
from render.render import render
from render.request import RenderRequest, RenderSettings
from scenes.camera import Camera
from scenes.edits import decimate, joined, transformed, with_sh_degree
from scenes.errors import Cancelled
from scenes.gaussians import GaussianScene
from scenes.open import open_scene
from scenes.samples import make_sample
from tests.data import shared_data
from tests.scenes.format_cases import random_scene


def picture(scene: GaussianScene, camera: Camera) -> np.ndarray:
    request = RenderRequest(scene, camera, RenderSettings(), outputs=("color",), display=False)
    return np.clip(render(request).images["color"], 0, 1)


def decibels(one: np.ndarray, other: np.ndarray) -> float:
    return float(psnr("cpu", one, other))


@pytest.fixture(scope="module")
def sample() -> GaussianScene:
    return make_sample("spheres", 6000)


def similarity(seed: int, scale: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    matrix = np.eye(4)
    matrix[:3, :3] = scale * turn * np.linalg.det(turn)
    matrix[:3, 3] = rng.normal(size=3)
    return matrix


def test_cutting_the_degree():
    scene = random_scene(100, 3)
    cut = with_sh_degree(scene, 1)
    np.testing.assert_array_equal(cut.sh, scene.sh[:, :4])
    assert cut.means is scene.means or np.shares_memory(cut.means, scene.means)
    assert with_sh_degree(scene, 3) is scene
    assert with_sh_degree(scene, 4) is scene
    with pytest.raises(ValueError, match="degree must be"):
        with_sh_degree(scene, 5)
    with pytest.raises(Cancelled):
        with_sh_degree(scene, 0, cancel=lambda: True)


@pytest.mark.parametrize("seed", range(3))
def test_a_turned_scene_looks_the_same_from_the_turned_camera(sample: GaussianScene, seed: int):
    camera = sample.default_camera(200, 150)
    turn = similarity(seed, 1.0)
    before = picture(sample, camera)
    after = picture(transformed(sample, turn), camera.transformed(turn))
    # float32 rounding of positions, quaternions and coefficients; a splat at the cut of 1/255 may
    # fall on the other side.
    assert decibels(after, before) > 65


def test_a_scaled_scene_looks_the_same_from_farther_away(sample: GaussianScene):
    scale = 2.5
    matrix = similarity(5, scale)
    scaled = transformed(sample, matrix)
    np.testing.assert_allclose(scaled.scales, sample.scales * np.float32(scale), rtol=1e-6)
    turn = np.eye(4)
    turn[:3, :3] = matrix[:3, :3] / scale
    camera = sample.default_camera(200, 150)
    # The same rotation, seen from the place that the map takes the eye to.
    moved = camera.transformed(turn)
    eye = matrix[:3, :3] @ camera.position + matrix[:3, 3]
    pose = np.array(moved.camera_from_world)
    pose[:3, 3] = -pose[:3, :3] @ eye
    before = picture(sample, camera)
    after = picture(scaled, replace(moved, camera_from_world=pose))
    # The near plane does not scale along.
    assert decibels(after, before) > 60


def test_stretching_stretches_covariances():
    scene = random_scene(50, 0)
    matrix = np.eye(4)
    matrix[:3, :3] = [[2, 0.3, 0], [0, 1, 0], [0.1, 0, 0.5]]
    after = transformed(scene, matrix)
    linear = matrix[:3, :3]
    expected = linear @ covariances(scene) @ linear.T
    np.testing.assert_allclose(covariances(after), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(after.means, scene.means @ linear.T, rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="flatten"):
        transformed(scene, np.diag([1, 1, 0, 1]))
    with pytest.raises(ValueError, match="last row"):
        transformed(scene, np.diag([1, 1, 1, 2]))


def covariances(scene: GaussianScene) -> np.ndarray:
    w, x, y, z = scene.quats.astype(np.float64).T
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    ).transpose(2, 0, 1)
    axes = turn * scene.scales[:, None, :]
    return axes @ axes.transpose(0, 2, 1)


def test_joining_pads_the_harmonics():
    one, other = random_scene(10, 1), random_scene(20, 3, 1)
    both = joined([one, other], "both")
    assert (both.count, both.sh_degree, both.name) == (30, 3, "both")
    np.testing.assert_array_equal(both.means[10:], other.means)
    np.testing.assert_array_equal(both.sh[:10, :4], one.sh)
    assert not both.sh[:10, 4:].any()
    with pytest.raises(ValueError):
        joined([], "none")


@pytest.mark.parametrize("name", ["plant.splat", "luma-seal.splat"])
def test_merging_is_far_better_than_leaving_out(name: str):
    scene = open_scene(shared_data(f"splats/{name}"))
    count = scene.count // 4
    cameras = orbit_cameras(*scene.focus, (240, 180))[::4]
    whole = [picture(scene, camera) for camera in cameras]

    def quality(fewer: GaussianScene) -> float:
        shown = [picture(fewer, camera) for camera in cameras]
        return float(np.mean([decibels(*pair) for pair in zip(shown, whole, strict=True)]))

    merged = decimate(scene, count)
    assert merged.count == count
    cover = scene.opacities * np.sort(scene.scales, axis=1)[:, 1:].prod(1)
    rows = np.argsort(-cover)[:count]
    names = ("means", "quats", "scales", "opacities", "sh")
    left = replace(scene, **{each: getattr(scene, each)[rows] for each in names})
    # Measured: 33 and 36 dB against 24 and 30 for the splats that cover most.
    assert quality(merged) > quality(left) + 4
    assert quality(merged) > 31


def test_merging_keeps_the_sums():
    """Two equal splats at one place become one of that size and place."""
    scene = random_scene(2, 1)
    rows = [0, 0]
    names = ("means", "quats", "scales", "opacities", "sh")
    twice = replace(scene, **{each: getattr(scene, each)[rows] for each in names})
    one = decimate(twice, 1)
    np.testing.assert_allclose(one.means[0], scene.means[0], rtol=1e-6)
    np.testing.assert_allclose(np.sort(one.scales[0]), np.sort(scene.scales[0]), rtol=1e-4)
    np.testing.assert_allclose(one.sh[0], scene.sh[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(covariances(one)[0], covariances(scene)[0], rtol=1e-4, atol=1e-7)


def test_merging_extremes():
    scene = random_scene(500, 1)
    scales, opacities = np.array(scene.scales), np.array(scene.opacities)
    scales[:100, 2], scales[100:150], opacities[:60] = 0, 0, 0
    means = np.array(scene.means)
    means[200:300] = means[200]
    scene = replace(scene, scales=scales, opacities=opacities, means=means)
    for count in (499, 250, 17, 1):
        fewer = decimate(scene, count)
        assert fewer.count == count
        for array in (fewer.means, fewer.quats, fewer.scales, fewer.opacities, fewer.sh):
            assert np.isfinite(array).all()
        assert (fewer.scales >= 0).all()
        assert ((fewer.opacities >= 0) & (fewer.opacities <= 1)).all()
        np.testing.assert_allclose(np.linalg.norm(fewer.quats, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(decimate(scene, 99).means, decimate(scene, 99).means)
    assert decimate(scene, 500) is scene
    with pytest.raises(ValueError, match="at least one"):
        decimate(scene, 0)
    with pytest.raises(Cancelled):
        decimate(scene, 5, cancel=lambda: True)
