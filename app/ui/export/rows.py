"""One job of the queue as a person sees it: picture, bar, time left, buttons."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QRectF, QSize, Qt, QUrl
from PyQt6.QtGui import QDesktopServices, QPainter, QPaintEvent
from PyQt6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.ui import theme
from app.ui.export.choices import bytes_text, span_text
from app.ui.export.queue import THUMBNAIL, ExportQueue, Job
from app.ui.forms import text, tool
from app.ui.theme import GRID


class JobRow(QFrame):
    """Shows a :class:`~app.ui.export.queue.Job` and what can be done with it."""

    def __init__(self, job: Job, queue: ExportQueue) -> None:
        super().__init__()
        self.job = job
        self._queue = queue
        self.setObjectName("export_job")
        self.setAccessibleName(f"Export of {job.target.name}")
        self._build()
        job.changed.connect(self.refresh)
        job.pictured.connect(self.picture.update)
        self.refresh()

    def _build(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, GRID, 0, GRID)
        row.setSpacing(2 * GRID)
        self.picture = _Thumbnail(self.job)
        row.addWidget(self.picture, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(GRID)
        row.addLayout(column, 1)
        top = QHBoxLayout()
        top.setSpacing(0)
        self.title = _Elided(self.job.target.name)
        self.title.setProperty("role", "title")
        self.title.setToolTip(f"{self.job.title}\n{self.job.target}")
        top.addWidget(self.title, 1)
        queue, job = self._queue, self.job
        self.pause = self._tool("export_job_pause", "pause", "Pause", lambda: queue.pause(job))
        self.cancel = self._tool("export_job_cancel", "cancel", "Cancel", lambda: queue.cancel(job))
        self.show_file = self._tool(
            "export_job_show", "folder", "Show in folder", lambda: show_in_folder(job)
        )
        self.remove = self._tool(
            "export_job_remove", "close", "Take off the list", lambda: queue.remove(job)
        )
        for button in (self.pause, self.cancel, self.show_file, self.remove):
            top.addWidget(button)
        column.addLayout(top)
        self.bar = QProgressBar()
        self.bar.setObjectName("export_job_bar")
        self.bar.setAccessibleName("Progress of the export")
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(2 * GRID)
        column.addWidget(self.bar)
        self.status = text(role="muted", name="export_job_status")
        theme.tabular(self.status)
        column.addWidget(self.status)

    def _tool(self, name: str, icon: str, tip: str, run: Callable[[], object]) -> QToolButton:
        button = tool(name, icon, tip, run)
        button.setIconSize(QSize(16, 16))
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def refresh(self) -> None:
        """Show the present state."""
        job = self.job
        running = job.state == "running"
        self.pause.setVisible(running and not job.cancelling)
        self.cancel.setVisible(not job.over)
        self.cancel.setEnabled(not job.cancelling)
        self.show_file.setVisible(job.state == "done")
        self.remove.setVisible(job.over)
        self.bar.setVisible(not job.over)
        if running:
            tip = "Go on" if job.paused else "Pause"
            self.pause.setIcon(theme.icon("play" if job.paused else "pause"))
            self.pause.setToolTip(tip)
            self.pause.setAccessibleName(tip)
        task = job.task
        total = task.total if task is not None else 0
        self.bar.setRange(0, max(total, 1))
        self.bar.setValue(task.done if task is not None else 0)
        self.title.setText(job.target.name)
        role = {"failed": "bad", "done": "good"}.get(job.state, "muted")
        if self.status.property("role") != role:
            self.status.setProperty("role", role)
            style = self.status.style()
            if style is not None:
                style.polish(self.status)
        self.status.setText(status_text(job))


def status_text(job: Job) -> str:
    """One line on how far a job is."""
    if job.state == "waiting":
        return "Waiting for its turn"
    if job.state == "cancelled":
        return "Cancelled"
    if job.state == "failed":
        return f"Failed: {job.error}"
    if job.state == "done":
        size = _size(job)
        parts = ["Done in " + span_text(job.seconds), *([size] if size else [])]
        return "\n".join([" · ".join(parts), *job.notes])
    task = job.task
    if job.cancelling or task is None:
        return "Stopping…"
    if not task.total:
        return "Starting…"
    counted = f"frame {task.done:\u2007>{len(str(task.total))}} of {task.total}"
    if job.paused:
        return f"Paused · {counted}"
    left = task.seconds_left
    return counted if left is None else f"{counted} · {span_text(left)} left"


def _size(job: Job) -> str:
    """How large the written file is; empty for folders and where it has gone."""
    try:
        return bytes_text(job.target.stat().st_size) if job.target.is_file() else ""
    except OSError:
        return ""


def show_in_folder(job: Job) -> None:
    """Open the folder with the result in the system's file manager."""
    folder = job.target if job.target.is_dir() else job.target.parent
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


class _Thumbnail(QWidget):
    """The latest picture of a job, or an empty frame before there is one."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job
        self.setObjectName("export_job_picture")
        self.setAccessibleName("Latest picture of the export")
        self.setFixedSize(*THUMBNAIL)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Centred; a chequerboard would lie about colours, so transparency shows the surface."""
        painter = QPainter(self)
        colors = theme.current()
        area = QRectF(self.rect())
        painter.fillRect(area, colors.surface)
        image = self._job.thumbnail
        if image is not None:
            size = image.deviceIndependentSize()
            left = (area.width() - size.width()) / 2
            top = (area.height() - size.height()) / 2
            painter.drawImage(QRectF(left, top, size.width(), size.height()), image)
        painter.setPen(colors.line)
        painter.drawRect(area.adjusted(0, 0, -1, -1))
        painter.end()


class _Elided(QLabel):
    """A name that gives way in the middle, so that beginning and ending stay readable."""

    def minimumSizeHint(self) -> QSize:
        """May become narrow."""
        return QSize(4 * GRID, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint as much of the text as fits."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        words = self.fontMetrics().elidedText(
            self.text(), Qt.TextElideMode.ElideMiddle, self.width()
        )
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, words)
        painter.end()
