"""The pointer over the frusta of a capture: a name beside the one it is on, a click goes there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, QObject, QPointF, Qt
from PyQt6.QtGui import QMouseEvent
from PyQt6.QtWidgets import QLabel

from app.ui.canvas.projection import NEAR_SHARE
from app.ui.canvas.view import Canvas
from app.ui.capture.capture import Capture
from app.ui.theme import GRID

if TYPE_CHECKING:
    from app.ui.shell import Shell

REACH = 6.0
"""How far from a line the pointer may be, logical pixels."""
STILL = 4.0
"""A press that moves farther is a drag, logical pixels."""


class Hover(QObject):
    """Watches the canvas's mouse, beside what moves the camera; takes nothing away from that.

    Only a double click on a frustum ends here: its first click has gone to that camera, and the
    second would turn the view around a point that the person has not seen.
    """

    def __init__(self, shell: Shell, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._shell = shell
        self._canvas = canvas
        self._capture: Capture = shell.capture
        self._pressed: tuple[QPointF, int] | None = None
        self._went = False
        self.label = QLabel(canvas)
        self.label.setObjectName("capture_label")
        self.label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.label.setStyleSheet(
            "background: rgba(20, 20, 20, 200); color: #f0f0f0; border-radius: 4px;"
            "padding: 2px 6px;"
        )
        self.label.hide()
        canvas.native.installEventFilter(self)
        self._capture.changed.connect(self._refresh)
        shell.overlays_changed.connect(self._refresh)
        shell.document.view_changed.connect(self._leave)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow the pointer; True only for the second click of a pair that went somewhere."""
        if event is None or not self._capture.shown:
            return False
        kind = event.type()
        if kind == QEvent.Type.Leave:
            self._leave()
        elif isinstance(event, QMouseEvent):
            return self._mouse(kind, event)
        return False

    def _mouse(self, kind: QEvent.Type, event: QMouseEvent) -> bool:
        place = event.position()
        left = event.button() == Qt.MouseButton.LeftButton
        if kind == QEvent.Type.MouseMove:
            if event.buttons() == Qt.MouseButton.NoButton:
                self._point(place)
            elif self._pressed is not None and _far(place, self._pressed[0]):
                self._pressed = None
                self._leave()
        elif kind == QEvent.Type.MouseButtonPress:
            self._went = False
            found = self._under(place) if left and not event.modifiers() else None
            self._pressed = None if found is None else (place, found)
        elif kind == QEvent.Type.MouseButtonRelease and left and self._pressed is not None:
            start, number = self._pressed
            self._pressed = None
            if not _far(place, start):
                self._leave()
                self._went = True
                self._capture.go(number)
        elif kind == QEvent.Type.MouseButtonDblClick and left and self._went:
            return True
        return False

    def _under(self, place: QPointF) -> int | None:
        document = self._shell.document
        view = self._shell.driver.seen or document.view
        if view is None or document.scene is None:
            return None
        ratio = self._canvas.native.devicePixelRatioF()
        view = view.resized(*self._canvas.physical_size)
        near = NEAR_SHARE * document.scene.focus[1]
        pixel = place.x() * ratio, place.y() * ratio
        return self._capture.frusta.pick(view, near, pixel, REACH * ratio)

    def _point(self, place: QPointF) -> None:
        number = self._under(place)
        self._capture.hover(number)
        if number is not None:
            self._put_label(place)

    def _put_label(self, place: QPointF) -> None:
        """Beside the pointer, within the canvas."""
        x, y = round(place.x()) + 3 * GRID, round(place.y()) + 3 * GRID
        x = min(x, self._canvas.width() - self.label.width() - GRID)
        y = min(y, self._canvas.height() - self.label.height() - GRID)
        self.label.move(max(x, GRID), max(y, GRID))
        self.label.raise_()

    def _leave(self) -> None:
        self._capture.hover(None)

    def _refresh(self) -> None:
        shown = self._capture.shown
        native = self._canvas.native
        # Without frusta nothing follows a pointer that only passes by.
        native.setMouseTracking(shown)
        number = self._capture.hovered if shown else None
        if number is None:
            native.unsetCursor()
            self.label.hide()
            return
        native.setCursor(Qt.CursorShape.PointingHandCursor)
        mark = self._shell.document.bookmarks[number]
        self.label.setText(mark.name)
        self.label.adjustSize()
        self.label.show()


def _far(a: QPointF, b: QPointF) -> bool:
    return (a - b).manhattanLength() > STILL
