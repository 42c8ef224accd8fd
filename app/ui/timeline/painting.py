"""How the track looks: ruler, lanes, curves, diamonds, playhead."""

from __future__ import annotations

from dataclasses import dataclass

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPolygonF

from app.ui.theme import Theme
from app.ui.timeline import layout
from app.ui.timeline.curves import curve_pen, easing_path, interpolation_path
from app.ui.timeline.scale import TimeScale, ruler_ticks
from scenes.paths.path import CameraPath

_SECONDS_BASELINE = 14.0
_FRAMES_BASELINE = 27.0
_LABEL_GAP = layout.PLAYHEAD_REACH + 2


@dataclass(frozen=True)
class Picture:
    """Everything the track shows at one moment; ``band`` is the rubber band, if any."""

    path: CameraPath
    scale: TimeScale
    time: float
    selection: frozenset[int]
    hover: layout.Hit
    focused: bool
    band: QRectF | None = None


def paint_track(
    painter: QPainter, picture: Picture, theme: Theme, width: float, height: float, font: QFont
) -> None:
    """Paint the whole track of ``width`` x ``height`` logical pixels."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    small = QFont(font)
    small.setPointSizeF(max(font.pointSizeF() - 1.0, 7.0))
    small.setFeature(QFont.Tag("tnum"), 1)
    painter.setFont(small)
    _paint_ground(painter, picture, theme, width, height)
    _paint_ruler(painter, picture, theme, width)
    _paint_ways(painter, picture, theme)
    _paint_keys(painter, picture, theme)
    if picture.path.keys:
        _paint_names(painter, picture, theme, QFontMetricsF(small))
    _paint_playhead(painter, picture, theme, height)
    if picture.band is not None:
        _paint_band(painter, picture.band, theme)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme.accent if picture.focused else theme.line, 1))
    painter.drawRoundedRect(QRectF(0.5, 0.5, width - 1, height - 1), 3, 3)


def _paint_ground(
    painter: QPainter, picture: Picture, theme: Theme, width: float, height: float
) -> None:
    painter.fillRect(QRectF(0, 0, width, height), theme.surface)
    painter.fillRect(QRectF(0, 0, width, layout.RULER_HEIGHT), theme.background)
    begin = picture.scale.x_of(0.0)
    end = picture.scale.x_of(picture.path.duration)
    below = layout.RULER_HEIGHT
    for left, right in ((0.0, begin), (end, width)):
        if right > left:
            painter.fillRect(QRectF(left, below, right - left, height - below), theme.background)
    painter.setPen(QPen(theme.line, 1))
    painter.drawLine(QPointF(0, below - 0.5), QPointF(width, below - 0.5))
    for edge in (begin, end):
        x = round(edge) + 0.5
        painter.drawLine(QPointF(x, below), QPointF(x, height))


def _paint_ruler(painter: QPainter, picture: Picture, theme: Theme, width: float) -> None:
    last = round(picture.path.duration * picture.path.fps)
    bottom = layout.RULER_HEIGHT - 1
    for tick in ruler_ticks(picture.scale, width, picture.path.fps):
        x = round(tick.x) + 0.5
        inside = tick.frame <= last
        painter.setPen(QPen(theme.muted if inside else theme.line, 1))
        painter.drawLine(QPointF(x, bottom - (7 if tick.frames else 4)), QPointF(x, bottom))
        if tick.frames and inside:
            painter.setPen(theme.text)
            painter.drawText(QPointF(x + _LABEL_GAP, _SECONDS_BASELINE), tick.seconds)
            painter.setPen(theme.muted)
            painter.drawText(QPointF(x + _LABEL_GAP, _FRAMES_BASELINE), tick.frames)
            painter.setPen(QPen(theme.line, 1))
            painter.drawLine(QPointF(x, 4), QPointF(x, bottom - 7))


def _paint_ways(painter: QPainter, picture: Picture, theme: Theme) -> None:
    """The line from key to key, with the curve of its easing in the middle."""
    path, scale = picture.path, picture.scale
    times = [key.time for key in path.keys]
    y = layout.KEY_Y
    painter.setPen(QPen(theme.line, 2))
    if len(times) > 1:
        end = path.duration if path.loop else times[-1]
        painter.drawLine(QPointF(scale.x_of(times[0]), y), QPointF(scale.x_of(end), y))
    for index, middle in layout.easing_spots(path, scale):
        width, height = layout.EASING_SIZE
        box = QRectF(middle - width / 2, y - height / 2, width, height)
        hovered = picture.hover == layout.Hit("easing", index)
        painter.setPen(QPen(theme.accent if hovered else theme.line, 1))
        painter.setBrush(theme.surface)
        painter.drawRoundedRect(box, 3, 3)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        inner = box.adjusted(4, 4, -4, -4)
        hold = path.interpolation == "hold"
        curve = (
            interpolation_path("hold", inner)
            if hold
            else easing_path(path.keys[index].easing, inner)
        )
        eased = path.keys[index].easing != "none" and not hold
        painter.setPen(curve_pen(theme.accent if hovered or eased else theme.muted))
        painter.drawPath(curve)


def _paint_keys(painter: QPainter, picture: Picture, theme: Theme) -> None:
    # Selected ones last, so that they lie on top of a crowd.
    order = sorted(range(len(picture.path.keys)), key=lambda index: index in picture.selection)
    for index in order:
        key = picture.path.keys[index]
        centre = QPointF(picture.scale.x_of(key.time), layout.KEY_Y)
        selected = index in picture.selection
        hovered = picture.hover == layout.Hit("key", index)
        beyond = key.time > picture.path.duration
        fill = theme.accent if selected else theme.surface
        edge = theme.accent if selected or hovered else theme.line if beyond else theme.text
        painter.setBrush(fill)
        painter.setPen(QPen(edge, 1.6))
        painter.drawPolygon(_diamond(centre, layout.KEY_RADIUS + (1 if hovered else 0)))


def _paint_names(painter: QPainter, picture: Picture, theme: Theme, metrics: QFontMetricsF) -> None:
    room = layout.label_room(picture.path, picture.scale)
    for index, key in enumerate(picture.path.keys):
        if key.name and room[index] > 16:
            text = metrics.elidedText(key.name, Qt.TextElideMode.ElideRight, room[index])
            left = picture.scale.x_of(key.time) - layout.KEY_RADIUS
            painter.setPen(theme.text if index in picture.selection else theme.muted)
            painter.drawText(QPointF(left, layout.LABEL_Y + metrics.ascent()), text)


def _paint_playhead(painter: QPainter, picture: Picture, theme: Theme, height: float) -> None:
    x = round(picture.scale.x_of(picture.time)) + 0.5
    painter.setPen(QPen(theme.accent, 1))
    painter.drawLine(QPointF(x, layout.RULER_HEIGHT - 10), QPointF(x, height))
    top, bottom = layout.RULER_HEIGHT - 14, layout.RULER_HEIGHT
    half = layout.PLAYHEAD_REACH
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.accent)
    painter.drawPolygon(
        QPolygonF(
            [
                QPointF(x - half, top),
                QPointF(x + half, top),
                QPointF(x + half, bottom - half),
                QPointF(x, bottom),
                QPointF(x - half, bottom - half),
            ]
        )
    )


def _paint_band(painter: QPainter, band: QRectF, theme: Theme) -> None:
    fill = QColor(theme.accent)
    fill.setAlphaF(0.15)
    painter.setBrush(fill)
    painter.setPen(QPen(theme.accent, 1))
    painter.drawRect(band)


def _diamond(centre: QPointF, radius: float) -> QPolygonF:
    x, y = centre.x(), centre.y()
    return QPolygonF(
        [
            QPointF(x, y - radius),
            QPointF(x + radius, y),
            QPointF(x, y + radius),
            QPointF(x - radius, y),
        ]
    )
