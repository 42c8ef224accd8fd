"""The error dialog: one sentence, details that fold out, a report that can be copied."""

from __future__ import annotations

import platform
import re
import sys
import traceback
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from PyQt6.QtCore import PYQT_VERSION_STR, QT_VERSION_STR, Qt
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QStyle,
    QVBoxLayout,
    QWidget,
)

from app.ui.theme import GRID
from scenes.errors import SceneError

_PACKAGES = ("plenoscope", "numpy", "numba", "torch", "vispy", "PyQt6")
_PATH = re.compile(r"(?<![\w<])(?:[A-Za-z]:\\|/)(?:[^\s:\"'<>|]+[/\\])+")


def sentence(error: BaseException) -> str:
    """What happened, for a person, in one sentence."""
    if isinstance(error, SceneError):
        text = str(error)
    elif isinstance(error, MemoryError):
        text = "There is not enough memory for this. Close a scene or choose a smaller size."
    elif isinstance(error, OSError) and error.strerror:
        name = Path(str(error.filename)).name if error.filename else "The file"
        text = f"{name}: {error.strerror}"
    elif isinstance(error, ValueError) and str(error):
        text = str(error)
    else:
        text = f"Something unexpected happened ({type(error).__name__}: {error})"
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else text + "."


def report(error: BaseException, lines: Iterable[str] = (), graphics: str = "") -> str:
    """Everything that helps to find the cause; without folders, which may be private."""
    versions = "\n".join(f"{name} {_version(name)}" for name in _PACKAGES)
    trace = "".join(traceback.format_exception(error))
    log = "\n".join(lines)
    text = (
        f"{sentence(error)}\n\n"
        f"Python {sys.version.split()[0]}, {platform.platform()}\n"
        f"Qt {QT_VERSION_STR}, PyQt {PYQT_VERSION_STR}\n"
        f"OpenGL: {graphics or 'not started'}\n"
        f"{versions}\n\n{trace}\n{log}\n"
    )
    return _PATH.sub("…/", text)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


class ErrorDialog(QDialog):
    """Says what happened and what to do; never blocks the program."""

    def __init__(self, parent: QWidget | None, text: str, details: str) -> None:
        super().__init__(parent)
        self.setObjectName("error_dialog")
        self.setWindowTitle("Plenoscope")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._details_text = details
        style = self.style()
        assert style is not None
        icon = QLabel()
        icon.setPixmap(
            style.standardIcon(QStyle.StandardPixmap.SP_MessageBoxWarning).pixmap(
                8 * GRID, 8 * GRID
            )
        )
        self.message = QLabel(text)
        self.message.setObjectName("error_message")
        self.message.setWordWrap(True)
        self.message.setMinimumWidth(360)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.details = QPlainTextEdit(details)
        self.details.setObjectName("error_details")
        self.details.setAccessibleName("Details of the error")
        self.details.setReadOnly(True)
        self.details.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.details.setMinimumSize(560, 240)
        self.details.hide()
        self.fold = QPushButton("Show details")
        self.fold.setObjectName("error_fold")
        self.fold.setCheckable(True)
        self.fold.toggled.connect(self._unfold)
        copy = QPushButton("Copy report")
        copy.setObjectName("error_copy")
        copy.setToolTip("Versions, graphics, and the last log lines; no folders of yours")
        copy.clicked.connect(self._copy)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.close)
        buttons.addButton(copy, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(self.fold, QDialogButtonBox.ButtonRole.ActionRole)
        for button in (copy, self.fold):
            button.setAutoDefault(False)
        top = QHBoxLayout()
        top.setSpacing(4 * GRID)
        top.addWidget(icon, 0, Qt.AlignmentFlag.AlignTop)
        top.addWidget(self.message, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        layout.setSpacing(4 * GRID)
        layout.addLayout(top)
        layout.addWidget(self.details, 1)
        layout.addWidget(buttons)

    def _unfold(self, shown: bool) -> None:
        self.details.setVisible(shown)
        self.fold.setText("Hide details" if shown else "Show details")
        self.adjustSize()

    def _copy(self) -> None:
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self._details_text)


def show_error(
    parent: QWidget | None, error: BaseException, lines: Iterable[str] = (), graphics: str = ""
) -> ErrorDialog:
    """Open the dialog over ``parent`` and return it; the same trouble never opens two."""
    text = sentence(error)
    for shown in parent.findChildren(ErrorDialog) if parent is not None else []:
        if shown.message.text() == text:
            return shown
    dialog = ErrorDialog(parent, text, report(error, lines, graphics))
    dialog.open()
    return dialog
