"""The dialog in which a person fits a neural field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QPushButton, QVBoxLayout

from app.ui.errors import sentence
from app.ui.fitting.course import CoursePane
from app.ui.fitting.form import FitForm
from app.ui.fitting.start import result, start_fitting, suggestion, view_of
from app.ui.fitting.work import FitWork
from app.ui.forms import push
from app.ui.tasks import Task
from app.ui.theme import GRID
from scenes.errors import SceneError
from scenes.fields import FieldScene

if TYPE_CHECKING:
    from app.ui.shell import Shell

NAME = "fit_field"
_FORM_WIDTH = 92 * GRID


class FitDialog(QDialog):
    """A form at the left, the course of the fit at the right.

    Closed while it fits it only hides: the fit goes on as a task, and the same dialog comes back
    when it is asked for.
    """

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell.window)
        self.setObjectName(NAME)
        self.setWindowTitle("Fit a neural field")
        self._shell = shell
        self._task: Task | None = None
        self._work: FitWork | None = None
        self._kept: FieldScene | None = None
        self._teacher: FieldScene | None = None
        self.form = FitForm()
        self.form.setMinimumWidth(_FORM_WIDTH)
        self.course = CoursePane()
        left = QVBoxLayout()
        left.addWidget(self.form)
        left.addStretch(1)
        sides = QHBoxLayout()
        sides.setSpacing(5 * GRID)
        sides.addLayout(left)
        sides.addWidget(self.course, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        layout.setSpacing(4 * GRID)
        layout.addLayout(sides, 1)
        layout.addWidget(self._buttons())
        self.form.changed.connect(self._on_change)
        shell.document.scenes_changed.connect(self._on_scene)
        shell.driver.backends_known.connect(self.form.offer_devices)
        self.form.offer_devices(shell.driver.backends)
        self._on_scene()
        self.form.choose(*suggestion(shell))
        self._on_change()

    @classmethod
    def of(cls, shell: Shell) -> FitDialog:
        """The dialog of a window: the one that is there, or a new one."""
        found = [
            dialog
            for dialog in shell.window.findChildren(cls, NAME)
            # One that was just closed is still there until Qt deletes it.
            if dialog.isVisible() or dialog._task is not None
        ]
        return found[0] if found else cls(shell)

    def _buttons(self) -> QDialogButtonBox:
        buttons = QDialogButtonBox()
        self.fit = push("fit_fit", "Fit", "Begin to fit", self._fit)
        self.pause = push("fit_pause", "Pause", "Rest after this step", self._toggle_pause)
        self.stop = push(
            "fit_stop", "Stop and keep", "End after this step and open what there is", self._stop
        )
        self.cancel = push("fit_cancel", "Cancel", "End and keep nothing", self._cancel)
        self.save = push(
            "fit_save",
            "Save scene as…",
            "Write the fitted field to a file",
            lambda: self._shell.run("file.save_scene_as"),
        )
        for button in (self.fit, self.pause, self.stop, self.cancel, self.save):
            buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
            # Enter ends the typing of a number or a path; it must not start or end anything.
            button.setAutoDefault(False)
        self._keep_width(self.pause, "Go on")
        close = buttons.addButton(QDialogButtonBox.StandardButton.Close)
        assert close is not None
        close.setObjectName("fit_close")
        close.setToolTip("Close the dialog; what is being fitted goes on")
        close.setAutoDefault(False)
        buttons.rejected.connect(self.reject)
        return buttons

    @staticmethod
    def _keep_width(button: QPushButton, *others: str) -> None:
        """Make room for other words, so that a button never jumps."""
        own, widths = button.text(), []
        for words in (own, *others):
            button.setText(words)
            widths.append(button.sizeHint().width())
        button.setText(own)
        button.setMinimumWidth(max(widths))

    # Reacting -------------------------------------------------------------------------------

    def _on_change(self) -> None:
        """Another choice: what was fitted before is not what these words would give."""
        plan = self.form.plan
        self.course.clear()
        self.course.say(problem=plan.problem)
        self.course.stage.say(plan.missing or ("" if plan.problem else "Ready to fit"))
        self._show_buttons()

    def _on_scene(self) -> None:
        document = self._shell.document
        if self._kept not in document.scenes:
            self._kept = None
        scene = document.scene
        if scene is not None and scene is self._kept and self._teacher in document.scenes:
            # What was just learnt is shown, but one goes on with whom it was learnt from.
            scene = self._teacher
        if self._task is None:
            # While it fits, the form says what is fitted.
            before = self.form.plan.scene
            self.form.set_scene(scene)
            if self.form.plan.scene is not before:
                self._on_change()
        self._show_buttons()

    def _show_buttons(self) -> None:
        task, plan = self._task, self.form.plan
        self.form.setEnabled(task is None)
        self.fit.setEnabled(task is None and not (plan.missing or plan.problem))
        going = task is not None and not task.cancelling
        fitting = going and self._work is not None and self._work.fitting
        self.pause.setEnabled(fitting)
        self.stop.setEnabled(fitting)
        self.cancel.setEnabled(going)
        paused = task is not None and task.paused
        self.pause.setText("Go on" if paused else "Pause")
        self.pause.setToolTip("Go on with the next step" if paused else "Rest after this step")
        kept = task is None and self._kept is not None
        self.save.setEnabled(kept and self._shell.document.scene is self._kept)

    def done(self, result: int) -> None:
        """Hide; what is fitted goes on."""
        super().done(result)
        if self._task is None:
            self._put_away()

    def _put_away(self) -> None:
        self._shell.document.scenes_changed.disconnect(self._on_scene)
        self.deleteLater()

    # Fitting --------------------------------------------------------------------------------

    def _fit(self) -> None:
        plan = self.form.plan
        self._work = FitWork(plan, self._shell.document.render_settings)
        self._teacher = plan.scene
        self._task = start_fitting(
            self._shell, plan, self._work, self._on_kept, self._on_failure, self._on_cancelled
        )
        self._task.progressed.connect(self._on_progress)
        self.course.begin(plan)
        self._on_progress()

    def _toggle_pause(self) -> None:
        if self._task is not None:
            self._task.resume() if self._task.paused else self._task.pause()

    def _stop(self) -> None:
        if self._task is not None and self._work is not None:
            self._work.stop()
            # A task that rests would not notice.
            self._task.resume()
            self._on_progress()

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _on_progress(self) -> None:
        if self._task is None or self._work is None:
            return
        self._work.watched = self.isVisible()
        self._work.look(view_of(self._shell, self._work.plan))
        self.course.show_state(self._work.state, self._task)
        self._show_buttons()

    # Ending ---------------------------------------------------------------------------------

    def _on_kept(self, scene: FieldScene) -> None:
        assert self._work is not None
        self._kept = scene
        self.course.show_end(self._work.state)
        self.course.say(f"{scene.name}: {result(self._work)}. It is open, and not saved yet.")
        self._end()

    def _on_failure(self, error: BaseException) -> None:
        self.course.clear()
        self.course.stage.say("")
        self.course.say(problem=sentence(error))
        if not self.isVisible() or not isinstance(error, SceneError | ValueError):
            self._shell.show_error(error)
        self._end()

    def _on_cancelled(self) -> None:
        self.course.clear()
        self.course.stage.say("Ready to fit")
        self.course.say("Cancelled; nothing was kept.")
        self._end()

    def _end(self) -> None:
        self._task = self._work = None
        self._on_scene()
        if not self.isVisible():
            self._put_away()
