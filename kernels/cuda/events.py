"""Times of launches by CUDA events, which are polled and never waited for.

A launch is enclosed by two events. When the frame is over its picture has been copied to the
host, so all events have happened; one that has not (a frame that was cancelled) leaves its record
with the time that the host took to launch.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from kernels.timing import KernelRecord, Recorder

PATIENCE_NS = 200_000
"""The event after the last copy is a few microseconds behind the host: it is asked this long."""

_spare: list[Any] = []
"""Events of earlier frames, ready for use: making one costs more than recording it."""


def _new_event() -> Any:
    import torch

    return torch.cuda.Event(enable_timing=True)


@dataclass(frozen=True, eq=False)
class Launch:
    """A record to complete: where it stands, its events, and what makes it."""

    place: int
    begin: Any
    end: Any
    completed: Callable[[int, int], KernelRecord]


class EventClock:
    """Times the launches of one frame.

    Parameters
    ----------
    new_event
        Makes an object with ``record()``, ``query()`` and ``elapsed_time(later)`` in
        milliseconds; by default a CUDA event.
    spare
        Events that can be used again, and where those of this frame go in the end.
    """

    def __init__(
        self, new_event: Callable[[], Any] = _new_event, spare: list[Any] | None = None
    ) -> None:
        self._new_event = new_event
        self._spare = _spare if spare is None else spare
        self._marks: list[Any] = []
        self.launches: list[Launch] = []
        # The device is idle when a frame begins, so this event happens now.
        self._zero = self.mark()
        self._zero_ns = time.perf_counter_ns()

    def mark(self) -> Any:
        """An event that happens when the device has done all that was launched so far."""
        event = self._spare.pop() if self._spare else self._new_event()
        event.record()
        self._marks.append(event)
        return event

    def expect(
        self, place: int, begin: Any, end: Any, completed: Callable[[int, int], KernelRecord]
    ) -> None:
        """Have record ``place`` replaced by ``completed(start_ns, duration_ns)`` in the end."""
        self.launches.append(Launch(place, begin, end, completed))

    def finish(self, records: list[KernelRecord]) -> None:
        """Complete the records of all launches that are over, in place."""
        deadline = time.perf_counter_ns() + PATIENCE_NS
        for launch in self.launches:
            while not launch.end.query():
                if time.perf_counter_ns() > deadline:
                    return
            start_ms = self._zero.elapsed_time(launch.begin)
            records[launch.place] = launch.completed(
                self._zero_ns + round(1e6 * start_ms),
                round(1e6 * launch.begin.elapsed_time(launch.end)),
            )
        self._spare.extend(self._marks)


def clock_of(recorder: Recorder) -> EventClock:
    """The clock that completes the records of a frame, which begins with its first launch."""
    if recorder.late is None:
        recorder.late = EventClock()
    return cast(EventClock, recorder.late)
