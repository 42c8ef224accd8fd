"""The table of the profiler: fixed widths, headings over groups, sorting that stays put."""

from __future__ import annotations

from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QFontMetrics
from PyQt6.QtWidgets import QAbstractItemView, QMenu, QTableView, QWidget

from app.ui import theme
from app.ui.profiler.colors import RowColors
from app.ui.profiler.columns import COLUMNS
from app.ui.profiler.delegates import PADDING, SWATCH, CellDelegate, line_height
from app.ui.profiler.model import ProfileModel
from app.ui.theme import GRID
from render.profile import Row

_BAR = 5 * GRID
_SPARK = 18 * GRID
# The arrow stands over the text, which it would cover in a narrow column.
_SORT_ARROW = """
QHeaderView::down-arrow, QHeaderView::up-arrow {
    subcontrol-origin: margin; subcontrol-position: top center; width: 10px; height: 7px;
}
"""


class ProfileTable(QTableView):
    """Shows a :class:`ProfileModel`.

    A click on a header sorts by it, the largest first; the second click sorts the other way, the
    third goes back to frame order. The header's context menu chooses the columns.
    """

    def __init__(self, colors: RowColors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("profiler_table")
        self.setAccessibleName("Time per stage of the frame")
        theme.tabular(self)
        self.rows = ProfileModel(self)
        self.setModel(self.rows)
        self.setItemDelegate(CellDelegate(colors, self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.rows.modelReset.connect(self._arrange)
        self._order = Qt.SortOrder.DescendingOrder
        self._set_up_headers()

    def show_rows(self, rows: list[Row]) -> None:
        """Show new numbers; nothing changes its place or width because of them."""
        self.rows.set_rows(rows)

    def sort_by(self, column: int) -> None:
        """Sort by a column as a click on its header does."""
        first, second = Qt.SortOrder.DescendingOrder, Qt.SortOrder.AscendingOrder
        if COLUMNS[column].kind in ("name", "text"):
            first, second = second, first
        if self.rows.sorted_column != column:
            self._order = first
        elif self._order == first:
            self._order = second
        else:
            column = -1
        self.rows.sort(column, self._order)
        header = self.horizontalHeader()
        assert header is not None
        header.setSortIndicatorShown(column >= 0)
        header.setSortIndicator(column, self._order)

    def choose_columns(self) -> QMenu:
        """The menu that shows and hides columns."""
        menu = QMenu(self)
        menu.setObjectName("profiler_columns")
        for i, column in enumerate(COLUMNS):
            action = menu.addAction(column.header)
            assert action is not None
            action.setCheckable(True)
            action.setChecked(not self.isColumnHidden(i))
            action.setEnabled(column.kind != "name")
            action.setToolTip(column.tip)
            action.toggled.connect(lambda shown, i=i: self.setColumnHidden(i, not shown))
        return menu

    def _set_up_headers(self) -> None:
        header, side = self.horizontalHeader(), self.verticalHeader()
        assert header is not None
        assert side is not None
        side.hide()
        side.setDefaultSectionSize(line_height(self.fontMetrics()))
        side.setMinimumSectionSize(1)
        header.setSectionsMovable(True)
        header.setFirstSectionMovable(False)
        header.setHighlightSections(False)
        header.setSectionsClickable(True)
        header.setMinimumSectionSize(5 * GRID)
        header.sectionClicked.connect(self.sort_by)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._show_menu)
        header.setStyleSheet(_SORT_ARROW)
        header.setToolTip("Click to sort, right-click to choose columns")
        header_metrics = header.fontMetrics()
        for i, column in enumerate(COLUMNS):
            self.setColumnWidth(i, self._width(i, self.fontMetrics(), header_metrics))
            self.setColumnHidden(i, not column.shown)

    def _width(self, place: int, metrics: QFontMetrics, header: QFontMetrics) -> int:
        column = COLUMNS[place]
        # Bold digits of the total are a little wider than the sample.
        content = int(metrics.horizontalAdvance(column.sample) * 1.06)
        content += {"name": SWATCH + PADDING, "share": _BAR + PADDING, "spark": _SPARK}.get(
            column.kind, 0
        )
        width = max(content, header.horizontalAdvance(column.header)) + 2 * PADDING
        return width + (-width) % GRID

    def _show_menu(self, position: QPoint) -> None:
        header = self.horizontalHeader()
        assert header is not None
        menu = self.choose_columns()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(header.mapToGlobal(position))

    def _arrange(self) -> None:
        """Headings span the whole width."""
        self.clearSpans()
        for line in self.rows.headings():
            self.setSpan(line, 0, 1, len(COLUMNS))
