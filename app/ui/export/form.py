"""The form: what to export, in what size, how it is encoded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PyQt6.QtCore import QSignalBlocker, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QStandardItemModel
from PyQt6.QtWidgets import (
    QCheckBox,
    QColorDialog,
    QLabel,
    QSlider,
    QWidget,
)

from app.document import Document
from app.ui import theme
from app.ui.export.choices import (
    SIZES,
    SOURCES,
    Source,
    frames_of,
    quality_words,
)
from app.ui.export.engine import Choices
from app.ui.export.fields import Color, combo, joined, spin, swatch
from app.ui.forms import form, push, text
from app.ui.theme import GRID
from app.ui.timeline.transport import Number
from render.export.records import LARGEST_SIDE
from scenes.paths.edit import FASTEST, SLOWEST

if TYPE_CHECKING:
    from render.export.encoders import Encoder

OUTPUT_TITLES = {
    "color": ("Colour", "The picture"),
    "depth": ("Depth", "Distance along the view, in scene units"),
    "alpha": ("Coverage", "How much of each pixel is covered"),
}
SUPERSAMPLING = ((1, "Off"), (2, "2 × 2"), (3, "3 × 3"), (4, "4 × 4"))


class ExportForm(QWidget):
    """Holds the choices of an export; knows the document only for what can be exported."""

    changed = pyqtSignal()
    """Any choice changed."""
    aspect_changed = pyqtSignal(int, int)
    """Width and height of the pictures to come."""

    def __init__(self, document: Document, encoders: Sequence[Encoder]) -> None:
        super().__init__()
        self.setObjectName("export_form")
        self._document = document
        self._encoders = {encoder.name: encoder for encoder in encoders}
        self._own_fps = False
        self._color: Color = (0.0, 0.0, 0.0)
        self.rows = form()
        self.setLayout(self.rows)
        self.rows.setContentsMargins(0, 0, 0, 0)
        self._add_source()
        self._add_size()
        self._add_time()
        self._add_format()
        self._add_picture()
        self._fill_formats()
        document.path_changed.connect(self._on_path)
        document.view_changed.connect(self._on_view)
        document.scenes_changed.connect(self._on_path)
        document.render_settings_changed.connect(self._show_background)
        theme.notifier.changed.connect(self._show_background)
        self._on_path()
        self._show_format()

    # What was chosen ------------------------------------------------------------------------

    @property
    def choices(self) -> Choices:
        """Everything that was chosen, as data."""
        return Choices(
            self.chosen_source,
            self.size_px,
            self.fps.value(),
            self.frames,
            self.quality.value(),
            self.chosen_background,
            self.supersample.currentData(),
            self.chosen_outputs,
        )

    @property
    def problem(self) -> str:
        """Why this cannot be exported, with what to do; empty when it can."""
        if not len(self.frames):
            return "There are no frames: press K to add keyframes, or choose another source."
        if not self.chosen_outputs:
            return "Choose at least one image to write."
        if self.encoder.shape == "still" and len(self.frames) > 1:
            return "One picture holds one frame: choose the current view, or another format."
        return ""

    @property
    def chosen_source(self) -> Source:
        """Where the cameras come from."""
        return self.source.currentData()

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the pictures."""
        return self.width_px.value(), self.height_px.value()

    @property
    def encoder(self) -> Encoder:
        """The chosen format."""
        return self._encoders[self.format.currentData()]

    @property
    def frames(self) -> range:
        """Which frames of the source; empty where the source has none."""
        if self.chosen_source == "view":
            return range(frames_of(self._document, "view", 1.0))
        if not self._count():
            return range(0)
        return range(self.first.value(), self.last.value() + 1)

    @property
    def chosen_background(self) -> Color | None:
        """RGB in 0..1; None for transparency."""
        choice = self.background.currentData()
        if choice == "transparent":
            return None
        if choice == "preview":
            preview = self._document.render_settings.background
            # A transparent preview in a format without transparency stands on black.
            return preview if preview or self.encoder.can_alpha else (0.0, 0.0, 0.0)
        return self._color

    @property
    def chosen_outputs(self) -> tuple[str, ...]:
        """Names of the images to write, at least one."""
        if self.encoder.shape != "sequence":
            return ("color",)
        return tuple(name for name, box in self.outputs.items() if box.isChecked())

    def choose_size(self, name: str) -> None:
        """Choose a size by its name."""
        self.size_choice.setCurrentIndex(self.size_choice.findData(name))
        self._on_size()

    # Building -------------------------------------------------------------------------------

    def _add_source(self) -> None:
        self.source = combo("export_source", "Source", "What the camera does")
        for name, title, tip in SOURCES:
            self.source.addItem(title, name)
            self.source.setItemData(self.source.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.source.currentIndexChanged.connect(self._on_source)
        self.rows.addRow(text("Source", "muted"), self.source)

    def _add_size(self) -> None:
        self.size_choice = combo("export_size", "Size", "Size of the pictures, pixels")
        for size in SIZES:
            self.size_choice.addItem(size.title, size.name)
        self.width_px = spin("export_width", "Width of the pictures", 16, LARGEST_SIDE)
        self.height_px = spin("export_height", "Height of the pictures", 16, LARGEST_SIDE)
        self.size_choice.activated.connect(self._on_size)
        for field in (self.width_px, self.height_px):
            field.valueChanged.connect(self._on_pixels)
        self.rows.addRow(text("Size", "muted"), self.size_choice)
        self.pixels = joined(self.width_px, QLabel("×"), self.height_px)
        self.rows.addRow(text("", "muted"), self.pixels)
        self.choose_size("1080p")

    def _add_time(self) -> None:
        self.fps = Number("export_fps", "Frames per second", "fps", SLOWEST, FASTEST)
        self.fps.setMinimumHeight(6 * GRID)
        self.fps.setAlignment(Qt.AlignmentFlag.AlignLeft)
        self.fps.valueChanged.connect(self._on_fps)
        self.first = spin("export_first", "First frame, counted from 0", 0, 10_000_000)
        self.last = spin("export_last", "Last frame, counted from 0", 0, 10_000_000)
        self.first.valueChanged.connect(self._on_range)
        self.last.valueChanged.connect(self._on_range)
        self.rows.addRow(text("Frame rate", "muted"), self.fps)
        self.range = joined(self.first, QLabel("to"), self.last)
        self.rows.addRow(text("Frames", "muted"), self.range)

    def _add_format(self) -> None:
        self.format = combo("export_format", "Format", "Kind of file")
        self.format.currentIndexChanged.connect(self._show_format)
        self.rows.addRow(text("Format", "muted"), self.format)
        self.good_for = text(role="muted", name="export_good_for")
        self.rows.addRow(self.good_for)
        self.quality = QSlider(Qt.Orientation.Horizontal)
        self.quality.setObjectName("export_quality")
        self.quality.setAccessibleName("Quality")
        self.quality.setToolTip("Better pictures make larger files")
        self.quality.setRange(0, 100)
        self.quality.setPageStep(10)
        self.quality.setValue(80)
        self.quality.valueChanged.connect(self._show_quality)
        self.quality_words = QLabel()
        self.quality_words.setObjectName("export_quality_words")
        theme.tabular(self.quality_words)
        self.rows.addRow(text("Quality", "muted"), self.quality)
        self.rows.addRow(text("", "muted"), self.quality_words)

    def _add_picture(self) -> None:
        self.background = combo("export_background", "Background", "What is behind the scene")
        for name, title in (
            ("preview", "As in the preview"),
            ("color", "Colour"),
            ("transparent", "Transparent"),
        ):
            self.background.addItem(title, name)
        self.background.currentIndexChanged.connect(self._show_background)
        self.color = push("export_color", "", "Choose the background colour", self._choose_color)
        self.color.setAccessibleName("Background colour")
        self.rows.addRow(text("Background", "muted"), joined(self.background, self.color))
        self.alpha_note = text(role="muted", name="export_alpha_note")
        self.rows.addRow(self.alpha_note)
        self.supersample = combo(
            "export_supersample", "Supersampling", "Samples averaged per pixel; calms fine detail"
        )
        for factor, title in SUPERSAMPLING:
            self.supersample.addItem(title, factor)
        self.supersample.currentIndexChanged.connect(lambda: self.changed.emit())
        self.rows.addRow(text("Smoothing", "muted"), self.supersample)
        self.outputs: dict[str, QCheckBox] = {}
        for name, (title, tip) in OUTPUT_TITLES.items():
            box = QCheckBox(title)
            box.setObjectName(f"export_output_{name}")
            box.setToolTip(tip)
            box.setChecked(name == "color")
            box.toggled.connect(lambda: self.changed.emit())
            self.outputs[name] = box
        self.rows.addRow(joined(text("Write", "muted"), *self.outputs.values(), stretch=0))

    def _fill_formats(self) -> None:
        with QSignalBlocker(self.format):
            for encoder in self._encoders.values():
                self.format.addItem(encoder.title, encoder.name)
            self.format.setCurrentIndex(max(self.format.findData("mp4"), 0))

    # Keeping up -----------------------------------------------------------------------------

    def _count(self) -> int:
        return frames_of(self._document, self.chosen_source, self.fps.value())

    def _on_path(self) -> None:
        """The clip or the source changed: follow its speed and its frames."""
        if not self._own_fps:
            with QSignalBlocker(self.fps):
                self.fps.setValue(self._document.path.fps)
        self._follow_range()
        still = self.chosen_source == "view"
        self.fps.setEnabled(not still)
        self.range.setEnabled(not still and self._count() > 0)
        self.changed.emit()

    def _on_source(self) -> None:
        """Another source: take a format that suits it, where the present one does not."""
        still = self.chosen_source == "view"
        suits = ("still", "sequence") if still else ("video", "sequence")
        if self.encoder.shape not in suits:
            fitting = [e.name for e in self._encoders.values() if e.shape == suits[0]]
            preferred = "mp4" if "mp4" in fitting else fitting[0]
            self.format.setCurrentIndex(self.format.findData(preferred))
        self._on_path()

    def _follow_range(self) -> None:
        """Keep the chosen frames; where all were chosen, choose all again."""
        last = max(self._count() - 1, 0)
        everything = self.first.value() == 0 and self.last.value() in (0, self.last.maximum())
        with QSignalBlocker(self.first), QSignalBlocker(self.last):
            self.first.setMaximum(last)
            self.last.setMaximum(last)
            if everything:
                self.last.setValue(last)

    def _on_range(self) -> None:
        with QSignalBlocker(self.first), QSignalBlocker(self.last):
            if self.sender() is self.first:
                self.last.setValue(max(self.last.value(), self.first.value()))
            else:
                self.first.setValue(min(self.last.value(), self.first.value()))
        self.changed.emit()

    def _on_fps(self, fps: float) -> None:
        self._own_fps = fps != self._document.path.fps
        self._follow_range()
        self.changed.emit()

    def _on_view(self) -> None:
        if self.size_choice.currentData() == "canvas":
            self._on_size()

    def _on_size(self) -> None:
        name = self.size_choice.currentData()
        pixels = next(size.pixels for size in SIZES if size.name == name)
        view = self._document.view
        if name == "canvas" and view is not None:
            pixels = (view.width, view.height)
        for field in (self.width_px, self.height_px):
            field.setEnabled(name == "custom")
        if pixels is not None and pixels != self.size_px:
            with QSignalBlocker(self.width_px), QSignalBlocker(self.height_px):
                self.width_px.setValue(pixels[0])
                self.height_px.setValue(pixels[1])
            self._on_pixels()

    def _on_pixels(self) -> None:
        self.aspect_changed.emit(*self.size_px)
        self.changed.emit()

    def _show_format(self) -> None:
        encoder = self.encoder
        self.good_for.setText(encoder.good_for)
        model = self.background.model()
        assert isinstance(model, QStandardItemModel)
        item = model.item(self.background.findData("transparent"))
        assert item is not None
        item.setEnabled(encoder.can_alpha)
        if not encoder.can_alpha and self.background.currentData() == "transparent":
            self.background.setCurrentIndex(self.background.findData("preview"))
        self.alpha_note.setText(f"{encoder.title} has no transparency.")
        self.alpha_note.setVisible(not encoder.can_alpha)
        for name, box in self.outputs.items():
            several = encoder.shape == "sequence"
            box.setEnabled(several)
            tip = OUTPUT_TITLES[name][1]
            box.setToolTip(tip if several else "Only a sequence of pictures holds more than colour")
        self._show_quality()
        self._show_background()

    def _show_quality(self) -> None:
        value, note = self.quality.value(), self.encoder.quality_note
        self.quality.setEnabled(note is not None)
        if note is None:
            self.quality_words.setText("This format has no setting for it")
        else:
            self.quality_words.setText(f"{quality_words(value)} · {value} ({note(value)})")
        self.changed.emit()

    def _show_background(self) -> None:
        own = self.background.currentData() == "color"
        self.color.setVisible(own)
        self.color.setIcon(swatch(self._color))
        self.changed.emit()

    def _choose_color(self) -> None:
        dialog = QColorDialog(QColor.fromRgbF(*self._color), self)
        dialog.setObjectName("export_color_dialog")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setOption(QColorDialog.ColorDialogOption.DontUseNativeDialog)
        dialog.colorSelected.connect(self._use_color)
        dialog.open()

    def _use_color(self, color: QColor) -> None:
        self._color = (color.redF(), color.greenF(), color.blueF())
        self._show_background()
