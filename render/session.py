"""Interactive rendering: one worker, the latest camera only, and a resolution that keeps pace."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from render.priority import give_way
from render.render import render
from render.request import Frame, RenderCancelled, RenderRequest

MINIMUM_SCALE = 0.2
STEP = 1.15
"""While moving, the scale changes only by whole powers of this: no oscillation, few sizes."""
SETTLE_SECONDS = 0.06
"""After this long without motion the picture is refined to full size."""
SIZE_MULTIPLE = 8
_PER_PIXEL = {"pixels", "rays", "samples"}
"""Counters of stages whose time grows with the picture."""
LEAST_EFFORT = 0.25
"""Steps through a field grow as pixels do while the camera moves, up to four times as long."""


class ResolutionControl:
    """Chooses the scale of moving frames so that they meet a target rate.

    Mueller et al. 2022 (the viewer of "Instant Neural Graphics Primitives") wish for ``scale *
    sqrt(budget / time)``, as if all time grew with the pixels. Splats must be projected, sorted
    and binned however small the picture is, so here only the stages that count pixels are scaled:
    ``scale * sqrt((budget - fixed) / pixel time)``. Where the fixed part alone takes the budget,
    a smaller picture cannot help: pixels keep at least half of the time that the rest takes.

    Times are running medians of five frames, first frames are left out, and the scale moves only
    where the wish leaves a band around the present step.
    """

    def __init__(self, target_fps: float = 30.0) -> None:
        self.target_fps = target_fps
        self.scale = 1.0
        self._times: list[tuple[float, float]] = []

    def observe(self, seconds: float, pixel_seconds: float, compiled: bool = False) -> None:
        """Learn from a moving frame at the present scale, and its part that counts pixels."""
        if compiled:
            return
        self._times.append((seconds, pixel_seconds))
        if len(self._times) < 3:
            return
        seconds, pixels = (float(value) for value in np.median(self._times[-5:], axis=0))
        fixed, pixels = max(seconds - pixels, 0.0), max(pixels, 1e-5)
        room = max(1.0 / self.target_fps - fixed, 0.5 * fixed)
        wished = min(max(self.scale * math.sqrt(room / pixels), MINIMUM_SCALE), 1.0)
        # Going down needs 8 % of excess, going up a fifth more room than the step takes.
        down = wished < self.scale / 1.08
        up = wished > self.scale * STEP * 1.2 or wished >= 1.0 > self.scale
        if down or up:
            steps = math.ceil(-math.log(wished) / math.log(STEP) - 1e-9)
            self.scale = min(max(STEP**-steps, MINIMUM_SCALE), 1.0)
            self._times.clear()

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Picture size at the present scale, whole multiples of 8 but at full scale."""
        if self.scale >= 1.0:
            return width, height
        small = [
            max(SIZE_MULTIPLE, round(side * self.scale / SIZE_MULTIPLE) * SIZE_MULTIPLE)
            for side in (width, height)
        ]
        return min(small[0], width), min(small[1], height)


