"""The dialog in which a person makes a multiplane image."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, ref

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QVBoxLayout

from app.ui.canvas.driver import display_transform
from app.ui.forms import push
from app.ui.making.form import MakeForm
from app.ui.making.preview import PreviewPane
from app.ui.making.recipe import FromScene, Recipe
from app.ui.tasks import Task
from app.ui.theme import GRID
from scenes.planes import PlaneScene
from scenes.registry import Cancel, Progress
from scenes.scene import Scene

if TYPE_CHECKING:
    from app.ui.shell import Shell

_FORM_WIDTH = 100 * GRID


class MakeDialog(QDialog):
    """A form at the left, the preview at the right; stays open, so that one can try again."""

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell.window)
        self.setObjectName("make_planes")
        self.setWindowTitle("Make multiplane image")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._shell = shell
        self._task: Task | None = None
        self._recipe: Recipe | None = None
        self._origins: WeakKeyDictionary[Scene, ref[Scene]] = WeakKeyDictionary()
        self.form = MakeForm()
        self.form.setMinimumWidth(_FORM_WIDTH)
        self.preview = PreviewPane(shell)
        sides = QHBoxLayout()
        sides.setSpacing(5 * GRID)
        sides.addWidget(self.form)
        sides.addWidget(self.preview, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        layout.setSpacing(4 * GRID)
        layout.addLayout(sides, 1)
        layout.addWidget(self._buttons())
        self.form.changed.connect(self._on_choice)
        document = shell.document
        self._heard = (
            document.scenes_changed,
            document.view_changed,
            document.orientation_changed,
            document.render_settings_changed,
        )
        for signal in self._heard:
            signal.connect(self._on_scene)
        self.finished.connect(self._on_finish)
        self._on_scene()
        self._on_change()
        self.form.photo.setFocus()

    def _buttons(self) -> QDialogButtonBox:
        buttons = QDialogButtonBox()
        self.make = push("make_make", "Make", "Make it in full size and show it", self._make)
        # Enter ends the typing of a number or a path; it must not start anything.
        self.make.setAutoDefault(False)
        buttons.addButton(self.make, QDialogButtonBox.ButtonRole.ActionRole)
        close = buttons.addButton(QDialogButtonBox.StandardButton.Close)
        assert close is not None
        close.setObjectName("make_close")
        close.setToolTip("Close the dialog; what is being made goes on")
        close.setAutoDefault(False)
        buttons.rejected.connect(self.reject)
        return buttons

    # Reacting -------------------------------------------------------------------------------

    def _on_choice(self) -> None:
        if self.form.source == "scene":
            # A view that turns by itself would never rest long enough for a preview.
            self._shell.pointer.turn(False)
        self._on_change()

    def _on_change(self) -> None:
        self.preview.show_recipe(self.form.recipe)
        self._show_button()

    def _on_scene(self) -> None:
        self.form.set_seen(self._seen())
        if self.form.source == "scene":
            self._on_change()

    def _on_finish(self) -> None:
        """Listen no more: the document outlives this."""
        for signal in self._heard:
            signal.disconnect(self._on_scene)
        self.preview.close_down()

    def _seen(self) -> FromScene:
        """The scene that planes can be made from, and the view, both in its file's frame."""
        document = self._shell.document
        scene = document.scene
        if scene is not None and scene in self._origins:
            # What was just made is shown, but one goes on with what it was made from.
            origin = self._origins[scene]()
            scene = origin if origin in document.scenes else scene
        camera = document.view
        display = display_transform(document.orientation)
        if camera is not None and display is not None:
            camera = camera.transformed(display.T)
        return FromScene(scene, camera, settings=document.render_settings)

    def _show_button(self) -> None:
        busy = self._task is not None
        recipe = self.form.recipe
        self.make.setText("Stop" if busy else "Make")
        self.make.setToolTip("Stop making it" if busy else "Make it in full size and show it")
        self.make.setEnabled(busy or not (recipe.missing or recipe.problem))

    # Making ---------------------------------------------------------------------------------

    def _make(self) -> None:
        if self._task is not None:
            self._task.cancel()
            return
        self._recipe = self.form.recipe
        self._task = start_making(self._shell, self._recipe)
        self._task.progressed.connect(self._on_progress)
        self._task.ended.connect(self._on_end)
        self._show_button()
        self._on_progress()

    def _on_progress(self) -> None:
        if self._task is not None:
            done = 100 * (self._task.fraction or 0.0)
            verb = "Stopping" if self._task.cancelling else "Making it in full size"
            self.preview.note(f"{verb}… {done:3.0f} %")

    def _on_end(self) -> None:
        made = self._task.result if self._task is not None else None
        if made is not None and isinstance(self._recipe, FromScene) and self._recipe.scene:
            self._origins[made] = ref(self._recipe.scene)
        self._task = self._recipe = None
        self.preview.note("")
        self._show_button()


def start_making(shell: Shell, recipe: Recipe) -> Task:
    """Make the scene in full size as a task, and show it."""
    orientation = shell.document.orientation if isinstance(recipe, FromScene) else None

    def work(progress: Progress, cancel: Cancel) -> PlaneScene:
        made = recipe.make(None, progress, cancel)
        _ = made.focus, made.bounds  # computed here, where it may take its time
        return made

    def done(made: PlaneScene) -> None:
        shell.opener.show_scene(made)
        if orientation is not None:
            # It lies where the scene lies that it was made from.
            shell.document.set_orientation(orientation)
        shell.document.mark_changed()
        shell.status(f"Made {made.name}: {made.count:,} layers")

    return shell.tasks.start(f"Making {recipe.name}", work, done, shell.show_error)
