"""The form: what to fit a neural field to, and how."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QStandardItemModel
from PyQt6.QtWidgets import QButtonGroup, QComboBox, QHBoxLayout, QLabel, QPushButton, QWidget

from app.ui import files
from app.ui.export.fields import combo, joined, spin
from app.ui.fitting.plan import (
    ENCODINGS,
    SIZES,
    WHAT,
    FitPlan,
    What,
    encoding_reason,
    what_reason,
)
from app.ui.forms import form, text
from app.ui.making.fields import FileField, real
from app.ui.making.form import PHOTOS
from app.ui.theme import GRID
from scenes.fields import FieldScene
from scenes.scene import Scene

MESHES: files.Filter = ("Meshes", (".obj", ".ply"))
CAMERAS: files.Filter = (
    "Cameras with photos",
    (".json", "images.bin", "images.txt", "poses_bounds.npy"),
)
SOURCES: dict[What, tuple[str, str, files.Filter]] = {
    "image": ("Picture", "The picture that is fitted", PHOTOS),
    "distance": ("Mesh", "The mesh whose distance is fitted, .obj or .ply", MESHES),
    "radiance": (
        "Cameras",
        "Cameras whose photos lie beside them: transforms.json, images.bin or images.txt of\n"
        "COLMAP, poses_bounds.npy, cameras.json",
        CAMERAS,
    ),
}
SHRINKING = {1: "Full size", 2: "Half", 4: "A quarter", 8: "An eighth"}
LIMITS = ("seconds", "steps")
DEVICES = {"auto": "Automatic", "cpu": "Processor", "cuda": "CUDA"}
_LONGEST = 1e6
_LARGEST_SEED = 2**31 - 1


class FitForm(QWidget):
    """Holds the choices; which scene is open it is told."""

    changed = pyqtSignal()
    """Any choice changed."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("fit_form")
        self._scene: Scene | None = None
        self.rows = form()
        self.setLayout(self.rows)
        self._add_what()
        self._add_sources()
        self._add_field()
        self._add_end()
        self._show_choices()

    # What was chosen ------------------------------------------------------------------------

    @property
    def what(self) -> What:
        """One of :data:`WHAT`."""
        return next(name for name, button in self.buttons.items() if button.isChecked())

    @property
    def plan(self) -> FitPlan:
        """Everything that was chosen, as data."""
        what = self.what
        by_steps = self.unit.currentData() == "steps"
        return FitPlan(
            what,
            self.files[what].path if what in self.files else None,
            self._scene if isinstance(self._scene, FieldScene) and what == "distil" else None,
            self.encoding.currentData(),
            self.size_field.currentData(),
            max(1, round(self.limit.value())) if by_steps else None,
            None if by_steps else self.limit.value(),
            self.seed.value(),
            self.device.currentData(),
            self.shrink.currentData() if what == "radiance" else 1,
        )

    def choose(self, what: What, path: Path | None = None) -> None:
        """Say what to fit, and to which file."""
        if path is not None:
            self.files[what].choose(path)
        self.buttons[what].setChecked(True)

    def set_scene(self, scene: Scene | None) -> None:
        """Say which scene is open."""
        self._scene = scene
        for what, button in self.buttons.items():
            reason = what_reason(what, scene)
            button.setEnabled(not reason)
            button.setToolTip(reason or WHAT[what][1])
        self.teacher.setText(scene.name if isinstance(scene, FieldScene) else "none is open")
        self._show_choices()

    def offer_devices(self, known: Mapping[str, tuple[bool, str]]) -> None:
        """Say which backends run here; until then, CUDA is not offered."""
        there, words = known.get("cuda", (False, "still being looked for"))
        _enable(self.device, "cuda", "" if there else f"Not here: {words}", words)

    # Building -------------------------------------------------------------------------------

    def _add_what(self) -> None:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        self._group = QButtonGroup(self)
        self.buttons: dict[What, QPushButton] = {}
        for name, (title, tip) in WHAT.items():
            button = QPushButton(title)
            button.setObjectName(f"fit_{name}")
            button.setToolTip(tip)
            button.setCheckable(True)
            button.setAutoDefault(False)
            button.setProperty("segment", True)
            self._group.addButton(button)
            self.buttons[name] = button
            row.addWidget(button, 1)
        self.buttons["image"].setChecked(True)
        self._group.buttonToggled.connect(self._on_choice)
        self.rows.addRow(_label("Fit"), box)

    def _add_sources(self) -> None:
        self.files: dict[What, FileField] = {}
        for what, (title, words, kinds) in SOURCES.items():
            field = FileField(f"fit_{what}_file", title, words, kinds)
            field.changed.connect(self.changed)
            self.files[what] = field
            self.rows.addRow(_label(title), field)
        self.teacher = text(name="fit_teacher")
        self.teacher.setAccessibleName("Teacher")
        self.teacher.setToolTip("The open field; the preview follows the view of the canvas")
        self.rows.addRow(_label("Teacher"), self.teacher)
        self.shrink = combo("fit_shrink", "Size of the photos", "Smaller photos take less memory")
        for times, title in SHRINKING.items():
            self.shrink.addItem(title, times)
        self.shrink.currentIndexChanged.connect(self._on_choice)
        self.rows.addRow(_label("Photos"), self.shrink)

    def _add_field(self) -> None:
        self.encoding = combo("fit_encoding", "Encoding", "How places are told to the network")
        _fill(self.encoding, ENCODINGS)
        self.size_field = combo("fit_size", "Size", "How many parameters the field has")
        _fill(self.size_field, SIZES)
        self.size_field.setCurrentIndex(self.size_field.findData("base"))
        for field in (self.encoding, self.size_field):
            field.currentIndexChanged.connect(self._on_choice)
        self.about = text(role="muted", name="fit_about")
        # Forms give a wrapped label the height of its preferred width, which is narrow by itself.
        self.about.setMinimumWidth(70 * GRID)
        self.rows.addRow(_label("Encoding"), self.encoding)
        self.rows.addRow("", self.about)
        self.rows.addRow(_label("Size"), self.size_field)

    def _add_end(self) -> None:
        self.limit = real("fit_limit", "How long it is fitted", "", 1.0, _LONGEST, 60.0)
        self.unit = combo("fit_unit", "Unit", "End after seconds, or after steps")
        for name in LIMITS:
            self.unit.addItem(name, name)
        self.seed = spin("fit_seed", "Seed: the same gives the same field", 0, _LARGEST_SEED)
        self.seed.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.device = combo("fit_device", "Device", "What computes the steps")
        for name, title in DEVICES.items():
            self.device.addItem(title, name)
        self.limit.valueChanged.connect(self._on_choice)
        self.seed.valueChanged.connect(self._on_choice)
        for field in (self.unit, self.device):
            field.currentIndexChanged.connect(self._on_choice)
        self.rows.addRow(_label("For"), joined(self.limit, self.unit))
        self.rows.addRow(_label("Seed"), self.seed)
        self.rows.addRow(_label("Device"), self.device)

    # Reacting -------------------------------------------------------------------------------

    def _on_choice(self, *_: object) -> None:
        self._show_choices()
        self.changed.emit()

    def _show_choices(self) -> None:
        what = self.what
        for source, field in self.files.items():
            self.rows.setRowVisible(field, source == what)
        self.rows.setRowVisible(self.teacher, what == "distil")
        self.rows.setRowVisible(self.shrink, what == "radiance")
        self.about.setText(f"{ENCODINGS[self.encoding.currentData()][1]}.")
        form = self.plan.form
        for name, (_, tip) in ENCODINGS.items():
            _enable(self.encoding, name, encoding_reason(form, name), tip)


def _fill(field: QComboBox, choices: dict[str, tuple[str, str]]) -> None:
    for name, (title, tip) in choices.items():
        field.addItem(title, name)
        field.setItemData(field.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)


def _enable(field: QComboBox, name: str, reason: str, tip: str) -> None:
    """Offer a choice, or say why it is not offered."""
    index = field.findData(name)
    model = field.model()
    assert isinstance(model, QStandardItemModel)
    item = model.item(index)
    assert item is not None
    item.setEnabled(not reason)
    field.setItemData(index, reason or tip, Qt.ItemDataRole.ToolTipRole)


def _label(words: str) -> QLabel:
    label = text(words, "muted")
    label.setWordWrap(False)
    # Labels of the same width whatever is fitted: fields keep their place.
    label.setMinimumWidth(18 * GRID)
    return label
