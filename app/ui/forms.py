"""Small pieces that every panel is made of, so that they look alike."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFormLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from app.ui import theme
from app.ui.theme import GRID


def column(widget: QWidget, spacing: int = 2) -> QVBoxLayout:
    """The vertical layout of a panel, with the panel's margins; spacing in grid units."""
    layout = QVBoxLayout(widget)
    layout.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 3 * GRID)
    layout.setSpacing(spacing * GRID)
    return layout


def form() -> QFormLayout:
    """Labels at the left, fields at the right; fields take the free width."""
    layout = QFormLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setHorizontalSpacing(3 * GRID)
    layout.setVerticalSpacing(2 * GRID)
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    layout.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    return layout


def text(words: str = "", role: str = "", name: str = "") -> QLabel:
    """A label that wraps; ``role`` is one of muted, warn, bad, good, title."""
    label = QLabel(words)
    label.setWordWrap(True)
    if role:
        label.setProperty("role", role)
    if name:
        label.setObjectName(name)
    return label


def number(name: str) -> QLabel:
    """A label for a value: digits of equal width, selectable."""
    label = QLabel()
    label.setObjectName(name)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    theme.tabular(label)
    return label


def tool(name: str, icon: str, tip: str, run: Callable[[], object]) -> QToolButton:
    """A button with an icon only; the tip is also its name for screen readers."""
    button = QToolButton()
    button.setObjectName(name)
    button.setIcon(theme.icon(icon))
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setAutoRaise(True)
    button.clicked.connect(lambda: run())
    return button


def push(name: str, words: str, tip: str, run: Callable[[], object], icon: str = "") -> QPushButton:
    """A button with words."""
    button = QPushButton(words)
    button.setObjectName(name)
    button.setToolTip(tip)
    if icon:
        button.setIcon(theme.icon(icon))
    button.clicked.connect(lambda: run())
    return button
