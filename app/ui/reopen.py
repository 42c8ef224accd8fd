"""Reading a scene's file again with other choices than the file suggests."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QPushButton, QVBoxLayout

from app.ui.forms import form, text
from app.ui.save_as.fields import option_field
from app.ui.theme import GRID
from scenes.registry import Cancel, Format, Progress
from scenes.scene import Scene

if TYPE_CHECKING:
    from app.ui.shell import Shell

_WIDTH = 100 * GRID


def format_of(scene: Scene | None) -> Format | None:
    """The format of a scene's file where it lets one choose something; None elsewhere."""
    from scenes.open import scene_formats

    if scene is None or scene.source is None:
        return None
    return next((f for f in scene_formats() if f.name == scene.format and f.read_options), None)


class ReopenDialog(QDialog):
    """A field for each thing that a format lets one choose when its files are read."""

    def __init__(self, shell: Shell, scene: Scene, format: Format) -> None:
        super().__init__(shell.window)
        self.setObjectName("reopen")
        self.setWindowTitle(f"Open {scene.name} again")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._shell, self._scene = shell, scene
        layout = QVBoxLayout(self)
        layout.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        layout.setSpacing(4 * GRID)
        layout.addWidget(text("What the file does not say, or says wrong:", "muted"))
        rows = form()
        self.values: dict[str, Callable[[], Any]] = {}
        for option in format.read_options:
            field, value = option_field(option, option.default, lambda: None)
            self.values[option.name] = value
            rows.addRow(text(option.title, "muted"), field)
            rows.addRow("", _hint(option.help))
        layout.addLayout(rows)
        buttons = QDialogButtonBox()
        self.open_again = QPushButton("Open again")
        self.open_again.setObjectName("reopen_open")
        self.open_again.setDefault(True)
        buttons.addButton(self.open_again, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self._open)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
        self.setMinimumWidth(_WIDTH)

    def _open(self) -> None:
        options = {name: value() for name, value in self.values.items()}
        self.accept()
        reopen(self._shell, self._scene, options)


def _hint(words: str) -> Any:
    hint = text(words, "muted")
    hint.setWordWrap(True)
    # Forms give a wrapped label the height of its preferred width, which is narrow by itself.
    hint.setMinimumWidth(70 * GRID)
    return hint


def reopen(shell: Shell, old: Scene, options: dict[str, Any]) -> None:
    """Read the file in the background; the scene takes the place of the old one, undoably."""
    source = old.source
    assert source is not None  # format_of has looked

    def work(progress: Progress, cancel: Cancel) -> Scene:
        from render.render import prepared
        from scenes.open import open_scene

        scene = open_scene(source, progress, cancel, **options)
        scene = prepared(scene, progress=progress, cancel=cancel)
        _ = scene.focus, scene.bounds  # computed here, where it may take its time
        return scene

    def done(new: Scene) -> None:
        for index, scene in enumerate(shell.document.scenes):
            if scene is old:
                shell.document.replace_scene(index, new, "Open with options", keep_view=False)
                return

    shell.tasks.start(f"Opening {old.name} again", work, done, shell.show_error)
