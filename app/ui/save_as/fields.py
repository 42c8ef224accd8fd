"""One field for each option of a format, made from its record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QCheckBox, QDoubleSpinBox, QLineEdit, QSpinBox, QWidget

from app.ui import theme
from app.ui.export.fields import combo, spin
from app.ui.theme import GRID
from scenes.registry import Option

Field = tuple[QWidget, Callable[[], Any]]
"""A widget and what it holds."""

_OPEN = "automatic"


def option_field(option: Option, value: Any, changed: Callable[[], object]) -> Field:
    """A field that shows ``value`` and calls ``changed`` when the person chooses another."""
    name = f"save_as_{option.name}"
    if option.choices and set(option.choices) != {False, True}:
        field = combo(name, option.title, option.help)
        for choice in option.choices:
            field.addItem(_OPEN if choice is None else str(choice), choice)
        field.setCurrentIndex(max(option.choices.index(value), 0))
        field.currentIndexChanged.connect(lambda: changed())
        return field, lambda: option.choices[field.currentIndex()]
    if isinstance(option.default, bool):
        return _switch(name, option, value, changed)
    if isinstance(option.default, float):
        return _real(name, option, value, changed)
    if isinstance(option.default, int) or option.default is None:
        return _whole(name, option, value, changed)
    return _words(name, option, value, changed)


def _switch(name: str, option: Option, value: Any, changed: Callable[[], object]) -> Field:
    box = QCheckBox("yes")
    box.setChecked(bool(value))
    box.toggled.connect(lambda: changed())
    return _named(box, name, option), box.isChecked


def _whole(name: str, option: Option, value: Any, changed: Callable[[], object]) -> Field:
    """A whole number; one that may be left open has a step below its lowest for that."""
    may_be_open = option.default is None
    field = spin(name, option.title, option.low - may_be_open, option.high)
    if may_be_open:
        field.setSpecialValueText(_OPEN)
    field.setGroupSeparatorShown(True)
    field.setValue(field.minimum() if value is None else value)
    field.valueChanged.connect(lambda: changed())

    def chosen() -> int | None:
        return None if may_be_open and field.value() == field.minimum() else field.value()

    return _named(field, name, option), chosen


def _real(name: str, option: Option, value: Any, changed: Callable[[], object]) -> Field:
    field = QDoubleSpinBox()
    field.setRange(option.low, option.high)
    field.setDecimals(3)
    field.setKeyboardTracking(False)
    field.setMinimumHeight(6 * GRID)
    field.setValue(value)
    field.valueChanged.connect(lambda: changed())
    theme.tabular(field)
    return _named(field, name, option), field.value


def _words(name: str, option: Option, value: Any, changed: Callable[[], object]) -> Field:
    field = QLineEdit(str(value))
    field.editingFinished.connect(lambda: changed())
    return _named(field, name, option), field.text


def _named(field: QWidget, name: str, option: Option) -> QWidget:
    field.setObjectName(name)
    field.setAccessibleName(option.title)
    field.setToolTip(option.help)
    return field


def count_field(name: str, title: str, most: int) -> QSpinBox:
    """A number of splats, 1 to ``most``, with its thousands set apart."""
    field = spin(name, title, 1, max(most, 1))
    field.setGroupSeparatorShown(True)
    field.setAlignment(Qt.AlignmentFlag.AlignRight)
    return field
