"""Cameras of a capture in the window: drawn, pointed at, gone through, compared with photos."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtTest import QTest

from app.project import save_project
from app.ui.canvas.projection import NEAR_SHARE
from app.ui.errors import ErrorDialog
from app.ui.fit_check import FitDialog
from app.ui.projects import read as read_project
from app.ui.shell import Shell
from render.render import render
from scenes.camera import Camera
from scenes.registry import never, no_progress
from tests.app.ui.conftest import wait_for_picture

pytestmark = pytest.mark.window
LEFT = Qt.MouseButton.LeftButton
WHITE = (1.0, 1.0, 1.0)
OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])


@pytest.fixture
def captured(live: Shell, tmp_path: Path, qtbot) -> Shell:
    """Beside the scene a capture is open: four cameras, three of them with a photo.

    The photo of the first is the scene as that camera sees it, with its transparency; that of the
    second is cut off, the third is not there when it is wanted.
    """
    centre, radius = live.document.scene.focus
    frames, cameras = [], []
    (tmp_path / "images").mkdir()
    for index in range(4):
        eye = centre + radius * np.array([0.6 * (index - 1.5), -0.7, -1.6])
        camera = Camera.look_at(eye, centre, width=96, height=64)
        cameras.append(camera)
        frames.append(
            {
                "file_path": f"images/{index}.png",
                "transform_matrix": (camera.world_from_camera @ OPENGL).tolist(),
            }
        )
    first = cameras[0]
    settings = replace(live.document.render_settings, background=None)
    request = replace(live.driver.request_of(first), settings=settings)
    Image.fromarray(render(request).rgba8, "RGBA").save(tmp_path / "images" / "0.png")
    good = (tmp_path / "images" / "0.png").read_bytes()
    (tmp_path / "images" / "1.png").write_bytes(good[: len(good) // 2])
    (tmp_path / "images" / "2.png").write_bytes(good)
    lens = {"fl_x": first.fx, "fl_y": first.fy, "cx": 48, "cy": 32, "w": 96, "h": 64}
    file = tmp_path / "transforms.json"
    file.write_text(json.dumps({**lens, "frames": frames}))
    live.set_overlays(cameras=False)
    live.open_paths([file])
    qtbot.waitUntil(lambda: len(live.document.bookmarks) == 4, timeout=10_000)
    (tmp_path / "images" / "2.png").unlink()
    wait_for_picture(live, qtbot)
    return live


def place_of(shell: Shell, number: int) -> QPoint:
    """Where the picture of a camera's frustum is on the canvas."""
    near = NEAR_SHARE * shell.document.scene.focus[1]
    pixels, visible = shell.capture.frusta.project(shell.driver.seen, near)
    assert visible[number].all()
    x, y = pixels[number, 4:8, 0].mean(axis=0)
    width, height = shell.driver.canvas.physical_size
    assert 0 < x < width
    assert 0 < y < height
    return QPoint(round(x), round(y))


def lines(shell: Shell) -> int:
    strokes = shell.driver.canvas.overlay(*shell.driver.canvas.physical_size)
    return sum(len(part) for part in strokes.lines)


def test_an_opened_set_is_drawn(captured):
    shell = captured
    assert shell.overlays.cameras
    assert shell.window.actions_set.actions["view.cameras"].isChecked()
    assert [mark.capture for mark in shell.document.bookmarks] == ["transforms.json"] * 4
    assert [mark.picture is None for mark in shell.document.bookmarks] == [False] * 3 + [True]
    shell.show_view(overview_of(shell))
    drawn = lines(shell)
    QTest.keyClick(shell.driver.canvas.native, Qt.Key.Key_C)
    assert not shell.overlays.cameras
    # Four pyramids of eleven edges, two ends each.
    assert drawn - lines(shell) == 4 * 11 * 2
    assert not shell.driver.canvas.native.hasMouseTracking()
    shell.run("view.cameras")
    assert lines(shell) == drawn
    shell.document.undo()
    assert not len(shell.capture.frusta)


def overview_of(shell: Shell) -> Camera:
    """From behind all cameras."""
    centre, radius = shell.document.scene.focus
    return Camera.look_at(centre + radius * np.array([0, -2.0, -4.5]), centre)


