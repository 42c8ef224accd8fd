"""The export panel: the form, what it will cost, and the queue of jobs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from app.ui import files, theme
from app.ui.actions import ActionRecord
from app.ui.export import engine
from app.ui.export.choices import bytes_text, span_text
from app.ui.export.engine import Order, Renderer
from app.ui.export.form import ExportForm
from app.ui.export.queue import ExportQueue, Job
from app.ui.export.rows import JobRow
from app.ui.forms import column, push, text
from app.ui.records import PanelRecord
from app.ui.theme import GRID
from render.export import Estimate
from render.export.encoders import encoders
from render.render import render

if TYPE_CHECKING:
    from app.ui.shell import Shell
    from app.ui.tasks import Task


class ExportPanel(QWidget):
    """Turns the document and the form into jobs."""

    def __init__(self, shell: Shell, renderer: Renderer = render) -> None:
        super().__init__()
        self.setObjectName("export_panel")
        self.setAccessibleName("Export")
        self._shell = shell
        self._renderer = renderer
        self.queue = ExportQueue(shell.tasks, self)
        self.form = ExportForm(shell.document, encoders())
        self._cost: Estimate | None = None
        self._measuring: Task | None = None
        self._rows: dict[Job, JobRow] = {}
        # A new row has its place only after the layout of the next turn of the event loop.
        self._laid_out = QTimer(self)
        self._laid_out.setSingleShot(True)
        self._laid_out.setInterval(50)
        self._laid_out.timeout.connect(self._show_newest)
        self._build()
        self.setFocusProxy(self.form.source)
        self.form.changed.connect(self._on_change)
        self.form.aspect_changed.connect(self._tell_aspect)
        self.queue.changed.connect(self._show_queue)
        shell.overlays_changed.connect(self._show_border)
        shell.document.scenes_changed.connect(self._on_change)
        shell.document.orientation_changed.connect(self._on_change)
        shell.document.render_settings_changed.connect(self._on_change)
        self._tell_aspect(*self.form.size_px)
        self._on_change()
        self._show_queue()

    def _build(self) -> None:
        layout = column(self, 3)
        self.empty = text(
            "Nothing to export yet. Open a scene, then make videos and pictures of it here.",
            "muted",
            "export_empty",
        )
        self.open = push(
            "export_open", "Open…", "Open a scene", lambda: self._shell.run("file.open"), "open"
        )
        layout.addWidget(self.empty)
        layout.addWidget(self.open, 0, Qt.AlignmentFlag.AlignLeft)
        self.page = QWidget()
        inner = QVBoxLayout(self.page)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(3 * GRID)
        inner.addWidget(self.form)
        self.border = QCheckBox("Show the frame in the picture")
        self.border.setObjectName("export_border")
        self.border.setToolTip("Draw the border of what will be exported over the canvas")
        self.border.clicked.connect(lambda on: self._shell.set_overlays(export_frame=on))
        inner.addWidget(self.border)
        self.summary = text(name="export_summary")
        theme.tabular(self.summary)
        inner.addWidget(self.summary)
        self.measure = push(
            "export_measure",
            "Estimate",
            "Export a few frames for trial, to learn how long all of them take",
            self.start_measuring,
            "clock",
        )
        self.start = push(
            "export_start", "Export…", "Choose a file and begin", self.export, "export"
        )
        self.start.setDefault(True)
        buttons = QWidget()
        row = QHBoxLayout(buttons)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * GRID)
        row.addWidget(self.measure)
        row.addWidget(self.start, 1)
        inner.addWidget(buttons)
        layout.addWidget(self.page)
        self.queue_title = QLabel("Exports")
        self.queue_title.setProperty("role", "title")
        layout.addWidget(self.queue_title)
        self._list = QVBoxLayout()
        self._list.setSpacing(GRID)
        layout.addLayout(self._list)
        layout.addStretch(1)

    # What the buttons do --------------------------------------------------------------------

    def export(self) -> None:
        """Ask where to and put a job into the queue."""
        order = engine.order_of(self._shell.document, self.form.choices)
        target = self._ask_target() if order is not None else None
        if order is not None and target is not None:
            self.add_job(order, target)

    def _ask_target(self) -> Path | None:
        encoder = self.form.encoder
        name = engine.suggested_name(self._shell.document.scene, self.form.choices)
        if encoder.shape == "sequence":
            return files.ask_folder(self, "Export pictures into a folder")
        kind = (encoder.title, encoder.extensions)
        return files.ask_save(self, "Export", [kind], name + encoder.extensions[0])

    def add_job(self, order: Order, target: Path) -> Job:
        """Put a job into the queue."""
        width, height = self.form.size_px
        title = f"{_frames(len(order.requests))}, {width} × {height}, {self.form.encoder.title}"
        job = self.queue.add(title, target, engine.run_of(order, target, self._renderer))
        self._laid_out.start()
        return job

    def _show_newest(self) -> None:
        """The window puts panels into scroll areas, and the form alone may fill one."""
        area = self.parentWidget()
        while area is not None and not isinstance(area, QScrollArea):
            area = area.parentWidget()
        if area is not None and self._rows:
            area.ensureWidgetVisible(list(self._rows.values())[-1])

    def start_measuring(self) -> None:
        """Export a few frames into nowhere, to know what all of them cost."""
        order = engine.order_of(self._shell.document, self.form.choices)
        if order is None or self._measuring is not None:
            return
        suffix = next(iter(self.form.encoder.extensions), "")
        self._measuring = self._shell.tasks.start(
            "Measuring the export",
            engine.measure_of(order, suffix, self._renderer),
            self._measured,
            self._measuring_failed,
            self._measuring_over,
        )
        self._show_summary()

    def shutdown(self) -> None:
        """The window closes: cancel all jobs; its task list waits for them."""
        self._laid_out.stop()
        self.queue.shutdown()

    # Keeping up -----------------------------------------------------------------------------

    def _on_change(self) -> None:
        self._cost = None
        some = self._shell.document.scene is not None
        self.empty.setVisible(not some)
        self.open.setVisible(not some)
        self.page.setVisible(some)
        self._show_summary()

    def _measured(self, cost: Estimate) -> None:
        self._measuring_over()
        self._cost = cost
        self._show_summary()

    def _measuring_failed(self, error: BaseException) -> None:
        self._measuring_over()
        self._shell.show_error(error)

    def _measuring_over(self) -> None:
        self._measuring = None
        self._show_summary()

    def _show_summary(self) -> None:
        problem = self.form.problem
        ready = not problem and self._shell.document.scene is not None
        self.start.setEnabled(ready)
        self.measure.setEnabled(ready and self._measuring is None)
        self.summary.setText(problem or self._summary_text())

    def _summary_text(self) -> str:
        width, height = self.form.size_px
        count = _frames(len(self.form.frames))
        if self._measuring is not None:
            cost = "measuring a few frames…"
        elif self._cost is None:
            cost = "time and size not measured yet"
        else:
            time, size = span_text(self._cost.seconds), bytes_text(self._cost.nbytes)
            cost = f"takes {time} · about {size}"
        return f"{count} · {width} × {height}\n{cost}"

    def _tell_aspect(self, width: int, height: int) -> None:
        self._shell.set_overlays(export_aspect=width / height)

    def _show_border(self) -> None:
        self.border.setChecked(self._shell.overlays.export_frame)

    def _show_queue(self) -> None:
        for job in [job for job in self._rows if job not in self.queue.jobs]:
            row = self._rows.pop(job)
            self._list.removeWidget(row)
            row.hide()
            row.deleteLater()
        for job in self.queue.jobs:
            if job not in self._rows:
                self._rows[job] = JobRow(job, self.queue)
                self._list.addWidget(self._rows[job])
        self.queue_title.setVisible(bool(self._rows))


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"


ACTIONS = [
    ActionRecord(
        id="export.show",
        title="Export…",
        menu="File",
        shortcut="Ctrl+E",
        tip="Make a video or pictures",
        icon="export",
        run=lambda shell: shell.show_panel("export"),
        section=4,
    ),
]

PANEL = PanelRecord("export", "Export", "right", ExportPanel, order=10, tab_with="rendering")
