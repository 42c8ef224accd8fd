"""Interactive rendering: one worker, the latest camera only, and a resolution that keeps pace."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from render.render import render
from render.request import Frame, RenderCancelled, RenderRequest

MINIMUM_SCALE = 0.125
STEP = 1.15
"""While moving, the scale changes only by whole powers of this: no oscillation, few sizes."""
SETTLE_SECONDS = 0.1
"""After this long without motion the picture is refined to full size."""
SIZE_MULTIPLE = 8


class ResolutionControl:
    """Chooses the scale of moving frames so that they meet a target rate.

    The wished scale is ``scale * sqrt(budget / render time)`` (Mueller et al. 2022, the viewer of
    "Instant Neural Graphics Primitives"): time is taken to grow with the number of pixels. What
    does not shrink with the picture makes that rule overshoot, so the time is a running median of
    five frames, first frames are left out, and the scale moves only where the wish leaves a band
    around the present step.
    """

    def __init__(self, target_fps: float = 30.0) -> None:
        self.target_fps = target_fps
        self.scale = 1.0
        self._times: list[float] = []

    def observe(self, seconds: float, compiled: bool = False) -> None:
        """Learn from a moving frame that was rendered at the present scale."""
        if compiled:
            return
        self._times.append(seconds)
        if len(self._times) < 3:
            return
        typical = float(np.median(self._times[-5:]))
        wished = self.scale * math.sqrt(1.0 / self.target_fps / max(typical, 1e-4))
        wished = min(max(wished, MINIMUM_SCALE), 1.0)
        # Going down needs 8 % of excess, going up 20 % of room beyond a whole step.
        down = wished < self.scale / 1.08
        up = wished > self.scale * STEP * 1.2 or (wished >= 1.0 > self.scale and typical > 0)
        if down or (up and self._room_for(STEP if wished < 1.0 else 1.0 / self.scale, typical)):
            steps = math.ceil(-math.log(wished) / math.log(STEP) - 1e-9)
            self.scale = min(max(STEP**-steps, MINIMUM_SCALE), 1.0)
            self._times.clear()

    def _room_for(self, factor: float, typical: float) -> bool:
        """Whether growing by ``factor`` would still meet the target, all time taken as pixels."""
        return typical * factor * factor < 1.0 / self.target_fps

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Picture size at the present scale, whole multiples of 8 but at full scale."""
        if self.scale >= 1.0:
            return width, height
        small = [
            max(SIZE_MULTIPLE, round(side * self.scale / SIZE_MULTIPLE) * SIZE_MULTIPLE)
            for side in (width, height)
        ]
        return min(small[0], width), min(small[1], height)


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
            cancelled = None
            partial = None
        else:
            cancelled = self._superseded

            def partial(picture: NDArray[np.uint8]) -> None:
                unfinished = Frame({"rgba8": picture}, camera=camera)
                self._on_frame(unfinished, Ticket(mail.number, False, 1.0, False))

        started = time.perf_counter_ns()
        frame = self._renderer(replace(request, cancelled=cancelled, partial=partial))
        if moving:
            compiled = any(record.first_call for record in frame.records)
            self.control.observe(frame.total_ns / 1e9, compiled)
        scale = request.camera.height / camera.height
        waited = max(started - mail.posted_ns, 0)
        self._on_frame(frame, Ticket(mail.number, moving, scale, not moving, waited))
