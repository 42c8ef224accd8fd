"""The form: what to make a multiplane image from, and how."""

from __future__ import annotations

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QButtonGroup, QCheckBox, QHBoxLayout, QLabel, QPushButton, QWidget

from app.ui import files
from app.ui.export.fields import combo, joined
from app.ui.forms import form, text
from app.ui.making.fields import CountField, FileField, optional, real
from app.ui.making.recipe import (
    FEWEST,
    MOST,
    WIDEST,
    FromPair,
    FromPhoto,
    FromScene,
    Recipe,
    Values,
)
from app.ui.theme import GRID

SOURCES = {
    "photo": ("Photo and depth", "A photo and a file that says how far away each pixel is"),
    "pair": ("Stereo pair", "Two photos from places side by side; depth is found by matching"),
    "scene": ("Open scene", "What the canvas shows now, cut into planes"),
}
VALUES: dict[Values, str] = {
    "depth": "Depth in scene units",
    "stretched": "Depth, stretched to near and far",
    "disparity": "Disparity: large is near",
}
PHOTOS: files.Filter = ("Pictures", (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"))
DEPTHS: files.Filter = ("Depth maps", (".png", ".pfm", ".npy", ".npz", ".exr"))
_FARTHEST = 1e6


class MakeForm(QWidget):
    """Holds the choices; which scene and view there are it is told."""

    changed = pyqtSignal()
    """Any choice changed."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("make_form")
        self._seen = FromScene()
        self.rows = form()
        self.setLayout(self.rows)
        self._add_sources()
        self._add_photo()
        self._add_pair()
        self._add_scene()
        self._add_planes()
        self._add_camera()
        self._show_rows()

    # What was chosen ------------------------------------------------------------------------

    @property
    def source(self) -> str:
        """One of :data:`SOURCES`."""
        return next(name for name, button in self.buttons.items() if button.isChecked())

    @property
    def recipe(self) -> Recipe:
        """Everything that was chosen, as data."""
        count, fov = self.count.value, self.fov.value()
        if self.source == "scene":
            seen = self._seen
            return FromScene(seen.scene, seen.camera, count, seen.settings)
        if self.source == "pair":
            return FromPair(
                self.left.path,
                self.right.path,
                count,
                fov,
                self.focal.value() or None,
                self.baseline.value() or None,
            )
        return FromPhoto(
            self.photo.path,
            self.depth_map.path,
            count,
            fov,
            self.values.currentData(),
            self.near.value(),
            self.far.value(),
            self.tilted.isChecked(),
        )

    def set_seen(self, seen: FromScene) -> None:
        """Say which scene is open and how the canvas looks at it."""
        self._seen = seen
        tip = SOURCES["scene"][1]
        button = self.buttons["scene"]
        button.setEnabled(seen.scene is not None)
        button.setToolTip(tip if seen.scene else "There is no open scene to make it from")
        if seen.scene is not None and seen.camera is not None:
            size = f"{seen.camera.width} × {seen.camera.height}"
            self.view.setText(f"{seen.scene.name}, as the canvas looks at it now, {size}")
        else:
            self.view.setText("no scene is open")

    # Building -------------------------------------------------------------------------------

    def _add_sources(self) -> None:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        self.sources = QButtonGroup(self)
        self.buttons: dict[str, QPushButton] = {}
        for name, (title, tip) in SOURCES.items():
            button = QPushButton(title)
            button.setObjectName(f"make_from_{name}")
            button.setToolTip(tip)
            button.setCheckable(True)
            button.setAutoDefault(False)
            button.setProperty("segment", True)
            self.sources.addButton(button)
            self.buttons[name] = button
            row.addWidget(button, 1)
        self.buttons["photo"].setChecked(True)
        self.sources.buttonToggled.connect(self._on_source)
        self.rows.addRow(self._label("From"), box)

    def _add_photo(self) -> None:
        self.photo = FileField("make_photo", "Photo", "What the scene will look like", PHOTOS)
        self.depth_map = FileField(
            "make_depth",
            "Depth map",
            "As many pixels as the photo: PNG, PFM, npy, npz, EXR",
            DEPTHS,
        )
        self.values = combo("make_values", "Depth values", "What the numbers of the depth map mean")
        for name, title in VALUES.items():
            self.values.addItem(title, name)
        tip = "Depth of the nearest pixel, scene units"
        self.near = real("make_near", tip, "", 0.001, _FARTHEST, 1.0)
        tip = "Depth of the farthest pixel, scene units"
        self.far = real("make_far", tip, "", 0.001, _FARTHEST, 100.0)
        self.range = joined(self.near, _word("to"), self.far)
        for field in (self.photo, self.depth_map):
            field.changed.connect(self.changed)
        self.values.currentIndexChanged.connect(self._on_source)
        for number in (self.near, self.far):
            number.valueChanged.connect(self.changed)
        self.rows.addRow(self._label("Photo"), self.photo)
        self.rows.addRow(self._label("Depth map"), self.depth_map)
        self.rows.addRow(self._label("Values"), self.values)
        self.rows.addRow(self._label("Near, far"), self.range)

    def _add_pair(self) -> None:
        self.left = FileField("make_left", "Left photo", "What the scene will look like", PHOTOS)
        self.right = FileField(
            "make_right",
            "Right photo",
            "The same from farther right, rectified: equal rows",
            PHOTOS,
        )
        self.rows.addRow(self._label("Left photo"), self.left)
        self.rows.addRow(self._label("Right photo"), self.right)
        for field in (self.left, self.right):
            field.changed.connect(self.changed)

    def _add_scene(self) -> None:
        self.view = text(name="make_view")
        self.view.setAccessibleName("Scene and view")
        self.view.setToolTip("Move the canvas for another view; the preview follows")
        self.rows.addRow(self._label("View"), self.view)

    def _add_planes(self) -> None:
        tip = "Layers: more show finer steps of depth, and take more memory"
        self.count = CountField("make_layers", tip, FEWEST, MOST, 32)
        self.count.changed.connect(self.changed)
        self.rows.addRow(self._label("Layers"), self.count)
        self.tilted = QCheckBox("Structural (planes anywhere in space)")
        self.tilted.setObjectName("make_structural")
        self.tilted.setToolTip(
            "Walls, floors and tables become one slanted plane each;\n"
            "half of the layers stay parallel to the photo for the rest"
        )
        self.tilted.toggled.connect(lambda: self.changed.emit())
        self.rows.addRow("", self.tilted)

    def _add_camera(self) -> None:
        tip = "Field of view of the photo, from its left to its right border"
        self.fov = real("make_fov", tip, "°", 1.0, WIDEST, 60.0)
        tip = "Focal length in pixels of the photo, instead of the field of view"
        self.focal = optional("make_focal", tip, "px", _FARTHEST, "from the field of view")
        tip = "Distance between the two cameras, which sets the scale of the scene"
        self.baseline = optional("make_baseline", tip, "units", _FARTHEST, "one scene unit")
        self.focal.valueChanged.connect(lambda value: self.fov.setEnabled(not value))
        for number in (self.fov, self.focal, self.baseline):
            number.valueChanged.connect(self.changed)
        self.rows.addRow(self._label("Field of view"), self.fov)
        self.rows.addRow(self._label("Focal length"), self.focal)
        self.rows.addRow(self._label("Baseline"), self.baseline)

    def _label(self, words: str) -> QLabel:
        label = _word(words)
        # Labels of the same width in every source: fields keep their place.
        label.setMinimumWidth(22 * GRID)
        return label

    # Reacting -------------------------------------------------------------------------------

    def _on_source(self, *_: object) -> None:
        self._show_rows()
        self.changed.emit()

    def _show_rows(self) -> None:
        source = self.source
        photo, pair = source == "photo", source == "pair"
        for row in (self.photo, self.depth_map, self.values, self.tilted):
            self.rows.setRowVisible(row, photo)
        self.rows.setRowVisible(self.range, photo and self.values.currentData() != "depth")
        for field in (self.left, self.right, self.focal, self.baseline):
            self.rows.setRowVisible(field, pair)
        self.rows.setRowVisible(self.view, source == "scene")
        self.rows.setRowVisible(self.fov, photo or pair)
        self.fov.setEnabled(photo or not self.focal.value())


def _word(words: str) -> QLabel:
    label = text(words, "muted")
    label.setWordWrap(False)
    return label
