"""The timeline panel: transport, ruler, keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QPoint
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.ui.forms import push
from app.ui.records import PanelRecord
from app.ui.theme import GRID
from app.ui.timeline import editing, layout
from app.ui.timeline.commands import ACTIONS, use_turntable
from app.ui.timeline.menu import easing_menu, track_menu
from app.ui.timeline.player import Player
from app.ui.timeline.track import Track
from app.ui.timeline.transport import Transport

if TYPE_CHECKING:
    from app.ui.shell import Shell

__all__ = ["ACTIONS", "PANEL", "TimelinePanel"]


class TimelinePanel(QWidget):
    """Joins the track, the transport and the player; all of them speak to the document."""

    def __init__(self, shell: Shell) -> None:
        super().__init__()
        self.setObjectName("timeline")
        self.setAccessibleName("Timeline")
        self._shell = shell
        self.player = Player(shell, self)
        self.track = Track(shell.document)
        self.transport = Transport(shell.document, self.player)
        self.setFocusProxy(self.track)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, GRID, 2 * GRID, 2 * GRID)
        column.setSpacing(GRID)
        column.addWidget(self.transport)
        column.addWidget(self.track, 1)
        self.empty = _Empty(shell, self.track)
        self.track.scrubbed.connect(self.player.go_to)
        self.track.play_wanted.connect(self.player.toggle)
        self.track.key_clicked.connect(self.player.go_to_key)
        self.track.menu_wanted.connect(self._show_menu)
        self.track.easing_wanted.connect(self._show_easing)
        shell.document.path_changed.connect(self._show_empty)
        shell.document.scenes_changed.connect(self._show_empty)
        self._show_empty()

    def _show_empty(self) -> None:
        self.empty.setVisible(not self._shell.document.path.keys)
        self.empty.turntable.setEnabled(self._shell.document.scene is not None)

    def _show_menu(self, hit: layout.Hit, where: QPoint) -> None:
        menu = track_menu(self.track, hit, self.player.go_to_key)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(where)

    def _show_easing(self, index: int, where: QPoint) -> None:
        menu = easing_menu(self.track, self._shell.document, index)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(where)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """The hint keeps covering the lane of the keys."""
        top = int(layout.RULER_HEIGHT)
        self.empty.setGeometry(
            2, top, self.track.width() - 4, max(self.track.height() - top - 2, 0)
        )


class _Empty(QWidget):
    """What stands on the track while there are no keys."""

    def __init__(self, shell: Shell, track: Track) -> None:
        super().__init__(track)
        self.setObjectName("timeline_empty")
        row = QHBoxLayout(self)
        row.setSpacing(2 * GRID)
        hint = QLabel("No keyframes yet. Move the camera and press K to add one.")
        hint.setProperty("role", "muted")
        row.addStretch(1)
        row.addWidget(hint)
        row.addSpacing(2 * GRID)
        self.add = push(
            "timeline_empty_add",
            "Add key from view",
            "Keep the view that is shown as the first key (K)",
            lambda: editing.add_key(shell.document),
            "key-add",
        )
        self.turntable = push(
            "timeline_empty_turntable",
            "Turntable",
            "Once around the scene, from the view that is shown",
            lambda: use_turntable(shell),
            "orbit",
        )
        self.read = push(
            "timeline_empty_import",
            "Import…",
            "Read a camera path from a file",
            lambda: shell.run("file.import"),
            "import",
        )
        for button in (self.add, self.turntable, self.read):
            row.addWidget(button)
        row.addStretch(1)


PANEL = PanelRecord("timeline", "Timeline", "bottom", TimelinePanel, order=10)
