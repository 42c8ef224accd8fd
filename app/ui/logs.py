"""Where trouble is written down: a rotating log, and hooks so that no exception ends the program.

PyQt6 aborts the process when a slot raises and no hook is installed, so the hooks come first.
"""

from __future__ import annotations

import faulthandler
import logging
import logging.handlers
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import platformdirs
from PyQt6.QtCore import QMessageLogContext, QObject, QtMsgType, pyqtSignal, qInstallMessageHandler

LINES_KEPT = 60
_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.DEBUG,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}

_log = logging.getLogger("app")
_qt_log = logging.getLogger("qt")


def log_folder() -> Path:
    """The folder of the log; ``PLENOSCOPE_HOME`` moves it (tests, portable use)."""
    home = os.environ.get("PLENOSCOPE_HOME")
    return Path(home) / "log" if home else platformdirs.user_log_path("plenoscope")


class Hooks(QObject):
    """Catches what nobody else caught, from :meth:`install` to :meth:`remove`.

    ``caught`` carries the exception to the UI thread, from whatever thread it came.
    """

    caught = pyqtSignal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._handlers: list[logging.Handler] = []
        self._before: tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]] | None = (
            None
        )
        self._faults: TextIO | None = None

    def install(self) -> None:
        """Start; call after VisPy's Qt backend is imported, which sets a message handler."""
        formatter = logging.Formatter(_FORMAT)
        memory = _LineHandler(self.lines)
        self._handlers = [memory, *self._open_files()]
        for handler in self._handlers:
            handler.setFormatter(formatter)
            handler.setLevel(logging.INFO)
            logging.getLogger().addHandler(handler)
        self._before = (sys.excepthook, threading.excepthook, sys.unraisablehook)
        sys.excepthook = self._exception
        threading.excepthook = self._thread_exception
        sys.unraisablehook = self._unraisable
        qInstallMessageHandler(_qt_message)

    def remove(self) -> None:
        """Put back what was there before."""
        if self._before is not None:
            sys.excepthook, threading.excepthook, sys.unraisablehook = self._before
            self._before = None
        qInstallMessageHandler(None)
        for handler in self._handlers:
            logging.getLogger().removeHandler(handler)
            handler.close()
        self._handlers.clear()
        if self._faults is not None:
            faulthandler.disable()
            self._faults.close()
            self._faults = None

    def _open_files(self) -> list[logging.Handler]:
        folder = log_folder()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handler = logging.handlers.RotatingFileHandler(
                folder / "plenoscope.log", maxBytes=1_000_000, backupCount=3, encoding="utf-8"
            )
            if not faulthandler.is_enabled():
                self._faults = (folder / "faults.log").open("a", encoding="utf-8")
                faulthandler.enable(self._faults)
        except OSError as error:
            # A full or read-only disk must not keep the window from opening.
            print(f"plenoscope: no log is written: {error}", file=sys.stderr)
            return []
        return [handler]

    def _exception(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        _log.error("unexpected error", exc_info=(kind, error, trace))
        self.caught.emit(error.with_traceback(trace))

    def _thread_exception(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self._exception(args.exc_type, args.exc_value, args.exc_traceback)

    def _unraisable(self, args: Any) -> None:
        _log.error("error while cleaning up %r", args.object, exc_info=args.exc_value)


class _LineHandler(logging.Handler):
    """Keeps the last lines in memory, for the report of an error."""

    def __init__(self, lines: deque[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))


def _qt_message(kind: QtMsgType, context: QMessageLogContext, text: str | None) -> None:
    _qt_log.log(_LEVELS.get(kind, logging.WARNING), "%s", text or "")
