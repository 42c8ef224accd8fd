"""The widget with the ruler and the keys: listens to the document and to the hand."""

from __future__ import annotations

from PyQt6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PyQt6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.document import Document
from app.ui import theme
from app.ui.timeline import editing, gestures, layout
from app.ui.timeline.painting import Picture, paint_track
from app.ui.timeline.playback import frame_at, last_frame_time
from app.ui.timeline.rename import NameEditor
from app.ui.timeline.scale import TimeScale, clock_text

HOLD_MS = 400
"""How often a resting drag renews its step of undo; well below the document's merge time."""

_NOWHERE = layout.Hit("empty")


class Track(QWidget):
    """Ruler, playhead and keys of the document's path.

    Edits go straight to the document. What moves the view is told by signals, so that the panel
    decides how to show it.
    """

    scrubbed = pyqtSignal(float)
    """The person moved the playhead to a time, seconds (maybe outside the clip)."""
    key_clicked = pyqtSignal(int)
    """A key was clicked and should be shown."""
    play_wanted = pyqtSignal()
    """Space: play or pause."""
    menu_wanted = pyqtSignal(object, object)
    """A menu for a :class:`~app.ui.timeline.layout.Hit` at a global position."""
    easing_wanted = pyqtSignal(int, object)
    """The curve after a key was clicked: its menu at a global position."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        self.document = document
        self.scale = TimeScale.fitting(document.path.duration, 600)
        self._fits = True
        self._gesture: gestures.Gesture | None = None
        self._hover = _NOWHERE
        self._band: QRectF | None = None
        self._editor: NameEditor | None = None
        self._hold = QTimer(self)
        self._hold.setInterval(HOLD_MS)
        self._hold.timeout.connect(self._hold_open)
        self.setObjectName("timeline_track")
        self.setAccessibleName("Timeline of camera keyframes")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(240, int(layout.TRACK_HEIGHT))
        document.path_changed.connect(self._on_path)
        document.selection_changed.connect(self._describe)
        document.time_changed.connect(self._on_time)
        theme.notifier.changed.connect(self.update)
        self._describe()

    def sizeHint(self) -> QSize:
        """As high as everything needs; as wide as there is room."""
        return QSize(800, int(layout.TRACK_HEIGHT))

    # What is in sight -----------------------------------------------------------------------

    def fit(self) -> None:
        """Show the whole clip."""
        self._fits = True
        self.scale = TimeScale.fitting(self.document.path.duration, self.width())
        self.update()

    def zoom(self, factor: float, x: float) -> None:
        """Zoom the time axis around a pixel."""
        path = self.document.path
        self.scale = self.scale.zoomed(factor, x, path.duration, self.width(), path.fps)
        self._fits = False
        self.update()

    def pan(self, pixels: float) -> None:
        """Move the time axis with the pointer."""
        self.scale = self.scale.panned(pixels, self.document.path.duration, self.width())
        self._fits = False
        self.update()

    def keep_in_sight(self, seconds: float) -> None:
        """Turn the page where a time is out of sight."""
        self.scale = self.scale.showing(seconds, self.document.path.duration, self.width())
        self.update()

    def set_band(self, band: QRectF | None) -> None:
        """Show or hide the rubber band."""
        self._band = band
        self.update()

    def hit(self, at: QPointF) -> layout.Hit:
        """What is under a point."""
        document = self.document
        return layout.hit_test(document.path, self.scale, document.time, at.x(), at.y())

    def key_point(self, index: int) -> QPointF:
        """Where a key's diamond stands."""
        return QPointF(self.scale.x_of(self.document.path.keys[index].time), layout.KEY_Y)

    def edit_name(self, index: int) -> None:
        """Rename a key where it stands."""
        if self._editor is not None:
            self._editor.finish(keep=True)
        self.document.select_keys({index})
        self.keep_in_sight(self.document.path.keys[index].time)
        self._editor = NameEditor(self, index, self.key_point(index))
        self._editor.finished.connect(self._on_renamed)

    # The document changed -------------------------------------------------------------------

    def _on_path(self) -> None:
        if self._fits and self._gesture is None:
            self.fit()
        self._describe()

    def _on_time(self, seconds: float) -> None:
        if self._gesture is None and not self._fits:
            self.keep_in_sight(seconds)
        self.update()

    def _describe(self) -> None:
        """Say to screen readers what is drawn, and draw it."""
        path = self.document.path
        # While the path is being replaced, the selection still belongs to the old one.
        selection = [i for i in sorted(self.document.selection) if i < len(path.keys)]
        parts = [f"{len(path.keys)} keyframes in {path.duration:g} seconds"]
        parts += [f"{self._key_text(index)} selected" for index in selection[:3]]
        self.setAccessibleDescription("; ".join(parts))
        self.update()

    def _key_text(self, index: int) -> str:
        path = self.document.path
        time = path.keys[index].time
        frame = frame_at(path, time)
        return f"{editing.key_title(path, index)} · {clock_text(time, 2)} · frame {frame}"

    # The hand -------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Begin a gesture; a second button during one is ignored."""
        if event is None or self._gesture is not None:
            return
        at, modifiers = event.position(), event.modifiers()
        if event.button() == Qt.MouseButton.MiddleButton:
            self._gesture = gestures.Pan(self, at)
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif event.button() == Qt.MouseButton.LeftButton:
            self._gesture = self._left_gesture(self.hit(at), at, modifiers)
        if isinstance(self._gesture, gestures.DragKeys):
            self._hold.start()
        self.update()

    def _left_gesture(
        self, hit: layout.Hit, at: QPointF, modifiers: Qt.KeyboardModifier
    ) -> gestures.Gesture | None:
        if hit.kind in ("ruler", "playhead"):
            return gestures.Scrub(self, at, modifiers)
        if hit.kind == "key":
            return gestures.DragKeys(self, hit.index, at, modifiers)
        if hit.kind == "easing":
            self.easing_wanted.emit(hit.index, self.mapToGlobal(at).toPoint())
            return None
        return gestures.RubberBand(self, at, modifiers)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Go on with the gesture, or show what a press would take."""
        if event is None:
            return
        if self._gesture is not None:
            self._gesture.move(event.position(), event.modifiers())
            self.update()
        else:
            self._set_hover(self.hit(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """End the gesture."""
        if event is None or self._gesture is None:
            return
        self._gesture.release(event.position(), event.modifiers())
        self._end_gesture()

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Rename the key under the pointer."""
        if event is None:
            return
        hit = self.hit(event.position())
        if event.button() == Qt.MouseButton.LeftButton and hit.kind == "key":
            self.edit_name(hit.index)
        else:
            self.mousePressEvent(event)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Zoom around the pointer; sideways (or with Shift) move along."""
        if event is None:
            return
        delta = event.angleDelta()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier or delta.x():
            self.pan((delta.x() or delta.y()) / 2)
        else:
            self.zoom(1.2 ** (delta.y() / 120), event.position().x())
        event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent | None) -> None:
        """A menu for what is under the pointer (or, from the keyboard, for the selection)."""
        if event is None or self._gesture is not None:
            return
        document = self.document
        hit = self.hit(QPointF(event.pos()))
        where = event.globalPos()
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            selected = min(document.selection, default=-1)
            hit = layout.Hit("key", selected) if selected >= 0 else _NOWHERE
            where = self.mapToGlobal(self.rect().center())
            if selected >= 0:
                where = self.mapToGlobal(self.key_point(selected).toPoint())
        if hit.kind == "key" and hit.index not in document.selection:
            document.select_keys({hit.index})
        self.menu_wanted.emit(hit, where)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Left and Right walk over the keys (with Shift they add), Delete, F2, Escape, ..."""
        if event is None:
            return
        document, key = self.document, event.key()
        selected = min(document.selection, default=None)
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._walk(1 if key == Qt.Key.Key_Right else -1, gestures.adding(event.modifiers()))
        elif key == Qt.Key.Key_Space:
            self.play_wanted.emit()
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            editing.delete_selected(document)
        elif key == Qt.Key.Key_F2 and selected is not None:
            self.edit_name(selected)
        elif key == Qt.Key.Key_Escape and self._gesture is not None:
            self._gesture.cancel()
            self._end_gesture()
        elif key == Qt.Key.Key_Escape and document.selection:
            document.select_keys(frozenset())
        elif key == Qt.Key.Key_A and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
            document.select_keys(set(range(len(document.path.keys))))
        elif key == Qt.Key.Key_Home:
            self.scrubbed.emit(0.0)
        elif key == Qt.Key.Key_End:
            self.scrubbed.emit(last_frame_time(document.path))
        else:
            super().keyPressEvent(event)

    def _walk(self, direction: int, add: bool) -> None:
        document = self.document
        edge = max if direction > 0 else min
        start = document.time
        if document.selection:
            start = document.path.keys[edge(document.selection)].time
        index = editing.neighbour_key(document.path, start, direction)
        if index is not None:
            document.select_keys(document.selection | {index} if add else {index})
            self.key_clicked.emit(index)

    # Details --------------------------------------------------------------------------------

    def _end_gesture(self) -> None:
        self._gesture = None
        self._hold.stop()
        self.unsetCursor()
        if self._fits:
            self.fit()
        self.update()

    def _hold_open(self) -> None:
        if isinstance(self._gesture, gestures.DragKeys):
            self._gesture.hold_open()

    def _on_renamed(self, name: object) -> None:
        editor, self._editor = self._editor, None
        if editor is not None and isinstance(name, str):
            editing.rename(self.document, editor.index, name)
        self.setFocus()

    def _set_hover(self, hit: layout.Hit) -> None:
        if hit != self._hover:
            self._hover = hit
            shape = {
                "playhead": Qt.CursorShape.SizeHorCursor,
                "key": Qt.CursorShape.PointingHandCursor,
                "easing": Qt.CursorShape.PointingHandCursor,
            }.get(hit.kind, Qt.CursorShape.ArrowCursor)
            self.setCursor(shape)
            self.update()

    def event(self, event: QEvent | None) -> bool:
        """Tooltips say what is under the pointer."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self._tip(QPointF(event.pos())), self)
            return True
        return super().event(event)

    def _tip(self, at: QPointF) -> str:
        hit, path = self.hit(at), self.document.path
        if hit.kind == "key":
            return (
                f"{self._key_text(hit.index)}\nDrag to move, Alt-drag to copy, "
                "double-click to rename"
            )
        if hit.kind == "easing":
            titles = {name: title for name, title, _ in editing.EASINGS}
            return f"{titles[path.keys[hit.index].easing]}: click to change"
        if hit.kind in ("ruler", "playhead"):
            return "Drag to scrub; the wheel zooms, the middle button moves the axis"
        return ""

    def leaveEvent(self, event: QEvent | None) -> None:
        """Nothing is under the pointer any more."""
        self._set_hover(_NOWHERE)

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        """Show where the keyboard goes."""
        self.update()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        """See :meth:`focusInEvent`."""
        self.update()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep showing the whole clip, unless the person zoomed."""
        if self._fits:
            self.fit()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """See :mod:`app.ui.timeline.painting`."""
        document = self.document
        picture = Picture(
            document.path,
            self.scale,
            document.time,
            document.selection,
            self._hover,
            self.hasFocus(),
            self._band,
        )
        painter = QPainter(self)
        paint_track(painter, picture, theme.current(), self.width(), self.height(), self.font())
        painter.end()
