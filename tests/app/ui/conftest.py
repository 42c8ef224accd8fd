"""What every test of the window gets: a home of its own, and a look at what it left behind."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    # Widgets work without a display; tests that need OpenGL are marked and skip themselves.
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PyQt6 import sip
from PyQt6.QtCore import QEvent, Qt, QThread, QTimer
from PyQt6.QtWidgets import QApplication, QDialog, QMainWindow

from app.settings import Settings
from app.ui import main, projects
from app.ui.shell import Shell
from scenes.gaussians import GaussianScene
from scenes.open import save_scene
from scenes.samples import make_sample

QApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
PATIENCE = 60.0
"""Seconds that a picture may take; the first one of a machine compiles kernels."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests of the window where no display can show it."""
    if item.get_closest_marker("window") and os.environ.get("QT_QPA_PLATFORM") == "offscreen":
        pytest.skip("needs a display with OpenGL: run under xvfb-run, or set DISPLAY")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: QApplication) -> Path:
    """Settings, layout, log and copies go to a folder of this test."""
    folder = tmp_path / "home"
    monkeypatch.setenv("PLENOSCOPE_HOME", str(folder))
    qapp.setOrganizationName("plenoscope")
    qapp.setApplicationName("plenoscope")
    main.use_settings_folder()
    return folder


@pytest.fixture(autouse=True)
def nothing_left(qapp: QApplication, home: Path) -> Iterator[None]:
    """Fail a test that leaves threads, running timers, windows or dialogs."""
    # What is there before a test is not looked through again after it: that takes a second.
    gc.collect()
    gc.freeze()
    threads = set(threading.enumerate())
    windows = set(map(id, _windows()))
    timers = set(map(id, _running(QTimer)))
    yield
    for _ in range(3):
        qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        qapp.processEvents()
    gc.collect()
    deadline = time.monotonic() + 3.0
    while (left := _threads(threads)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left, f"threads left: {left}"
    left_windows = [window for window in _windows() if id(window) not in windows]
    assert not left_windows, f"windows left: {[w.objectName() for w in left_windows]}"
    left_timers = [timer for timer in _running(QTimer) if id(timer) not in timers]
    assert not left_timers, f"timers left: {[_owner(timer) for timer in left_timers]}"
    assert not _running(QThread), "a QThread is still running"


def _threads(before: set[threading.Thread]) -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread not in before]


def _windows() -> list[object]:
    return [
        widget
        for widget in QApplication.topLevelWidgets()
        if widget.isVisible() or isinstance(widget, QMainWindow | QDialog)
    ]


def _running(kind: type) -> list:
    found = [
        each for each in gc.get_objects() if isinstance(each, kind) and not sip.isdeleted(each)
    ]
    if kind is QThread:
        return [thread for thread in found if thread.isRunning()]
    return [timer for timer in found if timer.isActive()]


def _owner(timer: QTimer) -> str:
    parent = timer.parent()
    return f"{type(parent).__name__} {parent.objectName() if parent else ''}"


@pytest.fixture(scope="session")
def small_scene() -> GaussianScene:
    """A sample that renders in milliseconds."""
    return make_sample("spheres", count=3000)


@pytest.fixture(scope="session")
def scene_file(small_scene: GaussianScene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small scene as a file."""
    file = tmp_path_factory.mktemp("scenes") / "spheres.ply"
    save_scene(small_scene, file)
    return file


@pytest.fixture
def make_shell(qtbot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Shell]]:
    """Make main windows; at the end each is closed and its GL context has seen no error."""
    made: list[Shell] = []

    def make(settings: Settings | None = None) -> Shell:
        shell = main.make_window(settings or Settings(theme="light", reduced_motion=True))
        made.append(shell)
        shell.window.resize(1200, 800)
        shell.window.show()
        qtbot.waitExposed(shell.window)
        shell.window.activateWindow()
        qtbot.waitUntil(shell.window.isActiveWindow)
        return shell

    yield make
    monkeypatch.setattr(projects, "ask_unsaved", lambda parent, name: "discard")
    for shell in made:
        finish(shell)


def finish(shell: Shell) -> None:
    """Close a window as a person would, and let Qt delete it."""
    from vispy.gloo import gl

    window = shell.window
    if sip.isdeleted(window):
        return
    if not window.finished:
        shell.driver.canvas.surface.set_current()
        gl.check_error("the end of the test")
        window.close()
    window.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def shell(make_shell: Callable[..., Shell]) -> Shell:
    """A window without a scene whose kernels are not started."""
    return make_shell()


@pytest.fixture
def live(shell: Shell, small_scene: GaussianScene, qtbot) -> Shell:
    """A window that shows the small scene with the real renderer."""
    shell.driver.start()
    shell.opener.show_scene(small_scene)
    wait_for_picture(shell, qtbot)
    return shell


def wait_for_picture(shell: Shell, qtbot) -> None:
    """Wait until the picture of the present view is on the screen in full size."""

    def settled() -> bool:
        frame, session = shell.driver.frame, shell.session
        if frame is None or session is None or not session.idle or shell.pointer.navigator.moving:
            return False
        view = shell.document.view
        return frame.camera is view and frame.rgba8.shape[:2] == (view.height, view.width)

    qtbot.waitUntil(settled, timeout=int(1000 * PATIENCE))
    qtbot.wait(30)