def laid_over(unfinished: NDArray[np.uint8], before: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """The finished part of a picture over the one shown before, which is stretched to its size.

    Both (H, W, 4) uint8; what is not finished has alpha 0. Without a picture before, black.
    """
    height, width = unfinished.shape[:2]
    if before is None:
        below = np.zeros_like(unfinished)
        below[..., 3] = 255
    else:
        before = np.asarray(before)
        rows = np.arange(height) * before.shape[0] // height
        columns = np.arange(width) * before.shape[1] // width
        below = before[rows][:, columns]
    return np.where(unfinished[..., 3:] > 0, unfinished, below)


@dataclass(frozen=True)
class Ticket:
    """Which request a frame answers.

    Attributes
    ----------
    number
        Grows with every submitted request.
    moving
        Whether the frame was made while the camera moved.
    scale
        Height of the frame over the height that was asked for.
    final
        False for moving frames and unfinished pictures; true for the full picture at rest.
    waited_ns
        From the submission to the start of rendering.
    """

    number: int
    moving: bool
    scale: float
    final: bool
    waited_ns: int = 0


@dataclass(frozen=True)
class _Mail:
    number: int
    request: RenderRequest
    moving: bool
    posted_ns: int


class RenderSession:
    """A worker thread with a mailbox of one letter: a newer request replaces a waiting one.

    Callbacks come on the worker's thread. While ``moving`` requests arrive, the resolution
    follows the target rate; after a rest of :data:`SETTLE_SECONDS`, or with a request that does
    not move, the full picture is rendered, and a newer request cancels it between stages.
    """

    def __init__(
        self,
        on_frame: Callable[[Frame, Ticket], None],
        on_error: Callable[[Exception], None],
        target_fps: float = 30.0,
        renderer: Callable[[RenderRequest], Frame] = render,
    ) -> None:
        self._on_frame = on_frame
        self._on_error = on_error
        self._renderer = renderer
        self.control = ResolutionControl(target_fps)
        self._wake = threading.Condition()
        self._mail: _Mail | None = None
        self._number = 0
        self._last: NDArray[np.uint8] | None = None
        self._busy = False
        self._closing = False
        self._paused = False
        self._thread = threading.Thread(target=self._run, name="render worker", daemon=True)
        self._thread.start()

    def submit(self, request: RenderRequest, moving: bool) -> int:
        """Ask for a picture; returns the ticket's number. Never blocks."""
        with self._wake:
            self._number += 1
            self._mail = _Mail(self._number, request, moving, time.perf_counter_ns())
            self._wake.notify()
            return self._number

    def pause(self) -> None:
        """Keep the mailbox but render nothing (an export wants the processor)."""
        with self._wake:
            self._paused = True

    def resume(self) -> None:
        """Go on after :meth:`pause`."""
        with self._wake:
            self._paused = False
            self._wake.notify()

    @property
    def idle(self) -> bool:
        """True when nothing waits and nothing is being rendered."""
        with self._wake:
            return self._mail is None and not self._busy

    def close(self) -> None:
        """Stop; a running frame is cancelled at its next stage. Blocks until the thread ended."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        give_way()
        while True:
            with self._wake:
                self._busy = False
                while not self._closing and (self._mail is None or self._paused):
                    self._wake.wait()
                if self._closing:
                    return
                mail, self._mail, self._busy = self._mail, None, True
            assert mail is not None
            try:
                self._answer(mail)
            except RenderCancelled:
                continue
            except Exception as error:  # the window shows it; the worker lives on
                self._on_error(error)

    def _answer(self, mail: _Mail) -> None:
        if mail.moving:
            self._render(mail, moving=True)
            with self._wake:
                newer = self._wake.wait_for(
                    lambda: self._mail is not None or self._closing, SETTLE_SECONDS
                )
            if newer:
                return
        self._render(mail, moving=False)

    def _superseded(self) -> bool:
        return self._mail is not None or self._closing

    def _render(self, mail: _Mail, moving: bool) -> None:
        request = mail.request
        camera = request.camera
        if moving:
            width, height = self.control.size(camera.width, camera.height)
            if (width, height) != (camera.width, camera.height):
                request = replace(request, camera=camera.stretched(width, height))
            request = replace(request, effort=max(self.control.scale, LEAST_EFFORT))
            cancelled = None
            partial = None
        else:
            cancelled = self._superseded

            def partial(picture: NDArray[np.uint8]) -> None:
                unfinished = Frame({"rgba8": laid_over(picture, self._last)}, camera=camera)
                self._on_frame(unfinished, Ticket(mail.number, False, 1.0, False))

        started = time.perf_counter_ns()
        frame = self._renderer(replace(request, cancelled=cancelled, partial=partial))
        if moving:
            compiled = any(record.first_call for record in frame.records)
            counted = (r.duration_ns for r in frame.records if _PER_PIXEL & r.counters.keys())
            self.control.observe(frame.total_ns / 1e9, sum(counted) / 1e9, compiled)
        self._last = frame.images.get("rgba8")
        scale = request.camera.height / camera.height
        waited = max(started - mail.posted_ns, 0)
        self._on_frame(frame, Ticket(mail.number, moving, scale, not moving, waited))