def test_a_click_looks_through_a_camera(captured, qtbot):
    shell, native = captured, captured.driver.canvas.native
    shell.show_view(overview_of(shell))
    wait_for_picture(shell, qtbot)
    place = place_of(shell, 2)
    QTest.mouseMove(native, place - QPoint(60, 60))
    QTest.mouseMove(native, place)
    qtbot.waitUntil(lambda: shell.capture.hovered == 2)
    label = native.parent().findChild(type(shell.window.message), "capture_label")
    assert label.isVisible()
    assert label.text() == "2"
    # A drag that begins on it turns the view as anywhere else.
    before = shell.document.view
    QTest.mousePress(native, LEFT, pos=place)
    QTest.mouseMove(native, place + QPoint(30, 0))
    QTest.mouseRelease(native, LEFT, pos=place + QPoint(30, 0))
    assert shell.capture.at is None
    assert shell.document.view is not before
    shell.show_view(before)
    wait_for_picture(shell, qtbot)
    QTest.mouseClick(native, LEFT, pos=place)
    assert shell.capture.at == shell.capture.chosen == 2
    assert shell.panel("cameras").list.currentRow() == 2
    assert "2, 3 of 4 in transforms.json" in shell.window.message.text()
    assert not label.isVisible()
    camera = shell.document.bookmarks[2].camera
    np.testing.assert_allclose(shell.document.view.camera_from_world, camera.camera_from_world)
    # The second click of a pair does nothing more.
    tasks = len(shell.tasks.tasks)
    QTest.mouseDClick(native, LEFT, pos=place)
    assert len(shell.tasks.tasks) == tasks
    wait_for_picture(shell, qtbot)


def test_going_through_the_set(captured, qtbot):
    shell = captured
    shell.panel("cameras").add()
    visited = []
    for _ in range(5):
        shell.run("camera.capture.next")
        visited.append(shell.capture.at)
    assert visited == [0, 1, 2, 3, 0], "the view that the person kept is no camera of the set"
    shell.run("camera.capture.previous")
    assert shell.capture.at == 3
    shell.pointer.frame()
    assert shell.capture.at is None
    shell.run("camera.capture.next")
    assert shell.capture.at == 0
    shell.panel("cameras").list.setCurrentRow(2)
    shell.panel("cameras").go()
    assert shell.capture.at == 2
    shell.pointer.toggle_projection()
    assert shell.capture.at is None
    wait_for_picture(shell, qtbot)


def dialogs(shell: Shell, kind: type) -> list:
    return shell.window.findChildren(kind)


def test_comparing_with_the_photo_of_a_camera(captured, qtbot):
    shell = captured
    enabled = shell.window.actions_set.enabled
    assert not enabled("render.compare")
    shell.document.set_render_settings(background=WHITE, output="depth")
    shell.document.set_orientation("y-up")
    shell.capture.go(0)
    assert enabled("render.compare")
    for _ in range(2):
        shell.run("render.compare")
        qtbot.waitUntil(lambda: not shell.tasks.tasks, timeout=30_000)
    qtbot.waitUntil(lambda: len(dialogs(shell, FitDialog)) == 1)
    (dialog,) = dialogs(shell, FitDialog)
    assert dialog.windowTitle() == "spheres beside 0.png"
    words = dialog.numbers.text()
    quality = float(words.split()[1].replace("∞", "inf"))
    # Straight alpha in 8 bits, laid over white and rounded once more, and the scene turned.
    assert quality > 45, words
    assert "96 × 64" in dialog.size_words.text()
    dialog.close()
    for number, found in ((1, "photo"), (2, "no file of that name")):
        shell.capture.go(number)
        shell.run("render.compare")
        qtbot.waitUntil(lambda: bool(dialogs(shell, ErrorDialog)), timeout=10_000)
        (error,) = dialogs(shell, ErrorDialog)
        assert error.message.text().startswith(f"{number}.png")
        assert found in error.message.text()
        error.close()
        qtbot.waitUntil(lambda: not dialogs(shell, ErrorDialog))
    shell.capture.go(3)
    assert not enabled("render.compare"), "no photo is known"
    wait_for_picture(shell, qtbot)


def test_a_project_brings_the_capture_back(captured, tmp_path: Path, make_shell, qtbot):
    shell = captured
    shell.capture.go(1)
    file = tmp_path / "a.plenoscope"
    save_project(shell.document, file)
    other = make_shell()
    other.projects.opened(file, read_project(file, no_progress, never))
    assert len(other.capture.frusta) == 4
    assert other.capture.at == 1
    assert other.document.bookmarks[1].picture == tmp_path / "images" / "1.png"
    # The same file once more is another set.
    other.open_paths([tmp_path / "transforms.json"])
    qtbot.waitUntil(lambda: len(other.document.bookmarks) == 8, timeout=10_000)
    assert {mark.capture for mark in other.document.bookmarks} == {
        "transforms.json",
        "transforms.json (2)",
    }
    qtbot.waitUntil(lambda: not other.tasks.tasks, timeout=10_000)


def test_cameras_that_go_away_are_forgotten(captured, qtbot):
    """A document without them speaks of its path first, and that moves the view."""
    shell = captured
    shell.capture.go(3)
    document = shell.document
    document.path_changed.connect(lambda: document.set_view(document.view.resized(640, 480)))
    document.restore(document.path, document.bookmarks[:1], document.render_settings, "none")
    assert (shell.capture.at, shell.capture.chosen) == (None, None)
    assert len(shell.capture.frusta) == 1
    assert not len(shell.capture.marked)
    wait_for_picture(shell, qtbot)
