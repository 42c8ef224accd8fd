"""The kinds of field that the dialog is made of."""

from __future__ import annotations

import os
from pathlib import Path

from PyQt6.QtCore import QSignalBlocker, Qt, pyqtSignal
from PyQt6.QtGui import QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import QHBoxLayout, QLineEdit, QSlider, QWidget

from app.ui import files
from app.ui.export.fields import spin
from app.ui.forms import tool
from app.ui.theme import GRID
from app.ui.timeline.transport import Number


class FileField(QWidget):
    """The path of a file: typed, browsed for, or dropped."""

    changed = pyqtSignal()
    """Another file was chosen, or the typing of one is done."""

    def __init__(self, name: str, title: str, tip: str, kinds: files.Filter) -> None:
        super().__init__()
        self._title = title
        self._kinds = kinds
        self._told: Path | None = None
        self.line = _Line()
        self.line.setObjectName(name)
        self.line.setAccessibleName(title)
        self.line.setPlaceholderText("Choose or drop a file")
        self.line.setMinimumHeight(6 * GRID)
        self.line.dropped.connect(self.choose)
        self.line.editingFinished.connect(self._tell)
        self._tip = tip
        self.line.setToolTip(tip)
        browse = tool(f"{name}_browse", "folder", f"Choose the file: {title.lower()}", self._browse)
        browse.setFixedHeight(6 * GRID)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(self.line, 1)
        row.addWidget(browse)
        self.setFocusProxy(self.line)

    @property
    def path(self) -> Path | None:
        """The file; None before one is chosen."""
        words = self.line.text().strip()
        return Path(os.path.expanduser(words)).absolute() if words else None

    def choose(self, path: Path) -> None:
        """Take a file."""
        self.line.setText(str(path))
        self._tell()

    def _tell(self) -> None:
        path = self.path
        if path != self._told:
            self._told = path
            # Long paths do not fit into the field.
            self.line.setToolTip(f"{self._tip}\n{path}" if path else self._tip)
            self.changed.emit()

    def _browse(self) -> None:
        path = files.ask_open(self, self._title, [self._kinds])
        if path is not None:
            self.choose(path)


class _Line(QLineEdit):
    """Takes a dropped file as a path, not as a link."""

    dropped = pyqtSignal(Path)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Files are welcome."""
        assert event is not None
        if _local_file(event) is not None:
            event.acceptProposedAction()
        else:
            super().dragEnterEvent(event)

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Take the first file."""
        assert event is not None
        path = _local_file(event)
        if path is None:
            super().dropEvent(event)
        else:
            event.acceptProposedAction()
            self.dropped.emit(path)


def _local_file(event: QDropEvent) -> Path | None:
    data = event.mimeData()
    urls = data.urls() if data is not None else []
    return Path(urls[0].toLocalFile()) if urls and urls[0].isLocalFile() else None


class CountField(QWidget):
    """A number that is dragged or typed."""

    changed = pyqtSignal()

    def __init__(self, name: str, tip: str, low: int, high: int, value: int) -> None:
        super().__init__()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setObjectName(f"{name}_slider")
        self.slider.setAccessibleName(tip)
        self.slider.setToolTip(tip)
        self.slider.setRange(low, high)
        self.slider.setPageStep(8)
        self.spin = spin(name, tip, low, high)
        self.spin.setAlignment(Qt.AlignmentFlag.AlignRight)
        for field in (self.slider, self.spin):
            field.setValue(value)
        self.slider.valueChanged.connect(self.spin.setValue)
        self.spin.valueChanged.connect(self._take)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * GRID)
        row.addWidget(self.slider, 1)
        row.addWidget(self.spin)
        self.setFocusProxy(self.slider)

    @property
    def value(self) -> int:
        """The number."""
        return self.spin.value()

    def _take(self, value: int) -> None:
        with QSignalBlocker(self.slider):
            self.slider.setValue(value)
        self.changed.emit()


def optional(name: str, tip: str, unit: str, high: float, otherwise: str) -> Number:
    """A number above 0; at 0 it says what stands in for it."""
    field = Number(name, tip, unit, 0.0, high)
    field.setSpecialValueText(otherwise)
    field.setMinimumHeight(6 * GRID)
    return field


def real(name: str, tip: str, unit: str, low: float, high: float, value: float) -> Number:
    """A number that must be there; ``unit`` may be empty."""
    field = Number(name, tip, unit, low, high)
    field.setSuffix(f" {unit}" if unit else "")
    field.setValue(value)
    field.setMinimumHeight(6 * GRID)
    return field
