"""The Cameras panel: views with names, kept by the person or taken from the training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QPoint, QSize, Qt
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QVBoxLayout,
    QWidget,
)

from app.document import Bookmark
from app.ui import theme
from app.ui.actions import ActionRecord
from app.ui.forms import column, push, text, tool
from app.ui.records import PanelRecord
from app.ui.theme import GRID
from scenes.paths.path import CameraPath, Keyframe

if TYPE_CHECKING:
    from app.ui.shell import Shell

SECONDS_BETWEEN = 1.5
"""Time between two views that become a path."""


class _List(QListWidget):
    """A list whose Enter goes to the view and whose Delete removes it."""

    def __init__(self, panel: CamerasPanel) -> None:
        super().__init__()
        self._panel = panel

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        if event is not None and self.state() != QAbstractItemView.State.EditingState:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._panel.go()
                return
            if event.key() == Qt.Key.Key_Delete:
                self._panel.delete()
                return
        super().keyPressEvent(event)


class CamerasPanel(QWidget):
    """Named views: go there, keep the present one, rename, delete, make a path of them."""

    def __init__(self, shell: Shell) -> None:
        super().__init__()
        self.setObjectName("cameras_panel")
        self.setAccessibleName("Cameras")
        self._shell = shell
        layout = column(self)
        self._offer = _Offer()
        layout.addWidget(self._offer)
        self.empty = text(
            "Keep a view with + to come back to it later. Open a capture (COLMAP, transforms.json, "
            "poses_bounds.npy, cameras.json) for its cameras.",
            "muted",
            "cameras_empty",
        )
        layout.addWidget(self.empty)
        self.filter = QLineEdit()
        self.filter.setObjectName("cameras_filter")
        self.filter.setAccessibleName("Filter the views by name")
        self.filter.setPlaceholderText("Filter by name")
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(self._apply_filter)
        layout.addWidget(self.filter)
        self.list = _List(self)
        self.list.setObjectName("cameras_list")
        self.list.setAccessibleName("Views")
        self.list.setToolTip("Double click or Enter goes to a view, F2 renames it")
        self.list.setIconSize(QSize(4 * GRID, 4 * GRID))
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.customContextMenuRequested.connect(self._menu)
        self.list.itemDoubleClicked.connect(lambda _: self.go())
        self.list.itemChanged.connect(self._renamed)
        self.list.itemSelectionChanged.connect(self._show_buttons)
        self.list.currentRowChanged.connect(self._choose)
        layout.addWidget(self.list, 100)
        layout.addStretch(1)
        layout.addLayout(self._buttons())
        shell.document.bookmarks_changed.connect(self._refresh)
        shell.opener.cameras_found.connect(self._offer_cameras)
        shell.capture.chosen_changed.connect(self._show_chosen)
        self._refresh()

    def _buttons(self) -> QHBoxLayout:
        self._add = tool("cameras_add", "plus", "Keep this view (Ctrl+B)", self.add)
        self._go = tool("cameras_go", "go", "Go to this view (Enter)", self.go)
        self._rename = tool("cameras_rename", "rename", "Rename (F2)", self.rename)
        self._delete = tool("cameras_delete", "trash", "Delete (Del)", self.delete)
        self._path = tool(
            "cameras_path", "path", "Make a camera path of the selected or all views", self.use
        )
        row = QHBoxLayout()
        row.setSpacing(GRID)
        for button in (self._add, self._go, self._rename, self._delete):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self._path)
        return row

    # What the buttons do --------------------------------------------------------------------

    def add(self) -> None:
        """Keep the present view."""
        document = self._shell.document
        if document.view is not None:
            name = free_name([mark.name for mark in document.bookmarks])
            marks = (*document.bookmarks, Bookmark(name, document.view))
            document.edit_bookmarks(marks, "Keep view")
            self.list.setCurrentRow(len(marks) - 1)

    def go(self) -> None:
        """Show the current view of the list."""
        row = self.list.currentRow()
        if row >= 0:
            self._shell.capture.go(row)

    def step(self, by: int) -> None:
        """Go to the next or previous view, around the end."""
        count = self.list.count()
        if count:
            self.list.setCurrentRow((self.list.currentRow() + by) % count)
            self.go()

    def rename(self) -> None:
        """Edit the name in the list."""
        item = self.list.currentItem()
        if item is not None:
            self.list.editItem(item)

    def delete(self) -> None:
        """Delete the selected views; undo brings them back."""
        rows = set(self._rows())
        if rows:
            marks = self._shell.document.bookmarks
            kept = tuple(mark for row, mark in enumerate(marks) if row not in rows)
            label = "Delete view" if len(rows) == 1 else f"Delete {len(rows)} views"
            self._shell.document.edit_bookmarks(kept, label)

    def use(self) -> None:
        """Replace the path by one through the selected views, or through all."""
        marks = self._shell.document.bookmarks
        rows = self._rows()
        chosen = [marks[row] for row in rows] if len(rows) > 1 else list(marks)
        path = path_through(chosen, self._shell.document.path)
        self._shell.document.edit_path(path, f"Path through {len(chosen)} views")
        self._shell.status(f"The path now leads through {len(chosen)} views.")

    # Keeping up -----------------------------------------------------------------------------

    def _choose(self, row: int) -> None:
        self._shell.capture.choose(row if row >= 0 else None)

    def _show_chosen(self) -> None:
        """Select what was chosen elsewhere: by a click on its frustum, or by going on to it."""
        chosen = self._shell.capture.chosen
        if chosen is not None and chosen != self.list.currentRow():
            self.list.setCurrentRow(chosen)

    def _rows(self) -> list[int]:
        return sorted(index.row() for index in self.list.selectedIndexes())

    def _refresh(self) -> None:
        row = self.list.currentRow()
        marks = self._shell.document.bookmarks
        self.list.blockSignals(True)
        self.list.clear()
        for mark in marks:
            icon = "camera" if mark.picture is None else "image"
            item = QListWidgetItem(theme.icon(icon), mark.name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
            item.setToolTip(_tip(mark))
            self.list.addItem(item)
        self.list.setCurrentRow(min(row, len(marks) - 1))
        self.list.blockSignals(False)
        self.list.setVisible(bool(marks))
        self.filter.setVisible(len(marks) > 12)
        self.empty.setVisible(not marks)
        self._apply_filter(self.filter.text() if len(marks) > 12 else "")
        self._show_buttons()

    def _show_buttons(self) -> None:
        chosen = len(self._rows())
        self._go.setEnabled(chosen == 1)
        self._rename.setEnabled(chosen == 1)
        self._delete.setEnabled(chosen > 0)
        self._path.setEnabled(self.list.count() > 1)

    def _apply_filter(self, words: str) -> None:
        for row in range(self.list.count()):
            item = self.list.item(row)
            if item is not None:
                item.setHidden(words.lower() not in item.text().lower())

    def _renamed(self, item: QListWidgetItem) -> None:
        row = self.list.row(item)
        marks = list(self._shell.document.bookmarks)
        name = item.text().strip()
        if name and name != marks[row].name:
            marks[row] = replace(marks[row], name=name)
            self._shell.document.edit_bookmarks(tuple(marks), "Rename view")
        else:
            item.setText(marks[row].name)

    def _menu(self, place: QPoint) -> None:
        menu = QMenu(self)
        menu.setObjectName("cameras_menu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for button, run in (
            (self._go, self.go),
            (self._rename, self.rename),
            (self._delete, self.delete),
            (self._path, self.use),
        ):
            action = menu.addAction(button.icon(), button.toolTip())
            assert action is not None
            action.setEnabled(button.isEnabled())
            action.triggered.connect(run)
        menu.popup(self.list.mapToGlobal(place))

    def _offer_cameras(self, file: Path | None) -> None:
        self._offer.show_file(file, lambda path: self._shell.open_paths([path]))


class _Offer(QFrame):
    """Says that training cameras lie beside the scene, and offers to add them."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("cameras_offer")
        self._words = text(name="cameras_offer_words")
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, GRID)
        self._layout.addWidget(self._words)
        self._file: Path | None = None
        self._open: Callable[[Path], object] | None = None
        self._layout.addWidget(
            push("cameras_offer_add", "Add training cameras", "Read this file", self._accept)
        )
        self.hide()

    def show_file(self, file: Path | None, open_file: Callable[[Path], object]) -> None:
        """Offer a file, or nothing."""
        self._file, self._open = file, open_file
        self.setVisible(file is not None)
        if file is not None:
            self._words.setText(f"{file.name} lies beside this scene.")
            self._words.setToolTip(str(file))

    def _accept(self) -> None:
        self.hide()
        if self._file is not None and self._open is not None:
            self._open(self._file)


