"""Fields of the Scene panel: the axes of the file, its level of detail, a list that folds."""

from __future__ import annotations

from html import escape

from PyQt6.QtCore import QSignalBlocker, Qt, pyqtSignal
from PyQt6.QtWidgets import QComboBox, QLabel

from app.ui import theme
from app.ui.scene_facts import USUAL_FRAMES, frame_source, frame_words
from scenes.frames import FRAMES, stored_frame
from scenes.gaussians import GaussianScene

_AT_MOST = 2
"""Phrases that a folded list shows."""


class AxesField(QComboBox):
    """The frame of the scene's file; ``chosen`` tells that a person wants another."""

    chosen = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("scene_axes")
        self.setAccessibleName("Axes in the file")
        self.setToolTip(
            "Which way x, y and z of the file point. Choose another if the scene lies on its\n"
            "side, stands on its head or is mirrored: the file is then read that way."
        )
        _may_be_narrow(self)
        self._fill()
        self.activated.connect(lambda: self.chosen.emit(self.currentData()))

    def _fill(self) -> None:
        for frame in (*USUAL_FRAMES, *(f for f in FRAMES if f not in USUAL_FRAMES)):
            if self.count() == len(USUAL_FRAMES):
                self.insertSeparator(self.count())
            self.addItem("", frame)
            tip = f"x, y, z point {frame_words(frame)}"
            self.setItemData(self.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self._name_items("", "")

    def show_scene(self, scene: GaussianScene) -> None:
        """Show the frame of a scene's file, and where it is known from."""
        frame = stored_frame(scene)
        self._name_items(frame, frame_source(scene))
        with QSignalBlocker(self):
            self.setCurrentIndex(self.findData(frame))

    def _name_items(self, frame: str, source: str) -> None:
        for index in range(self.count()):
            name = self.itemData(index)
            if name is None:
                continue
            words = name.upper()
            if name == frame:
                words += f", {source}"
            elif name in USUAL_FRAMES:
                words += f", {USUAL_FRAMES[name]}"
            else:
                words += f", {frame_words(name)}"
            self.setItemText(index, words)


class LevelField(QComboBox):
    """The level of detail that is open; ``chosen`` tells that a person wants another."""

    chosen = pyqtSignal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("scene_level")
        self.setAccessibleName("Level of detail")
        self.setToolTip("Opens the file again with more or fewer splats; the view stays")
        theme.tabular(self)
        _may_be_narrow(self)
        self.activated.connect(lambda: self.chosen.emit(self.currentIndex()))

    def show_levels(self, counts: tuple[int, ...], level: int) -> None:
        """Offer the levels by their numbers of splats."""
        with QSignalBlocker(self):
            self.clear()
            for index, count in enumerate(counts):
                self.addItem(f"{index}: {count:,}")
                self.setItemData(index, f"{count:,} splats", Qt.ItemDataRole.ToolTipRole)
            self.setCurrentIndex(level)


class FoldedList(QLabel):
    """Phrases in one paragraph; of many, the first ones and a link to the rest."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.LinksAccessibleByMouse
            | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        )
        self._phrases: tuple[str, ...] = ()
        self._folded = True
        self.linkActivated.connect(self._toggle)

    def show_phrases(self, phrases: tuple[str, ...]) -> None:
        """Show these, folded."""
        self._phrases = phrases
        self._folded = True
        self._show()

    def _toggle(self) -> None:
        self._folded = not self._folded
        self._show()

    def _show(self) -> None:
        more = len(self._phrases) - _AT_MOST
        folds = more > 1
        shown = self._phrases[:_AT_MOST] if folds and self._folded else self._phrases
        words = escape(", ".join(shown))
        if folds:
            link = f"and {more} more" if self._folded else "fewer"
            words += f' <a href="fold">{link}</a>'
        self.setText(words)
        self.setToolTip("\n".join(self._phrases) if folds and self._folded else "")


def _may_be_narrow(field: QComboBox) -> None:
    """Let the field be as narrow as the panel; its list is as wide as its items."""
    field.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    field.setMinimumContentsLength(8)
