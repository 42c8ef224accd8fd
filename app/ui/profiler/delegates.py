"""How the cells of the profiler's table are drawn: swatches, bars, sparklines, numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QModelIndex, QObject, QPointF, QRect, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QPolygonF
from PyQt6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.ui import theme
from app.ui.profiler.colors import RowColors, mix
from app.ui.profiler.columns import COLUMNS
from app.ui.profiler.model import ROW_ROLE
from app.ui.theme import GRID
from render.profile import TOTAL, Row

SWATCH = 2 * GRID
PADDING = GRID + 2


class CellDelegate(QStyledItemDelegate):
    """Draws every cell of the table; which way, the column's kind says."""

    def __init__(self, colors: RowColors, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._colors = colors

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        """One line with a little air, on the grid."""
        return QSize(10 * GRID, line_height(option.fontMetrics))

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        """Draw one cell."""
        assert painter is not None
        row = index.data(ROW_ROLE)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if row is None:
            self._heading(painter, option, index.data() or "")
        else:
            self._cell(painter, option, index, row)
        painter.restore()

    def _heading(self, painter: QPainter, option: QStyleOptionViewItem, text: str) -> None:
        tokens = theme.current()
        painter.setFont(_bold(option.font))
        painter.setPen(tokens.muted)
        box = option.rect.adjusted(PADDING, 2, -PADDING, 0)
        painter.drawText(box, _aligned(Qt.AlignmentFlag.AlignLeft), text)

    def _cell(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex, row: Row
    ) -> None:
        tokens = theme.current()
        total = row.key == TOTAL
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, mix(tokens.surface, tokens.accent, 0.18))
        if total:
            painter.fillRect(option.rect.x(), option.rect.y(), option.rect.width(), 1, tokens.line)
        painter.setFont(_bold(option.font) if total else option.font)
        painter.setPen(tokens.text)
        box = option.rect.adjusted(PADDING, 0, -PADDING, 0)
        kind = COLUMNS[index.column()].kind
        if kind == "name":
            self._name(painter, box, row)
        elif kind == "share":
            self._share(painter, box, row, index.data())
        elif kind == "spark":
            color = tokens.muted if total else self._colors.color(row.key)
            draw_spark(painter, QRectF(box).adjusted(0, 2, 0, -2), row.spark, color)
        else:
            side = Qt.AlignmentFlag.AlignRight if kind == "number" else Qt.AlignmentFlag.AlignLeft
            if kind == "text":
                painter.setPen(tokens.muted)
            _text(painter, box, side, index.data())

    def _name(self, painter: QPainter, box: QRect, row: Row) -> None:
        if row.key != TOTAL:
            top = box.center().y() - SWATCH / 2 + 1
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._colors.color(row.key))
            painter.drawRoundedRect(QRectF(box.x(), top, SWATCH, SWATCH), 2, 2)
            painter.setPen(theme.current().text)
            box = box.adjusted(SWATCH + PADDING, 0, 0, 0)
        _text(painter, box, Qt.AlignmentFlag.AlignLeft, row.title)

    def _share(self, painter: QPainter, box: QRect, row: Row, text: str) -> None:
        digits = painter.fontMetrics().horizontalAdvance(COLUMNS[index_of("share")].sample)
        if row.key != TOTAL:
            track = QRectF(box).adjusted(0, 0, -digits - PADDING, 0)
            track.setTop(box.center().y() - GRID + 1)
            track.setHeight(2 * GRID)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(mix(theme.current().surface, theme.current().text, 0.08))
            painter.drawRoundedRect(track, 2, 2)
            track.setWidth(track.width() * min(max(row.share, 0.0), 1.0))
            painter.setBrush(self._colors.color(row.key))
            painter.drawRoundedRect(track, 2, 2)
            painter.setPen(theme.current().text)
        _text(painter, box, Qt.AlignmentFlag.AlignRight, text)


def line_height(metrics: QFontMetrics) -> int:
    """Height of a line of the table."""
    height = metrics.height() + GRID
    return height + (-height) % GRID


def index_of(name: str) -> int:
    """The place of a column."""
    return next(i for i, column in enumerate(COLUMNS) if column.name == name)


def draw_spark(painter: QPainter, box: QRectF, values: NDArray[np.float32], color: QColor) -> None:
    """A small filled curve from 0 to a little above the 95th percentile.

    Several values that fall on one pixel are drawn as their largest, so that a spike stays seen.
    """
    count = len(values)
    if count < 2 or box.width() < 4 or not values.any():
        return
    columns = min(count, int(box.width()))
    edges = np.linspace(0, count, columns + 1).astype(int)[:-1]
    peaks = np.maximum.reduceat(values, edges)
    top = max(float(np.percentile(values, 95)) * 1.4, 1e-9)
    xs = np.linspace(box.left(), box.right(), columns)
    ys = box.bottom() - np.minimum(peaks / top, 1.0) * box.height()
    line = [QPointF(x, y) for x, y in zip(xs.tolist(), ys.tolist(), strict=True)]
    area = QPolygonF([box.bottomLeft(), *line, box.bottomRight()])
    fill = QColor(color)
    fill.setAlphaF(0.25)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(fill)
    painter.drawPolygon(area)
    painter.setPen(QPen(color, 1.0))
    painter.drawPolyline(QPolygonF(line))


def _text(painter: QPainter, box: QRect, side: Qt.AlignmentFlag, text: str) -> None:
    shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, box.width())
    painter.drawText(box, _aligned(side), shown)


def _aligned(side: Qt.AlignmentFlag) -> int:
    return int((side | Qt.AlignmentFlag.AlignVCenter).value)


def _bold(font: QFont) -> QFont:
    bold = QFont(font)
    bold.setWeight(QFont.Weight.DemiBold)
    return bold
