"""The size of the file to come, worked out beside the window's own thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from PyQt6.QtCore import QObject, pyqtSignal

from app.ui.save_as.choices import Choices, estimate_words
from scenes.errors import Cancelled
from scenes.scene import Scene

_PATIENCE = 5.0
"""Seconds that the end of the dialog waits for the last answer."""

_log = logging.getLogger(__name__)


class Estimator(QObject):
    """Answers the latest question; earlier ones that were not begun are dropped.

    Some formats pack a sample of the splats to find out, and large scenes take a moment to be cut
    to a lower degree, so it happens on a thread.
    """

    answered = pyqtSignal(str)
    """The estimate in words; empty where the format cannot tell."""

    _came = pyqtSignal(object, str)

    def __init__(self, scene: Scene, parent: QObject) -> None:
        super().__init__(parent)
        self._scene = scene
        self._lock = threading.Lock()
        self._wanted: Choices | None = None
        self._latest: Choices | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._came.connect(self._on_answer)

    def ask(self, choices: Choices) -> None:
        """Find out how large the file would be."""
        with self._lock:
            self._wanted = self._latest = choices
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="estimate", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Answer nothing more, and wait for the thread."""
        with self._lock:
            self._wanted, self._closed = None, True
            thread = self._thread
        if thread is not None:
            thread.join(_PATIENCE)

    def _work(self) -> None:
        while (choices := self._next()) is not None:
            try:
                words = estimate_words(self._scene, choices, self._is_late(choices))
            except Cancelled:
                continue
            except Exception:
                _log.warning("no estimate for %s", choices.format.name, exc_info=True)
                words = ""
            if not self._closed:
                self._came.emit(choices, words)

    def _next(self) -> Choices | None:
        with self._lock:
            choices, self._wanted = self._wanted, None
            if choices is None:
                self._thread = None
            return choices

    def _is_late(self, choices: Choices) -> Callable[[], bool]:
        return lambda: self._closed or self._latest is not choices

    def _on_answer(self, choices: Choices, words: str) -> None:
        if choices is self._latest and not self._closed:
            self.answered.emit(words)
