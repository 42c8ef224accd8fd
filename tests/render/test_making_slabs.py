"""Another scene as a multiplane image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from render.making import from_scene
from render.making import slabs as module
from render.render import render
from render.request import RenderRequest, RenderSettings
from scenes.camera import Camera
from scenes.errors import Cancelled
from scenes.open import open_scene
from scenes.samples import make_sample
from tests.data import shared_data
from tests.render.plane_views import decibels, moved, seen


def picture(scene: object, camera: Camera) -> np.ndarray:
    frame = render(RenderRequest(scene, camera, RenderSettings(), ("color",), display=False))
    return 255 * np.clip(frame.images["color"], 0, 1)


def reach(scene, camera: Camera) -> float:
    """Where planes that lie evenly come apart by two pixels."""
    depths = [(camera.camera_from_world @ [*layer.corner, 1])[2] for layer in scene.layers]
    return 2 * (len(depths) - 1) / (camera.fx * np.ptp(1 / np.array(depths)))


@pytest.fixture(scope="module")
def garden():
    scene = make_sample("garden", 20_000)
    camera = scene.default_camera(192, 108)
    return scene, camera, from_scene(scene, camera, 16)


def test_the_planes_over_each_other_are_the_view(garden):
    scene, camera, planes = garden
    # A scene of so few splats has huge ones for its sky, which a wider view draws otherwise.
    assert decibels(seen(planes, camera)[0], picture(scene, camera)) > 38
    assert planes.camera is camera
    # Over black and rounded.
    assert decibels(planes.photo, picture(scene, camera)) > 50


@pytest.mark.parametrize("direction", [(1, 0, 0), (0, -1, 0), (-0.5, 0.5, 0.5)])
def test_views_nearby_are_those_of_the_scene(garden, direction):
    scene, camera, planes = garden
    other = moved(camera, tuple(reach(planes, camera) / 2 * np.array(direction)))
    truth = picture(scene, other)
    image, _ = seen(planes, other)
    # Splats are moved to their planes by up to a pixel; the photo alone is far off.
    assert decibels(image, truth) > 32
    assert decibels(image, truth) > decibels(planes.photo, truth) + 10


def test_planes_go_beyond_the_view(garden):
    _, camera, planes = garden
    far = min(planes.layers, key=lambda layer: -np.linalg.norm(layer.across))
    assert far.image.shape[1] > 1.2 * camera.width


def test_a_scene_that_cannot_be_cut_goes_by_its_depth(garden, monkeypatch):
    scene, camera, _ = garden
    monkeypatch.setattr(module, "GaussianScene", Camera)
    planes = from_scene(scene, camera, 16)
    assert decibels(seen(planes, camera)[0], picture(scene, camera)) > 38
    other = moved(camera, (reach(planes, camera) / 4, 0, 0))
    assert decibels(seen(planes, other)[0], picture(scene, other)) > 25


def test_progress_cancel_and_the_door(garden):
    scene, camera, _ = garden
    told: list[tuple[int, int, str]] = []
    from_scene(scene, camera, 3, progress=lambda *words: told.append(words))
    assert (told[0], told[-1]) == ((0, 3, "planes"), (3, 3, "planes"))
    with pytest.raises(Cancelled):
        from_scene(scene, camera, 3, cancel=lambda: True)
    with pytest.raises(ValueError, match="count"):
        from_scene(scene, camera, 0)
    with pytest.raises(ValueError, match="pinhole"):
        from_scene(scene, replace(camera, projection="orthographic"))
    away = Camera.look_at(
        camera.position, 2 * camera.position - scene.focus[0], width=64, height=48
    )
    empty = replace(scene, opacities=np.zeros(scene.count, np.float32))
    with pytest.raises(ValueError, match="nothing solid"):
        from_scene(empty, away)


def test_a_captured_plant():
    scene = open_scene(shared_data("splats/plant.splat"))
    camera = scene.default_camera(128, 96)
    planes = from_scene(scene, camera, 12)
    assert decibels(seen(planes, camera)[0], picture(scene, camera)) > 45
