"""Jobs that run one after another on a worker thread, oldest first."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QObject, Qt, pyqtSignal
from PyQt6.QtGui import QImage

from app.ui.export.engine import Watch
from app.ui.tasks import Task, TaskList
from scenes.registry import Cancel, Progress

State = Literal["waiting", "running", "done", "failed", "cancelled"]
Run = Callable[[Watch], tuple[Path, tuple[str, ...]]]
"""Does the work; returns what was written and sentences about it."""

THUMBNAIL = (80, 45)
"""Largest size of a thumbnail, logical pixels."""
THUMBNAIL_SECONDS = 0.5
"""A thumbnail is made no more often than this; pictures may come much faster."""

_log = logging.getLogger(__name__)


class Job(QObject):
    """One export: waiting, running (maybe paused), or over. Lives on the UI thread."""

    changed = pyqtSignal()
    pictured = pyqtSignal()
    """There is another thumbnail."""
    _made = pyqtSignal(QImage)

    def __init__(self, title: str, target: Path, run: Run, parent: QObject) -> None:
        super().__init__(parent)
        self.title = title
        self.target = target
        self.state: State = "waiting"
        self.thumbnail: QImage | None = None
        self.notes: tuple[str, ...] = ()
        self.error: BaseException | None = None
        self.seconds = 0.0
        self.task: Task | None = None
        self._run = run
        self._last_picture = -np.inf
        self._made.connect(self._show)

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ("done", "failed", "cancelled")

    @property
    def paused(self) -> bool:
        """Whether the person holds it."""
        return self.task is not None and self.task.paused

    @property
    def cancelling(self) -> bool:
        """Whether it has been told to end and has not yet."""
        return self.task is not None and self.task.cancelling and not self.over

    def work(self, progress: Progress, cancel: Cancel) -> tuple[Path, tuple[str, ...]]:
        """The work itself; runs on the worker."""
        return self._run(Watch(progress, cancel, lambda: self.cancelling, self._picture))

    def _picture(self, pixels: NDArray[np.uint8]) -> None:
        """Called by the worker with each picture: now and then make a thumbnail of one."""
        now = time.monotonic()
        if now - self._last_picture >= THUMBNAIL_SECONDS:
            self._last_picture = now
            self._made.emit(thumbnail(pixels))

    def _show(self, image: QImage) -> None:
        self.thumbnail = image
        self.pictured.emit()


class ExportQueue(QObject):
    """All jobs of this session; one at a time runs as a task of the window."""

    changed = pyqtSignal()
    """A job was added, removed, began or ended."""

    def __init__(self, tasks: TaskList, parent: QObject) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self.jobs: list[Job] = []
        self._closed = False

    @property
    def running(self) -> Job | None:
        """The job that is under way."""
        return next((job for job in self.jobs if job.state == "running"), None)

    def add(self, title: str, target: Path, run: Run) -> Job:
        """Append a job; it begins when those before it are over."""
        job = Job(title, target, run, self)
        self.jobs.append(job)
        self.changed.emit()
        self._next()
        return job

    def pause(self, job: Job) -> None:
        """Hold a running job or let it go on."""
        if job.task is not None and job.state == "running":
            (job.task.resume if job.task.paused else job.task.pause)()
            job.changed.emit()

    def cancel(self, job: Job) -> None:
        """End a job, or take it out of the queue before it began."""
        if job.state == "waiting":
            self._end(job, "cancelled")
        elif job.state == "running" and job.task is not None:
            job.task.cancel()
            job.changed.emit()

    def remove(self, job: Job) -> None:
        """Forget a job that is over."""
        if job.over:
            self.jobs.remove(job)
            self.changed.emit()
            job.deleteLater()

    def shutdown(self) -> None:
        """Cancel everything; the window's task list then waits for the thread."""
        self._closed = True
        for job in self.jobs:
            self.cancel(job)

    def _next(self) -> None:
        if self._closed or self.running is not None:
            return
        job = next((job for job in self.jobs if job.state == "waiting"), None)
        if job is None:
            return
        job.state = "running"
        job.task = self._tasks.start(
            f"Exporting {job.target.name}",
            job.work,
            lambda result: self._done(job, *result),
            lambda error: self._failed(job, error),
            lambda: self._end(job, "cancelled"),
            pausable=True,
        )
        job.task.progressed.connect(job.changed)
        job.changed.emit()
        self.changed.emit()

    def _done(self, job: Job, target: Path, notes: tuple[str, ...]) -> None:
        job.target = target
        job.notes = notes
        self._end(job, "done")

    def _failed(self, job: Job, error: BaseException) -> None:
        _log.error("the export to %s failed", job.target, exc_info=error)
        job.error = error
        self._end(job, "failed")

    def _end(self, job: Job, state: State) -> None:
        if job.task is not None:
            job.seconds = job.task.seconds
        job.task = None
        job.state = state
        job.changed.emit()
        self.changed.emit()
        self._next()


def thumbnail(pixels: NDArray[np.uint8]) -> QImage:
    """A small image of a picture (H, W, 4) uint8, twice the logical size for sharp screens."""
    height, width = pixels.shape[:2]
    image = QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888)
    small = image.scaled(
        2 * THUMBNAIL[0],
        2 * THUMBNAIL[1],
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    ).copy()
    small.setDevicePixelRatio(2.0)
    return small
