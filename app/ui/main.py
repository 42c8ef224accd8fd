"""Starts the window."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import QSettings, Qt
from PyQt6.QtWidgets import QApplication

from app.settings import Settings, config_folder, load_settings
from app.ui import theme
from app.ui.logs import Hooks
from app.ui.shell import Shell
from kernels.backends import load_compiler
from scenes.registry import by_extension

FIRST_SAMPLE = "garden"


def run_window(scenes: Sequence[Path], path: Path | None = None) -> int:
    """Show the window with these scenes and this camera path; returns the exit code.

    Without a scene a sample is made, and turns slowly until the first touch.
    """
    # Qt's loop keeps Python from seeing Ctrl+C of the terminal; the system's own way to end works.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    application = make_application(sys.argv[:1])
    hooks = Hooks()
    shell = make_window(load_settings())
    # VisPy's Qt backend sets a message handler of its own when a canvas is made; ours comes after.
    hooks.install()
    hooks.caught.connect(shell.show_error)
    shell.log_lines = hooks.lines
    shell.window.show()
    start(shell, [*scenes, *([path] if path is not None else [])])
    try:
        return application.exec()
    finally:
        hooks.remove()


def make_application(arguments: Sequence[str]) -> QApplication:
    """The application object, with what must be settled before it exists."""
    if sys.platform == "win32":
        # torch >= 2.9 fails to load its libraries once Qt has loaded its own.
        with contextlib.suppress(ImportError):
            importlib.import_module("torch")
        _name_windows_taskbar()
    load_compiler()
    _prefer_x11()
    # A canvas that moves to another window keeps its textures only with shared contexts.
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    QApplication.setOrganizationName("plenoscope")
    QApplication.setApplicationName("plenoscope")
    QApplication.setApplicationDisplayName("Plenoscope")
    QApplication.setDesktopFileName("plenoscope")
    use_settings_folder()
    application = QApplication(list(arguments))
    application.setWindowIcon(theme.icon("plenoscope"))
    return application


def use_settings_folder() -> None:
    """Let Qt keep the window's layout beside our own settings, in a readable file."""
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    scope = QSettings.Scope.UserScope
    QSettings.setPath(QSettings.Format.IniFormat, scope, str(config_folder()))


def make_window(settings: Settings) -> Shell:
    """The main window with all that belongs to it, not shown yet and not started."""
    from app.ui.canvas.driver import RenderDriver
    from app.ui.canvas.overlays import OverlayPainter
    from app.ui.canvas.pointer import Pointer
    from app.ui.canvas.view import Canvas
    from app.ui.capture.capture import Capture
    from app.ui.capture.hover import Hover
    from app.ui.opening import Opener
    from app.ui.projects import Projects
    from app.ui.window import MainWindow

    shell = Shell(settings)
    canvas = Canvas()
    shell.driver = RenderDriver(shell, canvas)
    shell.pointer = Pointer(shell, canvas)
    shell.opener = Opener(shell)
    shell.projects = Projects(shell)
    shell.capture = Capture(shell)
    shell.setParent(MainWindow(shell, canvas))
    canvas.overlay = OverlayPainter(shell)
    Hover(shell, canvas)
    shell.capture.changed.connect(canvas.redraw)
    shell.overlays_changed.connect(canvas.redraw)
    shell.document.path_changed.connect(canvas.redraw)
    shell.document.selection_changed.connect(canvas.redraw)
    return shell


def start(shell: Shell, paths: Sequence[Path]) -> None:
    """Begin to work: kernels, unsaved work, and what was asked to be opened, or a sample."""
    shell.driver.start()
    shell.projects.look_for_copies()
    if paths:
        shell.open_paths(paths)
    if not any(_is_scene(path) for path in paths):
        still = shell.settings.reduced_motion
        shell.opener.open_sample(FIRST_SAMPLE, None if still else lambda: shell.pointer.turn(True))


def _is_scene(path: Path) -> bool:
    """Whether a file is a scene, as far as its name tells."""
    from scenes.open import scene_formats

    return path.suffix.lower() != ".json" or by_extension(scene_formats(), path) is not None


def _prefer_x11() -> None:
    """On Linux under Wayland, use X11 where there is one.

    VisPy takes its context through GLX or EGL as Qt does, and draws nothing until the window is
    resized with Qt's Wayland plugin (vispy pull requests 2640 and 2665).
    """
    if (
        sys.platform.startswith("linux")
        and os.environ.get("WAYLAND_DISPLAY")
        and os.environ.get("DISPLAY")
    ):
        os.environ.setdefault("QT_QPA_PLATFORM", "xcb")


def _name_windows_taskbar() -> None:
    """Give the taskbar our icon and not Python's; must come before the first window."""
    import ctypes

    ctypes.windll.shell32.SetCurrentProcessExplicitAppUserModelID(  # type: ignore[attr-defined]
        "plenoscope.plenoscope"
    )
