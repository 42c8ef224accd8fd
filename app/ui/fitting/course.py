"""The right half of the dialog: picture, bar, numbers and the course of the loss."""

from __future__ import annotations

import math

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QGridLayout, QProgressBar, QStackedWidget, QVBoxLayout, QWidget

from app.ui.fitting.plan import FitPlan
from app.ui.fitting.plot import LossPlot
from app.ui.fitting.work import State
from app.ui.forms import number, text
from app.ui.making.stage import Stage
from app.ui.statusbar import amount, duration
from app.ui.tasks import Task
from app.ui.theme import GRID

_STEPS = 1000
NUMBERS = {
    "steps": ("Steps", "Steps of the optimizer that are done"),
    "speed": ("Speed", "Steps a second, of late"),
    "loss": ("Loss", "What is minimised, mean of the last steps"),
    "psnr": (
        "PSNR",
        "Peak signal-to-noise ratio of what the last steps looked at;\n"
        "of distances, with the side of the box as the peak",
    ),
    "left": ("Time left", "About how long the rest will take"),
}
NONE = "–"


class CoursePane(QWidget):
    """Shows how a fit goes, or why there is none."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: State | None = None
        self.stage = Stage()
        self.stage.setObjectName("fit_preview")
        self.stage.setToolTip("What has been learnt so far, in a small size")
        self.bar = QProgressBar()
        self.bar.setObjectName("fit_bar")
        self.bar.setAccessibleName("Progress")
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(2 * GRID)
        self.words = number("fit_words")
        self.words.setAccessibleName("What happens")
        self.trouble = text(role="bad", name="fit_problem")
        # One place for both, with room for two lines, so that nothing moves.
        self._lines = QStackedWidget()
        for label in (self.words, self.trouble):
            label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
            self._lines.addWidget(label)
        self._lines.setFixedHeight(10 * GRID)
        self.plot = LossPlot()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2 * GRID)
        column.addWidget(self.stage, 1)
        column.addWidget(self.bar)
        column.addWidget(self._lines)
        column.addLayout(self._numbers())
        column.addWidget(self.plot)
        self.clear()

    def _numbers(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(3 * GRID)
        grid.setVerticalSpacing(0)
        self.numbers = {}
        for place, (name, (title, tip)) in enumerate(NUMBERS.items()):
            value = number(f"fit_{name}")
            value.setAccessibleName(title)
            value.setWordWrap(False)
            caption = text(title, "muted")
            for label in (value, caption):
                label.setToolTip(tip)
            grid.addWidget(caption, 0, place)
            grid.addWidget(value, 1, place)
            # Of equal width, whatever the numbers are.
            grid.setColumnStretch(place, 1)
            grid.setColumnMinimumWidth(place, 18 * GRID)
            self.numbers[name] = value
        return grid

    # What is shown --------------------------------------------------------------------------

    def begin(self, plan: FitPlan) -> None:
        """A fit begins."""
        self.clear()
        self.plot.expect(plan.steps, plan.seconds)
        self.stage.say("The preview comes with the first step")

    def clear(self) -> None:
        """Show no fit."""
        self._shown = None
        self.bar.setRange(0, _STEPS)
        self.bar.setValue(0)
        self.plot.show_points(())
        for value in self.numbers.values():
            value.setText(NONE)

    def say(self, words: str = "", problem: str = "") -> None:
        """What happens, or what is wrong."""
        self.words.setText(words)
        self.trouble.setText(problem)
        self._lines.setCurrentWidget(self.trouble if problem else self.words)

    def show_state(self, state: State, task: Task) -> None:
        """Show how far a fit is."""
        self._show_bar(state, task)
        self.say(_happening(state, task))
        self._show_new(state)

    def show_end(self, state: State) -> None:
        """The fit is over, and was kept."""
        self._show_new(state)
        self.bar.setRange(0, _STEPS)
        self.bar.setValue(_STEPS)
        self.numbers["left"].setText(NONE)

    def _show_new(self, state: State) -> None:
        """Show what changed."""
        before, self._shown = self._shown or State(), state
        if state.picture is not None and before.picture is not state.picture:
            self.stage.show_picture(state.picture)
        if before.points is not state.points:
            self.plot.show_points(state.points)
            self._show_numbers(state)

    def _show_bar(self, state: State, task: Task) -> None:
        share = state.share if state.stage == "fitting" else task.fraction
        if state.stage == "ending":
            share = 1.0
        self.bar.setRange(0, 0 if share is None else _STEPS)
        if share is not None:
            self.bar.setValue(round(share * _STEPS))

    def _show_numbers(self, state: State) -> None:
        if not state.points:
            return
        last = state.points[-1]
        speed, left = state.speed, last.left
        digits = 0 if speed >= 100 else 1 if speed >= 10 else 2
        words = {
            "steps": f"{last.steps:,}",
            "speed": f"{speed:.{digits}f} /s" if speed else NONE,
            "loss": f"{last.loss:.3g}" if math.isfinite(last.loss) else NONE,
            "psnr": f"{last.psnr:.1f} dB" if math.isfinite(last.psnr) else NONE,
            "left": duration(left) if left > 0 else NONE,
        }
        for name, value in words.items():
            self.numbers[name].setText(value)


def _happening(state: State, task: Task) -> str:
    if task.cancelling:
        return "Cancelling…"
    if task.paused:
        return "Paused"
    if state.stage == "ending":
        return "Making a scene of it…"
    if state.stage == "preparing":
        far = f" {amount(task.done, task.total, task.unit)}" if task.total else ""
        return f"Preparing…{far}"
    return "Fitting…"
