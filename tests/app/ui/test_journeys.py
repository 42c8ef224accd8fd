"""What a person relies on while working: pictures that sharpen, and work that is never lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QDialog, QMessageBox

from app.autosave import recoverable
from app.ui import files
from app.ui.canvas.view import Shown
from scenes.paths.interpolate import camera_at
from tests.app.ui.conftest import finish, wait_for_picture

pytestmark = pytest.mark.window

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier
CTRL = Qt.KeyboardModifier.ControlModifier
ROOT = Path(__file__).parents[3]


def _press(shell, key, modifiers=NONE):
    QTest.keyClick(shell.driver.canvas.native, key, modifiers)


def _drag(shell, qtbot, dx, dy, pause=12):
    """Turn the view as a hand does: a little at a time, then let go."""
    native = shell.driver.canvas.native
    centre = QPoint(native.width() // 2, native.height() // 2)
    QTest.mousePress(native, LEFT, pos=centre)
    for step in range(1, 11):
        QTest.mouseMove(native, centre + QPoint(dx * step // 10, dy * step // 10))
        qtbot.wait(pause)
    QTest.mouseRelease(native, LEFT, pos=centre + QPoint(dx, dy))


def _on_ruler(panel, seconds):
    return QPoint(round(panel.track.scale.x_of(seconds)), 12)


def test_the_picture_is_coarse_while_turned_and_whole_soon_after(live, qtbot):
    """Nothing slow is needed: a rate that no machine reaches makes moving pictures coarse."""
    live.session.control.target_fps = 5000.0
    arrivals: list[tuple[float, tuple[int, int]]] = []

    def note(shown: Shown) -> None:
        arrivals.append((time.perf_counter(), shown.picture.frame.rgba8.shape[1::-1]))

    live.driver.canvas.shown.connect(note)
    _drag(live, qtbot, 160, 40)
    released = time.perf_counter()
    full = live.driver.canvas.physical_size
    qtbot.waitUntil(lambda: bool(arrivals) and arrivals[-1][1] == full, timeout=5000)
    sizes = [size for _, size in arrivals]
    assert any(width < full[0] for width, _ in sizes[:-1]), sizes
    # Promised are 150 ms; software OpenGL and a shared processor get a little more.
    assert arrivals[-1][0] - released < 0.5
    wait_for_picture(live, qtbot)


def test_frame_brings_a_lost_scene_back(live, qtbot):
    document = live.document
    centre, _ = document.scene.focus
    away = np.eye(4)
    away[:3, 3] = (500.0, 0.0, 0.0)
    live.show_view(document.view.transformed(away))
    wait_for_picture(live, qtbot)
    assert live.driver.frame.rgba8[..., :3].std() < 1
    _press(live, Qt.Key.Key_F)
    wait_for_picture(live, qtbot)
    assert live.driver.frame.rgba8[..., :3].std() > 10
    view = document.view
    seen = view.camera_from_world[:3, :3] @ centre + view.camera_from_world[:3, 3]
    assert np.abs(seen[:2]).max() < 1e-6 * seen[2]


def test_keys_are_placed_scrubbed_overwritten_and_taken_back(live, qtbot):
    document, panel = live.document, live.panel("timeline")
    _press(live, Qt.Key.Key_K)
    QTest.mouseClick(panel.track, LEFT, NONE, _on_ruler(panel, 2.0))
    _drag(live, qtbot, 120, 0, pause=0)
    wait_for_picture(live, qtbot)
    _press(live, Qt.Key.Key_K)
    assert [key.time for key in document.path.keys] == pytest.approx([0.0, 2.0], abs=0.02)

    QTest.mouseClick(panel.track, LEFT, NONE, _on_ruler(panel, 1.0))
    between = camera_at(document.path, document.time, 64, 48)
    np.testing.assert_allclose(document.view.position, between.position, atol=1e-9)
    wait_for_picture(live, qtbot)
    assert live.driver.frame.camera is document.view

    QTest.mouseClick(panel.track, LEFT, NONE, _on_ruler(panel, 2.0))
    kept = document.path.keys[1].world_from_camera
    _drag(live, qtbot, 0, 60, pause=0)
    _press(live, Qt.Key.Key_K, CTRL)
    assert len(document.path.keys) == 2
    assert not np.allclose(document.path.keys[1].world_from_camera, kept)
    _press(live, Qt.Key.Key_Z, CTRL)
    np.testing.assert_array_equal(document.path.keys[1].world_from_camera, kept)
    _press(live, Qt.Key.Key_Z, CTRL)
    assert len(document.path.keys) == 1
    wait_for_picture(live, qtbot)


def test_a_project_brings_back_path_views_and_settings(
    make_shell, scene_file, tmp_path, monkeypatch, qtbot
):
    shell, file = make_shell(), tmp_path / "work.plenoscope"
    shell.driver.start()
    shell.open_paths([scene_file])
    qtbot.waitUntil(lambda: shell.document.scene is not None, timeout=20_000)
    wait_for_picture(shell, qtbot)
    _press(shell, Qt.Key.Key_K)
    _drag(shell, qtbot, 90, 30, pause=0)
    shell.document.set_time(1.5)
    _press(shell, Qt.Key.Key_K)
    shell.run("camera.keep")
    shell.document.set_render_settings(sh_degree=1, splat_scale=0.7)
    monkeypatch.setattr(files, "ask_save", lambda *a, **k: file)
    _press(shell, Qt.Key.Key_S, CTRL)
    qtbot.waitUntil(lambda: not shell.document.modified, timeout=10_000)
    before = shell.document
    finish(shell)

    again = make_shell()
    again.driver.start()
    monkeypatch.setattr(files, "ask_open_many", lambda *a, **k: [file])
    _press(again, Qt.Key.Key_O, CTRL)
    qtbot.waitUntil(lambda: again.document.scene is not None, timeout=20_000)
    wait_for_picture(again, qtbot)
    after = again.document
    assert after.scene.source == scene_file
    assert [key.time for key in after.path.keys] == [key.time for key in before.path.keys]
    for old, new in zip(before.path.keys, after.path.keys, strict=True):
        np.testing.assert_allclose(new.world_from_camera, old.world_from_camera, atol=1e-9)
    assert [mark.name for mark in after.bookmarks] == [mark.name for mark in before.bookmarks]
    assert after.render_settings == before.render_settings
    assert not after.modified


_WORK = """
import sys
from pathlib import Path
from PyQt6.QtCore import QTimer
from app.settings import Settings
from app.ui import main