def _tip(mark: Bookmark) -> str:
    lines = [mark.name, f"{mark.camera.width} × {mark.camera.height} px"]
    if mark.capture:
        lines.append(mark.capture if mark.picture is not None else f"{mark.capture}, no photo")
    return "\n".join(lines)


def free_name(taken: list[str]) -> str:
    """The first of "View 1", "View 2", ... that is free."""
    number = 1
    while f"View {number}" in taken:
        number += 1
    return f"View {number}"


def path_through(marks: list[Bookmark], before: CameraPath) -> CameraPath:
    """A path through views at even times, with the other settings of the path before."""
    keys = tuple(
        Keyframe(
            index * SECONDS_BETWEEN, mark.camera.world_from_camera, mark.camera.fov_y, mark.name
        )
        for index, mark in enumerate(marks)
    )
    steps = len(marks) if before.loop else len(marks) - 1
    return replace(before, keys=keys, duration=max(steps, 1) * SECONDS_BETWEEN)


def _panel(shell: Shell) -> CamerasPanel:
    panel = shell.panel("cameras")
    assert isinstance(panel, CamerasPanel)
    return panel


ACTIONS = [
    ActionRecord(
        id="camera.keep",
        title="Keep this view",
        menu="Camera",
        shortcut="Ctrl+B",
        tip="Keep the present view in the Cameras panel",
        icon="bookmark",
        run=lambda shell: _panel(shell).add(),
        enabled_when=lambda shell: shell.document.view is not None,
        section=3,
    ),
    ActionRecord(
        id="camera.next",
        title="Next view",
        menu="Camera",
        shortcut="]",
        tip="Go to the next view of the Cameras panel",
        run=lambda shell: _panel(shell).step(1),
        enabled_when=lambda shell: bool(shell.document.bookmarks),
        section=3,
    ),
    ActionRecord(
        id="camera.previous",
        title="Previous view",
        menu="Camera",
        shortcut="[",
        tip="Go to the previous view of the Cameras panel",
        run=lambda shell: _panel(shell).step(-1),
        enabled_when=lambda shell: bool(shell.document.bookmarks),
        section=3,
    ),
]

PANEL = PanelRecord("cameras", "Cameras", "left", CamerasPanel, order=10)
