"""The door to pixels: requests in, frames out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kernels.timing import active
from render.depth_view import depth_picture, gray_picture
from render.presets import PRESETS, preset_options
from render.render import release, render, warm_up
from render.request import RenderCancelled, RenderRequest, RenderSettings
from scenes.camera import Camera
from scenes.errors import Cancelled
from scenes.gaussians import GaussianScene
from tests.kernels.chain import random_splats

CAMERA = Camera.look_at((0.4, -0.3, -3), (0, 0, 0), width=96, height=64)


@pytest.fixture(scope="module")
def scene() -> GaussianScene:
    means, quats, scales, opacities, sh = random_splats(3, count=800)
    return GaussianScene(means, quats, scales, opacities, sh)


def test_frame_has_what_was_asked_for(scene):
    frame = render(RenderRequest(scene, CAMERA, outputs=("color", "alpha", "depth")))
    assert frame.rgba8.shape == (64, 96, 4)
    assert frame.rgba8.dtype == np.uint8
    assert (frame.rgba8[..., 3] == 255).all()
    assert frame.images["color"].shape == (64, 96, 3)
    assert frame.images["alpha"].dtype == np.float32
    depth, alpha = frame.images["depth"], frame.images["alpha"]
    assert (depth[alpha == 0] == 0).all()
    assert 1.0 < depth[alpha > 0.5].min() < depth.max() < 6.0
    assert frame.camera is CAMERA
    assert frame.backend == "cpu"


def test_the_picture_is_the_float_image_rounded(scene):
    frame = render(RenderRequest(scene, CAMERA, outputs=("color",)))
    rounded = np.floor(np.clip(frame.images["color"], 0, 1) * 255 + 0.5)
    # The two are computed by different kernels: half a step may round either way.
    assert np.abs(frame.rgba8[..., :3] - rounded).max() <= 1


def test_records_lie_inside_the_frame(scene):
    frame = render(RenderRequest(scene, CAMERA))
    names = [record.name for record in frame.records]
    assert names[-6:] == ["project", "shade", "sort", "bin", "blend", "display"]
    assert sum(record.duration_ns for record in frame.records) <= frame.total_ns
    for record in frame.records:
        assert record.start_ns >= frame.start_ns
        assert record.backend == "cpu"
        assert record.nbytes > 0
    counters = {name: value for r in frame.records for name, value in r.counters.items()}
    assert 0 < counters["contributing pairs"] <= counters["evaluated pairs"]
    assert counters["visible splats"] <= counters["splats"] == scene.count
    assert active() is None


def test_reference_and_cpu_agree(scene):
    frames = [
        render(RenderRequest(scene, CAMERA, RenderSettings(backend=backend)))
        for backend in ("reference", "cpu")
    ]
    difference = frames[0].rgba8.astype(int) - frames[1].rgba8
    assert np.abs(difference).max() <= 2


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_supersampling_averages_finer_pictures(scene, backend):
    settings = RenderSettings(backend=backend, background=(0.2, 0.5, 0.8))
    request = RenderRequest(scene, CAMERA, settings, outputs=("color", "alpha", "depth"))
    fine = render(replace(request, camera=CAMERA.stretched(192, 128)))
    averaged = render(replace(request, supersample=2))
    expected = fine.images["color"].reshape(64, 2, 96, 2, 3).mean((1, 3))
    np.testing.assert_allclose(averaged.images["color"], expected, atol=1e-6)
    assert averaged.rgba8.shape == (64, 96, 4)
    assert np.isfinite(averaged.images["depth"]).all()


def test_transparent_background(scene):
    settings = RenderSettings(background=None)
    frame = render(RenderRequest(scene, CAMERA, settings, outputs=("alpha",)))
    expected = np.floor(frame.images["alpha"] * 255 + 0.5)
    assert np.abs(frame.rgba8[..., 3] - expected).max() <= 1


def test_degree_scale_and_views_change_the_picture(scene):
    plain = render(RenderRequest(scene, CAMERA)).rgba8
    for settings in (
        RenderSettings(sh_degree=0),
        RenderSettings(splat_scale=0.3),
        RenderSettings(output="alpha"),
        RenderSettings(output="depth"),
        RenderSettings(preset="playcanvas"),
    ):
        assert (render(RenderRequest(scene, CAMERA, settings)).rgba8 != plain).any()


def test_display_transform_moves_the_scene_not_its_data(scene):
    turn = np.diag([1.0, -1.0, -1.0, 1.0])
    moved = CAMERA.transformed(np.linalg.inv(turn))
    turned = render(RenderRequest(scene, CAMERA, world_from_file=turn)).rgba8
    same = render(RenderRequest(scene, CAMERA.transformed(turn), world_from_file=turn)).rgba8
    plain = render(RenderRequest(scene, CAMERA)).rgba8
    assert (turned != plain).any()
    assert np.abs(same.astype(int) - plain).max() <= 1
    direct = render(RenderRequest(scene, moved)).rgba8
    assert np.abs(turned.astype(int) - direct).max() <= 1


def test_cancel_between_stages(scene):
    with pytest.raises(RenderCancelled):
        render(RenderRequest(scene, CAMERA, cancelled=lambda: True))
    assert render(RenderRequest(scene, CAMERA, cancelled=lambda: False)).rgba8.any()


def test_slow_frames_show_finished_tiles(scene, monkeypatch):
    import render.gaussians.renderer as module

    monkeypatch.setattr(module, "KEYS_PER_SLICE", 200)
    monkeypatch.setattr(module, "PARTIAL_NS", 0)
    parts: list[np.ndarray] = []
    frame = render(RenderRequest(scene, CAMERA, partial=lambda p: parts.append(p.copy())))
    covered = [(part[..., 3] == 255).mean() for part in parts]
    assert covered == sorted(covered)
    assert covered[0] < 1
    np.testing.assert_array_equal(parts[-1], frame.rgba8)
    first = parts[0]
    np.testing.assert_array_equal(first[first[..., 3] == 255], frame.rgba8[first[..., 3] == 255])


def test_pictures_that_are_kept_are_not_overwritten(scene):
    kept = [render(RenderRequest(scene, CAMERA)).rgba8]
    before = kept[0].copy()
    other = Camera.look_at((0, 0, -2), (0, 0, 0), width=96, height=64)
    for _ in range(6):
        render(RenderRequest(scene, other))
    np.testing.assert_array_equal(kept[0], before)


def test_warm_up_tells_how_far_it_is_and_can_be_cancelled():
    seen = []
    warm_up("cpu", lambda done, total, unit: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1]
    with pytest.raises(Cancelled):
        warm_up("cpu", cancel=lambda: True)


def test_scenes_can_be_forgotten_and_drawn_again(scene):
    before = render(RenderRequest(scene, CAMERA)).rgba8
    release()
    np.testing.assert_array_equal(render(RenderRequest(scene, CAMERA)).rgba8, before)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_have_words(name):
    preset = PRESETS[name]
    assert preset.name == name
    assert preset.title
    assert preset.description.endswith(".")


def test_unknown_names_are_refused_with_the_known_ones(scene):
    with pytest.raises(ValueError, match="preset must be one of gsplat"):
        preset_options("best")
    with pytest.raises(ValueError, match="backend must be auto"):
        render(RenderRequest(scene, CAMERA, RenderSettings(backend="gpu")))


def test_gray_and_depth_pictures():
    assert gray_picture(np.array([[0.0, 0.5, 1.0, 2.0]]))[0, :, 0].tolist() == [0, 128, 255, 255]
    depth = np.linspace(1, 10, 400).reshape(20, 20)
    depth[0, 0] = 0
    shown = depth_picture(depth)[..., 0].astype(int)
    assert shown[0, 0] == 0
    assert (np.diff(shown.reshape(-1)[1:]) <= 0).all()
    assert depth_picture(np.zeros((4, 4)))[..., 0].max() == 0
