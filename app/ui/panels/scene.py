"""The Scene panel: what is open, where it came from, which way is up."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QSize
from PyQt6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from app.ui import theme
from app.ui.forms import column, form, number, push, text, tool
from app.ui.records import PanelRecord
from app.ui.theme import GRID
from scenes.gaussians import GaussianScene

if TYPE_CHECKING:
    from app.ui.shell import Shell

_TRAINING = {"3dgs": "3D Gaussians", "mip": "Mip-Splatting", "2dgs": "2D Gaussians"}
_MOST_ROWS = 5
_FACTS = ("Format", "Splats", "Colour", "Trained as", "Size", "Memory", "File")


class ScenePanel(QWidget):
    """Open scenes and the facts of the current one; without any, ways to open one."""

    def __init__(self, shell: Shell) -> None:
        super().__init__()
        self.setObjectName("scene_panel")
        self.setAccessibleName("Scene")
        self._shell = shell
        self._stack = QStackedLayout(self)
        self._empty = _EmptyState(shell)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self._make_page())
        document = shell.document
        document.scenes_changed.connect(self._refresh)
        document.orientation_changed.connect(self._show_orientation)
        self._refresh()

    def _make_page(self) -> QWidget:
        page = QWidget()
        layout = column(page, 3)
        self.list = QListWidget()
        self.list.setObjectName("scene_list")
        self.list.setAccessibleName("Open scenes")
        self.list.setIconSize(QSize(4 * GRID, 4 * GRID))
        self.list.setToolTip("The scenes that are open; click one to look at it")
        self.list.currentRowChanged.connect(self._choose)
        layout.addWidget(self.list)
        buttons = QHBoxLayout()
        buttons.setSpacing(GRID)
        shell = self._shell
        buttons.addWidget(
            tool("scene_open", "open", "Open a file (Ctrl+O)", lambda: shell.run("file.open"))
        )
        buttons.addWidget(
            tool(
                "scene_close",
                "close",
                "Close the current scene (Ctrl+W)",
                lambda: shell.run("file.close_scene"),
            )
        )
        buttons.addStretch(1)
        layout.addLayout(buttons)
        facts = form()
        facts.setVerticalSpacing(GRID)
        self.facts: dict[str, QLabel] = {}
        for name in _FACTS:
            value = number(f"scene_{name.lower().replace(' ', '_')}")
            value.setAccessibleName(name)
            self.facts[name] = value
            facts.addRow(text(name, "muted"), value)
        self.orientation = QComboBox()
        self.orientation.setObjectName("scene_orientation")
        self.orientation.setAccessibleName("Orientation")
        self.orientation.setToolTip("Turns the scene on the screen; the file stays as it is")
        from scenes.transforms import ORIENTATIONS

        for key, orientation in ORIENTATIONS.items():
            self.orientation.addItem(orientation.title, key)
        self.orientation.activated.connect(
            lambda: shell.document.set_orientation(self.orientation.currentData())
        )
        facts.addRow(text("Up", "muted"), self.orientation)
        self.facts["Colour"].setToolTip(
            "Spherical harmonics: the higher the degree, the more the colour of a splat changes\n"
            "with the direction it is seen from"
        )
        layout.addLayout(facts)
        self.warnings = text(role="warn", name="scene_warnings")
        layout.addWidget(self.warnings)
        layout.addStretch(1)
        return page

    def _choose(self, row: int) -> None:
        if row >= 0:
            self._shell.document.select_scene(row)

    def _refresh(self) -> None:
        document = self._shell.document
        scene = document.scene
        self._stack.setCurrentIndex(0 if scene is None else 1)
        self._empty.refresh()
        self.list.blockSignals(True)
        self.list.clear()
        for each in document.scenes:
            item = QListWidgetItem(theme.icon("scene"), each.name)
            item.setToolTip(str(each.source or "made here, not from a file"))
            self.list.addItem(item)
        self.list.setCurrentRow(document.current)
        self.list.blockSignals(False)
        rows = min(max(len(document.scenes), 1), _MOST_ROWS)
        self.list.setFixedHeight(rows * self.list.sizeHintForRow(0) + 2 * self.list.frameWidth())
        if scene is not None:
            self._show_facts(scene)
        self._show_orientation()

    def _show_facts(self, scene: GaussianScene) -> None:
        for name, words in scene_facts(scene).items():
            self.facts[name].setText(words)
        self.facts["File"].setToolTip(str(scene.source or ""))
        self.warnings.setText("\n".join(scene.warnings))
        self.warnings.setVisible(bool(scene.warnings))

    def _show_orientation(self) -> None:
        index = self.orientation.findData(self._shell.document.orientation)
        self.orientation.setCurrentIndex(max(index, 0))


class _EmptyState(QWidget):
    """What to do while nothing is open."""

    def __init__(self, shell: Shell) -> None:
        super().__init__()
        self._shell = shell
        layout = column(self, 2)
        layout.addWidget(text("No scene is open", "title"))
        layout.addWidget(
            text("Drop a file on the window, or choose one. Splats from any trainer do.", "muted")
        )
        layout.addWidget(
            push(
                "empty_open",
                "Open…",
                "Open a file (Ctrl+O)",
                lambda: shell.run("file.open"),
                "open",
            )
        )
        from scenes.samples import SAMPLES

        self._samples = QVBoxLayout()
        layout.addWidget(text("Samples", "muted"))
        for name, sample in SAMPLES.items():
            self._samples.addWidget(
                push(
                    f"empty_sample_{name}",
                    sample.title,
                    "Make this scene; takes a moment",
                    partial(shell.opener.open_sample, name),
                    "scene",
                )
            )
        layout.addLayout(self._samples)
        self._recent_title = text("Recent files", "muted")
        layout.addWidget(self._recent_title)
        self._recent = QVBoxLayout()
        layout.addLayout(self._recent)
        layout.addStretch(1)

    def refresh(self) -> None:
        """Show the recent files of now."""
        while self._recent.count():
            item = self._recent.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.deleteLater()
        recent = self._shell.settings.recent_files[:5]
        self._recent_title.setVisible(bool(recent))
        for name in recent:
            path = Path(name)
            button = push("empty_recent", path.name, name, partial(self._shell.open_paths, [path]))
            self._recent.addWidget(button)


def scene_facts(scene: GaussianScene) -> dict[str, str]:
    """The facts of a scene in words, keyed by their labels."""
    low, high = scene.bounds
    extent = " × ".join(f"{side:.3g}" for side in (high - low))
    colour = "the same from all sides" if scene.sh_degree == 0 else f"SH degree {scene.sh_degree}"
    return {
        "Format": format_title(scene.format),
        "Splats": f"{scene.count:,}",
        "Colour": colour,
        "Trained as": _TRAINING.get(scene.training, scene.training),
        "Size": f"{extent} units",
        "Memory": f"{scene.nbytes / 1e6:,.1f} MB",
        "File": scene.source.name if scene.source else "made here",
    }


def format_title(name: str) -> str:
    """What a person calls a format."""
    from scenes.open import scene_formats

    if name in ("memory", "sample"):
        return "sample scene"
    return next((f.title for f in scene_formats() if f.name == name), name)


PANEL = PanelRecord("scene", "Scene", "left", ScenePanel, order=0)
