"""The course of the loss: time or steps to the right, the loss upwards by powers of ten."""

from __future__ import annotations

import math

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PyQt6.QtWidgets import QSizePolicy, QWidget

from app.ui import theme
from app.ui.fitting.work import Point, finite
from app.ui.theme import GRID

TICKS = (1.0, 2.0, 5.0)
"""Of each power of ten where there are few of them; the ends of the scale lie on these."""
FEW_POWERS = 1.5
"""Up to so many powers of ten, 2 and 5 are lines as well."""
ACROSS = 5
"""Numbers along the lower side, at most, after the first."""


class LossPlot(QWidget):
    """A line on axes with numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("fit_plot")
        self.setAccessibleName("Loss")
        self.setToolTip("What is minimised, mean of the last steps, on a logarithmic scale")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.tabular(self)
        self._points: list[Point] = []
        self._by_steps = False
        self._whole = 0.0
        theme.notifier.changed.connect(self.update)

    def expect(self, steps: int | None, seconds: float | None) -> None:
        """Begin anew, with a lower side of so many steps or seconds."""
        self._points = []
        self._by_steps = steps is not None
        self._whole = float(steps if steps is not None else seconds or 0.0)
        self.update()

    def show_points(self, points: tuple[Point, ...]) -> None:
        """Draw this course."""
        self._points = finite(points)
        self.update()

    def sizeHint(self) -> QSize:
        """Wide and low."""
        return QSize(100 * GRID, 36 * GRID)

    # Where things are -----------------------------------------------------------------------

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the largest loss on the scale."""
        values = [point.loss for point in self._points]
        low, high = (min(values), max(values)) if values else (0.01, 1.0)
        return tick_below(low), tick_above(high)

    def _box(self) -> QRectF:
        metrics = self.fontMetrics()
        left = metrics.horizontalAdvance("0.0000") + 3 * GRID
        return QRectF(self.rect()).adjusted(left, 2 * GRID, -3 * GRID, -metrics.height() - 2 * GRID)

    def place(self, point: Point) -> QPointF:
        """Where a point is drawn."""
        box = self._box()
        at = point.steps if self._by_steps else point.seconds
        return QPointF(
            box.left() + min(at / self._whole, 1.0) * box.width() if self._whole else box.left(),
            self._y_of(point.loss),
        )

    def _y_of(self, loss: float) -> float:
        box, (low, high) = self._box(), self.ends
        return box.bottom() - math.log(loss / low) / math.log(high / low) * box.height()

    # Painting -------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Ground, axes, the line."""
        painter = QPainter(self)
        tokens = theme.current()
        painter.fillRect(self.rect(), tokens.surface)
        painter.setPen(tokens.line)
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        if self._points:
            self._paint_losses(painter)
            self._paint_lower_side(painter)
            self._paint_line(painter)
        else:
            painter.setPen(tokens.muted)
            painter.drawText(
                self.rect(), Qt.AlignmentFlag.AlignCenter, "The loss is drawn here while it fits"
            )
        painter.end()

    def _paint_losses(self, painter: QPainter) -> None:
        box, tokens = self._box(), theme.current()
        height = painter.fontMetrics().height()
        words = QRectF(GRID, 0, box.left() - 2 * GRID, height)
        free = math.inf
        for loss in lines(*self.ends):
            y = self._y_of(loss)
            painter.setPen(tokens.line)
            painter.drawLine(QPointF(box.left(), y), QPointF(box.right(), y))
            if free - y < height:
                continue
            free = y
            words.moveTop(y - height / 2)
            painter.setPen(tokens.muted)
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(words, right, f"{loss:.0e}" if loss < 1e-4 else f"{loss:g}")
        width = painter.fontMetrics().horizontalAdvance("loss") + 2 * GRID
        plate = QRectF(box.right() - width, box.top() + GRID / 2, width, height)
        painter.fillRect(plate, tokens.surface)
        painter.setPen(tokens.muted)
        painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, "loss")

    def _paint_lower_side(self, painter: QPainter) -> None:
        box, tokens = self._box(), theme.current()
        metrics = painter.fontMetrics()
        step = even_step(self._whole / ACROSS) if self._whole else 1.0
        count = math.floor(self._whole / step + 1e-9)
        for number in range(count + 1):
            at = number * step
            x = box.left() + at / self._whole * box.width() if self._whole else box.left()
            painter.setPen(tokens.line)
            painter.drawLine(QPointF(x, box.bottom()), QPointF(x, box.bottom() + GRID))
            word = f"{at:,g}"
            if number == count:
                word += " steps" if self._by_steps else " s"
            width = metrics.horizontalAdvance(word)
            left = min(max(x - width / 2, GRID), self.width() - GRID - width)
            painter.setPen(tokens.muted)
            painter.drawText(QPointF(left, self.height() - GRID - metrics.descent()), word)

    def _paint_line(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tokens = theme.current()
        painter.setPen(QPen(tokens.accent, 1.5))
        painter.drawPolyline(QPolygonF([self.place(point) for point in self._points]))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(tokens.accent)
        painter.drawEllipse(self.place(self._points[-1]), 3.0, 3.0)


def tick_below(value: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is less than ``value``."""
    power = 10.0 ** math.floor(math.log10(value))
    fitting = [tick * power for tick in TICKS if tick * power < value * (1 - 1e-9)]
    return fitting[-1] if fitting else power / 2


def tick_above(value: float) -> float:
    """The least of 1, 2, 5 times a power of ten that is more than ``value``."""
    power = 10.0 ** math.floor(math.log10(value))
    return next((tick * power for tick in TICKS if tick * power > value * (1 + 1e-9)), 10 * power)


def lines(low: float, high: float) -> list[float]:
    """The losses at which lines are drawn, rising."""
    ticks = TICKS if math.log10(high / low) <= FEW_POWERS else TICKS[:1]
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    # Named by their digits, so that 3 * 10^-1 is 0.3.
    found = [float(f"{tick:g}e{power}") for power in powers for tick in ticks]
    return [value for value in found if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]


def even_step(least: float) -> float:
    """The least of 1, 2, 5 times a power of ten that is ``least`` or more."""
    power = 10.0 ** math.floor(math.log10(least))
    return next((tick * power for tick in TICKS if tick * power >= least * (1 - 1e-9)), 10 * power)
