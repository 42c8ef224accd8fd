"""The command palette: type a few letters of any command, press Enter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, QObject, QRect, QSize, Qt
from PyQt6.QtGui import QKeyEvent, QPainter
from PyQt6.QtWidgets import (
    QDialog,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
)

from app.ui import theme
from app.ui.actions import ActionRecord, shortcut_text
from app.ui.theme import GRID

if TYPE_CHECKING:
    from PyQt6.QtCore import QModelIndex

    from app.ui.shell import Shell

_KEYS = Qt.ItemDataRole.UserRole + 1
_ID = Qt.ItemDataRole.UserRole + 2


def score(query: str, words: str) -> float | None:
    """How well letters of ``query`` are found in this order in ``words``; None when not all are.

    Letters that start a word or follow the one before count more, early finds a little more.
    """
    query, words = query.lower().replace(" ", ""), words.lower()
    total, place, last = 0.0, 0, -2
    for letter in query:
        # The start of a word is a better place for a letter than the middle of one before it.
        starts = [i for i in range(place, len(words)) if words[i] == letter]
        if not starts:
            return None
        best = next(
            (i for i in starts if i == last + 1 or i == 0 or words[i - 1] == " "), starts[0]
        )
        total += 1.0 + (2.0 if best == last + 1 else 0.0)
        total += 1.5 if best == 0 or words[best - 1] == " " else 0.0
        last, place = best, best + 1
    return total - 0.01 * len(words) - 0.005 * last


class _Row(QStyledItemDelegate):
    """Title at the left, keys at the right, greyed when it cannot run now."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        return QSize(10 * GRID, 7 * GRID)

    def paint(
        self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        if painter is None:
            return
        tokens = theme.current()
        enabled = bool(index.flags() & Qt.ItemFlag.ItemIsEnabled)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen:
            painter.fillRect(option.rect, tokens.accent if enabled else tokens.line)
        area: QRect = option.rect.adjusted(3 * GRID, 0, -3 * GRID, 0)
        side = Qt.AlignmentFlag
        ground = tokens.on_accent if chosen and enabled else tokens.text
        painter.setPen(ground if enabled else tokens.muted)
        painter.drawText(area, side.AlignLeft | side.AlignVCenter, str(index.data()))
        painter.setPen(tokens.on_accent if chosen and enabled else tokens.muted)
        painter.drawText(area, side.AlignRight | side.AlignVCenter, str(index.data(_KEYS) or ""))


class PaletteDialog(QDialog):
    """Every command of the program, narrowed by what is typed."""

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell.window, Qt.WindowType.Popup)
        self.setObjectName("palette")
        self.setAccessibleName("Command palette")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._shell = shell
        self.edit = QLineEdit()
        self.edit.setObjectName("palette_edit")
        self.edit.setAccessibleName("Search for a command")
        self.edit.setPlaceholderText("Type a command")
        self.edit.textChanged.connect(self._fill)
        self.edit.installEventFilter(self)
        self.list = QListWidget()
        self.list.setObjectName("palette_list")
        self.list.setAccessibleName("Commands")
        self.list.setItemDelegate(_Row(self.list))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setUniformItemSizes(True)
        self.list.itemClicked.connect(lambda _: self.run())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(GRID)
        layout.addWidget(self.edit)
        layout.addWidget(self.list)
        self.resize(130 * GRID, 96 * GRID)
        window = shell.window.geometry()
        self.move(window.center().x() - self.width() // 2, window.top() + 20 * GRID)
        self._fill("")

    def _fill(self, query: str) -> None:
        actions = self._shell.window.actions_set
        found = []
        for record in actions.records.values():
            words = title_of(record)
            value = score(query, words)
            if value is not None:
                found.append((-value if query else 0.0, words, record))
        found.sort(key=lambda item: item[:2])
        self.list.clear()
        for _, words, record in found:
            item = QListWidgetItem(words)
            item.setData(_ID, record.id)
            item.setData(_KEYS, ", ".join(shortcut_text(keys) for keys in record.shortcuts))
            item.setToolTip(record.tip)
            if not actions.enabled(record.id):
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
            self.list.addItem(item)
        self.list.setCurrentRow(0)

    def run(self) -> None:
        """Give the chosen command, if it makes sense now."""
        item = self.list.currentItem()
        if item is not None and item.flags() & Qt.ItemFlag.ItemIsEnabled:
            self.close()
            self._shell.run(item.data(_ID))

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Up, Down and Enter belong to the list while the edit has the keyboard."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 8}
            steps[Qt.Key.Key_PageUp] = -8
            if event.key() in steps and self.list.count():
                row = self.list.currentRow() + steps[Qt.Key(event.key())]
                self.list.setCurrentRow(min(max(row, 0), self.list.count() - 1))
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.run()
                return True
        return False


def title_of(record: ActionRecord) -> str:
    """A command with its submenu, as the palette and the list of keys name it."""
    _, _, submenu = record.menu.partition("/")
    title = record.title.rstrip(".…")
    return f"{submenu.replace('/', ': ')}: {title}" if submenu else title
