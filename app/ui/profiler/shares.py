"""Where the time of a neural field goes, beside what a paper found on a graphics card."""

from __future__ import annotations

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent
from PyQt6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.ui import theme
from app.ui.profiler.colors import RowColors, mix
from app.ui.theme import GRID
from render.profile import BUCKETS, PAPER, PUBLISHED, Key

_KEYS = {name: Key("fields", name, "") for name in BUCKETS}


class FieldShares(QWidget):
    """One bar of five shares, their numbers, and the published ones; gone without a field."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("profiler_shares")
        self._bar = _Bar(self)
        self._numbers = QLabel(self)
        self._numbers.setObjectName("profiler_shares_numbers")
        self._numbers.setTextFormat(Qt.TextFormat.RichText)
        self._published = QLabel(self)
        self._published.setObjectName("profiler_shares_published")
        self._published.setProperty("role", "muted")
        known = ", ".join(f"{100 * known.share:.4g} % {known.title}" for known in PUBLISHED)
        self._published.setToolTip(
            "Encoding and network together, of the time of all kernels. The paper's shares are "
            f"means over four applications.\n{PAPER}: {known}"
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        for widget in (self._bar, self._numbers, self._published):
            layout.addWidget(widget)
        for label in (self._numbers, self._published):
            label.setWordWrap(True)
            theme.tabular(label)
        self.hide()

    def show_shares(self, shares: dict[str, float]) -> None:
        """Show these; without any the widget is gone."""
        self.setVisible(bool(shares))
        if not shares:
            return
        self._bar.shares = shares
        self._bar.update()
        self._numbers.setText(
            "&ensp; ".join(
                f'<span style="color: {self._bar.color(name).name()}">■</span>&nbsp;'
                f"{name.capitalize()}&nbsp;{100 * share:.0f}&nbsp;%"
                for name, share in shares.items()
            )
        )
        together = 100 * (shares["encode"] + shares["network"])
        known = ", ".join(f"{100 * known.share:.4g} % ({known.title})" for known in PUBLISHED)
        self._published.setText(
            f"Encode + network: {together:.0f} % here. Paper, on an RTX 3090: {known}"
        )
        self.setAccessibleName(f"Encoding and network take {together:.0f} % of the kernels' time")


class _Bar(QWidget):
    """The shares side by side."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.shares: dict[str, float] = {}
        self._colors = RowColors()
        self.setFixedHeight(3 * GRID)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def color(self, name: str) -> QColor:
        """Of a bucket."""
        if name == "other":
            tokens = theme.current()
            return mix(tokens.surface, tokens.text, 0.4)
        return self._colors.color(_KEYS[name])

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw it."""
        painter = QPainter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        start = 0.0
        for name, share in self.shares.items():
            width = share * self.width()
            painter.setBrush(self.color(name))
            painter.drawRect(QRectF(start, 0, width, self.height()))
            start += width
