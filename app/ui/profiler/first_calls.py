"""The line under the table that tells what compilation cost."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.ui import theme
from app.ui.theme import GRID
from render.profile import FirstCall


class FirstCalls(QWidget):
    """One line with the sum, which folds out into one line per kernel."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("profiler_first_calls")
        self._line = QToolButton(self)
        self._line.setObjectName("profiler_first_calls_line")
        self._line.setCheckable(True)
        self._line.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._line.setArrowType(Qt.ArrowType.RightArrow)
        self._line.setStyleSheet("QToolButton:checked { background: transparent; }")
        self._line.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._line.setToolTip(
            "The first launch of a kernel includes its compilation and is not in the numbers above"
        )
        self._details = QLabel(self)
        self._details.setProperty("role", "muted")
        self._details.setContentsMargins(6 * GRID, 0, 0, GRID)
        self._details.hide()
        for widget in (self._line, self._details):
            theme.tabular(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._line)
        layout.addWidget(self._details)
        self._line.toggled.connect(self._fold)
        self._calls: list[FirstCall] = []
        self.hide()

    def show_calls(self, calls: list[FirstCall]) -> None:
        """Show these first calls; without any, the line is gone."""
        if calls == self._calls:
            return
        self._calls = calls
        total = duration_text(sum(call.duration_ms for call in calls))
        kernels = f"{len(calls)} kernel" + ("s" if len(calls) != 1 else "")
        self._line.setText(f"First calls: {total} for {kernels}, with compilation")
        self._line.setAccessibleName(self._line.text())
        self._details.setText(
            "\n".join(
                f"{call.title} ({call.key.backend}) {duration_text(call.duration_ms)}"
                for call in sorted(calls, key=lambda call: -call.duration_ms)
            )
        )
        self.setVisible(bool(calls))

    def _fold(self, out: bool) -> None:
        self._line.setArrowType(Qt.ArrowType.DownArrow if out else Qt.ArrowType.RightArrow)
        self._details.setVisible(out)


def duration_text(ms: float) -> str:
    """``812 ms``, ``1.8 s``."""
    return f"{ms:.0f} ms" if ms < 999.5 else f"{ms / 1000:.1f} s"
