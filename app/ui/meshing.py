"""The dialog in which the surface of a neural field becomes a mesh."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
)

from app.ui import files
from app.ui.forms import form, text
from app.ui.theme import GRID
from scenes.fields import FieldScene
from scenes.registry import Cancel, Progress

if TYPE_CHECKING:
    from app.ui.shell import Shell

_WIDTH = 100 * GRID
_FINEST = 1024
_USUAL = 256
KINDS: list[files.Filter] = [
    ("PLY mesh", (".ply",)),
    ("Wavefront OBJ", (".obj",)),
    ("STL", (".stl",)),
]


class MeshDialog(QDialog):
    """How fine the mesh is, and for a field of density where its surface lies."""

    def __init__(self, shell: Shell, scene: FieldScene) -> None:
        super().__init__(shell.window)
        self.setObjectName("save_mesh")
        self.setWindowTitle(f"Save the surface of {scene.name} as mesh")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._shell, self._scene = shell, scene
        layout = QVBoxLayout(self)
        layout.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        layout.setSpacing(4 * GRID)
        rows = form()
        self.resolution = QSpinBox()
        self.resolution.setObjectName("mesh_resolution")
        self.resolution.setRange(16, _FINEST)
        self.resolution.setValue(_USUAL)
        self.resolution.setToolTip("Cells of the grid along the longest side of the box")
        rows.addRow(text("Cells", "muted"), self.resolution)
        self.threshold = QDoubleSpinBox()
        self.threshold.setObjectName("mesh_density")
        self.threshold.setDecimals(2)
        self.threshold.setRange(0.01, 1e6)
        self.own = QCheckBox("Surface at a density of")
        self.own.setObjectName("mesh_own_density")
        self.own.setToolTip(
            "Unless this is on, where a hundredth of the box hides half of the light"
        )
        self.threshold.setEnabled(False)
        self.own.toggled.connect(self.threshold.setEnabled)
        if scene.model.form != "distance":
            rows.addRow(self.own, self.threshold)
            diagonal = float(((scene.upper - scene.lower) ** 2).sum() ** 0.5)
            self.threshold.setValue(69.3 / diagonal)
        layout.addLayout(rows)
        words = text("Triangles by marching cubes; each vertex lies on the surface.", "muted")
        words.setMinimumWidth(70 * GRID)
        layout.addWidget(words)
        buttons = QDialogButtonBox()
        self.save = QPushButton("Save…")
        self.save.setObjectName("mesh_save")
        self.save.setDefault(True)
        buttons.addButton(self.save, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self._save)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
        self.setMinimumWidth(_WIDTH)

    def _save(self) -> None:
        file = files.ask_save(self, "Save mesh", KINDS, f"{self._scene.name}.ply")
        if file is None:
            return
        threshold = self.threshold.value() if self.own.isChecked() else None
        self.accept()
        save_mesh(self._shell, self._scene, file, self.resolution.value(), threshold)


def save_mesh(
    shell: Shell, scene: FieldScene, file: Path, resolution: int, threshold: float | None
) -> None:
    """Extract and write in the background."""

    def work(progress: Progress, cancel: Cancel) -> int:
        from render.fields.mesh import extract
        from scenes.meshes import write_mesh

        mesh = extract(scene, resolution, threshold, "cpu", progress, cancel)
        write_mesh(mesh, file, progress, cancel)
        return len(mesh.faces)

    def done(count: int) -> None:
        shell.status(f"Saved {file.name}: {count:,} triangles")

    shell.tasks.start(f"Saving {file.name}", work, done, shell.show_error)
