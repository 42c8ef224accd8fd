"""Long work on worker threads, with progress, time left, pause and cancel."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from render.priority import give_way
from scenes.errors import Cancelled
from scenes.registry import Cancel, Progress

T = TypeVar("T")
Work = Callable[[Progress, Cancel], T]

REPORT_MS = 100
"""Numbers that move are read ten times a second, however often the work reports."""

JOIN_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Task(QObject):
    """One piece of long work. Lives on the UI thread; only its work runs elsewhere.

    The work gets ``progress(done, total, unit)`` and ``cancel() -> bool``; while the task is
    paused, ``cancel`` waits, so work that asks often pauses well.
    """

    progressed = pyqtSignal()
    ended = pyqtSignal()
    """The work is over: done, failed or cancelled."""

    _returned = pyqtSignal()

    def __init__(self, title: str, work: Work[Any], pausable: bool, parent: QObject) -> None:
        super().__init__(parent)
        self.title = title
        self.pausable = pausable
        self.done = 0
        self.total = 0
        self.unit = ""
        self.cancelling = False
        self.paused = False
        self.running = True
        self.result: Any = None
        self.error: BaseException | None = None
        self._work = work
        self._cancel = threading.Event()
        self._go = threading.Event()
        self._go.set()
        self._clock = _Clock()
        self._thread = threading.Thread(target=self._run, name=f"task: {title}", daemon=True)

    def cancel(self) -> None:
        """Ask the work to stop; it ends a little later."""
        self.cancelling = True
        self._cancel.set()
        self._go.set()
        self.progressed.emit()

    def pause(self) -> None:
        """Hold the work where it asks next whether it is cancelled."""
        if self.pausable and not self.paused:
            self.paused = True
            self._go.clear()
            self._clock.stop()
            self.progressed.emit()

    def resume(self) -> None:
        """Go on after :meth:`pause`."""
        if self.paused:
            self.paused = False
            self._go.set()
            self._clock.start()
            self.progressed.emit()

    @property
    def fraction(self) -> float | None:
        """How much is done, 0..1; None while that is unknown."""
        return min(self.done / self.total, 1.0) if self.total > 0 else None

    @property
    def seconds(self) -> float:
        """Working time so far, without pauses."""
        return self._clock.seconds

    @property
    def seconds_left(self) -> float | None:
        """Estimate from the mean speed so far; None before there is one."""
        fraction = self.fraction
        if not fraction or self.seconds < 0.3:
            return None
        return self.seconds * (1.0 - fraction) / fraction

    def _progress(self, done: int, total: int, unit: str) -> None:
        self.done, self.total, self.unit = done, total, unit

    def _cancelled(self) -> bool:
        self._go.wait()
        return self._cancel.is_set()

    def _run(self) -> None:
        give_way()
        try:
            self.result = self._work(self._progress, self._cancelled)
        except BaseException as error:
            self.error = error
        self._returned.emit()


class TaskList(QObject):
    """All long work of the window, oldest first."""

    changed = pyqtSignal()
    """A task was added or removed."""
    progressed = pyqtSignal()
    """At most ten times a second while something runs."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tasks: list[Task] = []
        self._timer = QTimer(self)
        self._timer.setInterval(REPORT_MS)
        self._timer.timeout.connect(self._report)
        self._closed = False

    def start(
        self,
        title: str,
        work: Work[T],
        done: Callable[[T], object],
        failed: Callable[[BaseException], object] | None = None,
        cancelled: Callable[[], object] | None = None,
        pausable: bool = False,
    ) -> Task:
        """Run ``work(progress, cancel)`` on a thread of its own.

        ``done(result)``, ``failed(error)`` or ``cancelled()`` is called on the UI thread at the
        end. Work that raises :class:`~scenes.errors.Cancelled` (or any error after it was
        cancelled) was cancelled; without ``failed``, an error is only logged.
        """
        task = Task(title, work, pausable, self)
        task._returned.connect(lambda: self._finish(task, done, failed, cancelled))
        self.tasks.append(task)
        task._thread.start()
        self._timer.start()
        self.changed.emit()
        return task

    def close(self) -> None:
        """Cancel everything and wait for the threads; nothing is reported any more."""
        self._closed = True
        self._timer.stop()
        for task in self.tasks:
            task.cancel()
        deadline = time.monotonic() + JOIN_SECONDS
        for task in self.tasks:
            task._thread.join(max(0.0, deadline - time.monotonic()))
            if task._thread.is_alive():
                _log.warning("the task %r did not stop in time", task.title)
        self.tasks.clear()

    def _report(self) -> None:
        for task in self.tasks:
            task.progressed.emit()
        self.progressed.emit()

    def _finish(
        self,
        task: Task,
        done: Callable[[Any], object],
        failed: Callable[[BaseException], object] | None,
        cancelled: Callable[[], object] | None,
    ) -> None:
        if self._closed:
            return
        task._thread.join()
        task.running = False
        self.tasks.remove(task)
        if not self.tasks:
            self._timer.stop()
        task.ended.emit()
        self.changed.emit()
        try:
            if task.error is None:
                done(task.result)
            elif task.cancelling or isinstance(task.error, Cancelled):
                if cancelled:
                    cancelled()
            elif failed:
                failed(task.error)
            else:
                _log.error("%s failed", task.title, exc_info=task.error)
        finally:
            task.deleteLater()


class _Clock:
    """A stop watch."""

    def __init__(self) -> None:
        self._before = 0.0
        self._since: float | None = time.monotonic()

    def stop(self) -> None:
        self._before = self.seconds
        self._since = None

    def start(self) -> None:
        self._since = time.monotonic()

    @property
    def seconds(self) -> float:
        return self._before + (time.monotonic() - self._since if self._since else 0.0)
