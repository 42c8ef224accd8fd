"""Dialogs and menus that are made at run time: recent files, settings, keys, unsaved work."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QCheckBox, QComboBox, QDialog, QMenu, QMessageBox, QSpinBox

from app.autosave import Autosave, autosave_folder
from app.document import Document
from app.settings import Settings
from app.ui import theme
from app.ui.projects import ask_unsaved
from scenes.camera import Camera
from scenes.paths.path import CameraPath, Keyframe
from tests.app.ui.conftest import wait_for_picture

pytestmark = pytest.mark.window


def dialog(shell, name):
    return shell.window.findChild(QDialog, name)


def test_recent_files_that_are_gone_are_greyed(make_shell, scene_file, tmp_path, qtbot):
    gone = tmp_path / "gone.ply"
    shell = make_shell(Settings(recent_files=(str(scene_file), str(gone))))
    menu = shell.window.findChild(QMenu, "menu_open_recent")
    menu.aboutToShow.emit()
    there, missing = menu.actions()[:2]
    qtbot.waitUntil(lambda: not missing.isEnabled(), timeout=5_000)
    assert there.isEnabled()
    assert there.toolTip() == str(scene_file)
    assert missing.toolTip().startswith(str(gone))
    there.trigger()
    qtbot.waitUntil(lambda: shell.document.scene is not None, timeout=20_000)
    menu.actions()[-1].trigger()
    assert shell.settings.recent_files == ()
    assert not menu.isEnabled()


def test_settings_take_effect_at_once(live):
    live.run("edit.settings")
    settings = dialog(live, "settings")
    mode = settings.findChild(QComboBox, "settings_theme")
    index = mode.findData("dark")
    mode.setCurrentIndex(index)
    mode.activated.emit(index)
    assert theme.current().dark
    settings.findChild(QSpinBox, "settings_fps").setValue(15)
    assert live.session.control.target_fps == 15
    calm = settings.findChild(QCheckBox, "settings_calm")
    calm.setChecked(False)
    assert live.pointer.navigator.damped
    calm.setChecked(True)
    assert not live.pointer.navigator.damped
    mouse = settings.findChild(QComboBox, "settings_navigation")
    index = mouse.findData("blender")
    mouse.setCurrentIndex(index)
    mouse.activated.emit(index)
    assert live.pointer.navigator.preset.name == "blender"
    settings.findChild(QSpinBox, "settings_autosave").setValue(0)
    assert live.settings.autosave_seconds == 0
    settings.close()


def test_the_list_of_keys_names_every_key(shell):
    shell.run("help.keys")
    tree = dialog(shell, "shortcuts").tree
    rows = []
    for row in range(tree.topLevelItemCount()):
        group = tree.topLevelItem(row)
        rows += [
            (group.child(i).text(0), group.child(i).text(1)) for i in range(group.childCount())
        ]
    listed = " ".join(keys for _, keys in rows)
    for record in shell.window.actions_set.records.values():
        if record.menu and record.shortcuts:
            assert any(record.title.rstrip(".…") in what for what, _ in rows), record.id
    assert "Left drag" in listed
    dialog(shell, "shortcuts").filter.setText("full screen")
    shown = [
        tree.topLevelItem(row).text(0)
        for row in range(tree.topLevelItemCount())
        if not tree.topLevelItem(row).isHidden()
    ]
    assert shown == ["View"]
    dialog(shell, "shortcuts").close()


@pytest.mark.parametrize(
    ("button", "answer"),
    [
        (QMessageBox.StandardButton.Save, "save"),
        (QMessageBox.StandardButton.Discard, "discard"),
        (QMessageBox.StandardButton.Cancel, "cancel"),
    ],
)
def test_the_question_about_changes_has_three_answers(shell, qtbot, button, answer):
    def press():
        box = shell.window.findChild(QMessageBox, "unsaved")
        QTest.mouseClick(box.button(button), Qt.MouseButton.LeftButton)

    QTimer.singleShot(50, press)
    assert ask_unsaved(shell.window, "work.plenoscope") == answer


def leave_a_copy():
    """What a run that crashed leaves: a copy of its document whose lock is free."""
    document = Document()
    crashed = Autosave(document, seconds=1e-9)
    key = Keyframe(0.0, Camera.look_at((0, 0, -3), (0, 0, 0)).world_from_camera, 0.8, "kept")
    document.edit_path(CameraPath((key,)), "Add")
    assert crashed.poll()
    crashed._lock.close()
    crashed._lock = None
    crashed._document.path_changed.disconnect(crashed._note_path)
    for signal in crashed._signals:
        signal.disconnect(crashed._note_change)
    return crashed.file


def test_unsaved_work_of_a_crash_is_offered_and_comes_back(shell, qtbot):
    file = leave_a_copy()
    shell.projects.look_for_copies()
    qtbot.waitUntil(lambda: shell.window.findChild(QMessageBox, "recovery") is not None)
    box = shell.window.findChild(QMessageBox, "recovery")
    recover = next(b for b in box.buttons() if b.text() == "Recover")
    QTest.mouseClick(recover, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(shell.document.path.keys) == 1, timeout=5_000)
    assert shell.document.path.keys[0].name == "kept"
    assert shell.document.modified
    assert not file.exists()


def test_changed_work_is_copied_and_the_copy_goes_with_a_clean_end(live, qtbot):
    live.change_settings(autosave_seconds=1e-9)
    live.projects._timer.setInterval(20)
    live.run("camera.keep")

    def copies():
        return list(autosave_folder().glob("*.plenoscope"))

    qtbot.waitUntil(lambda: len(copies()) == 1, timeout=5_000)
    live.document.mark_saved()
    live.window.close()
    assert copies() == []


def test_overlays_can_be_switched(live, qtbot):
    canvas = live.driver.canvas
    live.run("camera.tour")
    qtbot.waitUntil(lambda: bool(live.document.path.keys), timeout=10_000)
    width, height = canvas.physical_size
    full = sum(len(part) for part in canvas.overlay(width, height).lines)
    for name in ("path", "keys", "axes"):
        live.run(f"view.{name}")
        now = sum(len(part) for part in canvas.overlay(width, height).lines)
        assert now < full, name
        full = now
    assert full == 0
    live.set_overlays(export_aspect=1.0, export_frame=True)
    live.run("view.pivot")
    assert canvas.overlay(width, height).lines
    live.document.select_keys({0})
    canvas.native.grabFramebuffer()
    wait_for_picture(live, qtbot)
