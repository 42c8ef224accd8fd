"""Sample scenes: exact, repeatable, closed surfaces with colour that depends on the view."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from scenes.errors import Cancelled
from scenes.samples import LIMITS, SAMPLES, SHIPPED, make_sample, sample_names, tour

ARRAYS = ("means", "quats", "scales", "opacities", "sh")


@pytest.mark.parametrize("name", tuple(SAMPLES))
@pytest.mark.parametrize("count", [1_000, 4_321, 50_000])
def test_exactly_as_many_as_asked_for_and_all_valid(name: str, count: int) -> None:
    scene = make_sample(name, count)
    assert scene.count == count
    assert scene.sh_degree == 3
    assert scene.kind == "gaussians"
    for array in ARRAYS:
        assert np.isfinite(getattr(scene, array)).all()
    np.testing.assert_allclose(np.linalg.norm(scene.quats, axis=1), 1, atol=1e-5)
    assert (scene.scales > 0).all()
    assert ((scene.opacities > 0.5) & (scene.opacities <= 1)).all()
    colour = scene.sh[:, 0] * 0.28209479 + 0.5
    assert (colour > -0.2).all()
    assert (colour < 1.3).all()
    assert colour.std(axis=0).min() > 0.05


@pytest.mark.parametrize("name", tuple(SAMPLES))
def test_the_same_seed_gives_the_same_scene_and_another_seed_another(name: str) -> None:
    first, again, other = (make_sample(name, 3000, seed) for seed in (4, 4, 5))
    for array in ARRAYS:
        np.testing.assert_array_equal(getattr(first, array), getattr(again, array))
    assert not np.array_equal(first.means, other.means)


@pytest.mark.parametrize("name", tuple(SAMPLES))
def test_the_first_view_and_the_tour_look_at_the_scene(name: str) -> None:
    scene = make_sample(name, 5000)
    json.dumps(dict(scene.metadata))
    camera = scene.default_camera(320, 180)
    view = scene.metadata["default_view"]
    np.testing.assert_allclose(camera.position, view["eye"], atol=1e-9)
    path = tour(scene)
    assert path.loop
    assert 6 <= len(path.keys) <= 8
    times = [key.time for key in path.keys]
    assert times == sorted(times)
    assert times[0] == 0
    assert times[-1] < path.duration
    for key in path.keys:
        camera_from_world = np.linalg.inv(key.world_from_camera)
        ahead = scene.means @ camera_from_world[2, :3] + camera_from_world[2, 3] > 0
        assert ahead.mean() > 0.3
        np.testing.assert_allclose(key.world_from_camera[1, 0], 0, atol=1e-9)  # level horizon


def test_surfaces_are_discs_along_their_normals() -> None:
    scene = make_sample("spheres", 20_000)
    floor = np.abs(scene.means[:, 1]) < 1e-6
    assert floor.mean() > 0.3
    w, x, y, z = scene.quats[floor].T
    normal = np.stack([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)], 1)
    np.testing.assert_allclose(np.abs(normal[:, 1]), 1, atol=1e-4)
    assert (scene.scales[:, 2] < 0.3 * scene.scales[:, :2].min(axis=1)).mean() > 0.99


def test_surfaces_stay_closed_whatever_the_count() -> None:
    for count in (2_000, 40_000):
        scene = make_sample("spheres", count)
        floor = np.abs(scene.means[:, 1]) < 1e-6
        points, sizes = scene.means[floor][:, [0, 2]], scene.scales[floor]
        probes = np.random.default_rng(0).uniform(-3.5, 3.5, (400, 2))
        distance = np.linalg.norm(points[None] - probes[:, None], axis=2)
        size = np.sqrt(sizes[:, 0] * sizes[:, 1])
        hidden = 1 - np.prod(1 - 0.97 * np.exp(-0.5 * (distance / size) ** 2), axis=1)
        assert np.quantile(hidden, 0.02) > 0.8


def test_spheres_shine_from_dull_to_bright() -> None:
    scene = make_sample("spheres", 30_000)
    strength = np.abs(scene.sh[:, 1:]).sum(axis=(1, 2))
    column = np.round(scene.means[:, 0] / 1.3)
    ball = scene.means[:, 1] < -0.1
    means = [strength[ball & (column == c)].mean() for c in range(-2, 3)]
    assert means == sorted(means)
    assert means[-1] > 5 * means[0]


def test_progress_and_cancel() -> None:
    seen: list[tuple[int, int, str]] = []
    make_sample("spheres", 5000, progress=lambda *values: seen.append(values))
    done = [values[0] for values in seen]
    assert done == sorted(done)
    assert seen[-1] == (5000, 5000, "splats")
    with pytest.raises(Cancelled):
        make_sample("garden", 5000, cancel=lambda: True)


def test_what_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="garden, room, spheres"):
        make_sample("moon")
    for count in (LIMITS[0] - 1, LIMITS[1] + 1):
        with pytest.raises(ValueError, match="1,000 to 5,000,000"):
            make_sample("garden", count)


def test_any_other_scene_gets_a_turntable() -> None:
    scene = make_sample("spheres", 2000)
    scene = replace(scene, metadata={}, means=scene.means + np.float32(40))
    path = tour(scene)
    centre, _ = scene.focus
    eyes = np.stack([key.world_from_camera[:3, 3] for key in path.keys])
    distance = np.linalg.norm(eyes - centre, axis=1)
    np.testing.assert_allclose(distance, distance[0], rtol=1e-9)
    np.testing.assert_allclose(eyes[:, 1], eyes[0, 1])
    np.testing.assert_allclose(eyes.mean(axis=0)[[0, 2]], centre[[0, 2]], atol=1e-6)
    assert path.loop


def test_every_sample_has_a_title() -> None:
    assert all(sample.title for sample in SAMPLES.values())


@pytest.mark.parametrize("name", tuple(SHIPPED))
def test_shipped_samples_open_and_are_small(name: str) -> None:
    from importlib.resources import files

    from scenes.fields import FieldScene

    assert name in sample_names()
    file = files("assets") / "fields" / SHIPPED[name].file
    assert len(file.read_bytes()) <= 1 << 20
    scene = make_sample(name)
    assert isinstance(scene, FieldScene)
    assert scene.metadata["sample"] == name
    assert scene.name == SHIPPED[name].title
    assert all(np.isfinite(part).all() for part in (scene.weights.network, scene.weights.encoding))
    assert len(tour(scene).keys) == 8
