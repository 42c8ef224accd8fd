"""Saving in the background, and telling what the file does not keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from app.ui.forms import text
from app.ui.save_as.choices import Choices, has_own_folder, save, size_words
from app.ui.theme import GRID
from scenes.registry import Cancel, Progress
from scenes.scene import Scene

if TYPE_CHECKING:
    from app.ui.shell import Shell

_WIDTH = 100 * GRID


def start_saving(shell: Shell, scene: Scene, choices: Choices) -> None:
    """Write the scene as a task; says at the end how large the file is and what it lacks."""
    file = choices.path

    def work(progress: Progress, cancel: Cancel) -> tuple[str, ...]:
        return save(scene, choices, progress, cancel)

    def done(lost: tuple[str, ...]) -> None:
        shell.opener.add_recent(file)
        shell.status(" ".join([saved_words(choices), *lost]))
        if lost:
            SavedNotice(shell.window, saved_words(choices), lost).show()

    shell.tasks.start(f"Saving {file.name}", work, done, shell.show_error)


def saved_words(choices: Choices) -> str:
    """What was written, and how large it became."""
    path = choices.path
    written = path.parent.iterdir() if has_own_folder(path) else [path]
    try:
        size = sum(file.stat().st_size for file in written)
    except OSError:
        return f"Saved {path.name}."
    return f"Saved {path.name}, {size_words(size)}."


class SavedNotice(QDialog):
    """Says what a file does not keep; stays until it is closed, and stops nothing."""

    def __init__(self, parent: QWidget | None, saved: str, lost: tuple[str, ...]) -> None:
        super().__init__(parent)
        self.setObjectName("saved_notice")
        self.setWindowTitle("Saved")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        layout.setSpacing(3 * GRID)
        layout.addWidget(text(saved, "title"))
        layout.addWidget(text("What the file does not keep:", "muted"))
        self.sentences = text("\n".join(f"•  {sentence}" for sentence in lost))
        self.sentences.setObjectName("saved_lost")
        self.sentences.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout.addWidget(self.sentences)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.close)
        layout.addWidget(buttons)
        self.setMinimumWidth(_WIDTH)
        self.resize(_WIDTH, layout.totalHeightForWidth(_WIDTH))
