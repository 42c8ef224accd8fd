"""The Render panel: everything that changes pixels and is not the camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QSignalBlocker, Qt
from PyQt6.QtGui import QColor, QIcon, QPixmap, QStandardItemModel
from PyQt6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QColorDialog,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSlider,
    QWidget,
)

from app.ui import theme
from app.ui.forms import column, form, push, text
from app.ui.records import PanelRecord
from app.ui.theme import GRID
from kernels.backends import BACKENDS
from render.presets import PRESETS
from render.request import OUTPUTS, VIEWS, VIEWS_OF
from scenes.fields import FieldScene
from scenes.gaussians import GaussianScene
from scenes.planes import PlaneScene

if TYPE_CHECKING:
    from app.ui.shell import Shell

OUTPUT_TITLES = {
    "color": "Colour",
    "alpha": "Coverage",
    "depth": "Depth",
    "layer": "Layer",
    "normal": "Normals",
    "cost": "Cost",
}
OUTPUT_TIPS = {
    "color": "The picture",
    "alpha": "How much of each pixel is covered: white is all",
    "depth": "How far away it is: near is bright",
    "layer": "Which layer of a multiplane image shows most, each in its own colour",
    "normal": "Which way surfaces face: right is red, up is green, towards you is blue",
    "cost": "How often the field was asked for each pixel: bright is often",
}
SURFACE_TITLES = {"trace": "Sphere tracing", "neus": "Soft (NeuS weights)"}
SURFACE_TIPS = {
    "trace": "Each ray ends where it meets the surface",
    "neus": "The surface as a thin volume, as NeuS renders it",
}
BACKEND_TITLES = {
    "auto": "Automatic",
    "reference": "Reference (slow, exact)",
    "cpu": "Processor",
    "cuda": "Graphics card (CUDA)",
}
STORAGE_TITLES = {"fp32": "32 bits, as in the file", "fp16": "16 bits", "uint8": "8 bits"}
_SCALE_STEPS = 100


class RenderPanel(QWidget):
    """Widgets for :class:`~render.request.RenderSettings`; the document holds the truth."""

    def __init__(self, shell: Shell) -> None:
        super().__init__()
        self.setObjectName("rendering_panel")
        self.setAccessibleName("Render")
        self._shell = shell
        layout = column(self, 3)
        rows = self.rows = form()
        layout.addLayout(rows)
        rows.addRow(text("Shows", "muted"), self._make_output())
        self.preset = _combo("render_preset", "Preset", "Draw as another renderer would")
        for preset in PRESETS.values():
            self.preset.addItem(preset.title, preset.name)
        self.preset.activated.connect(lambda: self._set(preset=self.preset.currentData()))
        rows.addRow(text("Preset", "muted"), self.preset)
        self.about = text(role="muted", name="render_about")
        rows.addRow(self.about)
        self.degree = _combo(
            "render_degree",
            "SH degree",
            "How much the colour of a splat changes with the direction it is seen from",
        )
        self.degree.activated.connect(lambda: self._set(sh_degree=self.degree.currentData()))
        rows.addRow(text("SH degree", "muted"), self.degree)
        self.storage = _combo(
            "render_storage",
            "SH storage",
            "How exactly colour that changes with the direction is kept while drawing; a graphics"
            " card draws large scenes faster from fewer bits",
        )
        for name, title in STORAGE_TITLES.items():
            self.storage.addItem(title, name)
        self.storage.activated.connect(lambda: self._set(sh_storage=self.storage.currentData()))
        rows.addRow(text("SH storage", "muted"), self.storage)
        self.splat_size = self._make_scale()
        rows.addRow(text("Splat size", "muted"), self.splat_size)
        self.back_faces = QCheckBox("Show from behind")
        self.back_faces.setObjectName("render_back_faces")
        self.back_faces.setToolTip("Planes are one-sided unless this is on (Ctrl+Alt+B)")
        self.back_faces.clicked.connect(lambda on: self._set(back_faces=on))
        rows.addRow(text("Planes", "muted"), self.back_faces)
        self.skip_empty = QCheckBox("Skip where nothing is")
        self.skip_empty.setObjectName("render_skip_empty")
        self.skip_empty.setToolTip(
            "Samples only where there may be something; the picture is the same (Ctrl+Alt+E)"
        )
        self.skip_empty.clicked.connect(lambda on: self._set(skip_empty=on))
        rows.addRow(text("March", "muted"), self.skip_empty)
        self.surface = _combo("render_surface", "Surface", "How a distance field is drawn")
        for name, title in SURFACE_TITLES.items():
            self.surface.addItem(title, name)
        self.surface.activated.connect(
            lambda index: self._set(surface=self.surface.itemData(index))
        )
        rows.addRow(text("Surface", "muted"), self.surface)
        self.compare = push(
            "render_compare",
            "Compare…",
            "Render what the photo shows that the scene was made from (Ctrl+Alt+P)",
            lambda: shell.run("render.compare"),
        )
        rows.addRow(text("Photo", "muted"), self.compare)
        rows.addRow(text("Background", "muted"), self._make_background())
        self.backend = _combo("render_backend", "Backend", "What computes the picture")
        for name in ("auto", *BACKENDS):
            self.backend.addItem(BACKEND_TITLES[name], name)
        self.backend.activated.connect(lambda: self._set(backend=self.backend.currentData()))
        rows.addRow(text("Backend", "muted"), self.backend)
        layout.addWidget(
            push(
                "render_reset",
                "Reset",
                "Back to the default picture",
                lambda: shell.run("render.reset"),
                "reset",
            ),
            0,
            Qt.AlignmentFlag.AlignLeft,
        )
        layout.addStretch(1)
        shell.document.render_settings_changed.connect(self._refresh)
        shell.document.scenes_changed.connect(self._refresh)
        shell.driver.backends_known.connect(self._show_backends)
        theme.notifier.changed.connect(self._refresh)
        self._refresh()

    # Building -------------------------------------------------------------------------------

    def _make_output(self) -> QWidget:
        box = QWidget()
        grid = QGridLayout(box)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(GRID)
        self.outputs = QButtonGroup(self)
        for name in VIEWS:
            button = QPushButton(OUTPUT_TITLES[name])
            button.setObjectName(f"render_output_{name}")
            button.setToolTip(OUTPUT_TIPS[name])
            button.setCheckable(True)
            button.setProperty("name", name)
            button.setProperty("segment", True)
            self.outputs.addButton(button)
            # What there is of one kind of scene alone has a row of its own: five are too wide.
            own = next((names for names in VIEWS_OF.values() if name in names), OUTPUTS)
            grid.addWidget(button, int(own is not OUTPUTS), own.index(name))
        self.outputs.buttonClicked.connect(lambda button: self._set(output=button.property("name")))
        return box

    def _make_scale(self) -> QWidget:
        box = QWidget()
        row = _row(box)
        tip = "Factor on the size of every splat; small shows where their centres are"
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setObjectName("render_scale_slider")
        self.slider.setAccessibleName("Splat size")
        self.slider.setToolTip(tip)
        self.slider.setRange(1, 2 * _SCALE_STEPS)
        self.slider.valueChanged.connect(lambda v: self._set(splat_scale=v / _SCALE_STEPS))
        self.scale = QDoubleSpinBox()
        self.scale.setObjectName("render_scale")
        self.scale.setAccessibleName("Splat size")
        self.scale.setToolTip(tip)
        self.scale.setRange(0.01, 4.0)
        self.scale.setSingleStep(0.05)
        self.scale.setDecimals(2)
        self.scale.setSuffix(" ×")
        theme.tabular(self.scale)
        self.scale.valueChanged.connect(lambda v: self._set(splat_scale=round(v, 2)))
        row.addWidget(self.slider, 1)
        row.addWidget(self.scale)
        return box

    def _make_background(self) -> QWidget:
        box = QWidget()
        row = _row(box)
        self.color = push(
            "render_background", "", "Choose the colour behind the scene", self._choose_color
        )
        self.color.setAccessibleName("Background colour")
        self.transparent = QCheckBox("Transparent")
        self.transparent.setObjectName("render_transparent")
        self.transparent.setToolTip("No background: a chequerboard shows through")
        self.transparent.clicked.connect(self._toggle_transparent)
        row.addWidget(self.color)
        row.addWidget(self.transparent)
        row.addStretch(1)
        return box

    # Changing -------------------------------------------------------------------------------

    def _set(self, **changes: object) -> None:
        self._shell.document.set_render_settings(**changes)

    def _choose_color(self) -> None:
        present = self._shell.document.render_settings.background or (0.0, 0.0, 0.0)
        dialog = QColorDialog(QColor.fromRgbF(*present), self)
        dialog.setObjectName("background_dialog")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setOption(QColorDialog.ColorDialogOption.DontUseNativeDialog)
        dialog.colorSelected.connect(
            lambda color: self._set(background=(color.redF(), color.greenF(), color.blueF()))
        )
        dialog.open()

    def _toggle_transparent(self, on: bool) -> None:
        self._set(background=None if on else (0.0, 0.0, 0.0))

    # Keeping up -----------------------------------------------------------------------------

    def _refresh(self) -> None:
        settings = self._shell.document.render_settings
        self._show_rows_of_kind()
        combos = (self.preset, self.degree, self.storage, self.backend, self.surface)
        widgets = (*combos, self.slider, self.scale)
        blocks = [QSignalBlocker(widget) for widget in widgets]
        for button in self.outputs.buttons():
            button.setChecked(button.property("name") == settings.output)
        self.preset.setCurrentIndex(self.preset.findData(settings.preset))
        self.about.setText(PRESETS[settings.preset].description)
        self._fill_degrees(settings.sh_degree)
        self.storage.setCurrentIndex(self.storage.findData(settings.sh_storage))
        self.back_faces.setChecked(settings.back_faces)
        self.skip_empty.setChecked(settings.skip_empty)
        self.surface.setCurrentIndex(self.surface.findData(settings.surface))
        self.slider.setValue(round(settings.splat_scale * _SCALE_STEPS))
        self.scale.setValue(settings.splat_scale)
        self.transparent.setChecked(settings.background is None)
        self.color.setEnabled(settings.background is not None)
        self.color.setIcon(_swatch(settings.background))
        self.backend.setCurrentIndex(self.backend.findData(settings.backend))
        for block in blocks:
            block.unblock()

    def _show_rows_of_kind(self) -> None:
        """What there is to choose of this kind of scene; of splats where none is open."""
        scene = self._shell.document.scene
        planes = isinstance(scene, PlaneScene)
        splats = scene is None or isinstance(scene, GaussianScene)
        for field in (self.preset, self.about, self.degree, self.splat_size):
            self.rows.setRowVisible(field, splats)
        self.rows.setRowVisible(self.storage, splats and self._storage_matters())
        self.rows.setRowVisible(self.back_faces, planes)
        has_photo = isinstance(scene, PlaneScene) and scene.photo is not None
        self.rows.setRowVisible(self.compare, has_photo)
        form = scene.model.form if isinstance(scene, FieldScene) else ""
        self.rows.setRowVisible(self.skip_empty, form in ("radiance", "volume"))
        self.rows.setRowVisible(self.surface, form == "distance")
        shown = OUTPUTS + VIEWS_OF.get("" if scene is None else scene.kind, ())
        for button in self.outputs.buttons():
            button.setVisible(button.property("name") in shown)

    def _fill_degrees(self, chosen: int | None) -> None:
        scene = self._shell.document.scene
        highest = scene.sh_degree if isinstance(scene, GaussianScene) else 3
        self.degree.clear()
        self.degree.addItem(f"All ({highest})", None)
        for degree in range(highest):
            self.degree.addItem("0 (none)" if degree == 0 else str(degree), degree)
        index = 0 if chosen is None or chosen >= highest else chosen + 1
        self.degree.setCurrentIndex(index)
        self.degree.setEnabled(highest > 0)

    def _storage_matters(self) -> bool:
        """Whether a device gains from fewer bits, or fewer have been chosen elsewhere."""
        ready, _ = self._shell.driver.backends.get("cuda", (False, ""))
        return ready or self._shell.document.render_settings.sh_storage != "fp32"

    def _show_backends(self, known: dict[str, tuple[bool, str]]) -> None:
        model = self.backend.model()
        assert isinstance(model, QStandardItemModel)
        for name, (ready, reason) in known.items():
            item = model.item(self.backend.findData(name))
            if item is not None:
                item.setEnabled(ready)
                item.setToolTip(reason if ready else f"Not here: {reason}")
        self._show_rows_of_kind()


def _row(box: QWidget) -> QHBoxLayout:
    row = QHBoxLayout(box)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(GRID)
    return row


def _combo(name: str, title: str, tip: str) -> QComboBox:
    combo = QComboBox()
    combo.setObjectName(name)
    combo.setAccessibleName(title)
    combo.setToolTip(tip)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(8)
    return combo


def _swatch(color: tuple[float, float, float] | None) -> QIcon:
    pixmap = QPixmap(6 * GRID, 4 * GRID)
    pixmap.fill(QColor.fromRgbF(*color) if color is not None else theme.current().line)
    return QIcon(pixmap)


PANEL = PanelRecord("rendering", "Render", "right", RenderPanel, order=0)
