"""The profiler: where every millisecond of the shown frames went."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PyQt6.QtCore import QPoint, Qt, QTimer
from PyQt6.QtGui import QGuiApplication, QHideEvent, QShowEvent
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.ui import files, theme
from app.ui.profiler.buttons import ProfilerButtons
from app.ui.profiler.card import FrameCard
from app.ui.profiler.colors import RowColors
from app.ui.profiler.commands import ACTIONS
from app.ui.profiler.first_calls import FirstCalls
from app.ui.profiler.history import HistoryPlot
from app.ui.profiler.shares import FieldShares
from app.ui.profiler.table import ProfileTable
from app.ui.records import PanelRecord
from app.ui.theme import GRID
from render.profile import ProfileStore, kernels_ms, shares
from render.trace import table_text, write_csv, write_trace

if TYPE_CHECKING:
    from app.ui.shell import Shell

__all__ = ["ACTIONS", "PANEL", "ProfilerPanel"]

REFRESH_MS = 100
NOTE_SECONDS = 4.0


class ProfilerPanel(QWidget):
    """Buttons and status, the history plot, the table, the first calls.

    Reads the :class:`~render.profile.ProfileStore` ten times a second while it is visible and
    something new was measured.
    """

    def __init__(self, shell: Shell) -> None:
        super().__init__()
        self.setObjectName("profiler")
        self._shell = shell
        self._store: ProfileStore = shell.profile
        self._seen: object = None
        self._note = ""
        self._note_until = 0.0
        self._kernels_ms = 0.0
        colors = RowColors()
        self.plot = HistoryPlot(self._store.capacity, colors)
        self.table = ProfileTable(colors)
        self.shares = FieldShares()
        self.first_calls = FirstCalls()
        self._buttons = ProfilerButtons()
        self._card = FrameCard(colors, self)
        self._build()
        self._buttons.asked.connect(self._run)
        self.plot.hovered.connect(self._hover)
        self.plot.chosen.connect(self.freeze_on)
        self.plot.released.connect(self.unfreeze)
        self._timer = QTimer(self)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        self.refresh()

    # Commands -------------------------------------------------------------------------------

    def toggle_freeze(self) -> None:
        """Hold the numbers still, or follow the newest frames again."""
        if self._store.frozen:
            self._store.unfreeze()
        else:
            self._store.freeze()
        self.refresh()

    def freeze_on(self, index: int) -> None:
        """Show one frame alone."""
        try:
            self._store.freeze(index)
        except KeyError:
            self._say("This frame has just left the history")
        self.refresh()

    def unfreeze(self) -> None:
        """Follow the newest frames again."""
        self._store.unfreeze()
        self.refresh()

    def reset(self) -> None:
        """Forget the measured frames."""
        self._store.reset()
        self.refresh()

    def copy(self) -> None:
        """Put the table into the clipboard as aligned text."""
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(table_text(self._store.rows()))
            self._say("Table copied")

    def save_csv(self) -> None:
        """Ask where and write the table."""
        path = files.ask_save(
            self, "Save profile as CSV", [("Comma-separated values", (".csv",))], "profile.csv"
        )
        if path is not None:
            write_csv(self._store.rows(), path)
            self._say(f"Saved {path.name}")

    def save_trace(self) -> None:
        """Ask where and write the burst, or the frames of the plot where none was recorded."""
        burst = self._store.recording()
        frames = burst.frames if burst is not None else self._store.frames()
        kinds: list[files.Filter] = [("Chrome and Perfetto trace", (".json",))]
        path = files.ask_save(self, f"Save trace of {len(frames)} frames", kinds, "trace.json")
        if path is not None:
            write_trace(frames, path)
            self._say(f"Saved {len(frames)} frames to {path.name}")

    def toggle_burst(self) -> None:
        """Record the next frames, or end that early."""
        if self._store.recording_now:
            self._store.end_burst()
        else:
            self._store.burst(self._buttons.burst_frames)
        self.refresh()

    # Showing --------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show what the store has, if it is anything new."""
        store = self._store
        seen = (None if store.frozen else store.count, store.frozen_index, store.limits)
        if seen != self._seen:
            self._seen = seen
            rows = store.rows()
            self._kernels_ms = kernels_ms(rows)
            self.table.show_rows(rows)
            self.plot.show_history(store.history(), store.frozen_index)
            self.shares.show_shares(shares(rows))
            self.first_calls.show_calls(store.first_calls())
            self._pages.setCurrentIndex(1 if rows else 0)
        self._show_status()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Numbers move only where somebody can see them."""
        self.refresh()
        self._timer.start()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """See :meth:`showEvent`."""
        self._timer.stop()
        self._card.hide()

    def _hover(self, position: int) -> None:
        if position < 0 or self.plot.history is None:
            self._card.hide()
            return
        at = QPoint(round(self.plot.x_of(position)), 0)
        self._card.show_frame(self.plot.history, position, self.plot.mapTo(self, at))

    def _say(self, text: str) -> None:
        """A note in the status line for some seconds."""
        self._note = text
        self._note_until = time.monotonic() + NOTE_SECONDS
        self._show_status()

    def _show_status(self) -> None:
        last = self.table.rows.total()
        self._total.setText(f"Frame {last.median_ms:.1f} ms" if last is not None else "")
        self._kernels.setText(f"of it kernels {self._kernels_ms:.1f} ms" if last else "")
        self._status.setText(self._status_text())
        self._buttons.show_state(self._store)

    def _status_text(self) -> str:
        if time.monotonic() < self._note_until:
            return self._note
        burst = self._store.recording()
        if burst is not None and not burst.complete:
            return f"recording {len(burst.frames)} of {burst.wanted} frames"
        index = self._store.frozen_index
        if index is not None:
            return f"frozen on frame {index:,}"
        last = self.table.rows.total()
        if last is None:
            return ""
        frames = self._store.frames()
        context = frames[-1].context
        held = "frozen · " if self._store.frozen else ""
        count = f"{last.frames} frame" + ("s" if last.frames != 1 else "")
        return f"{held}{count} at {context.width} × {context.height}"

    # Building -------------------------------------------------------------------------------

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(GRID)
        layout.addLayout(self._build_top())
        layout.addLayout(self._build_headline())
        self._pages = QStackedWidget()
        self._pages.addWidget(_empty())
        page = QWidget()
        inner = QVBoxLayout(page)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(GRID)
        inner.addWidget(self.plot)
        inner.addWidget(self.shares)
        self.table.setMinimumHeight(30 * GRID)
        inner.addWidget(self.table, 1)
        inner.addWidget(self.first_calls)
        self._pages.addWidget(page)
        layout.addWidget(self._pages, 1)

    def _build_top(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2 * GRID)
        self._status = _label("profiler_status", "muted")
        self._status.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        # A long note is cut off rather than making the panel wider.
        self._status.setMinimumWidth(1)
        row.addWidget(self._buttons)
        row.addWidget(self._status, 1)
        return row

    def _build_headline(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2 * GRID)
        self._total = _label("profiler_total", "title")
        self._total.setAccessibleName("Median time of a frame")
        self._total.setToolTip(
            "Median time from the wish for a picture until it is on the screen.\n"
            "The next picture is computed while this one is shown, so there can be more pictures "
            "per second than this time allows for."
        )
        self._kernels = _label("profiler_kernels")
        self._kernels.setAccessibleName("Median time of the kernels of a frame")
        self._kernels.setToolTip("Median time of what computes the picture, without the window")
        row.addWidget(self._total)
        row.addWidget(self._kernels, 1)
        return row

    def _run(self, method: str) -> None:
        try:
            getattr(self, method)()
        except OSError as error:
            self._shell.show_error(error)


def _label(name: str, role: str = "") -> QLabel:
    label = QLabel()
    label.setObjectName(name)
    if role:
        label.setProperty("role", role)
    theme.tabular(label)
    return label


def _empty() -> QLabel:
    """What the panel says before anything was measured."""
    label = QLabel("Move the camera to see where every millisecond goes.")
    label.setObjectName("profiler_empty")
    label.setProperty("role", "muted")
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    label.setWordWrap(True)
    return label


PANEL = PanelRecord("profiler", "Profiler", "right", ProfilerPanel, order=20)
