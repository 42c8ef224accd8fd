"""The kinds of field that the export form is made of."""

from __future__ import annotations

from PyQt6.QtGui import QColor, QIcon, QPixmap
from PyQt6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QSpinBox, QWidget

from app.ui import theme
from app.ui.theme import GRID

Color = tuple[float, float, float]
"""RGB in 0..1."""


def combo(name: str, title: str, tip: str) -> QComboBox:
    """A choice that may become narrow."""
    field = QComboBox()
    field.setObjectName(name)
    field.setAccessibleName(title)
    field.setToolTip(tip)
    field.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    field.setMinimumContentsLength(8)
    return field


def spin(name: str, tip: str, low: int, high: int) -> QSpinBox:
    """A whole number, told when the typing is done."""
    field = QSpinBox()
    field.setObjectName(name)
    field.setAccessibleName(tip)
    field.setToolTip(tip)
    field.setRange(low, high)
    field.setKeyboardTracking(False)
    field.setMinimumHeight(6 * GRID)
    field.setMinimumWidth(16 * GRID)
    theme.tabular(field)
    return field


def joined(*widgets: QWidget, stretch: int = 1) -> QWidget:
    """Widgets side by side; ``stretch`` is that of fields (0: spread them), labels keep theirs."""
    box = QWidget()
    row = QHBoxLayout(box)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(GRID)
    for widget in widgets:
        row.addWidget(widget, 0 if isinstance(widget, QLabel | QPushButton) else stretch)
        if not stretch:
            row.addStretch(1)
    return box


def swatch(color: Color) -> QIcon:
    """A small area of a colour."""
    pixmap = QPixmap(6 * GRID, 4 * GRID)
    pixmap.fill(QColor.fromRgbF(*color))
    return QIcon(pixmap)
