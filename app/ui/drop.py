"""Says what a dropped file will do, before it is dropped."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, QObject, Qt, pyqtSignal
from PyQt6.QtGui import QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import QLabel, QWidget

from app.ui import theme
from app.ui.opening import describe

if TYPE_CHECKING:
    from app.ui.shell import Shell


_BREAKS = re.compile(r"([_-])")


class DropZone(QObject):
    """Accepts files anywhere on the window and shows a banner over the canvas meanwhile.

    Files are looked at on a thread; until it answers, the banner names them only.
    """

    _described = pyqtSignal(int, str)

    def __init__(self, shell: Shell, window: QWidget, over: QWidget) -> None:
        super().__init__(window)
        self._shell = shell
        self._over = over
        self._turn = 0
        self._thread: threading.Thread | None = None
        self.banner = QLabel(over)
        self.banner.setObjectName("drop_banner")
        self.banner.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.banner.setWordWrap(True)
        self.banner.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.banner.hide()
        self._described.connect(self._show_description)
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Handle drags over the window."""
        if event is None:
            return False
        kind = event.type()
        if kind == QEvent.Type.DragEnter and isinstance(event, QDragEnterEvent):
            paths = dropped_paths(event)
            if paths:
                event.acceptProposedAction()
                self._look(paths)
            return bool(paths)
        if kind == QEvent.Type.DragLeave:
            self.hide()
            return True
        if kind == QEvent.Type.Drop and isinstance(event, QDropEvent):
            self.hide()
            paths = dropped_paths(event)
            event.acceptProposedAction()
            self._shell.open_paths(paths)
            return True
        return False

    def hide(self) -> None:
        """Take the banner away."""
        self._turn += 1
        self.banner.hide()

    def close(self) -> None:
        """Wait for the last look at a file."""
        self._turn += 1
        if self._thread is not None:
            self._thread.join(5.0)

    def _look(self, paths: list[Path]) -> None:
        self._turn += 1
        turn = self._turn
        self._show(", ".join(path.name for path in paths[:3]) + " …")

        def work() -> None:
            self._described.emit(turn, "\n\n".join(describe(path) for path in paths[:6]))

        self._thread = threading.Thread(target=work, name="look at dropped files", daemon=True)
        self._thread.start()

    def _show_description(self, turn: int, text: str) -> None:
        if turn == self._turn:
            self._show(text)

    def _show(self, text: str) -> None:
        tokens = theme.current()
        self.banner.setStyleSheet(
            f"background: {tokens.background.name()}; color: {tokens.text.name()};"
            f"border: 2px dashed {tokens.accent.name()}; border-radius: 8px; padding: 24px;"
            "font-size: 15px;"
        )
        # Lines may break inside a long file name.
        self.banner.setText(_BREAKS.sub("\\1\u200b", text))
        self.banner.setAccessibleName(text)
        area = self._over.rect()
        width = min(130 * theme.GRID, area.width() - 8 * theme.GRID)
        height = min(self.banner.heightForWidth(width), area.height())
        self.banner.setGeometry(
            (area.width() - width) // 2, (area.height() - height) // 2, width, height
        )
        self.banner.show()
        self.banner.raise_()


def dropped_paths(event: QDropEvent) -> list[Path]:
    """The local files of a drag; empty when it carries something else."""
    data = event.mimeData()
    if data is None:
        return []
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
