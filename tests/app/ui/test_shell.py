"""The window as a person uses it."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PyQt6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QWheelEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QDialog, QFrame, QLineEdit, QPushButton

from app.settings import Settings, load_settings
from app.ui import files, main, projects, theme
from tests.app.ui.conftest import finish, wait_for_picture

pytestmark = pytest.mark.window


def drag(shell, start, end, button=Qt.MouseButton.LeftButton, steps=6):
    """Drag over the canvas from one place to another, logical pixels."""
    native = shell.driver.canvas.native
    QTest.mousePress(native, button, pos=QPoint(*start))
    for step in range(1, steps + 1):
        x = start[0] + (end[0] - start[0]) * step // steps
        y = start[1] + (end[1] - start[1]) * step // steps
        QTest.mouseMove(native, QPoint(x, y))
    QTest.mouseRelease(native, button, pos=QPoint(*end))


def mime(*paths):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return data


def dialog(shell, name):
    return shell.window.findChild(QDialog, name)


# Starting and ending ------------------------------------------------------------------------


def test_the_first_start_shows_a_sample_that_turns_until_touched(make_shell, qtbot):
    shell = make_shell(Settings(theme="dark"))
    main.start(shell, [])
    qtbot.waitUntil(lambda: shell.driver.frame is not None, timeout=60_000)
    assert shell.pointer.turning
    before = shell.document.view
    qtbot.waitUntil(lambda: shell.document.view is not before, timeout=5_000)
    QTest.mouseClick(shell.driver.canvas.native, Qt.MouseButton.LeftButton)
    assert not shell.pointer.turning
    wait_for_picture(shell, qtbot)


def test_with_reduced_motion_nothing_turns(make_shell, qtbot):
    shell = make_shell(Settings(reduced_motion=True))
    main.start(shell, [])
    qtbot.waitUntil(lambda: shell.driver.frame is not None, timeout=60_000)
    assert not shell.pointer.turning


def test_closing_while_everything_works_ends_cleanly(make_shell, qtbot):
    shell = make_shell(Settings(theme="dark"))
    main.start(shell, [])
    qtbot.wait(50)
    finish(shell)
    assert shell.session is None
    assert not shell.tasks.tasks


def test_closing_asks_about_changes(live, monkeypatch):
    live.run("camera.keep")
    asked = []
    monkeypatch.setattr(
        projects, "ask_unsaved", lambda parent, name: asked.append(name) or "cancel"
    )
    assert not live.window.close()
    assert live.window.isVisible()
    assert asked == ["this project"]


def test_layout_and_settings_come_back(make_shell):
    shell = make_shell()
    shell.window.docks["cameras"].hide()
    shell.change_settings(theme="dark", target_fps=12.0)
    finish(shell)
    assert load_settings().target_fps == 12.0
    again = make_shell(load_settings())
    assert not again.window.docks["cameras"].isVisible()
    assert theme.current().dark
    again.run("view.reset_layout")
    assert again.window.docks["cameras"].isVisible()


# Opening ------------------------------------------------------------------------------------


def test_open_by_dialog(shell, scene_file, monkeypatch, qtbot):
    monkeypatch.setattr(files, "ask_open_many", lambda *a: [scene_file])
    shell.run("file.open")
    qtbot.waitUntil(lambda: shell.document.scene is not None, timeout=20_000)
    assert shell.document.scene.source == scene_file
    assert shell.settings.recent_files == (str(scene_file),)
    assert "spheres" in shell.window.windowTitle()
    assert not shell.document.modified


def test_drag_says_what_will_happen_and_drop_does_it(shell, scene_file, tmp_path, qtbot):
    unknown = tmp_path / "letter.txt"
    unknown.write_text("dear reader")
    data = mime(scene_file, unknown)
    copy = Qt.DropAction.CopyAction
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(300, 300), copy, data, left, none)
    QApplication.sendEvent(shell.window, enter)
    assert enter.isAccepted()
    banner = shell.window.drop.banner
    assert banner.isVisible()
    qtbot.waitUntil(lambda: "as Gaussians" in banner.text(), timeout=5_000)
    assert "Open spheres.ply" in banner.text()
    assert "letter.txt is of an unknown kind. Known are: " in banner.text()
    QApplication.sendEvent(shell.window, QDragLeaveEvent())
    assert not banner.isVisible()
    data = mime(scene_file)
    QApplication.sendEvent(shell.window, QDragEnterEvent(QPoint(300, 300), copy, data, left, none))
    drop = QDropEvent(QPointF(300, 300), copy, data, left, none)
    QApplication.sendEvent(shell.window, drop)
    qtbot.waitUntil(lambda: shell.document.scene is not None, timeout=20_000)
    assert shell.document.scene.source == scene_file


def test_several_scenes_one_is_current(live, scene_file, qtbot):
    first = live.document.scene
    live.open_paths([scene_file])
    qtbot.waitUntil(lambda: len(live.document.scenes) == 2, timeout=20_000)
    panel = live.panel("scene")
    assert panel.list.count() == 2
    assert live.document.current == 1
    panel.list.setCurrentRow(0)
    assert live.document.scene is first
    wait_for_picture(live, qtbot)
    live.run("file.close_scene")
    live.run("file.close_scene")
    assert live.document.scene is None
    assert "Ctrl+O" in live.window.hint.text()
    assert live.window.hint.isVisible()
    assert panel.findChild(QPushButton, "empty_open").isVisible()
    assert not live.window.actions_set.enabled("camera.frame")


def test_a_bad_file_is_told_and_nothing_is_lost(live, tmp_path, qtbot):
    scene = live.document.scene
    bad = tmp_path / "bad.ply"
    bad.write_bytes(b"ply\nformat binary_little_endian 1.0\nelement vertex 99\n")
    live.open_paths([bad])
    qtbot.waitUntil(lambda: dialog(live, "error_dialog") is not None, timeout=10_000)
    shown = dialog(live, "error_dialog")
    assert "bad.ply" in shown.message.text()
    assert not shown.details.isVisible()
    shown.fold.click()
    assert shown.details.isVisible()
    report = shown.details.toPlainText()
    assert "Traceback" in report
    assert str(tmp_path) not in report
    shown.close()
    assert live.document.scene is scene
    live.run("camera.frame")
    wait_for_picture(live, qtbot)


def test_a_missing_file_is_told(shell, tmp_path, qtbot):
    shell.open_paths([tmp_path / "gone.ply"])
    qtbot.waitUntil(lambda: dialog(shell, "error_dialog") is not None, timeout=10_000)
    assert "gone.ply" in dialog(shell, "error_dialog").message.text()
    dialog(shell, "error_dialog").close()


def test_cancelling_keeps_the_old_scene(live, qtbot):
    scene = live.document.scene
    live.opener.open_sample("garden")
    task = live.tasks.tasks[-1]
    live.window.tasks.stop.click()
    qtbot.waitUntil(lambda: task not in live.tasks.tasks, timeout=20_000)
    assert live.document.scene is scene
    assert dialog(live, "error_dialog") is None


def test_training_cameras_beside_the_scene_are_offered(live, scene_file, tmp_path, qtbot):
    folder = tmp_path / "model" / "point_cloud" / "iteration_7000"
    folder.mkdir(parents=True)
    shutil.copy(scene_file, folder / "point_cloud.ply")
    (tmp_path / "model" / "cameras.json").write_text(
        '[{"id": 0, "img_name": "photo_1", "width": 640, "height": 480, '
        '"position": [0, 0, -4], "rotation": [[1,0,0],[0,1,0],[0,0,1]], "fx": 500, "fy": 500}]'
    )
    live.open_paths([folder / "point_cloud.ply"])
    offer = live.panel("cameras").findChild(QFrame, "cameras_offer")
    qtbot.waitUntil(offer.isVisible, timeout=20_000)
    offer.findChild(QPushButton, "cameras_offer_add").click()
    qtbot.waitUntil(lambda: len(live.document.bookmarks) == 1, timeout=10_000)
    assert live.document.bookmarks[0].name == "photo_1"
    live.panel("cameras").step(1)
    np.testing.assert_allclose(live.document.view.position, (0, 0, -4), atol=1e-6)


# Moving -------------------------------------------------------------------------------------


def test_orbit_with_the_mouse_gives_another_picture(live, qtbot):
    view, picture = live.document.view, live.driver.frame.rgba8.copy()
    count = live.profile.count
    drag(live, (200, 200), (320, 220))
    wait_for_picture(live, qtbot)
    moved = live.document.view
    assert np.linalg.norm(moved.position - view.position) > 0.1
    # An orbit keeps the distance to what it turns around.
    pivot = live.pointer.pivot
    distances = [np.linalg.norm(each.position - pivot) for each in (view, moved)]
    assert distances[0] == pytest.approx(distances[1], rel=1e-6)
    assert (live.driver.frame.rgba8 != picture).any()
    assert live.profile.count > count


def test_wheel_comes_closer(live, qtbot):
    native = live.driver.canvas.native
    pivot = live.pointer.pivot
    before = np.linalg.norm(live.document.view.position - pivot)
    wheel = QWheelEvent(
        QPointF(200, 200),
        QPointF(native.mapToGlobal(QPoint(200, 200))),
        QPoint(),
        QPoint(0, 360),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(native, wheel)
    assert np.linalg.norm(live.document.view.position - pivot) == pytest.approx(
        before * 0.95**3, rel=1e-6
    )
    wait_for_picture(live, qtbot)


def test_fly_while_a_key_is_held(live, qtbot):
    native = live.driver.canvas.native
    native.setFocus()
    before = live.document.view.position
    QTest.keyPress(native, Qt.Key.Key_W)
    qtbot.wait(120)
    QTest.keyRelease(native, Qt.Key.Key_W)
    moved = live.document.view.position - before
    forward = live.document.view.world_from_camera[:3, 2]
    assert moved @ forward > 0.01
    wait_for_picture(live, qtbot)


def test_keys_of_the_views(live, qtbot):
    native = live.driver.canvas.native
    native.setFocus()
    home = live.document.view
    QTest.keyClick(native, Qt.Key.Key_7)
    np.testing.assert_allclose(live.document.view.world_from_camera[:3, 2], (0, 1, 0), atol=1e-6)
    QTest.keyClick(native, Qt.Key.Key_5)
    assert live.document.view.projection == "orthographic"
    QTest.keyClick(native, Qt.Key.Key_5)
    QTest.keyClick(native, Qt.Key.Key_H)
    np.testing.assert_allclose(live.document.view.position, home.position, atol=1e-9)
    QTest.keyClick(native, Qt.Key.Key_Tab)
    assert not any(dock.isVisible() for dock in live.window.docks.values())
    QTest.keyClick(native, Qt.Key.Key_Tab)
    assert live.window.docks["scene"].isVisible()
    wait_for_picture(live, qtbot)


def test_double_click_turns_around_what_is_there(live, qtbot):
    native = live.driver.canvas.native
    before = live.pointer.pivot.copy()
    QTest.mouseDClick(
        native, Qt.MouseButton.LeftButton, pos=QPoint(native.width() // 2, native.height() // 2)
    )
    qtbot.waitUntil(lambda: (live.pointer.pivot != before).any(), timeout=20_000)
    view = live.document.view
    inside = view.camera_from_world[:3, :3] @ live.pointer.pivot + view.camera_from_world[:3, 3]
    assert inside[2] > 0
    np.testing.assert_allclose(inside[:2] / inside[2] * view.fx, 0, atol=1.0)


def test_resizing_the_window_renders_in_the_new_size(live, qtbot):
    live.window.resize(1000, 700)
    wait_for_picture(live, qtbot)
    assert live.driver.frame.rgba8.shape[1::-1] == live.driver.canvas.physical_size


# Working ------------------------------------------------------------------------------------


def test_undo_and_redo_a_kept_view(live):
    live.run("camera.keep")
    live.run("camera.keep")
    assert [mark.name for mark in live.document.bookmarks] == ["View 1", "View 2"]
    live.run("edit.undo")
    assert len(live.document.bookmarks) == 1
    assert live.window.actions_set.actions["edit.redo"].text() == "Redo Keep view"
    live.run("edit.redo")
    assert len(live.document.bookmarks) == 2


def test_the_palette_runs_a_command(live, qtbot):
    live.run("tools.palette")
    palette = dialog(live, "palette")
    edit = palette.findChild(QLineEdit, "palette_edit")
    QTest.keyClicks(edit, "theme dark")
    assert palette.list.item(0).text() == "Theme: Dark"
    QTest.keyClick(edit, Qt.Key.Key_Return)
    assert theme.current().dark
    assert live.settings.theme == "dark"


def test_the_palette_greys_what_makes_no_sense(shell):
    shell.run("tools.palette")
    palette = dialog(shell, "palette")
    palette.edit.setText("frame the scene")
    item = palette.list.item(0)
    assert item.text() == "Frame the scene"
    assert not item.flags() & Qt.ItemFlag.ItemIsEnabled
    palette.close()


def test_theme_follows_the_choice(live):
    for mode in ("dark", "light"):
        live.run(f"view.theme.{mode}")
        ground = live.window.palette().window().color()
        assert (ground.lightness() < 128) == (mode == "dark")
        assert live.window.actions_set.actions[f"view.theme.{mode}"].isChecked()


def test_project_saved_and_opened_again(live, make_shell, tmp_path, monkeypatch, qtbot):
    file = tmp_path / "work.plenoscope"
    live.run("camera.keep")
    live.document.set_render_settings(splat_scale=0.5)
    monkeypatch.setattr(files, "ask_save", lambda *a: file)
    live.run("file.save")
    qtbot.waitUntil(lambda: not live.document.modified, timeout=10_000)
    assert live.window.windowTitle().startswith("work.plenoscope")
    finish(live)
    again = make_shell()
    again.open_paths([file])
    qtbot.waitUntil(lambda: again.document.scene is not None, timeout=20_000)
    assert again.document.scene.count == live.document.scene.count
    assert again.document.render_settings.splat_scale == 0.5
    assert len(again.document.bookmarks) == 1
    assert not again.document.modified


def test_save_a_picture(live, tmp_path, monkeypatch, qtbot):
    from PIL import Image

    file = tmp_path / "picture.png"
    monkeypatch.setattr(files, "ask_save", lambda *a: file)
    live.run("file.save_image")
    qtbot.waitUntil(file.exists, timeout=20_000)
    qtbot.waitUntil(lambda: not live.tasks.tasks, timeout=20_000)
    np.testing.assert_array_equal(np.array(Image.open(file)), live.driver.frame.rgba8)


def test_an_error_of_the_renderer_is_told_once(live, monkeypatch, qtbot):
    live.document.set_render_settings(backend="cuda")
    qtbot.waitUntil(lambda: dialog(live, "error_dialog") is not None, timeout=20_000)
    for _ in range(3):
        live.run("camera.frame")
        qtbot.wait(150)
    shown = live.window.findChildren(QDialog, "error_dialog")
    assert len(shown) == 1
    shown[0].close()
    live.document.set_render_settings(backend="auto")
    wait_for_picture(live, qtbot)


def test_kernels_that_were_not_started_start_with_the_next_touch(shell, small_scene, qtbot):
    shell.opener.show_scene(small_scene)
    shell.driver.start()
    shell.tasks.tasks[-1].cancel()
    qtbot.waitUntil(lambda: not shell.tasks.tasks, timeout=60_000)
    if shell.session is None:
        assert "move the camera to start them" in shell.window.hint.text()
    shell.driver.request()
    wait_for_picture(shell, qtbot)
    assert not shell.window.hint.isVisible()
