"""The timeline, driven with mouse and keyboard like a person would."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PyQt6.QtCore import QObject, QPoint, QPointF, Qt, pyqtSignal
from PyQt6.QtGui import QAction, QMouseEvent, QWheelEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QLineEdit, QMenu
from pytestqt.qtbot import QtBot

from app.document import Document
from app.ui.actions import ActionSet
from app.ui.panels.timeline import ACTIONS, TimelinePanel
from app.ui.timeline import layout
from app.ui.timeline.playback import Playback
from render.request import Frame
from scenes.camera import Camera, look_at_pose
from scenes.paths.path import CameraPath, Keyframe

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier
ALT = Qt.KeyboardModifier.AltModifier
CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


class Driver(QObject):
    """Stands for the canvas: remembers the frame that would be on the screen."""

    arrived = pyqtSignal()
    frame: Frame | None = None

    def picture(self, camera: Camera) -> None:
        self.frame = Frame({}, camera=camera)
        self.arrived.emit()


def fake_shell() -> Any:
    document = Document()
    document.set_view(Camera.look_at((0, 0, -3), (0, 0, 0)))
    shell = SimpleNamespace(
        document=document,
        driver=Driver(),
        pointer=SimpleNamespace(stop=lambda: None),
        session=object(),
        show_view=document.set_view,
        window=None,
        errors=[],
    )
    shell.show_error = shell.errors.append
    return shell


@pytest.fixture
def shell() -> Any:
    return fake_shell()


@pytest.fixture
def panel(qtbot: QtBot, shell: Any) -> Iterator[TimelinePanel]:
    panel = TimelinePanel(shell)
    qtbot.addWidget(panel)
    shell.panel = lambda name: panel
    shell.show_panel = lambda name: panel.setFocus()
    panel.resize(1100, 180)
    panel.show()
    panel.activateWindow()
    qtbot.waitUntil(panel.isActiveWindow)
    yield panel
    panel.player.pause()


@pytest.fixture
def actions(shell: Any, panel: TimelinePanel) -> ActionSet:
    actions = ActionSet(ACTIONS, shell, panel)
    for action in actions.actions.values():
        panel.addAction(action)
    return actions


def give_keys(document: Document, *times: float, **clip: Any) -> None:
    keys = tuple(
        Keyframe(t, look_at_pose((t, 0, -3), (0, 0, 0)), 0.9, name=f"key {t:g}") for t in times
    )
    document.edit_path(CameraPath(keys, **clip), "set")


def times(document: Document) -> list[float]:
    return [key.time for key in document.path.keys]


def send(panel: TimelinePanel, kind: Any, at: QPointF, modifiers: Any, held: bool = True) -> None:
    button = Qt.MouseButton.NoButton if kind == QMouseEvent.Type.MouseMove else LEFT
    buttons = LEFT if held else Qt.MouseButton.NoButton
    event = QMouseEvent(kind, at, panel.track.mapToGlobal(at), button, buttons, modifiers)
    QApplication.sendEvent(panel.track, event)


def drag(
    panel: TimelinePanel, begin: QPointF, end: QPointF, modifiers: Any = NONE, release: bool = True
) -> None:
    send(panel, QMouseEvent.Type.MouseButtonPress, begin, modifiers)
    for part in (0.3, 0.7, 1.0):
        send(panel, QMouseEvent.Type.MouseMove, begin + (end - begin) * part, modifiers)
    if release:
        send(panel, QMouseEvent.Type.MouseButtonRelease, end, modifiers, held=False)


def click(panel: TimelinePanel, index: int, modifiers: Any = NONE) -> None:
    QTest.mouseClick(panel.track, LEFT, modifiers, panel.track.key_point(index).toPoint())


def on_ruler(panel: TimelinePanel, seconds: float) -> QPointF:
    return QPointF(panel.track.scale.x_of(seconds), 12.0)


# Empty --------------------------------------------------------------------------------------


def test_the_empty_timeline_says_what_to_do(panel: TimelinePanel, shell: Any) -> None:
    assert panel.empty.isVisible()
    QTest.mouseClick(panel.empty.add, LEFT)
    assert len(shell.document.path.keys) == 1
    assert not panel.empty.isVisible()
    shell.document.undo()
    assert panel.empty.isVisible()
    assert not panel.empty.turntable.isEnabled()


def test_everything_has_a_name(panel: TimelinePanel) -> None:
    assert panel.track.accessibleName()
    for field in (panel.transport.play, panel.transport.loop, panel.transport.duration):
        assert field.objectName()
        assert field.accessibleName()
        assert field.toolTip()


# Keys ---------------------------------------------------------------------------------------


def test_k_adds_and_ctrl_k_overwrites(panel: TimelinePanel, shell: Any, actions: ActionSet) -> None:
    document = shell.document
    QTest.keyClick(panel.track, Qt.Key.Key_K)
    QTest.keyClick(panel.track, Qt.Key.Key_K)
    assert times(document) == [0, 2]
    other = Camera.look_at((5, 0, -3), (0, 0, 0))
    document.set_view(other)
    actions.refresh()
    QTest.keyClick(panel.track, Qt.Key.Key_K, CTRL)
    pose = document.path.keys[1].world_from_camera
    np.testing.assert_allclose(pose, other.world_from_camera)
    assert times(document) == [0, 2]
    assert not shell.errors


def test_a_click_selects_and_shows(panel: TimelinePanel, shell: Any) -> None:
    document = shell.document
    give_keys(document, 0, 2, 5)
    click(panel, 1)
    assert document.selection == {1}
    assert document.time == 2
    np.testing.assert_allclose(document.view.position, (2, 0, -3), atol=1e-9)
    click(panel, 2, CTRL)
    assert document.selection == {1, 2}
    click(panel, 1, SHIFT)
    assert document.selection == {2}


def test_a_rubber_band_selects(panel: TimelinePanel, shell: Any) -> None:
    give_keys(shell.document, 0, 2, 5)
    scale = panel.track.scale
    y = layout.KEY_Y
    drag(panel, QPointF(scale.x_of(1.0), y + 25), QPointF(scale.x_of(5.5), y - 12))
    assert shell.document.selection == {1, 2}
    QTest.mouseClick(panel.track, LEFT, NONE, QPoint(int(scale.x_of(3.0)), 80))
    assert shell.document.selection == frozenset()


def test_a_drag_snaps_and_is_one_step_of_undo(panel: TimelinePanel, shell: Any) -> None:
    document = shell.document
    give_keys(document, 0, 2, 5)
    begin = panel.track.key_point(1)
    end = QPointF(panel.track.scale.x_of(3.013), begin.y())
    drag(panel, begin, end)
    assert times(document) == [0, 3, 5]
    assert document.selection == {1}
    document.undo()
    assert times(document) == [0, 2, 5]
    document.redo()
    assert times(document) == [0, 3, 5]


def test_a_drag_across_another_key_keeps_both(panel: TimelinePanel, shell: Any) -> None:
    document = shell.document
    give_keys(document, 0, 2, 5)
    begin = panel.track.key_point(1)
    drag(panel, begin, QPointF(panel.track.scale.x_of(6.0), begin.y()))
    assert times(document) == [0, 5, 6]
    assert document.path.keys[2].name == "key 2"
    assert document.selection == {2}


def test_shift_lets_go_of_the_frames(panel: TimelinePanel, shell: Any) -> None:
    document = shell.document
    give_keys(document, 0, 2)
    begin = panel.track.key_point(1)
    drag(panel, begin, begin + QPointF(13.7, 0), SHIFT)
    moved = times(document)[1]
    assert moved == pytest.approx(2 + 13.7 / panel.track.scale.pixels_per_second)


def test_selected_keys_move_together(panel: TimelinePanel, shell: Any) -> None:
    document = shell.document
    give_keys(document, 0, 2, 3, 6)
    document.select_keys({1, 2})
    begin = panel.track.key_point(1)
    drag(panel, begin, QPointF(panel.track.scale.x_of(4.0), begin.y()))
    assert times(document) == [0, 4, 5, 6]
    assert document.undo_label == "Move keyframes"


def test_alt_drag_copies(panel: TimelinePanel, shell: Any) -> None:
    document = shell.document
    give_keys(document, 0, 2)
    begin = panel.track.key_point(1)
    drag(panel, begin, QPointF(panel.track.scale.x_of(5.0), begin.y()), ALT)
    assert times(document) == [0, 2, 5]
    assert document.selection == {2}
    assert document.path.keys[2].name == "key 2"
    document.undo()
    assert times(document) == [0, 2]


def test_escape_takes_a_drag_back(panel: TimelinePanel, shell: Any) -> None:
    document = shell.document
    give_keys(document, 0, 2)
    begin = panel.track.key_point(1)
    drag(panel, begin, begin + QPointF(90, 0), release=False)
    assert times(document) != [0, 2]
    QTest.keyClick(panel.track, Qt.Key.Key_Escape)
    assert times(document) == [0, 2]
    assert document.undo_label == "set"


def test_a_long_rest_in_a_drag_is_still_one_step(
    panel: TimelinePanel, shell: Any, qtbot: QtBot
) -> None:
    document = shell.document
    give_keys(document, 0, 2)
    begin = panel.track.key_point(1)
    drag(panel, begin, begin + QPointF(60, 0), release=False)
    qtbot.wait(1400)
    end = begin + QPointF(120, 0)
    send(panel, QMouseEvent.Type.MouseMove, end, NONE)
    send(panel, QMouseEvent.Type.MouseButtonRelease, end, NONE, held=False)
    document.undo()
    assert times(document) == [0, 2]


def test_delete(panel: TimelinePanel, shell: Any) -> None:
    give_keys(shell.document, 0, 2, 5)
    click(panel, 1)
    QTest.keyClick(panel.track, Qt.Key.Key_Delete)
    assert times(shell.document) == [0, 5]
    assert shell.document.selection == frozenset()


def test_a_double_click_renames(panel: TimelinePanel, shell: Any, qtbot: QtBot) -> None:
    document = shell.document
    give_keys(document, 0, 2)
    QTest.mouseDClick(panel.track, LEFT, NONE, panel.track.key_point(1).toPoint())
    editor = panel.track.findChild(QLineEdit, "timeline_name")
    assert editor is not None
    assert editor.text() == "key 2"
    QTest.keyClicks(editor, "Pond, K")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    assert document.path.keys[1].name == "Pond, K"
    assert len(document.path.keys) == 2
    document.undo()
    assert document.path.keys[1].name == "key 2"


def test_escape_keeps_the_old_name(panel: TimelinePanel, shell: Any) -> None:
    give_keys(shell.document, 0, 2)
    click(panel, 0)
    QTest.keyClick(panel.track, Qt.Key.Key_F2)
    editor = panel.track.findChild(QLineEdit, "timeline_name")
    assert editor is not None
    QTest.keyClicks(editor, "other")
    QTest.keyClick(editor, Qt.Key.Key_Escape)
    assert shell.document.path.keys[0].name == "key 0"


def test_arrows_walk_over_the_keys(panel: TimelinePanel, shell: Any) -> None:
    document = shell.document
    give_keys(document, 0, 2, 5)
    click(panel, 0)
    QTest.keyClick(panel.track, Qt.Key.Key_Right)
    assert document.selection == {1}
    assert document.time == 2
    QTest.keyClick(panel.track, Qt.Key.Key_Right, SHIFT)
    assert document.selection == {1, 2}
    QTest.keyClick(panel.track, Qt.Key.Key_Left)
    assert document.selection == {0}
    QTest.keyClick(panel.track, Qt.Key.Key_A, CTRL)
    assert document.selection == {0, 1, 2}


# Menus --------------------------------------------------------------------------------------


def menu_entry(panel: TimelinePanel, menu_name: str, entry: str) -> QAction:
    menu = panel.track.findChild(QMenu, menu_name)
    assert menu is not None
    action = menu.findChild(QAction, entry)
    assert action is not None
    return action


def test_the_curve_between_keys_opens_its_menu(panel: TimelinePanel, shell: Any) -> None:
    document = shell.document
    give_keys(document, 0, 2, 5)
    (index, x), *_ = layout.easing_spots(document.path, panel.track.scale)
    QTest.mouseClick(panel.track, LEFT, NONE, QPoint(int(x), int(layout.KEY_Y)))
    action = menu_entry(panel, "timeline_easing_menu", "timeline_easing_in-out")
    assert not action.icon().isNull()
    action.trigger()
    assert document.path.keys[index].easing == "in-out"
    document.undo()
    assert document.path.keys[index].easing == "none"
    panel.track.findChild(QMenu, "timeline_easing_menu").close()


def test_easing_says_why_it_is_off(panel: TimelinePanel, shell: Any) -> None:
    give_keys(shell.document, 0, 2, interpolation="hold")
    panel.track.easing_wanted.emit(0, QPoint(0, 0))
    action = menu_entry(panel, "timeline_easing_menu", "timeline_easing_in")
    assert not action.isEnabled()
    assert "Held" in action.toolTip()
    panel.track.findChild(QMenu, "timeline_easing_menu").close()


def test_the_context_menu_of_several_keys(panel: TimelinePanel, shell: Any) -> None:
    document = shell.document
    give_keys(document, 0, 2, 5)
    document.select_keys({0, 1})
    panel.track.menu_wanted.emit(layout.Hit("key", 1), QPoint(0, 0))
    menu = panel.track.findChild(QMenu, "timeline_menu")
    assert menu is not None
    menu_entry(panel, "timeline_easing_menu", "timeline_easing_out").trigger()
    assert [key.easing for key in document.path.keys] == ["out", "out", "none"]
    menu_entry(panel, "timeline_interpolation_menu", "timeline_interpolation_linear").trigger()
    assert document.path.interpolation == "linear"
    menu.close()


# The playhead -------------------------------------------------------------------------------


def test_the_ruler_scrubs_and_moves_the_view(panel: TimelinePanel, shell: Any) -> None:
    document = shell.document
    give_keys(document, 0, 4, interpolation="linear")
    QTest.mouseClick(panel.track, LEFT, NONE, on_ruler(panel, 2.0).toPoint())
    assert document.time == pytest.approx(2.0, abs=0.02)
    drag(panel, on_ruler(panel, 2.0), on_ruler(panel, 3.004))
    assert document.time == pytest.approx(3.0)
    assert document.view.position[0] == pytest.approx(3.0)
    drag(panel, on_ruler(panel, 3.0), on_ruler(panel, 3.0) + QPointF(1e5, 0))
    assert document.time == 8.0
    assert document.undo_label == "set"


def test_keys_of_the_keyboard_move_the_playhead(
    panel: TimelinePanel, shell: Any, actions: ActionSet
) -> None:
    document = shell.document
    give_keys(document, 0, 4)
    actions.refresh()
    QTest.keyClick(panel.track, Qt.Key.Key_Period)
    QTest.keyClick(panel.track, Qt.Key.Key_Period)
    assert document.time == pytest.approx(2 / 30)
    QTest.keyClick(panel.track, Qt.Key.Key_Comma)
    assert document.time == pytest.approx(1 / 30)
    QTest.keyClick(panel.track, Qt.Key.Key_End)
    assert document.time == pytest.approx(239 / 30)
    assert panel.transport.clock.text() == "00:08.0 / 00:08"
    assert panel.transport.frame.text() == "frame 239"
    QTest.keyClick(panel.track, Qt.Key.Key_Home)
    assert document.time == 0


def test_buttons_jump_between_keys(panel: TimelinePanel, shell: Any) -> None:
    give_keys(shell.document, 1, 4)
    button = panel.findChild(type(panel.transport.play), "timeline_next")
    QTest.mouseClick(button, LEFT)
    assert shell.document.time == 1
    QTest.mouseClick(button, LEFT)
    assert shell.document.time == 4
    assert shell.document.selection == {1}


def test_the_wheel_zooms_and_the_middle_button_moves(panel: TimelinePanel, shell: Any) -> None:
    give_keys(shell.document, 0, 4)
    track = panel.track
    at = QPointF(500, 60)
    before, zoom = track.scale.time_at(500), track.scale.pixels_per_second
    wheel = QWheelEvent(
        at,
        track.mapToGlobal(at),
        QPoint(),
        QPoint(0, 360),
        Qt.MouseButton.NoButton,
        NONE,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(track, wheel)
    assert track.scale.pixels_per_second > 1.5 * zoom
    assert track.scale.time_at(500) == pytest.approx(before)
    QTest.mousePress(track, Qt.MouseButton.MiddleButton, NONE, QPoint(500, 60))
    QTest.mouseMove(track, QPoint(450, 60))
    QTest.mouseRelease(track, Qt.MouseButton.MiddleButton, NONE, QPoint(450, 60))
    assert track.scale.time_at(450) == pytest.approx(before)
    track.fit()
    assert track.scale.pixels_per_second == pytest.approx(zoom)


# Playing ------------------------------------------------------------------------------------


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def with_clock(panel: TimelinePanel) -> Clock:
    clock = Clock()
    panel.player.playback = Playback(clock)
    return clock


def test_space_plays_in_real_time(panel: TimelinePanel, shell: Any) -> None:
    document = shell.document
    give_keys(document, 0, 4, interpolation="linear")
    clock = with_clock(panel)
    QTest.keyClick(panel.track, Qt.Key.Key_Space)
    assert panel.player.playing
    clock.now += 2.0
    panel.player.tick()
    assert document.time == pytest.approx(2.0)
    assert document.view.position[0] == pytest.approx(2.0)
    QTest.keyClick(panel.track, Qt.Key.Key_Space)
    assert not panel.player.playing


def test_every_frame_follows_the_pictures(panel: TimelinePanel, shell: Any) -> None:
    document = shell.document
    give_keys(document, 0, 4)
    with_clock(panel)
    QTest.mouseClick(panel.transport.every, LEFT)
    QTest.mouseClick(panel.transport.play, LEFT)
    panel.player.tick()
    panel.player.tick()
    assert document.time == pytest.approx(1 / 30)
    shell.driver.picture(Camera.look_at((9, 9, 9), (0, 0, 0)))
    panel.player.tick()
    assert document.time == pytest.approx(1 / 30)
    shell.driver.picture(document.view)
    panel.player.tick()
    assert document.time == pytest.approx(2 / 30)


def test_playing_ends_and_the_button_tells(panel: TimelinePanel, shell: Any) -> None:
    give_keys(shell.document, 0, 4)
    clock = with_clock(panel)
    panel.player.toggle()
    assert panel.transport.play.accessibleName().startswith("Pause")
    clock.now += 100
    panel.player.tick()
    assert not panel.player.playing
    assert panel.transport.play.accessibleName().startswith("Play")


def test_scrubbing_while_playing_goes_on_from_there(panel: TimelinePanel, shell: Any) -> None:
    give_keys(shell.document, 0, 4)
    clock = with_clock(panel)
    panel.player.toggle()
    QTest.mouseClick(panel.track, LEFT, NONE, on_ruler(panel, 5.0).toPoint())
    clock.now += 1.0
    panel.player.tick()
    assert shell.document.time == pytest.approx(6.0, abs=0.05)


# The clip -----------------------------------------------------------------------------------


def test_fields_change_the_clip(panel: TimelinePanel, shell: Any) -> None:
    document, fields = shell.document, panel.transport
    give_keys(document, 0, 4)
    fields.duration.setValue(10)
    assert document.path.duration == 10
    assert fields.frames.value() == 300
    fields.frames.setValue(150)
    assert document.path.duration == 5
    fields.fps.setValue(24)
    assert document.path.fps == 24
    assert fields.frames.value() == 120
    fields.loop.click()
    assert document.path.loop
    document.undo()
    assert not fields.loop.isChecked()
    document.undo()
    assert fields.fps.value() == 30


def test_actions_are_off_where_they_make_no_sense(shell: Any, actions: ActionSet) -> None:
    actions.refresh()
    assert actions.actions["timeline.add_key"].isEnabled()
    for name in ("play", "overwrite_key", "delete_keys", "rename_key", "turntable"):
        assert not actions.actions[f"timeline.{name}"].isEnabled()
