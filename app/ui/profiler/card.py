"""The card that tells the numbers of the frame under the mouse."""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import QPoint, QRect, QSize, Qt
from PyQt6.QtGui import QFont, QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from app.ui import theme
from app.ui.profiler.colors import RowColors
from app.ui.theme import GRID
from render.profile import History

_SWATCH = 2 * GRID
_MARGIN = 2 * GRID


class FrameCard(QWidget):
    """A small table of one frame, laid over the panel; the mouse does not see it."""

    def __init__(self, colors: RowColors, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("profiler_card")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        theme.tabular(self)
        self._colors = colors
        self._history: History | None = None
        self._position = 0
        self.hide()

    def show_frame(self, history: History, position: int, at: QPoint) -> None:
        """Tell a frame of the history, beside the point ``at`` of the parent."""
        self._history = history
        self._position = position
        self.resize(self._size())
        parent = self.parentWidget()
        assert parent is not None
        beside = at.x() + 3 * GRID
        if beside + self.width() > parent.width():
            beside = at.x() - 3 * GRID - self.width()
        top = min(at.y(), parent.height() - self.height())
        self.move(max(beside, 0), max(top, 0))
        self.raise_()
        self.show()
        self.update()

    def lines(self) -> list[tuple[str, str]]:
        """What the card says: name and number, the frame first, then its rows."""
        history = self._history
        if history is None:
            return []
        width, height = history.sizes[self._position]
        ms = history.ms[self._position]
        lines = [
            (f"Frame {history.indices[self._position]:,}", f"{ms.sum():.2f} ms"),
            (f"{width} × {height}", "+ first calls" if history.compiled[self._position] else ""),
        ]
        return lines + [(history.titles[i], f"{ms[i]:.2f}") for i in self._parts()]

    def _parts(self) -> list[int]:
        """The rows that ran in this frame, by their place in the history."""
        assert self._history is not None
        return np.flatnonzero(self._history.ms[self._position]).tolist()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """The plate and its lines."""
        if self._history is None:
            return
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(tokens.line)
        painter.setBrush(tokens.surface)
        painter.drawRoundedRect(self.rect().adjusted(0, 0, -1, -1), 4, 4)
        box = QRect(_MARGIN, _MARGIN, self.width() - 2 * _MARGIN, self._line_height())
        parts = self._parts()
        for i, (name, number) in enumerate(self.lines()):
            painter.setFont(self._font(i))
            painter.setPen(tokens.muted if i == 1 else tokens.text)
            left = 0
            if i >= 2:
                left = _SWATCH + GRID
                painter.fillRect(
                    QRect(box.x(), box.center().y() - _SWATCH // 2 + 1, _SWATCH, _SWATCH),
                    self._colors.color(self._history.keys[parts[i - 2]]),
                )
            side = Qt.AlignmentFlag.AlignVCenter
            name_flags = int((side | Qt.AlignmentFlag.AlignLeft).value)
            number_flags = int((side | Qt.AlignmentFlag.AlignRight).value)
            painter.drawText(box.adjusted(left, 0, 0, 0), name_flags, name)
            painter.drawText(box, number_flags, number)
            box.translate(0, self._line_height())

    def _size(self) -> QSize:
        metrics = self.fontMetrics()
        lines = self.lines()
        names = max(metrics.horizontalAdvance(name) for name, _ in lines)
        width = names + _SWATCH + metrics.horizontalAdvance("0000.00 ms") + 4 * GRID
        return QSize(width + 2 * _MARGIN, len(lines) * self._line_height() + 2 * _MARGIN)

    def _line_height(self) -> int:
        return self.fontMetrics().height() + 2

    def _font(self, line: int) -> QFont:
        font = QFont(self.font())
        font.setWeight(QFont.Weight.DemiBold if line == 0 else QFont.Weight.Normal)
        return font
