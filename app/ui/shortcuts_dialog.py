"""The list of keys and mouse moves, made from the records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
)

from app.ui import theme
from app.ui.actions import MENUS, shortcut_text
from app.ui.palette_dialog import title_of
from app.ui.theme import GRID

if TYPE_CHECKING:
    from app.ui.shell import Shell


class ShortcutsDialog(QDialog):
    """All keys by menu, with what the mouse does first; a few letters narrow it."""

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell.window)
        self.setObjectName("shortcuts")
        self.setWindowTitle("Keys and mouse")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.filter = QLineEdit()
        self.filter.setObjectName("shortcuts_filter")
        self.filter.setAccessibleName("Filter the list")
        self.filter.setPlaceholderText("Filter")
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(self._narrow)
        self.tree = QTreeWidget()
        self.tree.setObjectName("shortcuts_tree")
        self.tree.setAccessibleName("Keys")
        self.tree.setColumnCount(2)
        self.tree.setHeaderLabels(["What it does", "Keys or mouse"])
        self.tree.setRootIsDecorated(False)
        self.tree.setSelectionMode(QTreeWidget.SelectionMode.NoSelection)
        header = self.tree.header()
        assert header is not None
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self._add_group("In the picture", shell.pointer.help())
        records = shell.window.actions_set.records.values()
        for menu in MENUS:
            rows = [
                (title_of(record), ", ".join(shortcut_text(keys) for keys in record.shortcuts))
                for record in records
                if record.menu.partition("/")[0] == menu and record.shortcuts
            ]
            self._add_group(menu, rows)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4 * GRID, 4 * GRID, 4 * GRID, 4 * GRID)
        layout.setSpacing(2 * GRID)
        layout.addWidget(self.filter)
        layout.addWidget(self.tree)
        layout.addWidget(buttons)
        self.resize(140 * GRID, 150 * GRID)

    def _add_group(self, title: str, rows: list[tuple[str, str]]) -> None:
        if not rows:
            return
        group = QTreeWidgetItem(self.tree, [title])
        group.setFirstColumnSpanned(True)
        font = group.font(0)
        font.setBold(True)
        group.setFont(0, font)
        group.setForeground(0, theme.current().muted)
        for what, keys in rows:
            QTreeWidgetItem(group, [what, keys])
        group.setExpanded(True)

    def _narrow(self, words: str) -> None:
        for row in range(self.tree.topLevelItemCount()):
            group = self.tree.topLevelItem(row)
            assert group is not None
            shown = 0
            for index in range(group.childCount()):
                child = group.child(index)
                assert child is not None
                hidden = words.lower() not in f"{child.text(0)} {child.text(1)}".lower()
                child.setHidden(hidden)
                shown += not hidden
            group.setHidden(shown == 0)