application = main.make_application(["plenoscope"])
shell = main.make_window(Settings(reduced_motion=True))
shell.window.show()
main.start(shell, [Path(sys.argv[1])])

def add(time):
    shell.document.set_time(time)
    shell.run("timeline.add_key")

def work():
    if shell.document.scene is None:
        return
    timer.stop()
    add(0.0)
    QTimer.singleShot(400, lambda: add(1.0))
    QTimer.singleShot(800, lambda: (add(2.0), print("three keys", flush=True)))

timer = QTimer()
timer.timeout.connect(work)
timer.start(20)
application.exec()
"""


def test_a_killed_program_loses_no_keyframe(shell, scene_file, home, qtbot):
    environment = {**os.environ, "PLENOSCOPE_HOME": str(home)}
    command = [sys.executable, "-c", _WORK, str(scene_file)]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout.readline() == "three keys\n"
        time.sleep(1.0)  # a person does not place a key and pull the plug in one breath
        program.send_signal(signal.SIGKILL)
    assert len(recoverable()) == 1

    shell.driver.start()
    shell.projects.look_for_copies()
    qtbot.waitUntil(lambda: shell.window.findChild(QMessageBox, "recovery") is not None)
    box = shell.window.findChild(QMessageBox, "recovery")
    recover = next(button for button in box.buttons() if button.text() == "Recover")
    QTest.mouseClick(recover, LEFT)
    qtbot.waitUntil(lambda: shell.document.scene is not None, timeout=20_000)
    assert [key.time for key in shell.document.path.keys] == pytest.approx([0.0, 1.0, 2.0])
    assert shell.document.scene.source == scene_file
    assert shell.document.modified
    wait_for_picture(shell, qtbot)


def test_a_broken_scene_and_path_are_told_in_one_sentence_each(live, tmp_path, qtbot):
    scene = live.document.scene
    broken = {
        "cut.ply": b"ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nend_header\n1\n",
        "cut.json": b'{"camera_path": [{"camera_to_world": [1, 2]}]}',
    }
    for name, body in broken.items():
        (tmp_path / name).write_bytes(body)
        live.open_paths([tmp_path / name])
        qtbot.waitUntil(
            lambda: live.window.findChild(QDialog, "error_dialog") is not None, timeout=10_000
        )
        shown = live.window.findChild(QDialog, "error_dialog")
        text = shown.message.text()
        assert name in text
        assert "\n" not in text
        assert text.endswith((".", "!", "?"))
        shown.close()
        qtbot.waitUntil(lambda: live.window.findChild(QDialog, "error_dialog") is None)
    assert live.document.scene is scene
    assert not live.document.path.keys
    _drag(live, qtbot, 50, 10, pause=0)
    wait_for_picture(live, qtbot)
