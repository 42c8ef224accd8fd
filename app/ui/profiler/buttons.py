"""The row of buttons over the history plot."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QActionGroup
from PyQt6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from app.ui import theme
from app.ui.profiler.commands import COMMANDS, Command
from render.profile import ProfileStore

BURSTS = (120, 600, 2400)
_SPLIT_BUTTON = """
QToolButton { padding-right: 15px; }
QToolButton::menu-button { border: none; width: 13px; }
"""


class ProfilerButtons(QWidget):
    """One button per command of the profiler; that of the burst also chooses its length."""

    asked = pyqtSignal(str)
    """A command was given: the name of its method."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.burst_frames = BURSTS[1]
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self._buttons = {command.method: self._button(command) for command in COMMANDS}
        for button in self._buttons.values():
            row.addWidget(button)
        row.addStretch(1)
        self._add_burst_lengths(self._buttons["toggle_burst"])

    def show_state(self, store: ProfileStore) -> None:
        """Enable and check the buttons as the store is."""
        for command in COMMANDS:
            button = self._buttons[command.method]
            button.setEnabled(store.count > 0 or not command.needs_frames)
            if command.switch:
                button.setChecked(bool(getattr(store, command.switch)))

    def _button(self, command: Command) -> QToolButton:
        title = command.title.rstrip("…")
        button = QToolButton()
        button.setObjectName(f"profiler_{command.method}")
        button.setIcon(theme.icon(command.icon))
        button.setAccessibleName(title)
        button.setToolTip(f"{title}: {command.tip}")
        button.setCheckable(bool(command.switch))
        button.setAutoRaise(True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda: self.asked.emit(command.method))
        return button

    def _add_burst_lengths(self, button: QToolButton) -> None:
        menu = QMenu(button)
        group = QActionGroup(menu)
        for count in BURSTS:
            action = menu.addAction(f"{count} frames")
            assert action is not None
            action.setCheckable(True)
            action.setChecked(count == self.burst_frames)
            action.triggered.connect(lambda _, count=count: self._choose_burst(count))
            group.addAction(action)
        button.setMenu(menu)
        button.setStyleSheet(_SPLIT_BUTTON)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)

    def _choose_burst(self, frames: int) -> None:
        self.burst_frames = frames
