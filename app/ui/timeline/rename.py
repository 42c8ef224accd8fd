"""The field that stands on a key while it is renamed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QPointF, Qt, pyqtSignal
from PyQt6.QtGui import QFocusEvent, QKeyEvent
from PyQt6.QtWidgets import QLineEdit

from app.ui.timeline import layout

if TYPE_CHECKING:
    from app.ui.timeline.track import Track

_WIDTH = 144
_HEIGHT = 24


class NameEditor(QLineEdit):
    """Edits the name of one key in place; Return keeps it, Escape does not."""

    finished = pyqtSignal(object)
    """The new name, or None when the person gave up. Sent once."""

    def __init__(self, track: Track, index: int, key_point: QPointF) -> None:
        super().__init__(track.document.path.keys[index].name, track)
        self.index = index
        self._done = False
        self.setObjectName("timeline_name")
        self.setAccessibleName(f"Name of keyframe {index + 1}")
        self.setPlaceholderText("Name")
        self.setMaxLength(80)
        left = min(max(key_point.x() - layout.KEY_RADIUS - 4, 0), track.width() - _WIDTH)
        top = min(layout.LABEL_Y - 2, track.height() - _HEIGHT)
        self.setGeometry(int(left), int(top), _WIDTH, _HEIGHT)
        self.selectAll()
        self.show()
        self.setFocus()

    def finish(self, keep: bool) -> None:
        """Close the field."""
        if not self._done:
            self._done = True
            self.hide()
            self.finished.emit(self.text().strip() if keep else None)
            self.deleteLater()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Return and Escape end it; all else is text."""
        if event is None:
            return
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.finish(keep=True)
        elif event.key() == Qt.Key.Key_Escape:
            self.finish(keep=False)
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        """Clicking elsewhere keeps the name; the field's own menu does not end it."""
        super().focusOutEvent(event)
        if event is None or event.reason() != Qt.FocusReason.PopupFocusReason:
            self.finish(keep=True)
