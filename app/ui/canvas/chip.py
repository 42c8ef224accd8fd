"""Words over the picture: the label in its corner, and what to do while there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, QObject, Qt, QTimer
from PyQt6.QtWidgets import QLabel

from app.ui import theme
from app.ui.canvas.view import Canvas
from app.ui.theme import GRID

if TYPE_CHECKING:
    from app.ui.shell import Shell


class Chip(QLabel):
    """Stands in the upper right corner of the canvas and never takes the mouse."""

    def __init__(self, shell: Shell, canvas: Canvas) -> None:
        super().__init__(canvas)
        self.setObjectName("canvas_chip")
        self.setAccessibleName("Resolution and backend of the picture")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setStyleSheet(
            "background: rgba(20, 20, 20, 190); color: #f0f0f0; border-radius: 4px;"
            "padding: 3px 8px;"
        )
        theme.tabular(self)
        self._shell = shell
        self._canvas = canvas
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(100)
        self._later.timeout.connect(self.refresh)
        shell.driver.arrived.connect(self._soon)
        shell.driver.state_changed.connect(self.refresh)
        shell.overlays_changed.connect(self.refresh)
        shell.document.scenes_changed.connect(self.refresh)
        canvas.installEventFilter(self)
        self.refresh()

    def _soon(self) -> None:
        if not self._later.isActive():
            self._later.start()

    def refresh(self) -> None:
        """Write what is true now."""
        driver = self._shell.driver
        frame = driver.frame
        if driver.state:
            text = driver.state
        elif frame is not None:
            height, width = frame.images["rgba8"].shape[:2]
            full = self._canvas.physical_size[1]
            parts = [f"{width} × {height}", f"{100 * height / full:.0f} %", frame.backend]
            text = " · ".join(part for part in parts if part)
        else:
            text = ""
        self.setText(text)
        self.setVisible(bool(text) and self._shell.overlays.chip)
        self.adjustSize()
        self._place()

    def _place(self) -> None:
        self.move(self._canvas.width() - self.width() - 2 * GRID, 2 * GRID)
        self.raise_()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Stay in the corner."""
        if event is not None and event.type() == QEvent.Type.Resize:
            self._place()
        return False


STARTING = (
    "Starting the kernels.\n\nThe first time on a machine they are compiled,\n"
    "which takes about half a minute. Later starts take a second."
)


class EmptyHint(QLabel):
    """Says in the middle of the canvas what to do, or what is under way, without a picture."""

    def __init__(self, shell: Shell, canvas: Canvas) -> None:
        super().__init__(canvas)
        self.setObjectName("canvas_hint")
        self.setProperty("role", "muted")
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._shell = shell
        self._canvas = canvas
        shell.document.scenes_changed.connect(self.refresh)
        shell.tasks.changed.connect(self.refresh)
        shell.driver.state_changed.connect(self.refresh)
        canvas.installEventFilter(self)
        self.refresh()

    def refresh(self) -> None:
        """Write what is true now."""
        tasks, driver = self._shell.tasks.tasks, self._shell.driver
        without_scene = self._shell.document.scene is None
        if driver.starting:
            self.setText(STARTING)
        elif tasks:
            self.setText(f"{tasks[-1].title}…")
        elif without_scene:
            self.setText("Drop a scene here, or press Ctrl+O to open one.")
        else:
            self.setText(driver.state)
        self.setVisible(without_scene or driver.frame is None)
        self._place()

    def _place(self) -> None:
        self.setGeometry(self._canvas.rect())

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Stay in the middle."""
        if event is not None and event.type() == QEvent.Type.Resize:
            self._place()
        return False
