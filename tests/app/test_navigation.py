"""Navigation: exact statements about where things are in the image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.navigation import PRESETS, Navigator, moves
from scenes.camera import Camera

UP = np.array([0.0, -1.0, 0.0])
CENTER = np.array([0.3, -0.2, 0.5])


def camera(roll: float = 0.0, eye: tuple[float, float, float] = (2.0, -1.5, -4.0)) -> Camera:
    view = Camera.look_at(eye, CENTER, width=800, height=600)
    rolled = moves.axes_of(view) @ moves.rotation_about(np.array([0.0, 0.0, 1.0]), roll)
    return moves.placed(view, rolled, eye)


def navigator(damped: bool = False, roll: float = 0.0, preset: str = "three.js") -> Navigator:
    result = Navigator(camera(), PRESETS[preset], damped)
    result.set_scene(camera(roll), CENTER, 1.5)
    return result


def pixel(view: Camera, point: np.ndarray) -> np.ndarray:
    inside = view.camera_from_world[:3, :3] @ point + view.camera_from_world[:3, 3]
    depth = 1.0 if view.projection == "orthographic" else inside[2]
    return np.array([view.cx + view.fx * inside[0] / depth, view.cy + view.fy * inside[1] / depth])


def drag(nav: Navigator, dx: float, dy: float, button: str = "left", *modifiers: str) -> bool:
    nav.pointer_press(400, 300, button, modifiers)
    changed = nav.pointer_move(400 + dx, 300 + dy)
    nav.pointer_release(button)
    return changed


def settle(nav: Navigator, rate: float = 60.0) -> None:
    for _ in range(2000):
        if not nav.moving:
            return
        nav.tick(1 / rate)
    raise AssertionError("never came to rest")


def assert_same_view(a: Camera, b: Camera, atol: float = 1e-9) -> None:
    np.testing.assert_allclose(a.camera_from_world, b.camera_from_world, atol=atol)
    np.testing.assert_allclose([a.fx, a.fy], [b.fx, b.fy], rtol=1e-9)


def roll_of(view: Camera) -> float:
    axes = moves.axes_of(view)
    level, _ = moves.horizon(view, UP)
    return float(np.arctan2(-level @ axes[:, 1], level @ axes[:, 0]))


# Orbit ---------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-300, 300), st.integers(-300, 300)), max_size=6),
    st.floats(-0.6, 0.6),
)
def test_orbit_keeps_the_pivot_at_its_pixel_its_distance_and_the_roll(
    drags: list[tuple[int, int]], roll: float
) -> None:
    nav = navigator(roll=roll)
    pivot = CENTER + np.array([0.2, 0.3, -0.1])
    nav.set_pivot(pivot)
    before, distance = pixel(nav.camera, pivot), np.linalg.norm(nav.camera.position - pivot)
    for dx, dy in drags:
        drag(nav, dx, dy)
        np.testing.assert_allclose(pixel(nav.camera, pivot), before, atol=1e-6)
        assert np.linalg.norm(nav.camera.position - pivot) == pytest.approx(distance)
        elevation = moves.elevation_of(nav.camera, UP)
        assert abs(elevation) <= np.pi / 2 - 0.9e-4
        assert roll_of(nav.camera) == pytest.approx(roll, abs=1e-6)


def test_orbit_turns_once_per_canvas_height_and_follows_the_hand() -> None:
    nav = navigator()
    start = nav.camera
    drag(nav, 600, 0)
    assert_same_view(nav.camera, start)
    nav = navigator()
    front = nav.pivot - moves.axes_of(nav.camera)[:, 2]  # between the camera and the pivot
    before = pixel(nav.camera, front)
    drag(nav, 20, 0)
    assert pixel(nav.camera, front)[0] > before[0]
    nav = navigator()
    drag(nav, 0, 20)
    assert pixel(nav.camera, front)[1] > before[1]
    assert moves.elevation_of(nav.camera, UP) == pytest.approx(
        moves.elevation_of(start, UP) - 2 * np.pi * 20 / 600
    )


def test_orbit_stops_at_the_poles_and_comes_back() -> None:
    nav = navigator()
    drag(nav, 0, 5000)
    assert moves.elevation_of(nav.camera, UP) == pytest.approx(-np.pi / 2, abs=2e-4)
    drag(nav, 0, 500)
    assert moves.elevation_of(nav.camera, UP) == pytest.approx(-np.pi / 2, abs=2e-4)
    drag(nav, 130, -150)
    assert moves.elevation_of(nav.camera, UP) == pytest.approx(0.0, abs=2e-4)
    assert -moves.axes_of(nav.camera)[:, 1] @ UP > 0.99


def test_upside_down_the_scene_still_follows_the_hand() -> None:
    nav = navigator(roll=np.pi)
    front = nav.pivot - moves.axes_of(nav.camera)[:, 2]
    before = pixel(nav.camera, front)
    drag(nav, 20, 30)
    assert (pixel(nav.camera, front) > before).all()
    drag(nav, 0, 5000)
    assert abs(moves.elevation_of(nav.camera, UP)) == pytest.approx(np.pi / 2, abs=2e-4)


def test_one_drag_equals_its_pieces() -> None:
    whole, pieces = navigator(roll=0.2), navigator(roll=0.2)
    drag(whole, 120, 60)
    for _ in range(60):
        drag(pieces, 2, 1)
    assert_same_view(whole.camera, pieces.camera)


# Pan and zoom --------------------------------------------------------------------------------


@pytest.mark.parametrize("orthographic", [False, True])
@pytest.mark.parametrize("how", [("right",), ("left", "shift"), ("left", "ctrl")])
def test_pan_moves_the_pivot_by_the_pointers_distance(
    how: tuple[str, ...], orthographic: bool
) -> None:
    nav = navigator(roll=0.3)
    if orthographic:
        nav.toggle_projection()
    point, before = nav.pivot, pixel(nav.camera, nav.pivot)
    assert drag(nav, 37, -21, *how)
    np.testing.assert_allclose(pixel(nav.camera, point) - before, [37, -21], atol=1e-9)
    np.testing.assert_allclose(pixel(nav.camera, nav.pivot), before, atol=1e-9)


@pytest.mark.parametrize("orthographic", [False, True])
def test_zoom_goes_towards_the_pivot_and_never_through(orthographic: bool) -> None:
    nav = navigator()
    nav.set_pivot(CENTER + np.array([0.2, 0.1, 0.0]))
    if orthographic:
        nav.toggle_projection()
    before = pixel(nav.camera, nav.pivot)
    probe = nav.pivot + 1e-3 * moves.axes_of(nav.camera)[:, 0]
    size = np.linalg.norm(pixel(nav.camera, probe) - before)
    assert nav.wheel(4)
    np.testing.assert_allclose(pixel(nav.camera, nav.pivot), before, atol=1e-8)
    grown = np.linalg.norm(pixel(nav.camera, probe) - pixel(nav.camera, nav.pivot))
    assert grown / size == pytest.approx(0.95**-4, rel=1e-3)
    nav.wheel(-4)
    np.testing.assert_allclose(np.linalg.norm(pixel(nav.camera, probe) - before), size, rtol=1e-9)
    nav.wheel(1e4)
    assert moves.depth_of(nav.camera, nav.pivot) > 0
    assert not nav.wheel(1)
    nav.wheel(-1e4)
    assert np.isfinite(nav.camera.camera_from_world).all()


def test_zoom_drag_over_the_height_is_forty_notches() -> None:
    nav, other = navigator(), navigator()
    drag(nav, 0, -600, "middle")
    other.wheel(40)
    assert_same_view(nav.camera, other.camera)


# Presets -------------------------------------------------------------------------------------


def test_presets_map_drags() -> None:
    three, blender = PRESETS["three.js"], PRESETS["blender"]
    none: frozenset[str] = frozenset()
    assert three.action("left", none) == "orbit"
    assert three.action("left", frozenset({"meta"})) == "pan"
    assert three.action("right", frozenset({"shift"})) == "pan"
    assert three.action("middle", none) == "zoom"
    assert blender.action("left", none) is None
    assert blender.action("middle", none) == "orbit"
    assert blender.action("middle", frozenset({"shift"})) == "pan"
    assert blender.action("middle", frozenset({"ctrl"})) == "zoom"


def test_unbound_and_second_buttons_do_nothing() -> None:
    nav = navigator(preset="blender")
    assert not drag(nav, 50, 50)
    nav = navigator()
    nav.pointer_press(0, 0, "left")
    nav.pointer_press(0, 0, "right")
    nav.pointer_release("right")
    assert nav.dragging
    assert nav.pointer_move(10, 0)
    nav.release_all()
    assert not nav.pointer_move(20, 0)


# Damping -------------------------------------------------------------------------------------


def test_damped_drags_arrive_where_undamped_ones_do_at_any_rate() -> None:
    views = []
    for rate in (24.0, 60.0, 144.0):
        nav = navigator(damped=True)
        assert not drag(nav, 90, 40)
        nav.wheel(3)
        settle(nav, rate)
        views.append(nav.camera)
    plain = navigator()
    drag(plain, 90, 40)
    plain.wheel(3)
    for view in views:
        assert_same_view(view, plain.camera)


def test_damping_follows_the_same_curve_at_any_rate() -> None:
    views = []
    for steps in (1, 2, 8):
        nav = navigator(damped=True)
        drag(nav, 200, 100)
        for _ in range(steps):
            nav.tick(0.2 / steps)
        views.append(nav.camera)
    assert_same_view(views[0], views[1])
    assert_same_view(views[0], views[2])
    done = 1 - 0.95**12
    plain = navigator()
    drag(plain, 200 * done, 100 * done)
    assert_same_view(views[0], plain.camera)


def test_a_set_camera_stops_the_glide() -> None:
    nav = navigator(damped=True)
    drag(nav, 200, 100)
    nav.set_camera(camera(0.4))
    assert not nav.moving
    assert not nav.tick(0.1)


# Flying --------------------------------------------------------------------------------------


def test_flying_is_independent_of_the_frame_rate() -> None:
    ends = []
    for steps in (3, 30, 240):
        nav = navigator(damped=True)
        nav.key_down("w")
        nav.key_down("d")
        for _ in range(steps):
            nav.tick(0.5 / steps)
        nav.key_up("w")
        nav.key_up("d")
        for _ in range(steps):
            nav.tick(0.5 / steps)
        ends.append(nav.camera)
    assert_same_view(ends[0], ends[1])
    assert_same_view(ends[0], ends[2])


def test_flying_crosses_the_scene_in_five_seconds_and_shift_is_fast() -> None:
    nav = navigator()
    start, forward = nav.camera.position, moves.axes_of(nav.camera)[:, 2]
    nav.key_down("w")
    assert nav.tick(5.0)
    np.testing.assert_allclose(nav.camera.position - start, 2 * 1.5 * forward, atol=1e-9)
    nav.key_down("shift")
    start = nav.camera.position
    nav.tick(1.0)
    assert np.linalg.norm(nav.camera.position - start) == pytest.approx(4 * 3.0 / 5)
    assert not nav.wheel(2)
    start = nav.camera.position
    nav.tick(1.0)
    assert np.linalg.norm(nav.camera.position - start) == pytest.approx(1.44 * 4 * 3.0 / 5)
    nav.key_up("w")
    assert not nav.tick(1.0)


def test_flying_up_is_up_in_the_world_and_glides_to_rest() -> None:
    nav = navigator(damped=True)
    start = nav.camera.position
    nav.key_down("e")
    nav.tick(1.0)
    nav.release_all()
    settle(nav)
    offset = nav.camera.position - start
    assert offset @ UP > 0
    np.testing.assert_allclose(np.cross(offset, UP), 0, atol=1e-9)


def test_dragging_while_flying_looks_around_and_the_pivot_comes_along() -> None:
    nav = navigator()
    eye, before = nav.camera.position, pixel(nav.camera, nav.pivot)
    nav.key_down("a")
    assert drag(nav, 100, 0)
    np.testing.assert_allclose(nav.camera.position, eye, atol=1e-12)
    np.testing.assert_allclose(pixel(nav.camera, nav.pivot), before, atol=1e-9)
    nav.tick(0.3)
    np.testing.assert_allclose(pixel(nav.camera, nav.pivot), before, atol=1e-9)


# Views ---------------------------------------------------------------------------------------


def test_framing_makes_the_ball_touch_the_shorter_side() -> None:
    nav = navigator()
    direction = moves.axes_of(nav.camera)[:, 2]
    assert nav.frame([1, 2, 3], 0.7)
    view = nav.camera
    np.testing.assert_allclose(moves.axes_of(view)[:, 2], direction, atol=1e-12)
    distance = np.linalg.norm(view.position - [1, 2, 3])
    assert np.arcsin(0.7 / distance) == pytest.approx(0.5 * view.fov_y)
    np.testing.assert_allclose(pixel(view, np.array([1, 2, 3])), [400, 300], atol=1e-9)
    nav.toggle_projection()
    nav.frame([0, 0, 0], 0.7)
    assert 0.7 * nav.camera.fy == pytest.approx(300)


@pytest.mark.parametrize("up", [(0, -1, 0), (0, 1, 0), (0, 0, 1), (1, 0, 0)])
@pytest.mark.parametrize("name", ["front", "back", "right", "left", "top", "bottom"])
def test_axis_views_look_at_the_pivot_with_up_up(up: tuple[float, ...], name: str) -> None:
    nav = navigator()
    nav.set_scene(camera(), CENTER, 1.5, up)
    distance = np.linalg.norm(nav.camera.position - nav.pivot)
    nav.axis_view(name)
    axes = moves.axes_of(nav.camera)
    assert np.linalg.det(axes) == pytest.approx(1.0)
    np.testing.assert_allclose(pixel(nav.camera, nav.pivot), [400, 300], atol=1e-9)
    assert np.linalg.norm(nav.camera.position - nav.pivot) == pytest.approx(distance)
    elevation = {"top": -np.pi / 2, "bottom": np.pi / 2}.get(name, 0.0)
    assert moves.elevation_of(nav.camera, np.array(up, float)) == pytest.approx(elevation)
    if elevation == 0.0:
        np.testing.assert_allclose(-axes[:, 1], up, atol=1e-12)
    if up[0] == 0 and name in ("front", "top", "bottom"):
        np.testing.assert_allclose(axes[:, 0], [1, 0, 0], atol=1e-12)
    drag(nav, 10, -10 if name == "top" else 10)
    assert np.isfinite(nav.camera.camera_from_world).all()


def test_right_view_is_seen_from_where_the_front_view_has_its_right() -> None:
    nav = navigator()
    nav.axis_view("right")
    np.testing.assert_allclose(moves.axes_of(nav.camera)[:, 2], [-1, 0, 0], atol=1e-12)
    nav.axis_view("front")
    np.testing.assert_allclose(moves.axes_of(nav.camera)[:, 2], [0, 0, 1], atol=1e-12)


def test_projections_toggle_without_changing_the_size_at_the_pivot() -> None:
    nav = navigator(roll=0.2)
    nav.set_pivot(CENTER + np.array([0.3, 0.1, -0.2]))
    start = nav.camera
    axes = moves.axes_of(start)
    points = [nav.pivot, nav.pivot + 0.1 * axes[:, 0], nav.pivot + 0.1 * axes[:, 1]]
    before = [pixel(nav.camera, p) for p in points]
    nav.toggle_projection()
    assert nav.camera.projection == "orthographic"
    assert nav.camera.fx == nav.camera.fy
    np.testing.assert_allclose([pixel(nav.camera, p) for p in points], before, atol=1e-8)
    assert moves.depth_of(nav.camera, CENTER - 1.5 * axes[:, 2]) > 0
    nav.toggle_projection()
    assert_same_view(nav.camera, start)
    nav.toggle_projection()
    nav.wheel(5)
    grown = np.linalg.norm(pixel(nav.camera, points[1]) - pixel(nav.camera, points[0]))
    nav.toggle_projection()
    assert np.linalg.norm(
        pixel(nav.camera, points[1]) - pixel(nav.camera, points[0])
    ) == pytest.approx(grown)
    assert nav.camera.fy == pytest.approx(start.fy)


def test_roll_is_kept_until_reset() -> None:
    nav = navigator()
    rolled = camera(0.5)
    nav.set_camera(rolled)
    assert_same_view(nav.camera, rolled)
    assert nav.reset_roll()
    assert roll_of(nav.camera) == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(nav.camera.position, rolled.position, atol=1e-12)
    np.testing.assert_allclose(
        moves.axes_of(nav.camera)[:, 2], moves.axes_of(rolled)[:, 2], atol=1e-12
    )
    nav.axis_view("top")
    assert not nav.reset_roll()


def test_size_comes_from_the_canvas_and_home_from_the_scene() -> None:
    nav = navigator()
    home = nav.camera
    assert nav.resize(1000, 500)
    assert not nav.resize(1000, 500)
    nav.set_camera(camera(0.1).resized(64, 48))
    assert (nav.camera.width, nav.camera.height) == (1000, 500)
    assert nav.camera.fov_y == pytest.approx(home.fov_y)
    drag(nav, 50, 50)
    assert nav.home()
    assert_same_view(nav.camera, home.resized(1000, 500))
    np.testing.assert_allclose(nav.pivot, CENTER, atol=1e-9)


def test_a_scene_behind_the_camera_puts_the_pivot_in_front() -> None:
    nav = navigator()
    away = Camera.look_at((0, 0, 10), (0, 0, 20), width=800, height=600)
    nav.set_camera(away)
    assert moves.depth_of(nav.camera, nav.pivot) == pytest.approx(1.5)
    nav.set_pivot(np.array([0.0, 0.0, 5.0]))
    nav.toggle_projection()
    assert moves.depth_of(nav.camera, nav.pivot) > 0


def test_the_idle_turn_goes_round_until_the_first_touch() -> None:
    nav = navigator()
    start = nav.camera
    nav.turntable.start()
    assert nav.moving
    for _ in range(60):
        assert nav.tick(1.0)
    assert_same_view(nav.camera, start)
    nav.pointer_press(1, 1, "left")
    assert not nav.moving
    for touch in (lambda: nav.wheel(1), lambda: nav.key_down("w"), lambda: nav.home()):
        nav.turntable.start()
        touch()
        assert not nav.turntable.running


def test_a_long_session_stays_rigid() -> None:
    nav = navigator(roll=0.1)
    for step in range(3000):
        drag(nav, 7, 3 if step % 2 else -3)
    axes = moves.axes_of(nav.camera)
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-14)
