"""The line at the bottom: what works in the background, and how fast pictures come."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSizePolicy,
    QWidget,
)

from app.ui import theme
from app.ui.forms import tool
from app.ui.tasks import Task, TaskList
from app.ui.theme import GRID

if TYPE_CHECKING:
    from app.ui.shell import Shell

_STEPS = 1000


def amount(done: int, total: int, unit: str) -> str:
    """Progress in the words of its unit: ``"12.4 of 80.0 MB"``, ``"3,000 of 9,000 splats"``."""
    if unit == "bytes":
        scale, name = next(
            ((s, n) for s, n in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if total >= s), (1, "bytes")
        )
        return f"{done / scale:.1f} of {total / scale:.1f} {name}"
    return f"{done:,} of {total:,} {unit}"


def duration(seconds: float) -> str:
    """A time left, in one or two units, never too exact."""
    if seconds < 1:
        return "under 1 s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d} min"


class TaskStrip(QWidget):
    """The oldest running task with bar, amount, time left, pause and cancel; how many wait."""

    def __init__(self, tasks: TaskList) -> None:
        super().__init__()
        self.setObjectName("tasks")
        self._tasks = tasks
        self.title = QLabel()
        self.title.setObjectName("task_title")
        self.bar = QProgressBar()
        self.bar.setObjectName("task_bar")
        self.bar.setAccessibleName("Progress")
        self.bar.setTextVisible(False)
        self.bar.setFixedSize(40 * GRID, 2 * GRID)
        self.detail = QLabel()
        self.detail.setObjectName("task_detail")
        self.detail.setProperty("role", "muted")
        theme.tabular(self.detail)
        self.pause = tool("task_pause", "pause", "Pause", self._toggle_pause)
        self.stop = tool("task_cancel", "cancel", "Cancel", self._cancel)
        # The same height with and without a task: the picture must not change its size.
        self.setFixedHeight(6 * GRID)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 0, 0, 0)
        layout.setSpacing(2 * GRID)
        for widget in (self.title, self.bar, self.detail, self.pause, self.stop):
            layout.addWidget(widget)
        layout.addStretch(1)
        tasks.changed.connect(self._refresh)
        tasks.progressed.connect(self._refresh)
        self._refresh()

    @property
    def _task(self) -> Task | None:
        return self._tasks.tasks[0] if self._tasks.tasks else None

    def _refresh(self) -> None:
        task = self._task
        for widget in (self.title, self.bar, self.detail, self.stop):
            widget.setVisible(task is not None)
        self.pause.setVisible(task is not None and task.pausable)
        if task is None:
            return
        more = len(self._tasks.tasks) - 1
        self.title.setText(task.title + (f"  (+{more} more)" if more else ""))
        fraction = task.fraction
        self.bar.setRange(0, 0 if fraction is None else _STEPS)
        if fraction is not None:
            self.bar.setValue(round(fraction * _STEPS))
        self.detail.setText(task_detail(task))
        self.pause.setIcon(theme.icon("play" if task.paused else "pause"))
        self.pause.setToolTip("Go on" if task.paused else "Pause")
        self.stop.setEnabled(not task.cancelling)

    def _toggle_pause(self) -> None:
        if self._task:
            self._task.resume() if self._task.paused else self._task.pause()
            self._refresh()

    def _cancel(self) -> None:
        if self._task:
            self._task.cancel()
            self._refresh()


def task_detail(task: Task) -> str:
    """One line on a task: amount and time left, or why it stands still."""
    if task.cancelling:
        return "stopping…"
    if task.paused:
        return "paused"
    parts = [amount(task.done, task.total, task.unit)] if task.total else []
    if task.seconds_left is not None and task.seconds > 1:
        parts.append(f"{duration(task.seconds_left)} left")
    elif not parts and task.seconds > 1:
        parts.append(duration(task.seconds))
    return " · ".join(parts)


class Readouts(QWidget):
    """Pictures per second, resolution, backend and memory, at most ten times a second."""

    def __init__(self, shell: Shell) -> None:
        super().__init__()
        self.setObjectName("readouts")
        self._shell = shell
        self.fps = _number("fps", "Pictures per second on the screen", "000.0 fps")
        self.scale = _number("scale", "Resolution of the picture, of the canvas's", "000 %")
        self.backend = _number("backend", "What computes the pictures", "reference")
        self.memory = _number("memory", "Memory of this program", "0000.0 MB")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 2 * GRID, 0)
        layout.setSpacing(4 * GRID)
        for label in (self.fps, self.scale, self.backend, self.memory):
            layout.addWidget(label)
        self._timer = QTimer(self)
        self._timer.setInterval(100)
        self._timer.timeout.connect(self._refresh)
        self._idle = 0
        shell.driver.arrived.connect(self._wake)
        self._refresh()

    def _wake(self) -> None:
        self._idle = 0
        if not self._timer.isActive():
            self._timer.start()

    def _refresh(self) -> None:
        driver = self._shell.driver
        fps = driver.fps
        self.fps.setText(f"{fps:.1f} fps" if fps else "still")
        frame = driver.frame
        if frame is not None:
            self.scale.setText(
                f"{100 * frame.rgba8.shape[0] / driver.canvas.physical_size[1]:.0f} %"
            )
            self.backend.setText(frame.backend)
        self.memory.setText(f"{memory_bytes() / 1e6:,.0f} MB")
        # Two quiet seconds: the numbers stand still, so does the timer.
        self._idle = 0 if fps else self._idle + 1
        if self._idle > 20:
            self._timer.stop()

    def stop(self) -> None:
        """Stop looking."""
        self._timer.stop()


def memory_bytes() -> int:
    """Resident memory of this process; 0 where the system does not tell cheaply."""
    if sys.platform.startswith("linux"):
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return 0


def _number(name: str, tip: str, widest: str) -> QLabel:
    label = QLabel()
    label.setObjectName(f"readout_{name}")
    label.setAccessibleName(tip)
    label.setToolTip(tip)
    label.setProperty("role", "muted")
    theme.tabular(label)
    label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    label.setMinimumWidth(label.fontMetrics().horizontalAdvance(widest))
    label.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
    return label
