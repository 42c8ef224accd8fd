"""Where the preview is seen: a picture, or what to do for one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QImage, QPainter, QPaintEvent, QPalette
from PyQt6.QtWidgets import QFrame

from app.ui import theme
from app.ui.theme import GRID

WIDTH, HEIGHT = 105 * GRID, 72 * GRID


class Stage(QFrame):
    """Shows a picture as large as there is room, or words in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("make_preview")
        self.setAccessibleName("Preview")
        self.setToolTip("The multiplane image from where its camera may go, made in a small size")
        self.setMinimumSize(WIDTH, HEIGHT)
        self.words = ""
        self.image: QImage | None = None
        theme.notifier.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """As wide as a preview needs."""
        return QSize(WIDTH, HEIGHT)

    def say(self, words: str) -> None:
        """Show words instead of a picture."""
        self.words, self.image = words, None
        self.setAccessibleDescription(words)
        self.update()

    def show_picture(self, picture: NDArray[np.uint8]) -> None:
        """Show a picture (H, W, 3) uint8."""
        height, width = picture.shape[:2]
        data = np.ascontiguousarray(picture).tobytes()
        shown = QImage(data, width, height, 3 * width, QImage.Format.Format_RGB888)
        self.words, self.image = "", shown.copy()  # the copy outlives the bytes
        self.setAccessibleDescription("")
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """The picture in the middle of a quiet area."""
        colors = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        area = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(colors.line)
        painter.setBrush(colors.surface)
        painter.drawRect(area)
        if self.image is not None:
            size = self.image.size().toSizeF()
            size.scale(area.adjusted(1, 1, -1, -1).size(), Qt.AspectRatioMode.KeepAspectRatio)
            place = QRectF(0, 0, size.width(), size.height())
            place.moveCenter(area.center())
            painter.drawImage(place, self.image)
        else:
            margin = 8.0 * GRID
            painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(area.adjusted(margin, margin, -margin, -margin), flags, self.words)
        painter.end()
