"""The main window: docks around the picture, menus from records, the line at the bottom."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from PyQt6.QtCore import QByteArray, QSettings, QSize, Qt, QTimer
from PyQt6.QtGui import QCloseEvent, QKeySequence, QShowEvent
from PyQt6.QtWidgets import (
    QDialog,
    QDockWidget,
    QLabel,
    QMainWindow,
    QMenu,
    QMenuBar,
    QScrollArea,
    QTabWidget,
    QWidget,
)

from app.ui import theme
from app.ui.actions import ActionSet
from app.ui.canvas.chip import Chip, EmptyHint
from app.ui.canvas.view import Canvas
from app.ui.drop import DropZone
from app.ui.recent import RecentMenu
from app.ui.records import PanelRecord, action_records, panel_records
from app.ui.statusbar import Readouts, TaskStrip

if TYPE_CHECKING:
    from app.ui.shell import Shell

LAYOUT_VERSION = 1
"""Raise when the set of docks changes, so that an old layout is not forced on a new window."""

_AREAS = {
    "left": Qt.DockWidgetArea.LeftDockWidgetArea,
    "right": Qt.DockWidgetArea.RightDockWidgetArea,
    "bottom": Qt.DockWidgetArea.BottomDockWidgetArea,
}
_WIDTHS = {"left": 264, "right": 424}
_FIRST_SHARES = {"left": 0.54, "right": 0.46}
"""Height of the uppermost panel of a side, of the whole side."""
_BOTTOM_HEIGHT = 180
_STATUS_MS = 6000

_log = logging.getLogger(__name__)


class MainWindow(QMainWindow):
    """Lays things out; what they do lives elsewhere."""

    def __init__(self, shell: Shell, canvas: Canvas) -> None:
        super().__init__()
        self.setObjectName("main_window")
        self.setWindowTitle("Plenoscope[*]")
        self.setWindowIcon(theme.icon("plenoscope"))
        self.setDockOptions(
            QMainWindow.DockOption.AllowNestedDocks
            | QMainWindow.DockOption.AllowTabbedDocks
            | QMainWindow.DockOption.AnimatedDocks
        )
        self.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        self._shell = shell
        shell.window = self
        self.canvas = canvas
        self.setCentralWidget(canvas)
        canvas.setMinimumSize(320, 200)
        self.hint = EmptyHint(shell, canvas)
        self.chip = Chip(shell, canvas)
        self.docks: dict[str, QDockWidget] = {}
        self.panels: dict[str, QWidget] = {}
        self._records = panel_records()
        self._hidden: list[QDockWidget] = []
        self._closing = False
        self.actions_set = ActionSet(action_records(), shell, self)
        self.menus = self.actions_set.fill(self._bar(), self, canvas.native)
        for record in self._records:
            self._add_panel(record)
        self._fill_panel_menu()
        self._make_status_bar()
        self.recent = RecentMenu(shell, self._recent_menu())
        self.drop = DropZone(shell, self, canvas)
        self.arrange()
        self._initial = self.saveState(LAYOUT_VERSION)
        self.resize(1440, 900)
        self._restore()
        for menu in self.findChildren(QMenu):
            menu.aboutToShow.connect(self.actions_set.refresh)
        self.actions_set.refresh()

    # Building -------------------------------------------------------------------------------

    def _bar(self) -> QMenuBar:
        bar = self.menuBar()
        assert bar is not None
        bar.setObjectName("menu_bar")
        return bar

    def _add_panel(self, record: PanelRecord) -> None:
        widget = record.factory(self._shell)
        dock = QDockWidget(record.title, self)
        dock.setObjectName(f"dock_{record.name}")
        dock.setAccessibleName(f"{record.title} panel")
        if record.area == "bottom":
            dock.setWidget(widget)
        else:
            dock.setWidget(_PanelScroll(widget, record.name))
        self.docks[record.name] = dock
        self.panels[record.name] = widget
        self.addDockWidget(_AREAS[record.area], dock)

    def _fill_panel_menu(self) -> None:
        view = self.menus["View"]
        menu = QMenu("Panels", view)
        menu.setObjectName("menu_panels")
        for record in self._records:
            action = self.docks[record.name].toggleViewAction()
            assert action is not None
            action.setObjectName(f"view.panel.{record.name}")
            action.setStatusTip(f"Show or hide the {record.title} panel")
            if record.shortcut:
                action.setShortcut(QKeySequence(record.shortcut))
            menu.addAction(action)
        first = view.actions()[0] if view.actions() else None
        view.insertMenu(first, menu)

    def _recent_menu(self) -> QMenu:
        menu = QMenu("Open recent", self.menus["File"])
        menu.setObjectName("menu_open_recent")
        opening = self.menus["File"].actions()
        self.menus["File"].insertMenu(opening[1] if len(opening) > 1 else None, menu)
        return menu

    def _make_status_bar(self) -> None:
        bar = self.statusBar()
        assert bar is not None
        bar.setObjectName("status_bar")
        bar.setSizeGripEnabled(False)
        self.message = QLabel()
        self.message.setObjectName("status_message")
        self.message.setProperty("role", "muted")
        self.tasks = TaskStrip(self._shell.tasks)
        self.readouts = Readouts(self._shell)
        bar.addWidget(self.tasks)
        bar.addWidget(self.message, 1)
        bar.addPermanentWidget(self.readouts)
        self._message_timer = QTimer(self)
        self._message_timer.setSingleShot(True)
        self._message_timer.setInterval(_STATUS_MS)
        self._message_timer.timeout.connect(self.message.clear)

    # Layout ---------------------------------------------------------------------------------

    def arrange(self) -> None:
        """Put all docks where they start."""
        for corner in (Qt.Corner.BottomLeftCorner, Qt.Corner.BottomRightCorner):
            self.setCorner(corner, Qt.DockWidgetArea.BottomDockWidgetArea)
        before: dict[str, QDockWidget] = {}
        for record in self._records:
            dock = self.docks[record.name]
            dock.setFloating(False)
            self.addDockWidget(_AREAS[record.area], dock)
            partner = before.get(record.tab_with)
            if partner is not None:
                self.tabifyDockWidget(partner, dock)
                partner.raise_()
            dock.show()
            before[record.name] = dock
        for side, width in _WIDTHS.items():
            docks = [self.docks[r.name] for r in self._records if r.area == side]
            self.resizeDocks(docks, [width] * len(docks), Qt.Orientation.Horizontal)
            stacked = [
                self.docks[r.name] for r in self._records if r.area == side and not r.tab_with
            ]
            first = _FIRST_SHARES[side]
            shares = [first, *([1 - first] * (len(stacked) - 1))]
            heights = [round(1000 * share) for share in shares]
            self.resizeDocks(stacked, heights, Qt.Orientation.Vertical)
        bottoms = [self.docks[r.name] for r in self._records if r.area == "bottom"]
        self.resizeDocks(bottoms, [_BOTTOM_HEIGHT] * len(bottoms), Qt.Orientation.Vertical)

    def reset_layout(self) -> None:
        """Back to the layout of the first start."""
        self._hidden.clear()
        self.restoreState(self._initial, LAYOUT_VERSION)
        self.arrange()

    def toggle_panels(self) -> None:
        """Hide every panel, or bring those back that were hidden."""
        shown = [dock for dock in self.docks.values() if dock.isVisible()]
        if shown:
            self._hidden = shown
            for dock in shown:
                dock.hide()
        else:
            for dock in self._hidden or self.docks.values():
                dock.show()
        self.canvas.native.setFocus()

    def show_panel(self, name: str) -> None:
        """Bring a panel to the front and give it the keyboard."""
        dock = self.docks[name]
        dock.show()
        dock.raise_()
        self.panels[name].setFocus(Qt.FocusReason.ShortcutFocusReason)

    def toggle_full_screen(self) -> None:
        """Fill the screen, or stop."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def say(self, text: str) -> None:
        """Show a short text in the status bar for a few seconds."""
        self.message.setText(text)
        self._message_timer.start()

    @property
    def finished(self) -> bool:
        """Whether the window was closed and its workers ended."""
        return self._closing

    def _restore(self) -> None:
        kept = QSettings()
        geometry, state = kept.value("geometry"), kept.value("state")
        if isinstance(geometry, QByteArray):
            self.restoreGeometry(geometry)
        if isinstance(state, QByteArray):
            self.restoreState(state, LAYOUT_VERSION)

    def _keep(self) -> None:
        kept = QSettings()
        kept.setValue("geometry", self.saveGeometry())
        kept.setValue("state", self.saveState(LAYOUT_VERSION))

    # Events ---------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent | None) -> None:
        """The picture has the keyboard at first."""
        super().showEvent(event)
        self.canvas.native.setFocus()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Ask about unsaved work, stop all workers, keep the layout."""
        assert event is not None
        if self._closing or self._shell.projects.may_close():
            if not self._closing:
                self._closing = True
                self._keep()
                self._message_timer.stop()
                for dialog in self.findChildren(QDialog):
                    dialog.close()
                self.readouts.stop()
                self.drop.close()
                self.recent.close()
                self._shell.close()
                self.canvas.close_surface()
            event.accept()
        else:
            event.ignore()


class _PanelScroll(QScrollArea):
    """Scrolls a panel up and down, and is never narrower than the panel can be."""

    def __init__(self, widget: QWidget, name: str) -> None:
        super().__init__()
        self.setObjectName(f"scroll_{name}")
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(widget)

    def minimumSizeHint(self) -> QSize:
        """The panel's least width; any height."""
        widget, bar = self.widget(), self.verticalScrollBar()
        assert widget is not None
        assert bar is not None
        width = widget.minimumSizeHint().width() + bar.sizeHint().width()
        return QSize(width, 20 * theme.GRID)
