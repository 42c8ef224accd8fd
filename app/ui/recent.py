"""The menu of recent files."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, pyqtSignal
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMenu

if TYPE_CHECKING:
    from app.ui.shell import Shell


class RecentMenu(QObject):
    """Fills a menu with recent files; those that are gone are greyed.

    Whether they still exist is looked up on a thread, as folders may lie on a slow network.
    """

    _looked = pyqtSignal(dict)

    def __init__(self, shell: Shell, menu: QMenu) -> None:
        super().__init__(menu)
        self._shell = shell
        self._menu = menu
        self._thread: threading.Thread | None = None
        self._actions: dict[str, QAction] = {}
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(self._look)
        self._looked.connect(self._grey)
        shell.opener.recent_changed.connect(self._fill)
        self._fill()

    def _fill(self) -> None:
        self._menu.clear()
        self._actions = {}
        for name in self._shell.settings.recent_files:
            path = Path(name)
            action = self._menu.addAction(path.name)
            assert action is not None
            action.setToolTip(name)
            action.setStatusTip(name)
            action.triggered.connect(lambda _, path=path: self._shell.open_paths([path]))
            self._actions[name] = action
        self._menu.setEnabled(bool(self._actions))
        self._menu.addSeparator()
        clear = self._menu.addAction("Clear")
        assert clear is not None
        clear.setObjectName("file.clear_recent")
        clear.triggered.connect(lambda: self._shell.opener.clear_recent())

    def _look(self) -> None:
        names = list(self._actions)

        def work() -> None:
            self._looked.emit({name: Path(name).exists() for name in names})

        self._thread = threading.Thread(target=work, name="look at recent files", daemon=True)
        self._thread.start()

    def _grey(self, exists: dict[str, bool]) -> None:
        for name, there in exists.items():
            if name in self._actions:
                self._actions[name].setEnabled(there)
                self._actions[name].setToolTip(name if there else f"{name}: no longer there")

    def close(self) -> None:
        """Wait for the last look."""
        if self._thread is not None:
            self._thread.join(5.0)
