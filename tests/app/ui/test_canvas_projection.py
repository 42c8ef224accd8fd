"""World to pixels, without a window."""

from __future__ import annotations

import numpy as np
import pytest

from app.ui.canvas.projection import project_points, project_segments, unproject
from app.ui.canvas.strokes import (
    Strokes,
    add_border,
    add_gizmo,
    add_path,
    export_border,
    frustum,
)
from scenes.camera import Camera


@pytest.fixture
def camera():
    return Camera.look_at((1, -2, -5), (0, 0, 0), width=640, height=480)


def by_hand(camera, point):
    x, y, z = camera.camera_from_world[:3, :3] @ point + camera.camera_from_world[:3, 3]
    if camera.projection == "orthographic":
        return camera.fx * x + camera.cx, camera.fy * y + camera.cy
    return camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy


@pytest.mark.parametrize("projection", ["pinhole", "orthographic"])
def test_points_land_where_the_formula_says(camera, projection):
    camera = Camera.from_fov(camera.world_from_camera, 0.9, 640, 480, projection)
    points = np.random.default_rng(1).uniform(-1, 1, (20, 3))
    pixels, before = project_points(camera, points, 0.01)
    assert before.all()
    expected = [by_hand(camera, point) for point in points]
    # float32 pixels up to a few hundred: one step of float32 is 3e-5.
    np.testing.assert_allclose(pixels, expected, atol=1e-3)


@pytest.mark.parametrize("projection", ["pinhole", "orthographic"])
def test_unproject_is_the_inverse(camera, projection):
    camera = Camera.from_fov(camera.world_from_camera, 0.9, 640, 480, projection)
    point = np.array([0.3, 0.2, 0.5])
    x, y = by_hand(camera, point)
    depth = (camera.camera_from_world[:3, :3] @ point + camera.camera_from_world[:3, 3])[2]
    np.testing.assert_allclose(unproject(camera, x, y, depth), point, atol=1e-9)


def test_a_segment_through_the_camera_is_cut_at_the_near_plane(camera):
    ahead = camera.position + 2 * camera.world_from_camera[:3, 2]
    behind = camera.position - 2 * camera.world_from_camera[:3, 2] + [0.1, 0, 0]
    pixels, visible = project_segments(camera, [ahead, behind], [behind, ahead], 0.01)
    assert visible.all()
    assert np.isfinite(pixels).all()
    np.testing.assert_allclose(pixels[0], pixels[1, ::-1], rtol=1e-5)
    np.testing.assert_allclose(pixels[0, 0], (320, 240), atol=1e-3)


def test_what_lies_behind_is_not_drawn(camera):
    behind = camera.position - camera.world_from_camera[:3, 2]
    _, visible = project_segments(camera, [behind], [behind - 0.1], 0.01)
    assert not visible.any()
    _, before = project_points(camera, [behind], 0.01)
    assert not before.any()


def test_a_frustum_covers_the_image_of_its_own_camera(camera):
    starts, ends = frustum(camera.world_from_camera, camera.fov_y, 640 / 480, 1.0)
    pixels, _ = project_points(camera, np.concatenate([starts, ends])[11:15], 1e-6)
    np.testing.assert_allclose(
        sorted(map(tuple, np.round(pixels))), [(0, 0), (0, 480), (640, 0), (640, 480)]
    )


def test_the_gizmo_points_along_the_axes(camera):
    strokes = Strokes()
    colors = ((1, 0, 0, 1), (0, 1, 0, 1), (0, 0, 1, 1))
    add_gizmo(strokes, camera, (50, 400), 20, colors)
    for axis, color in enumerate(colors):
        shaft = next(
            line
            for line, c in zip(strokes.lines, strokes.line_colors, strict=True)
            if tuple(c[0]) == color
        )
        expected = 20 * camera.camera_from_world[:2, axis]
        np.testing.assert_allclose(shaft[1] - shaft[0], expected, atol=1e-4)


def test_the_border_has_the_aspect_of_the_video():
    left, right = export_border(1600, 900, 1.0)
    assert (left, right) == (350, 1250)
    strokes = Strokes()
    add_border(strokes, 400, 900, 16 / 9, (1, 1, 1, 1))
    # A wide video on a narrow canvas: its border stays inside of what can be seen.
    assert strokes.lines[0][:, 0].min() >= 0
    assert strokes.lines[0][:, 0].max() <= 400


def test_dots_of_a_path_show_where_it_is_fast(camera):
    slow = np.linspace((-1, 0, 0), (0, 0, 0), 400)
    fast = np.linspace((0.1, 0, 0), (1, 0, 0), 10)
    strokes = Strokes()
    white = (1.0, 1.0, 1.0, 1.0)
    add_path(strokes, camera, np.concatenate([slow, fast]), 0.01, white, white, 5.0)
    assert len(strokes.lines[0]) == 2 * 409
    # The first frame and the fast ones; 400 frames on 90 pixels get none.
    assert len(strokes.dots[0]) == 11
