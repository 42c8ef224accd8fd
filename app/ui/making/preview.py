"""The preview beside the form: made in the background, swaying, with what is to be said of it."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtGui import QHideEvent, QShowEvent
from PyQt6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from app.ui.errors import sentence
from app.ui.forms import number, text
from app.ui.making.recipe import Recipe
from app.ui.making.stage import Stage
from app.ui.making.worker import Preview, State, Worker
from app.ui.theme import GRID
from scenes.sway import swayed

if TYPE_CHECKING:
    from app.ui.shell import Shell

FRAME_MS = 100
"""Ten pictures a second; numbers move no faster."""
DELAY_MS = 300
"""Rest after the last change before a preview is begun."""


class PreviewPane(QWidget):
    """Picture, and below it how far the work is, what came of it, or why nothing did."""

    def __init__(self, shell: Shell) -> None:
        super().__init__()
        self._shell = shell
        self._worker = Worker()
        self._recipe: Recipe | None = None
        self._shown = State()
        self._note = ""
        self._since = time.monotonic()
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(DELAY_MS)
        self._delay.timeout.connect(self._ask)
        self._frames = QTimer(self)
        self._frames.setInterval(FRAME_MS)
        self._frames.timeout.connect(self._on_frame)
        self.stage = Stage()
        self.facts = number("make_facts")
        self.facts.setAccessibleName("About the preview")
        self.facts.setToolTip(
            "How like the photo (or the view) the planes are from the same place:\n"
            "above 35 dB of peak signal-to-noise ratio the eye hardly tells them apart"
        )
        self.trouble = text(role="bad", name="make_problem")
        for label in (self.facts, self.trouble):
            label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        # One place for both, with room for two lines, so that nothing moves.
        self._lines = QStackedWidget()
        self._lines.addWidget(self.facts)
        self._lines.addWidget(self.trouble)
        self._lines.setFixedHeight(10 * GRID)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2 * GRID)
        column.addWidget(self.stage, 1)
        column.addWidget(self._lines)
        shell.settings_changed.connect(self._run)

    # What is shown --------------------------------------------------------------------------

    def show_recipe(self, recipe: Recipe) -> None:
        """Make a preview soon; what was begun for another recipe is dropped."""
        self._recipe = recipe
        if recipe.missing or recipe.problem:
            self._delay.stop()
            self._worker.forget()
            self._shown = self._worker.state
            self.stage.say(recipe.missing)
            self._say(problem=recipe.problem)
            return
        self._worker.drop()
        self._delay.start()
        self._run()

    def note(self, words: str) -> None:
        """Say something instead of the facts; empty ends that."""
        self._note = words
        self._tell()

    def close_down(self) -> None:
        """Stop everything, without waiting."""
        self._delay.stop()
        self._frames.stop()
        self._worker.close()

    @property
    def still(self) -> bool:
        """Whether the picture must not move."""
        return self._shell.settings.reduced_motion

    # Working --------------------------------------------------------------------------------

    def _ask(self) -> None:
        if self._recipe is not None:
            self._worker.ask(self._recipe)
            self._run()

    def _run(self) -> None:
        """Look for news and sway, as long as someone sees it."""
        if self.isVisible() and not self._frames.isActive():
            self._frames.start()
            self._on_frame()

    def _on_frame(self) -> None:
        state = self._worker.state
        if state is not self._shown:
            self._show(state)
        waiting = state.busy or self._delay.isActive()
        preview = state.preview
        if preview is not None and not state.busy and not self.still:
            seconds = time.monotonic() - self._since
            self._worker.look(swayed(preview.scene, preview.camera, seconds))
        elif not waiting and state is self._worker.state:
            self._frames.stop()

    def _show(self, state: State) -> None:
        before, self._shown = self._shown, state
        if state.preview is not before.preview:
            self._since = time.monotonic()
        if state.picture is not None and state.picture is not before.picture:
            self.stage.show_picture(state.picture)
        elif state.picture is None and not self._told_what_is_missing:
            self.stage.say("" if state.error else "Making the preview…" if state.busy else "")
        self._tell()

    @property
    def _told_what_is_missing(self) -> bool:
        return self._recipe is None or bool(self._recipe.missing)

    def _tell(self) -> None:
        state = self._shown
        if self._note:
            self._say(self._note)
        elif state.busy:
            self._say(f"Making the preview… {100 * state.fraction:3.0f} %")
        elif state.error is not None:
            self._say(problem=sentence(state.error))
        elif self._recipe is not None and self._recipe.problem:
            self._say(problem=self._recipe.problem)
        else:
            self._say(facts(state.preview) if state.preview else "")

    def _say(self, words: str = "", problem: str = "") -> None:
        self.facts.setText(words)
        self.trouble.setText(problem)
        self._lines.setCurrentWidget(self.trouble if problem else self.facts)

    # Events ---------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent | None) -> None:
        """Move on."""
        super().showEvent(event)
        self._run()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Stand still."""
        super().hideEvent(event)
        self._frames.stop()


def facts(preview: Preview) -> str:
    """How many layers there are, and how like the photo."""
    if math.isinf(preview.psnr):
        quality = "equal at the reference view"
    else:
        quality = f"{preview.psnr:.1f} dB PSNR at the reference view"
    return f"{preview.scene.count:,} layers, {quality}"
