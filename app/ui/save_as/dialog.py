"""The dialog in which a person chooses how a scene is saved."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QSignalBlocker, Qt
from PyQt6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.ui import files
from app.ui.export.fields import combo, joined
from app.ui.forms import form, number, text, tool
from app.ui.save_as import memory
from app.ui.save_as.choices import (
    Choices,
    keeps,
    outer_folder,
    suggested,
    with_ending,
    writable,
)
from app.ui.save_as.estimator import Estimator
from app.ui.save_as.fields import count_field, option_field
from app.ui.save_as.task import start_saving
from app.ui.theme import GRID
from scenes.gaussians import GaussianScene
from scenes.registry import Format
from scenes.scene import Scene

if TYPE_CHECKING:
    from app.ui.shell import Shell

_WIDTH = 120 * GRID


class SaveAsDialog(QDialog):
    """Format, place, the format's own options, and how much of the scene to keep."""

    def __init__(self, shell: Shell, scene: Scene) -> None:
        super().__init__(shell.window)
        self.setObjectName("save_as")
        self.setWindowTitle(f"Save {scene.name} as")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._shell = shell
        self._scene = scene
        self._formats = writable(scene.kind)
        self._options: dict[str, Callable[[], Any]] = {}
        self._option_fields: list[QWidget] = []
        self._agreed: Path | None = None
        self._suggested = ""
        self._estimator = Estimator(scene, self)
        self._estimator.answered.connect(self._show_size)
        self.finished.connect(self._estimator.close)
        self.rows = form()
        self._add_format()
        self._add_place()
        self._first_option = self.rows.rowCount()
        self._add_reduction()
        self._add_estimate()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        self._column.setSpacing(4 * GRID)
        self._column.addLayout(self.rows)
        self._column.addStretch(1)
        self._column.addWidget(self._buttons())
        self.setMinimumWidth(_WIDTH)
        self.resize(_WIDTH, 0)
        with QSignalBlocker(self.format), QSignalBlocker(self.place):
            self.format.setCurrentIndex(self._formats.index(memory.last_format(self._formats)))
        self._on_format()
        self.place.setFocus()

    # What was chosen ------------------------------------------------------------------------

    @property
    def chosen_format(self) -> Format:
        """The kind of file."""
        return self._formats[self.format.currentIndex()]

    @property
    def choices(self) -> Choices:
        """Everything that was chosen, as data."""
        whole = self._scene.count
        return Choices(
            self.chosen_format,
            with_ending(self._typed, self.chosen_format, self._formats),
            {name: value() for name, value in self._options.items()},
            self.degree.currentData() or 0,
            self.count.value() if self.reduce.isChecked() else whole,
        )

    @property
    def _typed(self) -> Path:
        return Path(os.path.expanduser(self.place.text().strip())).absolute()

    @property
    def problem(self) -> str:
        """Why this cannot be saved; empty when it can."""
        words = self.place.text().strip()
        if not words or words.endswith(("/", "\\")):
            return "Give the file a name."
        folder = outer_folder(self.choices.path)
        if not folder.is_dir():
            return f"There is no folder {folder}."
        return ""

    # Building -------------------------------------------------------------------------------

    def _add_format(self) -> None:
        self.format = combo("save_as_format", "Format", "Kind of file")
        for format in self._formats:
            self.format.addItem(f"{format.title} ({format.extensions[0]})", format.name)
        self.format.currentIndexChanged.connect(self._on_format)
        self.keeps = text(role="muted", name="save_as_keeps")
        # Forms give a wrapped label the height of its preferred width, which is narrow by itself.
        self.keeps.setMinimumWidth(80 * GRID)
        self.rows.addRow(text("Format", "muted"), self.format)
        self.rows.addRow("", self.keeps)

    def _add_place(self) -> None:
        self.place = QLineEdit()
        self.place.setObjectName("save_as_place")
        self.place.setAccessibleName("File")
        self.place.setMinimumHeight(6 * GRID)
        self.place.textChanged.connect(self._show_problem)
        self.place.editingFinished.connect(self._end_name)
        browse = tool("save_as_browse", "folder", "Choose the place", self._browse)
        self.rows.addRow(text("File", "muted"), joined(self.place, browse))

    def _add_reduction(self) -> None:
        whole = self._scene
        self.degree = combo(
            "save_as_degree",
            "Colour",
            "Spherical harmonics: the higher the degree, the more the colour of a splat changes\n"
            "with the direction it is seen from, and the larger the file",
        )
        self.degree.currentIndexChanged.connect(self._ask_size)
        self.rows.addRow(text("Colour", "muted"), self.degree)
        self.reduce = QCheckBox("reduce to")
        self.reduce.setObjectName("save_as_reduce")
        self.reduce.setToolTip("Keep fewer splats, merged so that the scene looks much the same")
        self.reduce.setEnabled(whole.count > 1)
        self.count = count_field("save_as_count", "Number of splats to keep", whole.count)
        self.count.setValue(max(1, whole.count // 2))
        self.count.setEnabled(False)
        self.reduce.toggled.connect(self.count.setEnabled)
        self.reduce.toggled.connect(self._ask_size)
        self.count.valueChanged.connect(self._ask_size)
        of = text(f"of {whole.count:,}", "muted")
        of.setWordWrap(False)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addWidget(self.reduce)
        row.addWidget(self.count, 1)
        row.addWidget(of)
        self.rows.addRow(text("Splats", "muted"), row)
        for field in (self.degree, row):
            self.rows.setRowVisible(field, isinstance(whole, GaussianScene))

    def _add_estimate(self) -> None:
        self.estimate = number("save_as_estimate")
        self.estimate.setAccessibleName("Size of the file")
        self.rows.addRow(text("Size", "muted"), self.estimate)
        self.trouble = text(role="bad", name="save_as_problem")
        self.rows.addRow(self.trouble)

    def _buttons(self) -> QDialogButtonBox:
        buttons = QDialogButtonBox()
        self.save = QPushButton("Save")
        self.save.setObjectName("save_as_save")
        buttons.addButton(self.save, QDialogButtonBox.ButtonRole.AcceptRole)
        self.save.setDefault(True)
        cancel = buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        assert cancel is not None
        cancel.setObjectName("save_as_cancel")
        buttons.accepted.connect(self._save)
        buttons.rejected.connect(self.reject)
        return buttons

    # Reacting -------------------------------------------------------------------------------

    def _on_format(self) -> None:
        format = self.chosen_format
        self._fill_degrees()
        self.keeps.setText(keeps(format))
        for field in self._option_fields:
            self.rows.removeRow(field)
        self._options, self._option_fields = {}, []
        values = memory.last_options(format)
        for row, option in enumerate(format.write_options, self._first_option):
            label = text(option.title, "muted")
            field, value = option_field(option, values[option.name], self._ask_size)
            self.rows.insertRow(row, label, field)
            # In a dialog that is already seen, new widgets count only once they are shown.
            label.show()
            field.show()
            self._options[option.name] = value
            self._option_fields.append(field)
        self._name_file()
        self._show_problem()
        self._ask_size()
        self._fit()

    def _fill_degrees(self) -> None:
        """Offer what both the scene and the format have; keep the choice where it is offered."""
        if not isinstance(self._scene, GaussianScene):
            return
        own, most = self._scene.sh_degree, self.chosen_format.sh_degree
        kept = self.degree.currentData()
        with QSignalBlocker(self.degree):
            self.degree.clear()
            for degree in range(min(own, most), -1, -1):
                words = f"SH degree {degree}" if degree else "the same from all sides"
                if degree == own:
                    words += ", as it is"
                elif degree == most:
                    words += ", the most of this format"
                self.degree.addItem(words, degree)
            self.degree.setCurrentIndex(max(self.degree.findData(kept), 0))

    def _name_file(self) -> None:
        """Suggest a name that fits the format, or give that of the person its ending."""
        if self.place.text() == self._suggested:
            path = suggested(self._scene, self.chosen_format, memory.last_folder())
            self._suggested = str(path)
            self.place.setText(self._suggested)
        else:
            self._end_name()

    def _end_name(self) -> None:
        """Give the name the ending of the format."""
        if self.place.text().strip() and not self.problem:
            path = self.choices.path
            if str(path) != self.place.text():
                self.place.setText(str(path))

    def _ask_size(self) -> None:
        self._estimator.ask(self.choices)

    def _show_size(self, words: str) -> None:
        self.estimate.setText(words or "not known beforehand")

    def _show_problem(self) -> None:
        problem = self.problem
        self.trouble.setText(problem)
        if self.rows.isRowVisible(self.trouble) != bool(problem):
            self.rows.setRowVisible(self.trouble, bool(problem))
            self._fit()
        self.place.setToolTip(self.place.text())
        self.save.setEnabled(not problem)

    def _fit(self) -> None:
        """Be as high as the rows are at this width."""
        self._column.activate()
        self.resize(self.width(), self._column.totalHeightForWidth(self.width()))

    def _browse(self) -> None:
        format = self.chosen_format
        path = files.ask_save(
            self, "Save scene", [(format.title, format.extensions)], self.place.text()
        )
        if path is not None:
            self._agreed = with_ending(path, format, self._formats)
            self.place.setText(str(self._agreed))

    def _save(self) -> None:
        self._end_name()
        choices = self.choices
        if self.problem or not self._may_write(choices.path):
            return
        memory.remember(choices)
        self.accept()
        start_saving(self._shell, self._scene, choices)

    def _may_write(self, path: Path) -> bool:
        """Whether nothing is lost, or the person agrees to lose it."""
        if path == self._agreed or not path.exists():
            return True
        return ask_replace(self, path, path == self._scene.source)


def ask_replace(parent: QWidget | None, path: Path, is_source: bool) -> bool:
    """Ask whether a file may be replaced; tests answer for the person."""
    box = QMessageBox(parent)
    box.setObjectName("replace")
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle("Replace file")
    box.setText(f"{path.name} is already there. Replace it?")
    if is_source:
        box.setInformativeText("It is the file that this scene was opened from.")
    replace = box.addButton("Replace", QMessageBox.ButtonRole.DestructiveRole)
    keep = box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(keep)
    box.exec()
    agreed = box.clickedButton() is replace
    box.deleteLater()
    return agreed
