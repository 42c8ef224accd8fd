"""One colour per row, the same in the plot and beside the name in the table."""

from __future__ import annotations

from PyQt6.QtGui import QColor

from app.ui import theme
from render.profile import WINDOW, Key

# Neighbours in the stack differ in hue and in lightness, so that they part for colour-blind eyes.
_ON_LIGHT = (
    "#3b6fa8",
    "#e08a2b",
    "#2f8f83",
    "#c9556b",
    "#8fb04a",
    "#7a5ea8",
    "#58a6c9",
    "#a8703f",
    "#b9589c",
    "#5b8a4e",
)
_ON_DARK = (
    "#5f96d3",
    "#e8a04f",
    "#46b3a4",
    "#de7386",
    "#a9c968",
    "#9c84cf",
    "#7cc1e0",
    "#c48f5e",
    "#d07fb6",
    "#7fb06f",
)
# The window's stages are no kernels: greys, so that the eye goes to what can be made faster.
_STAGES = {"transfer": 0.66, "upload": 0.55, "present": 0.45, "waiting": 0.36, "other": 0.28}


class RowColors:
    """Gives each kernel a colour when it first appears, and keeps it."""

    def __init__(self) -> None:
        self._places: dict[Key, int] = {}

    def color(self, key: Key) -> QColor:
        """The colour of a row in the current theme."""
        tokens = theme.current()
        if key.group == WINDOW:
            return mix(tokens.surface, tokens.text, _STAGES.get(key.name, 0.28))
        place = self._places.setdefault(key, len(self._places))
        dark = tokens.surface.lightnessF() < 0.5
        palette = _ON_DARK if dark else _ON_LIGHT
        return QColor(palette[place % len(palette)])


def mix(a: QColor, b: QColor, amount: float) -> QColor:
    """The colour between ``a`` (0) and ``b`` (1), in display values."""
    parts = zip(a.getRgbF()[:3], b.getRgbF()[:3], strict=True)
    return QColor.fromRgbF(*(x + (y - x) * amount for x, y in parts))
