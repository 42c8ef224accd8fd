"""Pictures of fields whose every value is known, in every backend."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kernels.fields.model import Occupancy, Weights
from render.fields.occupancy import with_occupancy
from render.fields.passes import all_pixels, refinement
from render.fields.uploads import nested
from render.render import prepared, render, warm_up, way_of
from render.renderers import renderers
from render.request import Frame, RenderCancelled, RenderRequest, RenderSettings
from scenes.camera import Camera
from scenes.errors import Cancelled
from scenes.fields import FieldScene
from tests.render.field_scenes import ball, cloud, ramp, sphere, window

BOTH = ["reference", "cpu"]
FRONT = Camera.look_at((0, 0, -3), (0, 0, 0), width=48, height=36, fov_y=0.8)
ALL = ("color", "alpha", "depth", "normal", "cost")


def shown(scene: FieldScene, camera: Camera = FRONT, backend: str = "cpu", **more) -> Frame:
    settings = RenderSettings(backend=backend, background=None, **more)
    return render(RenderRequest(scene, camera, settings, ALL))


# Radiance -------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BOTH)
def test_a_ball_is_seen_where_it_is_in_its_colour(backend: str):
    images = shown(ball(), backend=backend).images
    middle = (18, 24)
    # Density 40 over a diameter of 1.2: nothing shines through, to less than the stop.
    assert images["alpha"][middle] > 1 - 1 / 512
    # Light is gathered over 1/40 around the front at z = -0.6, rounded off by a cell of 1/15.
    assert images["depth"][middle] == pytest.approx(2.4, abs=0.08)
    red, green, blue = images["color"][middle]
    assert red == pytest.approx(0.5, abs=0.02)
    assert green == pytest.approx(0.5, abs=0.02)
    assert blue == pytest.approx(0.5 - 0.4 * 0.58, abs=0.04)
    assert images["normal"][middle] @ [0, 0, -1] > 0.99
    assert images["alpha"][0, 0] == images["depth"][0, 0] == images["cost"][0, 0] * 0 == 0


def test_colour_follows_the_direction_and_density_does_not():
    left = Camera.look_at((-3, 0, 0), (0, 0, 0), width=48, height=36, fov_y=0.8)
    plain, turned = (shown(ball(directional=on), left).images for on in (False, True))
    np.testing.assert_allclose(plain["alpha"], turned["alpha"], atol=1e-6)
    middle = (18, 24)
    # Seen towards +x, red is 0.1 more.
    difference = (turned["color"] - plain["color"])[middle]
    np.testing.assert_allclose(difference, [0.1, 0, 0], atol=1e-3)


@pytest.mark.parametrize("make", [ball, cloud, ramp, window, sphere])
def test_the_backends_agree(make):
    camera = Camera.look_at((0.7, -0.5, -2.6), (0, 0, 0), width=40, height=30)
    one, other = (shown(make(), camera, backend).images for backend in BOTH)
    for name in ("color", "alpha"):
        # Some hundred samples in float32, each rounded a few times.
        np.testing.assert_allclose(one[name], other[name], atol=5e-5, err_msg=name)
    solid = one["alpha"] > 0.5
    np.testing.assert_allclose(one["depth"][solid], other["depth"][solid], atol=1e-4)
    np.testing.assert_array_equal(one["cost"], other["cost"])
    if make in (ball, sphere):
        np.testing.assert_allclose(one["normal"], other["normal"], atol=2e-3)


def test_an_orthographic_camera_sees_the_same_ball():
    camera = Camera(FRONT.camera_from_world, 48, 36, 15.0, 15.0, 24.0, 18.0, "orthographic")
    images = shown(ball(), camera).images
    assert images["depth"][18, 24] == pytest.approx(2.4, abs=0.08)
    # A radius of 0.6 at 15 pixels per unit, and up to a cell more, where density falls to 0.
    assert np.pi * 9**2 < (images["alpha"] > 0.5).sum() < np.pi * 10**2


def test_inside_the_box_and_inside_the_ball():
    inside = Camera.look_at((0, 0, -0.8), (0, 0, 0), width=32, height=24)
    assert shown(ball(), inside).images["depth"][12, 16] == pytest.approx(0.2, abs=0.08)
    middle = Camera.look_at((0, 0, 0), (0, 0, 1), width=32, height=24)
    assert shown(ball(), middle).images["alpha"].min() > 0.99


# Occupancy ------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [ball, cloud])
def test_skipping_empty_space_changes_nothing_and_saves_samples(make):
    scene = prepared(make())
    assert scene.occupancy is not None
    assert 0.01 < scene.occupancy.cells.mean() < 0.3
    camera = Camera.look_at((0.9, -0.8, -2.4), (0, 0, 0), width=64, height=48)
    with_skip, without = (shown(scene, camera, skip_empty=on).images for on in (True, False))
    np.testing.assert_allclose(with_skip["color"], without["color"], atol=1e-3)
    assert with_skip["cost"].sum() < 0.4 * without["cost"].sum()


def test_finding_occupancy_tells_how_far_it_is_and_can_be_cancelled():
    told = []
    found = with_occupancy(ball(), "cpu", lambda done, total, unit: told.append((done, total)))
    assert told[0] == (0, 128**3)
    assert told[-1] == (128**3, 128**3)
    np.testing.assert_array_equal(
        found.occupancy.cells, with_occupancy(ball(), "cpu").occupancy.cells
    )
    with pytest.raises(Cancelled):
        with_occupancy(ball(), "cpu", cancel=lambda: True)
    assert with_occupancy(ramp(), "cpu").occupancy is None
    assert with_occupancy(found, "cpu") is found


def test_the_surface_of_a_distance_field_is_what_one_turns_around():
    scene = prepared(sphere(0.5))
    centre, radius = scene.focus
    np.testing.assert_allclose(centre, 0, atol=1e-9)
    # The corner of a box of 0.5 each way: without a hundredth of the surface at each end, and with
    # the cells around it.
    assert np.sqrt(0.75) * 0.96 < radius < np.sqrt(0.75) * 1.15
    assert sphere().focus[1] == pytest.approx(np.sqrt(3))


def test_values_that_are_no_numbers_are_occupied_and_invisible():
    scene = ball()
    table = scene.weights.encoding.copy()
    table[: len(table) // 2] = np.nan
    broken = replace(scene, weights=Weights(scene.weights.network, table, scene.weights.direction))
    broken = prepared(broken)
    images = shown(broken).images
    assert np.isfinite(images["color"]).all()
    assert images["alpha"].max() > 0.99


def test_outer_levels_know_what_is_in_inner_ones():
    cells = np.zeros((3, 8, 8, 8), bool)
    cells[0, 7, 0, 3] = True
    found = nested(Occupancy(cells, np.zeros(3), np.ones(3))).cells
    assert found.sum() == 3
    assert found[1, 5, 2, 3]
    assert found[2, 4, 3, 3]


# Other forms ----------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BOTH)
def test_a_picture_seen_from_the_front_is_the_picture(backend: str):
    scene = ramp()
    camera = scene.default_camera(40, 20)
    images = shown(scene, camera, backend).images
    columns, rows = (np.arange(40) + 0.5) / 40, (np.arange(20) + 0.5) / 20
    np.testing.assert_allclose(images["color"][..., 0], np.tile(columns, (20, 1)), atol=1e-5)
    np.testing.assert_allclose(images["color"][..., 1], np.tile(rows, (40, 1)).T, atol=1e-5)
    assert (images["color"][..., 2] == 0.25).all()
    assert (images["alpha"] == 1).all()


def test_a_picture_is_seen_from_behind_and_from_far_and_beside_it_is_nothing():
    behind = Camera.look_at((0, 0, 4), (0, 0, 0), width=48, height=36)
    images = shown(ramp(), behind).images
    assert 0 < (images["alpha"] > 0).mean() < 0.5
    row = images["color"][18][images["alpha"][18] > 0]
    assert (np.diff(row[:, 0]) < 0).all()  # mirrored: red grows to the left
    away = Camera.look_at((0, 0, -4), (0, 0, -8), width=48, height=36)
    assert shown(ramp(), away).images["alpha"].max() == 0


def test_a_light_field_is_asked_once_for_each_ray():
    images = shown(window()).images
    hit = images["alpha"] > 0
    assert (images["cost"][hit] == 1).all()
    focal = FRONT.fx
    column = 30
    # Rays of the middle row enter the box at z = -1, two units away.
    enters = (column + 0.5 - 24) / focal * 2
    assert images["color"][18, column, 0] == pytest.approx((enters + 1) / 2, abs=1e-5)
    leaves = (10 + 0.5 - 18) / focal * 4
    assert images["color"][10, 24, 1] == pytest.approx((leaves + 1) / 2, abs=1e-5)


def test_a_transfer_function_colours_a_volume():
    images = shown(cloud()).images
    middle = (18, 24)
    assert images["alpha"][middle] > 0.99
    red, green, blue = images["color"][middle]
    assert green == pytest.approx(0.8 * images["alpha"][middle], rel=1e-3)
    assert red == blue == 0


@pytest.mark.parametrize("surface", ["trace", "neus"])
@pytest.mark.parametrize("backend", BOTH)
def test_a_sphere_is_met_at_its_exact_depth(surface: str, backend: str):
    scene = replace(sphere(0.5), sharpness=2000.0)
    images = shown(scene, FRONT, backend, surface=surface).images
    rows, columns = np.mgrid[:36, :48] + 0.5
    x, y = (columns - 24) / FRONT.fx, (rows - 18) / FRONT.fy
    square = x**2 + y**2 + 1
    # |t d - (0, 0, 3)| = 0.5 for t along (x, y, 1): depth t.
    root = 9 - square * (9 - 0.25)
    exact = (3 - np.sqrt(np.maximum(root, 0))) / square
    inside = root > 0.4
    assert (images["alpha"][inside] > 0.98).all()
    # The grid is linear between vertices 1/15.5 apart: a sagitta of (1/31)^2 / 2 / 0.5, and twice
    # that where rays come in at a slope.
    np.testing.assert_allclose(images["depth"][inside], exact[inside], atol=3e-3)
    assert (images["alpha"][root < -0.5] == 0).all()
    assert images["normal"][18, 24] @ [0, 0, -1] > 0.99
    assert images["cost"].max() < (40 if surface == "trace" else 400)


# Frames ---------------------------------------------------------------------------------------


def test_every_pixel_is_made_exactly_once_in_any_order():
    for width, height in ((1, 1), (130, 70), (64, 64), (7, 200)):
        for square in (0, 8):
            tiles = np.concatenate(all_pixels(width, height, 64, square))
            np.testing.assert_array_equal(np.sort(tiles), np.arange(width * height))
        passes = [p for _, groups in refinement(width, height, 64) for p in groups]
        np.testing.assert_array_equal(np.sort(np.concatenate(passes)), np.arange(width * height))


def test_pixels_near_each_other_follow_each_other():
    (pixels,) = all_pixels(32, 24, 2048, 8)
    rows, columns = np.divmod(pixels.reshape(-1, 64), 32)
    assert (np.ptp(rows, 1) == 7).all()
    assert (np.ptp(columns, 1) == 7).all()
    tiles = all_pixels(130, 70, 64)
    # The tile that is nearest the middle, row by row.
    np.testing.assert_array_equal(tiles[0][:3], [64, 65, 66])
    assert len(tiles) == 6


def test_a_slow_picture_is_shown_coarse_first_and_ends_the_same(monkeypatch):
    import render.fields.renderer as renderer

    monkeypatch.setattr(renderer, "PATIENCE", 0.0)
    seen: list[np.ndarray] = []
    scene, settings = ball(), RenderSettings()
    request = RenderRequest(scene, FRONT, settings, partial=seen.append)
    whole = render(replace(request, partial=None)).rgba8
    final = render(request).rgba8
    np.testing.assert_array_equal(final, whole)
    assert len(seen) == 3
    errors = [np.abs(picture.astype(int) - whole).mean() for picture in seen]
    assert errors[0] > errors[1] > errors[2] > 0
    assert all(picture.shape == whole.shape for picture in seen)
    assert all((picture[..., 3] == 255).all() for picture in seen)


def test_a_frame_can_be_cancelled_between_stages():
    asked = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 5

    request = RenderRequest(ball(), FRONT, RenderSettings(), cancelled=cancelled)
    with pytest.raises(RenderCancelled):
        render(request)
    assert len(asked) == 6


def test_less_effort_takes_fewer_samples_and_shows_the_same_ball():
    request = RenderRequest(ball(), FRONT, RenderSettings(background=None), ALL)
    full, quick = (render(replace(request, effort=effort)).images for effort in (1.0, 0.25))
    assert quick["cost"].sum() < 0.4 * full["cost"].sum()
    assert np.abs(quick["alpha"] - full["alpha"]).mean() < 0.02


@pytest.mark.parametrize("output", ["color", "alpha", "depth", "normal", "cost", "layer"])
def test_every_view_is_a_picture(output: str):
    frame = render(RenderRequest(ball(), FRONT, RenderSettings(output=output)))
    assert frame.rgba8.shape == (36, 48, 4)
    assert frame.rgba8.dtype == np.uint8
    assert (frame.rgba8[..., 3] == 255).all()
    assert len(np.unique(frame.rgba8[..., :3])) > 3


def test_supersampling_averages():
    request = RenderRequest(ball(), FRONT, RenderSettings(background=None), ALL)
    one, four = (render(replace(request, supersample=n)).images for n in (1, 2))
    assert {name: image.shape for name, image in one.items()} == {
        name: image.shape for name, image in four.items()
    }
    assert np.abs(one["color"] - four["color"]).mean() < 0.01
    assert len(np.unique(four["alpha"])) > len(np.unique(one["alpha"])) * 0.5


def test_the_stages_that_papers_count_are_told_with_their_samples():
    frame = render(RenderRequest(ball(), FRONT, RenderSettings()))
    names = {record.name for record in frame.records if record.group == "fields"}
    assert {"rays", "march", "encode", "network", "composite"} <= names
    samples = sum(r.counters["samples"] for r in frame.records if r.name == "network")
    assert samples == sum(r.counters["samples"] for r in frame.records if r.name == "march")
    assert all(r.flops > 0 and r.nbytes > 0 for r in frame.records if r.name == "network")


@pytest.mark.parametrize("way", ["", "distance"])
def test_kernels_can_be_made_ready_without_a_scene(way):
    warm_up("cpu", kind="field", way=way)


def test_what_is_tried_first_is_drawn_in_the_way_that_is_to_be_ready():
    piece = renderers()["field"].trial("distance")
    assert way_of(piece) == ("field", "distance")
    assert way_of(ball()) == ("field", "")
    camera = Camera.look_at((0, 0, -4), (0, 0, 0), width=64, height=64)
    images = render(RenderRequest(piece, camera, RenderSettings(backend="cpu"), ("depth",))).images
    # The octahedron |x| + |y| + |z| = sqrt(3) / 2 (distances are 2 |p - 1/2| = |x| of the scene).
    assert images["depth"][32, 32] == pytest.approx(4 - 3**0.5 / 2, abs=0.05)
