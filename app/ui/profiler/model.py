"""The profiler's table as a Qt model: group headings, rows in frame order, the total last."""

from __future__ import annotations

from typing import Any

from PyQt6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt

from app.ui.profiler.columns import COLUMNS, describe
from render.profile import TOTAL, Key, Row

ROW_ROLE = int(Qt.ItemDataRole.UserRole) + 1
"""The :class:`Row` behind an index; None for a heading."""

RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter

_ROOT = QModelIndex()


class ProfileModel(QAbstractTableModel):
    """Rows of the profile; a heading is an entry of type ``str``.

    Sorting takes the order of the moment and keeps it: rows never change places because their
    numbers do. Without sorting, rows stand in frame order under the headings of their groups.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Row] = []
        self._entries: list[Row | str] = []
        self._order: list[Key] | None = None
        self.sorted_column = -1

    def set_rows(self, rows: list[Row]) -> None:
        """Show new numbers; the layout changes only if other rows ran."""
        self._rows = rows
        entries = self._arranged()
        same = [_identity(e) for e in entries] == [_identity(e) for e in self._entries]
        if same:
            self._entries = entries
            if entries:
                last = self.index(len(entries) - 1, len(COLUMNS) - 1)
                self.dataChanged.emit(self.index(0, 0), last)
        else:
            self.beginResetModel()
            self._entries = entries
            self.endResetModel()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.DescendingOrder) -> None:
        """Take the order by ``column`` now and keep it; -1 goes back to frame order."""
        self.sorted_column = column
        self._order = None
        if column >= 0:
            parts = [row for row in self._rows if row.key != TOTAL]
            parts.sort(key=COLUMNS[column].order, reverse=order == Qt.SortOrder.DescendingOrder)
            self._order = [row.key for row in parts]
        self.beginResetModel()
        self._entries = self._arranged()
        self.endResetModel()

    def entry(self, row: int) -> Row | str:
        """The row or heading at a line of the table."""
        return self._entries[row]

    def total(self) -> Row | None:
        """The row of the whole frame; None without frames."""
        return self._rows[-1] if self._rows else None

    def headings(self) -> list[int]:
        """The lines that are headings."""
        return [i for i, entry in enumerate(self._entries) if isinstance(entry, str)]

    def _arranged(self) -> list[Row | str]:
        if self._order is not None:
            place = {key: i for i, key in enumerate(self._order)}
            # What came later stands after what was sorted, the total at the end.
            end = len(place)
            place[TOTAL] = end + 1
            return [*sorted(self._rows, key=lambda row: place.get(row.key, end))]
        entries: list[Row | str] = []
        group = None
        for row in self._rows:
            if row.key.group != group and row.key != TOTAL:
                group = row.key.group
                entries.append(row.group_title)
            entries.append(row)
        return entries

    # Qt's questions --------------------------------------------------------------------------

    def rowCount(self, parent: QModelIndex = _ROOT) -> int:
        """Lines of the table."""
        return 0 if parent.isValid() else len(self._entries)

    def columnCount(self, parent: QModelIndex = _ROOT) -> int:
        """Columns, shown or hidden."""
        return 0 if parent.isValid() else len(COLUMNS)

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Headings cannot be selected."""
        if not index.isValid() or isinstance(self._entries[index.row()], str):
            return Qt.ItemFlag.ItemIsEnabled
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Headers carry the units."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(COLUMNS):
            return None
        column = COLUMNS[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.header
        if role == Qt.ItemDataRole.ToolTipRole:
            return column.tip
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT if column.kind in ("number", "share") else LEFT
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Texts, alignment, tooltips and the row itself."""
        if not index.isValid():
            return None
        entry = self._entries[index.row()]
        if isinstance(entry, str):
            heading = role == Qt.ItemDataRole.DisplayRole and index.column() == 0
            return entry if heading else None
        column = COLUMNS[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(entry)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT if column.kind in ("number", "share") else LEFT
        if role == Qt.ItemDataRole.ToolTipRole:
            return describe(entry)
        if role == ROW_ROLE:
            return entry
        return None


def _identity(entry: Row | str) -> Key | str:
    return entry if isinstance(entry, str) else entry.key
