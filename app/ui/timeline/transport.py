"""The row of buttons, fields and the clock above the track."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QSignalBlocker, QSize, Qt
from PyQt6.QtGui import QFontMetrics
from PyQt6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QSpinBox,
    QToolButton,
    QWidget,
)

from app.document import Document
from app.ui import theme
from app.ui.forms import tool
from app.ui.theme import GRID
from app.ui.timeline import editing
from app.ui.timeline.curves import interpolation_icon
from app.ui.timeline.playback import frame_at, frame_count
from app.ui.timeline.player import Player
from app.ui.timeline.scale import clock_text
from scenes.paths.edit import FASTEST, LONGEST, SHORTEST, SLOWEST


class Number(QDoubleSpinBox):
    """A number without superfluous zeros; changes are told when the typing is done."""

    def __init__(self, name: str, tip: str, unit: str, low: float, high: float) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(tip)
        self.setToolTip(tip)
        self.setDecimals(3)
        self.setRange(low, high)
        self.setSuffix(f" {unit}")
        self.setKeyboardTracking(False)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        theme.tabular(self)

    def textFromValue(self, value: float) -> str:
        """At most three decimals, none that say nothing."""
        return f"{value:.3f}".rstrip("0").rstrip(".")


class Transport(QWidget):
    """Play and jump at the left, the clock beside it, the clip's fields at the right."""

    def __init__(self, document: Document, player: Player) -> None:
        super().__init__()
        self.setObjectName("timeline_transport")
        self._document = document
        self._player = player
        self._build()
        document.path_changed.connect(self._show_clip)
        document.time_changed.connect(self._show_time)
        player.changed.connect(self._show_playing)
        theme.notifier.changed.connect(self._show_icons)
        self._show_clip()
        self._show_playing()
        self._show_icons()

    # Building -------------------------------------------------------------------------------

    def _build(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        for button in self._build_buttons():
            row.addWidget(button)
        row.addSpacing(2 * GRID)
        self._build_clock(row)
        row.addStretch(1)
        self._build_fields(row)

    def _build_buttons(self) -> list[QToolButton]:
        player, document = self._player, self._document
        previous = self._tool("previous", "to-start", "Previous key", lambda: player.jump_key(-1))
        self.play = self._tool("play", "play", "Play (Space)", player.toggle)
        following = self._tool("next", "to-end", "Next key", lambda: player.jump_key(1))
        self.loop = self._tool(
            "loop",
            "loop",
            "Loop: close the path from its last key to its first",
            lambda: editing.set_clip(document, loop=self.loop.isChecked()),
        )
        self.loop.setCheckable(True)
        self.every = self._tool(
            "every_frame",
            "film",
            "Every frame: wait for each picture instead of keeping real time",
            lambda: player.set_every_frame(self.every.isChecked()),
        )
        self.every.setCheckable(True)
        self.add = self._tool(
            "add_key", "key-add", "Add key from view (K)", lambda: editing.add_key(document)
        )
        self._needs_keys = (previous, self.play, following)
        return [previous, self.play, following, self.loop, self.every, self.add]

    def _tool(self, name: str, icon: str, tip: str, run: Callable[[], object]) -> QToolButton:
        button = tool(f"timeline_{name}", icon, tip, run)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setIconSize(QSize(16, 16))
        return button

    def _build_clock(self, row: QHBoxLayout) -> None:
        self.clock = QLabel()
        self.clock.setObjectName("timeline_clock")
        self.clock.setAccessibleName("Playhead and length of the clip")
        self.clock.setToolTip("Playhead / length, minutes and seconds")
        self.frame = QLabel()
        self.frame.setObjectName("timeline_frame")
        self.frame.setAccessibleName("Frame at the playhead")
        self.frame.setToolTip("Frame at the playhead, counted from 0")
        self.frame.setProperty("role", "muted")
        for label in (self.clock, self.frame):
            theme.tabular(label)
            row.addWidget(label)
        row.addSpacing(GRID)

    def _build_fields(self, row: QHBoxLayout) -> None:
        document = self._document
        self.interpolation = QComboBox()
        self.interpolation.setObjectName("timeline_interpolation")
        self.interpolation.setAccessibleName("Between keys")
        for name, title, tip in editing.INTERPOLATIONS:
            self.interpolation.addItem(title, name)
            row_index = self.interpolation.count() - 1
            self.interpolation.setItemData(row_index, tip, Qt.ItemDataRole.ToolTipRole)
        self.interpolation.activated.connect(
            lambda: editing.set_clip(document, interpolation=self.interpolation.currentData())
        )
        self.duration = Number("timeline_duration", "Length of the clip", "s", SHORTEST, LONGEST)
        self.duration.setSingleStep(0.5)
        self.duration.valueChanged.connect(
            lambda value: editing.set_clip(document, "timeline duration", duration=value)
        )
        self.fps = Number("timeline_fps", "Frames per second", "fps", SLOWEST, FASTEST)
        self.fps.valueChanged.connect(
            lambda value: editing.set_clip(document, "timeline fps", fps=value)
        )
        self.frames = QSpinBox()
        self.frames.setObjectName("timeline_frames")
        self.frames.setAccessibleName("Frames of the clip")
        self.frames.setToolTip("Frames of the clip; changes its length")
        self.frames.setRange(1, 10_000_000)
        self.frames.setSuffix(" frames")
        self.frames.setKeyboardTracking(False)
        self.frames.setAlignment(Qt.AlignmentFlag.AlignRight)
        theme.tabular(self.frames)
        self.frames.valueChanged.connect(
            lambda count: editing.set_clip(
                document, "timeline duration", duration=count / document.path.fps
            )
        )
        self.interpolation.setToolTip("How the camera moves between keys")
        row.addWidget(self.interpolation)
        row.addSpacing(GRID)
        metrics = QFontMetrics(self.duration.font())
        for field, widest in (
            (self.duration, "3600.5 s"),
            (self.fps, "59.94 fps"),
            (self.frames, "10000 frames"),
        ):
            field.setMinimumWidth(metrics.horizontalAdvance(widest) + 36)
            field.setMinimumHeight(6 * GRID)
            row.addWidget(field)

    # Showing --------------------------------------------------------------------------------

    def _show_clip(self) -> None:
        path = self._document.path
        with (
            QSignalBlocker(self.duration),
            QSignalBlocker(self.fps),
            QSignalBlocker(self.frames),
        ):
            self.duration.setValue(path.duration)
            self.fps.setValue(path.fps)
            self.frames.setValue(frame_count(path))
        self.interpolation.setCurrentIndex(self.interpolation.findData(path.interpolation))
        self.loop.setChecked(path.loop)
        for button in self._needs_keys:
            button.setEnabled(bool(path.keys))
        self._show_time(self._document.time)

    def _show_time(self, seconds: float) -> None:
        path = self._document.path
        whole = path.duration == round(path.duration)
        total = clock_text(path.duration, 0 if whole else 1)
        self.clock.setText(f"{clock_text(seconds)} / {total}")
        last = frame_count(path) - 1
        number = frame_at(path, seconds)
        # Padded with figure spaces, so that the number never changes its width.
        self.frame.setText(f"frame {number:\u2007>{len(str(last))}}")

    def _show_playing(self) -> None:
        playing = self._player.playing
        self.play.setIcon(theme.icon("pause" if playing else "play"))
        tip = "Pause (Space)" if playing else "Play (Space)"
        self.play.setToolTip(tip)
        self.play.setAccessibleName(tip)
        self.every.setChecked(self._player.every_frame)

    def _show_icons(self) -> None:
        for index, (name, *_) in enumerate(editing.INTERPOLATIONS):
            self.interpolation.setItemIcon(index, interpolation_icon(name))
