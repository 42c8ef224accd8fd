"""The work of a fit, on the thread of a task. Knows nothing of Qt."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from app.ui.fitting.picture import Painter
from app.ui.fitting.plan import FitPlan
from render.request import RenderSettings
from scenes.camera import Camera
from scenes.errors import Cancelled
from scenes.fields import FieldScene
from scenes.registry import Cancel, Progress

if TYPE_CHECKING:
    from render.fitting import Fit, Report

Stage = Literal["preparing", "fitting", "ending"]
MOST_POINTS = 2000
"""Of the curve of the loss; longer ones keep every second."""
SPEED_SECONDS = 5.0
"""The speed is that of the last so many seconds."""
BLOCKED = 0.01
"""Seconds from which on a question was held by a pause."""


@dataclass(frozen=True)
class Point:
    """How a fit stood at one time; see :class:`render.fitting.Report`."""

    steps: int
    seconds: float
    loss: float
    psnr: float
    left: float


@dataclass(frozen=True, eq=False)
class State:
    """What the work has come to.

    Attributes
    ----------
    stage
        Reading what it learns from; stepping; making a scene of it.
    points
        The course so far, oldest first.
    picture
        The last one, (H, W, 3) uint8.
    share
        How much of the steps or seconds is done, 0..1.
    """

    stage: Stage = "preparing"
    points: tuple[Point, ...] = ()
    picture: NDArray[np.uint8] | None = None
    share: float = 0.0

    @property
    def speed(self) -> float:
        """Steps a second; 0 before it is known."""
        if len(self.points) < 2:
            return 0.0
        last = self.points[-1]
        first = next(p for p in self.points if last.seconds - p.seconds <= SPEED_SECONDS)
        first = self.points[-2] if first is last else first
        seconds = last.seconds - first.seconds
        return (last.steps - first.steps) / seconds if seconds > 0 else 0.0


class FitWork:
    """Call it on a worker, with a task's progress and cancel; look at :attr:`state` meanwhile.

    Parameters
    ----------
    plan
    settings
        How pictures of fields in space are drawn.

    Attributes
    ----------
    watched
        Whether anybody looks at the pictures.
    """

    def __init__(self, plan: FitPlan, settings: RenderSettings) -> None:
        self.plan = plan
        self.watched = True
        self._state = State()
        self._stop = threading.Event()
        self._painter = Painter(replace(settings, output="color"))

    @property
    def state(self) -> State:
        """What there is now."""
        return self._state

    @property
    def fitting(self) -> bool:
        """Whether it takes steps, and was not asked to stop."""
        return self._state.stage == "fitting" and not self._stop.is_set()

    def stop(self) -> None:
        """End after this step, and keep what there is."""
        self._stop.set()

    def look(self, view: Camera | None) -> None:
        """Draw pictures from another view, in the frame of the field."""
        self._painter.view = view

    def __call__(self, progress: Progress, cancel: Cancel) -> FieldScene:
        """Prepare, fit, and return the scene.

        Raises
        ------
        SceneError, ValueError, Cancelled
        """
        from render.fitting import run

        fit = self.plan.prepare(progress, cancel)
        if cancel():
            raise Cancelled
        self._paint(fit)
        gate = _Gate(cancel, self._stop)

        def report(found: Report) -> None:
            self._note(Point(found.steps, found.seconds, found.loss, found.psnr, found.left))
            if self._painter.due:
                self._paint(fit)

        self._state = replace(self._state, stage="fitting")
        try:
            run(
                fit,
                self.plan.steps,
                self.plan.seconds,
                progress,
                cancel=gate.closed,
                report=report,
                paused=gate.waited,
            )
        except Cancelled:
            if gate.cancelled:
                raise
            self._note(Point(fit.steps_done, fit.seconds_spent, fit.loss, fit.psnr, 0.0))
        self._state = replace(self._state, stage="ending")
        self._paint(fit)
        return self._scene(fit)

    def _scene(self, fit: Fit) -> FieldScene:
        scene = replace(fit.scene(), name=self.plan.name)
        _ = scene.focus, scene.bounds  # computed here, where it may take its time
        return scene

    def _paint(self, fit: Fit) -> None:
        if self.watched:
            self._state = replace(self._state, picture=self._painter.paint(fit))

    def _note(self, point: Point) -> None:
        points = self._state.points
        if len(points) >= MOST_POINTS:
            points = points[::2]
        self._state = replace(self._state, points=(*points, point), share=self._share(point))

    def _share(self, point: Point) -> float:
        plan = self.plan
        done, whole = (
            (point.steps, plan.steps) if plan.steps is not None else (point.seconds, plan.seconds)
        )
        return min(done / whole, 1.0) if whole else 1.0


class _Gate:
    """What the loop asks between two steps.

    A task's cancel does not return while the task is paused. Asked as the loop's cancel it would
    make the pause count as work; asked as its pause it does not.
    """

    def __init__(self, cancel: Cancel, stop: threading.Event) -> None:
        self._cancel, self._stop = cancel, stop
        self.cancelled = False

    def waited(self) -> bool:
        """Whether the task was paused, or is cancelled; returns when it is no more paused."""
        begun = time.monotonic()
        self.cancelled = self._cancel()
        return self.cancelled or time.monotonic() - begun > BLOCKED

    def closed(self) -> bool:
        """Whether to take no other step."""
        return self.cancelled or self._stop.is_set()


def finite(points: tuple[Point, ...]) -> list[Point]:
    """Those whose loss can be drawn on a logarithmic scale."""
    return [point for point in points if math.isfinite(point.loss) and point.loss > 0]
