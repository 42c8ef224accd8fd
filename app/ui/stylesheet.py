"""The few rules that a palette cannot say."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtGui import QColor

if TYPE_CHECKING:
    from app.ui.theme import Theme

_RULES = """
QToolTip {{ color: {text}; background: {surface}; border: 1px solid {line}; padding: 4px; }}
QMainWindow::separator {{ background: {line}; width: 1px; height: 1px; }}
QMainWindow::separator:hover {{ background: {accent}; }}
QDockWidget {{ color: {text}; }}
QDockWidget::title {{ background: {background}; padding: 6px 8px; text-align: left; }}
QMenuBar {{ background: {background}; border-bottom: 1px solid {line}; }}
QMenuBar::item {{ padding: 4px 8px; background: transparent; }}
QMenuBar::item:selected {{ background: {line}; }}
QStatusBar {{ background: {background}; border-top: 1px solid {line}; }}
QStatusBar::item {{ border: none; }}
QLabel[role="muted"] {{ color: {muted}; }}
QLabel[role="warn"] {{ color: {warn}; }}
QLabel[role="bad"] {{ color: {bad}; }}
QLabel[role="good"] {{ color: {good}; }}
QLabel[role="title"] {{ font-weight: 600; }}
QPushButton:focus, QToolButton:focus, QListView:focus, QTreeView:focus, QTableView:focus {{
    border: 1px solid {accent};
}}
QCheckBox {{ spacing: 6px; }}
QCheckBox::indicator {{
    width: 14px; height: 14px; border: 1px solid {muted}; border-radius: 3px; background: {surface};
}}
QCheckBox::indicator:hover, QCheckBox::indicator:focus {{ border-color: {accent}; }}
QCheckBox::indicator:checked {{
    background: {accent}; border-color: {accent}; image: url("{check}");
}}
QCheckBox::indicator:disabled {{ border-color: {line}; background: {background}; }}
QCheckBox::indicator:checked:disabled {{ background: {line}; }}
QCheckBox:disabled {{ color: {faint}; }}
QPushButton {{
    background: {button}; border: 1px solid {line}; border-radius: 4px; padding: 4px 12px;
}}
QPushButton:hover {{ border-color: {muted}; }}
QPushButton:pressed, QPushButton:checked {{ background: {line}; }}
QPushButton:disabled {{ color: {faint}; }}
QPushButton[segment="true"] {{ padding: 4px 8px; }}
QPushButton[segment="true"]:checked {{
    background: {surface}; border-color: {accent}; color: {accent};
}}
QPushButton:default {{ border-color: {accent}; }}
QToolButton {{ border: 1px solid transparent; border-radius: 4px; padding: 3px; }}
QToolButton:hover {{ background: {line}; }}
QToolButton:checked {{ background: {line}; }}
QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
#shortcuts_tree::item {{ padding: 2px 0; }}
QListView, QTreeView, QTableView {{
    background: {surface}; border: 1px solid {line}; border-radius: 4px; outline: none;
}}
QListView::item {{ padding: 3px 4px; border-left: 2px solid transparent; }}
QListView::item:selected, QTreeView::item:selected {{
    background: {chosen}; color: {text}; border-left: 2px solid {accent};
}}
QHeaderView::section {{
    background: {background}; color: {muted}; border: none; border-bottom: 1px solid {line};
    padding: 4px;
}}
QProgressBar {{
    background: {surface}; border: 1px solid {line}; border-radius: 3px; text-align: center;
}}
QProgressBar::chunk {{ background: {accent}; border-radius: 2px; }}
QTabBar::tab {{
    background: transparent; color: {muted}; padding: 5px 12px; border: none;
    border-bottom: 2px solid transparent;
}}
QTabBar::tab:selected {{ color: {text}; border-bottom: 2px solid {accent}; }}
QTabBar::tab:hover {{ color: {text}; }}
"""


def stylesheet(theme: Theme) -> str:
    """The style sheet of a theme."""
    tokens = {
        name: getattr(theme, name).name()
        for name in ("background", "surface", "line", "text", "muted", "accent")
    }
    tokens |= {name: getattr(theme, name).name() for name in ("good", "warn", "bad")}
    tokens["button"] = (theme.surface.lighter(112) if theme.dark else theme.surface).name()
    faint = theme.muted
    tokens["faint"] = f"rgba({faint.red()}, {faint.green()}, {faint.blue()}, 150)"
    tokens["chosen"] = _mixed(theme.surface, theme.accent, 0.25).name()
    tokens["check"] = _check_file(theme.name).as_posix()
    return _RULES.format(**tokens)


def _mixed(a: QColor, b: QColor, share: float) -> QColor:
    parts = zip(a.getRgbF()[:3], b.getRgbF()[:3], strict=True)
    return QColor.fromRgbF(*(x + share * (y - x) for x, y in parts))


def _check_file(name: str) -> Path:
    """The mark of a ticked box: a style sheet takes pictures only from files."""
    return Path(str(resources.files("assets"))) / "icons" / f"ticked-{name}.svg"
