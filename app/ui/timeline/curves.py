"""Small drawn curves that show what an easing or an interpolation does."""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap

from app.ui import theme
from scenes.paths.interpolate import ease
from scenes.paths.path import Easing, Interpolation

_ICON = 20
_STEPS = 16


def easing_path(easing: Easing, box: QRectF) -> QPainterPath:
    """How far a segment has come (upwards) over its time (to the right), as it really runs."""
    times = np.linspace(0.0, 1.0, _STEPS + 1)
    return _through(
        [
            QPointF(box.left() + u * box.width(), box.bottom() - v * box.height())
            for u, v in zip(times, ease(easing, times), strict=True)
        ]
    )


def interpolation_path(interpolation: Interpolation, box: QRectF) -> QPainterPath:
    """Three keys and the way between them."""
    left, right, top, bottom = box.left(), box.right(), box.top(), box.bottom()
    middle = box.center().x()
    if interpolation == "linear":
        return _through([QPointF(left, bottom), QPointF(middle, top), QPointF(right, bottom)])
    if interpolation == "hold":
        return _through(
            [
                QPointF(left, bottom),
                QPointF(middle, bottom),
                QPointF(middle, top),
                QPointF(right, top),
            ]
        )
    path = QPainterPath(QPointF(left, bottom))
    quarter = box.width() / 4
    path.cubicTo(
        QPointF(left + quarter, bottom),
        QPointF(middle - quarter, top),
        QPointF(middle, top),
    )
    path.cubicTo(
        QPointF(middle + quarter, top),
        QPointF(right - quarter, bottom),
        QPointF(right, bottom),
    )
    return path


def easing_icon(easing: Easing) -> QIcon:
    """The curve of an easing, for menus."""
    return _icon(easing_path(easing, _inside()))


def interpolation_icon(interpolation: Interpolation) -> QIcon:
    """The curve of an interpolation, for menus."""
    return _icon(interpolation_path(interpolation, _inside()))


def curve_pen(color: QColor, width: float = 1.5) -> QPen:
    """A pen for these curves."""
    pen = QPen(color, width)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    return pen


def _through(points: list[QPointF]) -> QPainterPath:
    path = QPainterPath(points[0])
    for point in points[1:]:
        path.lineTo(point)
    return path


def _inside() -> QRectF:
    return QRectF(3, 4, _ICON - 6, _ICON - 8)


def _icon(path: QPainterPath) -> QIcon:
    pixmap = QPixmap(2 * _ICON, 2 * _ICON)
    pixmap.setDevicePixelRatio(2.0)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(curve_pen(theme.current().text))
    painter.drawPath(path)
    painter.end()
    return QIcon(pixmap)
