"""The Scene panel: what is open, where it came from, which way is up."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtWidgets import (
    QComboBox,
    QFormLayout,
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
from app.ui.reading import Rereader, levels_of
from app.ui.records import PanelRecord
from app.ui.scene_facts import MORE_FACTS, ignored, scene_facts
from app.ui.scene_fields import AxesField, FoldedList, LevelField
from app.ui.theme import GRID
from scenes.gaussians import GaussianScene
from scenes.scene import Scene

if TYPE_CHECKING:
    from app.ui.shell import Shell

_MOST_ROWS = 5
_TIPS = {
    "Colour": "Spherical harmonics: the higher the degree, the more the colour of a splat changes\n"
    "with the direction it is seen from",
    "Quantisation": "How finely the file stores its numbers",
    "Safe range": "How far the eye may move from the reference camera until layers come apart",
    "Made for": "The picture of the reference camera; near it the scene is right",
}


class ScenePanel(QWidget):
    """Open scenes and the facts of the current one; without any, ways to open one."""

    def __init__(self, shell: Shell) -> None:
        super().__init__()
        self.setObjectName("scene_panel")
        self.setAccessibleName("Scene")
        self._shell = shell
        self._rereader = Rereader(shell, self._refresh)
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
                "scene_save_as",
                "save",
                "Save the scene in this or another format (Ctrl+Shift+E)",
                lambda: shell.run("file.save_scene_as"),
            )
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
        layout.addLayout(self._make_rows())
        self.warnings = text(role="warn", name="scene_warnings")
        layout.addWidget(self.warnings)
        layout.addStretch(1)
        return page

    def _make_rows(self) -> QFormLayout:
        self.rows = form()
        self.rows.setVerticalSpacing(GRID)
        self.facts = {name: _fact(name) for name in ("Format", *MORE_FACTS)}
        self._of_kind: list[str] = []
        self.ignored = FoldedList("scene_ignored")
        self.level = LevelField()
        self.level.chosen.connect(self._rereader.open_level)
        self.axes = AxesField()
        self.axes.chosen.connect(self._rereader.read_axes)
        self.orientation = self._make_orientation()
        # What can be chosen stands where it is seen without scrolling.
        rows: dict[str, QWidget] = {"Format": self.facts["Format"]}
        rows |= {"Level of detail": self.level, "Axes in file": self.axes, "Up": self.orientation}
        rows |= {name: self.facts[name] for name in MORE_FACTS} | {"Not used": self.ignored}
        for name, field in rows.items():
            label = text(name, "muted")
            if isinstance(field, QLabel):
                field.setAccessibleName(name)
                label.setAlignment(Qt.AlignmentFlag.AlignTop)
            self.rows.addRow(label, field)
        return self.rows

    def _make_orientation(self) -> QComboBox:
        from scenes.transforms import ORIENTATIONS

        field = QComboBox()
        field.setObjectName("scene_orientation")
        field.setAccessibleName("Orientation")
        field.setToolTip("Turns the scene on the screen; the file stays as it is")
        for key, orientation in ORIENTATIONS.items():
            field.addItem(orientation.title, key)
        document = self._shell.document
        field.activated.connect(lambda: document.set_orientation(field.currentData()))
        return field

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

    def _show_facts(self, scene: Scene) -> None:
        self._make_rows_of_kind(scene)
        for name, words in scene_facts(scene).items():
            self.facts[name].setText(words)
            self.rows.setRowVisible(self.facts[name], bool(words))
        self.facts["File"].setToolTip(str(scene.source or ""))
        unused = ignored(scene)
        self.ignored.show_phrases(unused)
        self.rows.setRowVisible(self.ignored, bool(unused))
        levels = levels_of(scene)
        self.level.show_levels(levels, int(scene.metadata.get("level", 0)))
        self.rows.setRowVisible(self.level, bool(levels))
        splats = isinstance(scene, GaussianScene) and scene.source is not None
        if isinstance(scene, GaussianScene):
            self.axes.show_scene(scene)
        self.rows.setRowVisible(self.axes, splats)
        self.warnings.setText("\n".join(scene.warnings))
        self.warnings.setVisible(bool(scene.warnings))

    def _make_rows_of_kind(self, scene: Scene) -> None:
        """Rows for what there is to say of this kind of scene, below the format."""
        wanted = list(scene.facts())
        if wanted == self._of_kind:
            return
        for name in self._of_kind:
            self.rows.removeRow(self.facts.pop(name))
        for place, name in enumerate(wanted, start=1):
            field = self.facts[name] = _fact(name)
            field.setAccessibleName(name)
            label = text(name, "muted")
            label.setAlignment(Qt.AlignmentFlag.AlignTop)
            self.rows.insertRow(place, label, field)
        self._of_kind = wanted

    def _show_orientation(self) -> None:
        index = self.orientation.findData(self._shell.document.orientation)
        self.orientation.setCurrentIndex(max(index, 0))


def _fact(name: str) -> QLabel:
    field = number(f"scene_{name.lower().replace(' ', '_')}")
    field.setToolTip(_TIPS.get(name, ""))
    return field


class _EmptyState(QWidget):
    """What to do while nothing is open."""

    def __init__(self, shell: Shell) -> None:
        super().__init__()
        self._shell = shell
        layout = column(self, 2)
        layout.addWidget(text("No scene is open", "title"))
        layout.addWidget(
            text("Drop a file on the window, or choose one: splats, multiplane images.", "muted")
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
        from scenes.samples import sample_titles

        self._samples = QVBoxLayout()
        layout.addWidget(text("Samples", "muted"))
        for name, title in sample_titles().items():
            self._samples.addWidget(
                push(
                    f"empty_sample_{name}",
                    title,
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


PANEL = PanelRecord("scene", "Scene", "left", ScenePanel, order=0)
