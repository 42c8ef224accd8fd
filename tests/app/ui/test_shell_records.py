"""Commands, theme, tasks, errors and hooks: what the window is made of."""

from __future__ import annotations

import logging
import sys
import threading

import pytest
from PyQt6.QtCore import QTimer
from PyQt6.QtGui import QColor, QIcon, QKeySequence
from PyQt6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLineEdit

from app.ui import theme
from app.ui.actions import MENUS
from app.ui.errors import report, sentence
from app.ui.logs import Hooks
from app.ui.palette_dialog import score
from app.ui.records import action_records, panel_records
from app.ui.statusbar import amount, duration
from app.ui.tasks import TaskList
from scenes.errors import Cancelled, SceneError


def contrast(a: QColor, b: QColor) -> float:
    """Contrast ratio of WCAG 2.2."""

    def luminance(color: QColor) -> float:
        parts = [color.redF(), color.greenF(), color.blueF()]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("tokens", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["text", "muted", "accent", "good", "warn", "bad"])
def test_text_is_readable(tokens, name):
    for ground in (tokens.background, tokens.surface):
        assert contrast(getattr(tokens, name), ground) >= 4.5


@pytest.mark.parametrize("tokens", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_chosen_text_is_readable(tokens):
    assert contrast(tokens.on_accent, tokens.accent) >= 4.5


def test_dark_is_neutral_grey():
    for color in (theme.DARK.background, theme.DARK.surface, theme.DARK.line):
        assert color.red() == color.green() == color.blue()


def test_icons_follow_the_theme(qapp):
    icon = theme.icon("open")

    def darkest() -> int:
        image = icon.pixmap(16, 16).toImage()
        return min(
            image.pixelColor(x, y).lightness()
            for x in range(16)
            for y in range(16)
            if image.pixelColor(x, y).alpha() > 200
        )

    theme.apply(qapp, "light")
    dark_ink = darkest()
    theme.apply(qapp, "dark")
    assert darkest() > dark_ink + 100
    assert not QIcon(icon).isNull()


def test_no_two_commands_share_a_key():
    keys: dict[str, str] = {}
    for record in action_records():
        for each in record.shortcuts:
            text = QKeySequence(each).toString()
            assert text, f"{record.id} has a key that Qt does not know: {each}"
            assert text not in keys, f"{record.id} and {keys[text]} share {text}"
            keys[text] = record.id


def test_every_command_explains_itself():
    for record in action_records():
        assert record.tip, record.id
        assert record.title[0].isupper() or record.menu.count("/"), record.id
        assert record.menu == "" or record.menu.split("/")[0] in MENUS, record.id
        if record.icon:
            assert not theme.icon(record.icon).isNull()


def test_panels_have_names_of_their_own():
    names = [record.name for record in panel_records()]
    assert len(set(names)) == len(names)
    assert {"scene", "cameras", "rendering"} <= set(names)


@pytest.mark.window
def test_every_control_has_a_name_for_screen_readers(shell):
    for kind in (QAbstractButton, QComboBox, QLineEdit):
        for widget in shell.window.findChildren(kind):
            own = not widget.objectName().startswith("qt_")
            if not own or isinstance(widget.parent(), QComboBox) or not widget.isVisible():
                continue
            spoken = widget.accessibleName() or getattr(widget, "text", str)()
            inside = widget.parent().accessibleName() if widget.parent() else ""
            assert spoken or inside, f"{type(widget).__name__} {widget.objectName()}"


@pytest.mark.window
def test_every_menu_entry_has_a_name_and_a_tip(shell):
    for action in shell.window.actions_set.actions.values():
        assert action.objectName()
        assert action.statusTip()
    assert [menu.title() for menu in shell.window.menus.values() if "/" not in menu.title()][
        : len(MENUS)
    ] == list(MENUS)


# The palette's search ------------------------------------------------------------------------


def test_starts_of_words_win():
    assert score("fs", "Frame the scene") is not None
    assert score("zz", "Frame the scene") is None
    assert score("theme dark", "Theme: Dark") > score("theme dark", "Theme: Light and dark")
    assert score("undo", "Undo") > score("undo", "Turn around and do")


# Tasks ---------------------------------------------------------------------------------------


@pytest.fixture
def tasks(qapp):
    tasks = TaskList()
    yield tasks
    tasks.close()
    tasks.deleteLater()


def test_a_task_reports_on_the_ui_thread(tasks, qtbot):
    threads, results = [], []

    def work(progress, cancel):
        threads.append(threading.current_thread())
        progress(3, 4, "splats")
        return 42

    def done(result):
        threads.append(threading.current_thread())
        results.append(result)

    task = tasks.start("Counting", work, done)
    qtbot.waitUntil(lambda: results == [42])
    assert task.fraction == 0.75
    assert threads[0] is not threads[1]
    assert threads[1] is threading.main_thread()
    assert not tasks.tasks


def test_a_cancelled_task_is_no_error(tasks, qtbot):
    ends = []

    def work(progress, cancel):
        while not cancel():
            threading.Event().wait(0.005)
        raise Cancelled

    task = tasks.start("Waiting", work, ends.append, ends.append, lambda: ends.append("cancelled"))
    task.cancel()
    qtbot.waitUntil(lambda: bool(ends))
    assert ends == ["cancelled"]


def test_a_failed_task_hands_over_its_error(tasks, qtbot):
    ends = []

    def work(progress, cancel):
        raise SceneError("a.ply", "a scene", "a letter")

    tasks.start("Failing", work, ends.append, lambda error: ends.append(str(error)))
    qtbot.waitUntil(lambda: bool(ends))
    assert ends == ["a.ply: expected a scene, found a letter"]


def test_pause_holds_the_work(tasks, qtbot):
    counted = [0]

    def work(progress, cancel):
        while not cancel():
            counted[0] += 1
            threading.Event().wait(0.002)

    task = tasks.start("Counting", work, lambda _: None, pausable=True)
    qtbot.waitUntil(lambda: counted[0] > 3)
    task.pause()
    qtbot.wait(30)
    held, seconds = counted[0], task.seconds
    qtbot.wait(60)
    assert counted[0] - held <= 1
    assert task.seconds == seconds
    task.resume()
    qtbot.waitUntil(lambda: counted[0] > held + 3)
    task.cancel()
    qtbot.waitUntil(lambda: not tasks.tasks)


def test_close_joins_what_still_runs(qapp):
    tasks = TaskList()

    def work(progress, cancel):
        while not cancel():
            threading.Event().wait(0.005)

    tasks.start("Running", work, lambda _: pytest.fail("reported after close"))
    tasks.close()
    QApplication.processEvents()
    tasks.deleteLater()


def test_numbers_in_words():
    assert amount(12_400_000, 80_000_000, "bytes") == "12.4 of 80.0 MB"
    assert amount(3000, 9000, "splats") == "3,000 of 9,000 splats"
    assert duration(0.4) == "under 1 s"
    assert duration(75) == "1 min 15 s"
    assert duration(3700) == "1 h 01 min"


# Errors --------------------------------------------------------------------------------------


def test_sentences_end_and_name_the_file():
    assert sentence(SceneError("/a/b.ply", "x", "y", "line 3")) == (
        "b.ply (line 3): expected x, found y."
    )
    assert sentence(FileNotFoundError(2, "No such file", "/a/c.ply")) == "c.ply: No such file."
    assert "memory" in sentence(MemoryError())
    assert "KeyError" in sentence(KeyError("k"))


def test_the_report_names_no_folders():
    try:
        raise ValueError("cannot read /home/ada/secret/plan.ply")
    except ValueError as error:
        text = report(error, ["opened C:\\Users\\ada\\scene.ply"], "llvmpipe")
    assert "ada" not in text
    assert "plan.ply" in text
    assert "llvmpipe" in text


@pytest.mark.qt_no_exception_capture
def test_hooks_catch_slots_and_threads_and_write_them_down(home, qtbot, capture_none):
    hooks = Hooks()
    hooks.install()
    caught = []
    hooks.caught.connect(caught.append)
    try:

        def fail():
            raise RuntimeError("in a slot")

        QTimer.singleShot(0, fail)
        qtbot.waitUntil(lambda: len(caught) == 1)

        def fail_in_thread():
            raise RuntimeError("in a thread")

        thread = threading.Thread(target=fail_in_thread)
        thread.start()
        thread.join()
        qtbot.waitUntil(lambda: len(caught) == 2)
    finally:
        hooks.remove()
    assert [str(error) for error in caught] == ["in a slot", "in a thread"]
    log = (home / "log" / "plenoscope.log").read_text()
    assert "in a slot" in log
    assert "in a thread" in log
    assert any("in a slot" in line for line in hooks.lines)


@pytest.fixture
def capture_none():
    """Keep the hooks of pytest as they were, and the root logger quiet."""
    before = sys.excepthook, threading.excepthook, sys.unraisablehook
    level = logging.getLogger().level
    yield
    assert (sys.excepthook, threading.excepthook, sys.unraisablehook) == before
    logging.getLogger().setLevel(level)
