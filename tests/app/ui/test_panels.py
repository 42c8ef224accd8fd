"""The Scene, Cameras and Render panels."""

from __future__ import annotations

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QComboBox, QPushButton, QToolButton

from app.document import Bookmark
from app.ui.panels.cameras import SECONDS_BETWEEN, free_name, path_through
from app.ui.scene_facts import scene_facts
from scenes.camera import Camera
from scenes.paths.camera_sets import CameraSet
from scenes.paths.path import CameraPath
from scenes.transforms import ORIENTATIONS
from tests.app.ui.conftest import wait_for_picture

window = pytest.mark.window


def views(count):
    return [Bookmark(f"View {i + 1}", Camera.look_at((i, 0, -3), (0, 0, 0))) for i in range(count)]


def test_facts_in_words(small_scene):
    facts = scene_facts(small_scene)
    assert facts["Splats"] == f"{small_scene.count:,}"
    assert facts["Memory"].endswith(" MB")
    assert facts["Size"].endswith(" units")
    assert facts["File"] == "made here"


def test_names_are_not_given_twice():
    assert free_name([]) == "View 1"
    assert free_name(["View 1", "View 3"]) == "View 2"


@pytest.mark.parametrize(("loop", "steps"), [(False, 2), (True, 3)])
def test_a_path_through_views_passes_them_evenly(loop, steps):
    marks = views(3)
    path = path_through(marks, CameraPath(loop=loop, fps=24.0))
    assert [key.time for key in path.keys] == [0, SECONDS_BETWEEN, 2 * SECONDS_BETWEEN]
    assert path.duration == steps * SECONDS_BETWEEN
    assert path.fps == 24.0
    np.testing.assert_allclose(
        path.keys[1].world_from_camera, marks[1].camera.world_from_camera, atol=1e-12
    )


@window
def test_without_a_scene_the_panel_offers_samples(shell, qtbot):
    button = shell.panel("scene").findChild(QPushButton, "empty_sample_spheres")
    assert button.isVisible()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: shell.document.scene is not None, timeout=30_000)
    assert not button.isVisible()


@window
def test_orientation_turns_the_scene_on_the_screen(live, qtbot):
    picture = live.driver.frame.rgba8.copy()
    combo = live.panel("scene").findChild(QComboBox, "scene_orientation")
    index = combo.findData("y-up")
    combo.setCurrentIndex(index)
    combo.activated.emit(index)
    wait_for_picture(live, qtbot)
    assert live.document.orientation == "y-up"
    assert (live.driver.frame.rgba8 != picture).any()
    centre = live.document.scene.focus[0]
    turned = ORIENTATIONS["y-up"].world_from_file[:3, :3] @ centre
    np.testing.assert_allclose(live.pointer.navigator.center, turned)


@window
def test_training_cameras_stand_as_the_scene_is_shown(live):
    camera = live.document.scene.default_camera(64, 48)
    point = live.document.scene.focus[0]
    live.document.set_orientation("z-up")
    live.opener.add_cameras(CameraSet((camera,), ("first",), (None,)), "cameras.json")
    turn = ORIENTATIONS["z-up"].world_from_file
    kept = live.document.bookmarks[-1].camera.camera_from_world
    seen = kept[:3, :3] @ (turn[:3, :3] @ point) + kept[:3, 3]
    wanted = camera.camera_from_world[:3, :3] @ point + camera.camera_from_world[:3, 3]
    np.testing.assert_allclose(seen, wanted, atol=1e-9)


@window
def test_views_keep_go_rename_delete(live, qtbot):
    panel = live.panel("cameras")
    kept = live.document.view
    QTest.mouseClick(panel.findChild(QToolButton, "cameras_add"), Qt.MouseButton.LeftButton)
    live.pointer.axis_view("top")
    QTest.mouseClick(panel.findChild(QToolButton, "cameras_add"), Qt.MouseButton.LeftButton)
    panel.list.setCurrentRow(0)
    panel.list.setFocus()
    QTest.keyClick(panel.list, Qt.Key.Key_Return)
    np.testing.assert_allclose(live.document.view.position, kept.position)
    panel.list.item(0).setText("Front door")
    assert live.document.bookmarks[0].name == "Front door"
    panel.list.item(0).setText("   ")
    assert panel.list.item(0).text() == "Front door"
    QTest.keyClick(panel.list, Qt.Key.Key_Delete)
    assert [mark.name for mark in live.document.bookmarks] == ["View 2"]
    live.document.undo()
    assert len(live.document.bookmarks) == 2
    wait_for_picture(live, qtbot)


@window
def test_views_become_a_path(live, qtbot):
    live.document.edit_bookmarks(tuple(views(3)), "Add")
    button = live.panel("cameras").findChild(QToolButton, "cameras_path")
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert len(live.document.path.keys) == 3
    live.document.undo()
    assert not live.document.path.keys
    wait_for_picture(live, qtbot)


@window
def test_many_views_can_be_filtered(live):
    live.document.edit_bookmarks(tuple(views(20)), "Add")
    panel = live.panel("cameras")
    panel.filter.setText("view 1")
    shown = [row for row in range(20) if not panel.list.item(row).isHidden()]
    assert len(shown) == 11  # 1 and 10 to 19


@window
def test_render_settings_both_ways(live, qtbot):
    panel = live.panel("rendering")
    picture = live.driver.frame.rgba8.copy()
    panel.slider.setValue(50)
    assert live.document.render_settings.splat_scale == 0.5
    assert panel.scale.value() == 0.5
    wait_for_picture(live, qtbot)
    assert (live.driver.frame.rgba8 != picture).any()
    live.document.set_render_settings(splat_scale=3.0)
    assert panel.scale.value() == 3.0
    assert live.document.render_settings.splat_scale == 3.0
    QTest.mouseClick(panel.findChild(QPushButton, "render_output_depth"), Qt.MouseButton.LeftButton)
    assert live.document.render_settings.output == "depth"
    panel.transparent.click()
    assert live.document.render_settings.background is None
    live.run("render.reset")
    assert panel.preset.currentData() == "gsplat"
    assert not panel.transparent.isChecked()
    wait_for_picture(live, qtbot)


@window
def test_the_storage_of_colour_is_offered_where_a_device_gains_from_it(live):
    panel = live.panel("rendering")
    ready, _ = live.driver.backends["cuda"]
    assert panel.storage.isVisibleTo(panel) == ready
    live.document.set_render_settings(sh_storage="uint8")
    assert panel.storage.isVisibleTo(panel)
    assert panel.storage.currentData() == "uint8"
    panel.storage.setCurrentIndex(panel.storage.findData("fp16"))
    panel.storage.activated.emit(panel.storage.currentIndex())
    assert live.document.render_settings.sh_storage == "fp16"


def test_backends_that_cannot_run_are_greyed(live):
    panel = live.panel("rendering")
    ready, reason = live.driver.backends["cuda"]
    item = panel.backend.model().item(panel.backend.findData("cuda"))
    assert item.isEnabled() == ready
    assert reason in item.toolTip()
    assert live.window.actions_set.enabled("render.backend.cuda") == ready
