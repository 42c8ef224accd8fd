"""Colours, icons and digits of the window, in a light and a dark set.

Dark is neutral grey so that colours of the picture are judged rightly. Text keeps a contrast of at
least 4.5:1 (WCAG 2.2, success criterion 1.4.3) on background and surface in both sets.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from PyQt6.QtCore import QByteArray, QObject, QRect, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QFont,
    QGuiApplication,
    QIcon,
    QIconEngine,
    QPainter,
    QPalette,
    QPixmap,
)
from PyQt6.QtSvg import QSvgRenderer
from PyQt6.QtWidgets import QApplication, QWidget

from app.ui.stylesheet import stylesheet

Mode = Literal["system", "light", "dark"]
MODES: tuple[Mode, ...] = ("system", "light", "dark")
GRID = 4
"""All spacing is a multiple of this, logical pixels."""


@dataclass(frozen=True)
class Theme:
    """The design tokens: what a colour is for, never how it looks.

    ``surface`` carries panels and fields on the ``background`` of the window; ``line`` separates;
    ``muted`` is text of second rank; ``accent`` marks what is chosen; ``good``, ``warn`` and
    ``bad`` never stand without words.
    """

    name: str
    background: QColor
    surface: QColor
    line: QColor
    text: QColor
    muted: QColor
    accent: QColor
    on_accent: QColor
    good: QColor
    warn: QColor
    bad: QColor

    @property
    def dark(self) -> bool:
        """Whether text is light on a dark ground."""
        return self.name == "dark"


def _theme(name: str, colors: str) -> Theme:
    return Theme(name, *(QColor(color) for color in colors.split()))


# background surface line text muted accent on_accent good warn bad
LIGHT = _theme(
    "light",
    "#f0f0f0 #fafafa #cfcfcf #1c1c1c #5a5a5a #0f62a6 #ffffff #1c7433 #845400 #b3261e",
)
DARK = _theme(
    "dark",
    "#1f1f1f #292929 #454545 #e4e4e4 #a8a8a8 #68aeea #101820 #72c283 #e2ae4a #f58a80",
)


class _Notifier(QObject):
    changed = pyqtSignal()


notifier = _Notifier()
"""Its signal ``changed`` tells that :func:`current` returns another theme."""

_state: dict[str, Theme] = {"current": LIGHT}


def current() -> Theme:
    """The theme that is shown."""
    return _state["current"]


def apply(app: QApplication, mode: Mode) -> None:
    """Show the light or dark theme, or the one that the system asks for."""
    theme = _chosen(mode)
    _state["current"] = theme
    if app.property("styled") is None:
        # Setting the style again would polish every widget once more.
        app.setStyle("Fusion")
        app.setProperty("styled", True)
    app.setPalette(_palette(theme))
    app.setStyleSheet(stylesheet(theme))
    notifier.changed.emit()


def _chosen(mode: Mode) -> Theme:
    if mode == "system":
        hints = QGuiApplication.styleHints()
        dark = hints is not None and hints.colorScheme() == Qt.ColorScheme.Dark
        return DARK if dark else LIGHT
    return DARK if mode == "dark" else LIGHT


def _palette(theme: Theme) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    button = theme.surface.lighter(112) if theme.dark else theme.surface
    for name, color in (
        (role.Window, theme.background),
        (role.WindowText, theme.text),
        (role.Base, theme.surface),
        (role.AlternateBase, theme.background),
        (role.Text, theme.text),
        (role.PlaceholderText, theme.muted),
        (role.Button, button),
        (role.ButtonText, theme.text),
        (role.BrightText, theme.bad),
        (role.ToolTipBase, theme.surface),
        (role.ToolTipText, theme.text),
        (role.Highlight, theme.accent),
        (role.HighlightedText, theme.on_accent),
        (role.Link, theme.accent),
        (role.LinkVisited, theme.accent),
        (role.Accent, theme.accent),
        (role.Light, theme.line),
        (role.Midlight, theme.line),
        (role.Mid, theme.line),
        (role.Dark, theme.line),
        (role.Shadow, theme.background.darker(140)),
    ):
        palette.setColor(name, color)
    disabled = QColor(theme.muted)
    disabled.setAlphaF(0.6)
    for name in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, name, disabled)
    palette.setColor(QPalette.ColorGroup.Disabled, role.Highlight, theme.line)
    return palette


def tabular(widget: QWidget) -> None:
    """Give a widget digits of equal width, so that changing numbers stand still."""
    font = widget.font()
    font.setFeature(QFont.Tag("tnum"), 1)
    widget.setFont(font)


def icon(name: str) -> QIcon:
    """One of our own icons, in the text colour of whatever theme is shown when it is painted.

    Raises
    ------
    FileNotFoundError
        If ``assets/icons`` has no such file.
    """
    return QIcon(_SvgEngine(_svg(name)))


@cache
def _svg(name: str) -> str:
    return (resources.files("assets") / "icons" / f"{name}.svg").read_text(encoding="utf-8")


class _SvgEngine(QIconEngine):
    """Paints an SVG in the theme's colours; asked at every paint, so it follows the theme."""

    def __init__(self, svg: str) -> None:
        super().__init__()
        self._svg = svg

    def clone(self) -> QIconEngine:
        return _SvgEngine(self._svg)

    def paint(
        self, painter: QPainter | None, rect: QRect, mode: QIcon.Mode, state: QIcon.State
    ) -> None:
        theme = current()
        color = theme.accent if state == QIcon.State.On else theme.text
        svg = self._svg.replace("currentColor", color.name())
        if mode == QIcon.Mode.Disabled and painter is not None:
            painter.setOpacity(0.4)
        QSvgRenderer(QByteArray(svg.encode())).render(painter, QRectF(rect))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, QRect(0, 0, size.width(), size.height()), mode, state)
        painter.end()
        return pixmap
