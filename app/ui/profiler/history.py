"""The stacked history above the table: one layer per row, one column per frame."""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PyQt6.QtWidgets import QSizePolicy, QWidget

from app.ui import theme
from app.ui.profiler.colors import RowColors
from app.ui.profiler.scale import StickyScale
from app.ui.theme import GRID
from render.profile import History

REFERENCE_MS = ((1000 / 60, "16.7 ms"), (1000 / 30, "33.3 ms"))


class HistoryPlot(QWidget):
    """The last frames as a stacked area, newest at the right.

    Hovering tells the frame under the mouse, a click asks to freeze on it; with the keyboard Left
    and Right step through the frames and Escape lets go.
    """

    hovered = pyqtSignal(int)
    """Position of the frame in the history, -1 for none."""
    chosen = pyqtSignal(int)
    """Index of the frame to freeze on."""
    released = pyqtSignal()
    """The frozen frame was clicked again, or Escape pressed."""

    def __init__(self, capacity: int, colors: RowColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("profiler_history")
        self.setAccessibleName("Frame times")
        self.setToolTip("Point at a frame to read it, click to freeze on it")
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        theme.tabular(self)
        self.history: History | None = None
        self._capacity = capacity
        self._colors = colors
        self._scale = StickyScale()
        self._frozen: int | None = None
        self._hover = -1
        self._mouse_x: float | None = None
        theme.notifier.changed.connect(self.update)

    def show_history(self, history: History, frozen: int | None) -> None:
        """Show these frames; ``frozen`` is the index of the frame that the table shows alone."""
        self.history = history
        self._frozen = frozen
        self._scale.fit(history.ms.sum(axis=1))
        for key in history.keys:
            # The first look gives the colour: in frame order, not in that of painting.
            self._colors.color(key)
        self._find_hover()
        self.update()

    def sizeHint(self) -> QSize:
        """Wide and low."""
        return QSize(80 * GRID, 32 * GRID)

    def minimumSizeHint(self) -> QSize:
        """In a low window the table below needs the room more."""
        return QSize(20 * GRID, 14 * GRID)

    # Where things are -----------------------------------------------------------------------

    def position_at(self, x: float) -> int:
        """The frame under a horizontal place, as a position in the history; -1 for none."""
        count = 0 if self.history is None else len(self.history.indices)
        box = self._box()
        position = int(np.floor((x - box.left()) / box.width() * self._capacity))
        position -= self._capacity - count
        return position if 0 <= position < count else -1

    def x_of(self, position: float) -> float:
        """The middle of a frame's column."""
        count = 0 if self.history is None else len(self.history.indices)
        box = self._box()
        return box.left() + (self._capacity - count + position + 0.5) / self._capacity * box.width()

    def _box(self) -> QRectF:
        return QRectF(self.rect()).adjusted(1, 1, -1, -1)

    def _y_of(self, ms: float) -> float:
        box = self._box()
        return box.bottom() - min(ms / self._scale.top_ms, 1.0) * box.height()

    # Painting -------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Ground, layers, lines, marks, frame."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tokens = theme.current()
        painter.fillRect(self.rect(), tokens.surface)
        if self.history is not None and len(self.history.indices):
            self._paint_layers(painter, self.history)
            self._paint_marks(painter, self.history)
        self._paint_scale(painter)
        self._paint_pointer(painter)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(tokens.accent if self.hasFocus() else tokens.line)
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def _paint_layers(self, painter: QPainter, history: History) -> None:
        """From the top of the stack down, each to the ground, so that no seams show."""
        box = self._box()
        tops = np.cumsum(history.ms, axis=1, dtype=np.float64)
        ys = box.bottom() - np.minimum(tops / self._scale.top_ms, 1.0) * box.height()
        half = 0.5 * box.width() / self._capacity
        xs = [self.x_of(i) for i in range(len(history.indices))]
        # Without smoothing: it would cost three times the rest of the panel.
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(Qt.PenStyle.NoPen)
        for layer in reversed(range(len(history.keys))):
            line = [QPointF(x, y) for x, y in zip(xs, ys[:, layer].tolist(), strict=True)]
            left, right = QPointF(xs[0] - half, line[0].y()), QPointF(xs[-1] + half, line[-1].y())
            ground = [QPointF(right.x(), box.bottom()), QPointF(left.x(), box.bottom())]
            painter.setBrush(self._colors.color(history.keys[layer]))
            painter.drawPolygon(QPolygonF([left, *line, right, *ground]))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def _paint_marks(self, painter: QPainter, history: History) -> None:
        """Dashes where frames stop being comparable, ticks at the top for what is cut off."""
        tokens = theme.current()
        box = self._box()
        half = 0.5 * box.width() / self._capacity
        painter.setPen(QPen(tokens.text, 1, Qt.PenStyle.DotLine))
        for position in np.flatnonzero(history.changed):
            x = self.x_of(int(position)) - half
            painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tokens.bad)
        cut = (history.ms.sum(axis=1) > self._scale.top_ms) | history.compiled
        for position in np.flatnonzero(cut):
            x = self.x_of(int(position))
            tip = [QPointF(x - 3, box.top() + 4), QPointF(x + 3, box.top() + 4)]
            painter.drawPolygon(QPolygonF([*tip, QPointF(x, box.top())]))

    def _paint_scale(self, painter: QPainter) -> None:
        """Lines of 60 and 30 frames a second and the top of the scale, each with its number."""
        top_ms = self._scale.top_ms
        metrics = painter.fontMetrics()
        corner = self._label(painter, f"{top_ms:g} ms", self._box().top() + GRID)
        for ms, text in REFERENCE_MS:
            y = self._y_of(ms)
            if ms > top_ms or y > self._box().bottom() - metrics.height():
                continue
            painter.setPen(QPen(theme.current().text, 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(self._box().left(), y), QPointF(self._box().right(), y))
            if y > corner.bottom() + 2:
                self._label(painter, text, y + 2)

    def _label(self, painter: QPainter, text: str, top: float) -> QRectF:
        """A number at the left on a plate, readable over any colour."""
        tokens = theme.current()
        metrics = painter.fontMetrics()
        width = metrics.horizontalAdvance(text) + 2 * GRID
        plate = QRectF(self._box().left() + GRID, top, width, metrics.height())
        ground = QColor(tokens.surface)
        ground.setAlphaF(0.88)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(plate, 3, 3)
        painter.setPen(tokens.text)
        painter.drawText(plate, int(Qt.AlignmentFlag.AlignCenter.value), text)
        return plate

    def _paint_pointer(self, painter: QPainter) -> None:
        """The frame under the mouse and the frozen one."""
        tokens = theme.current()
        box = self._box()
        column = 2.0
        for position, color in (
            (self._hover, tokens.text),
            (self.frozen_position(), tokens.accent),
        ):
            if position >= 0:
                x = self.x_of(position)
                painter.fillRect(QRectF(x - column / 2, box.top(), column, box.height()), color)

    def frozen_position(self) -> int:
        """Where the frozen frame stands in the history; -1 for none."""
        if self.history is None or self._frozen is None:
            return -1
        found = np.flatnonzero(self.history.indices == self._frozen)
        return int(found[0]) if len(found) else -1

    # Mouse and keys -------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Tell the frame under the mouse."""
        assert event is not None
        self._mouse_x = event.position().x()
        self._find_hover()

    def leaveEvent(self, event: QEvent | None) -> None:
        """No frame is under the mouse any more."""
        self._mouse_x = None
        self._find_hover()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Freeze on the frame, or let go of it."""
        assert event is not None
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self._choose(self.position_at(event.position().x()))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Left and Right step, Escape lets go."""
        assert event is not None
        count = 0 if self.history is None else len(self.history.indices)
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is not None and count:
            frozen = self.frozen_position()
            start = frozen if frozen >= 0 else count - 1 - step
            self._choose(min(max(start + step, 0), count - 1), release=False)
        elif event.key() == Qt.Key.Key_Escape and self._frozen is not None:
            self.released.emit()
        else:
            super().keyPressEvent(event)

    def _choose(self, position: int, release: bool = True) -> None:
        if self.history is None or position < 0:
            return
        if position == self.frozen_position():
            if release:
                self.released.emit()
        else:
            self.chosen.emit(int(self.history.indices[position]))

    def _find_hover(self) -> None:
        """Which frame is under the mouse; frames also move below a mouse that rests."""
        position = -1 if self._mouse_x is None else self.position_at(self._mouse_x)
        if position != self._hover or position >= 0:
            self._hover = position
            self.hovered.emit(position)
            self.update()
