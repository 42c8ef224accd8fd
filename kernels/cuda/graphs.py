"""Frames whose launches are recorded as one CUDA graph, and run again without the host.

A frame of twenty launches costs the host as much time as the device, so what repeats is recorded:
the same kernels on the same tables, while the numbers that they read change. Times of launches are
those of events within the graph, so a profiler sees the same rows.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

import torch

from kernels import timing
from kernels.backends import interpreted
from kernels.cuda.events import EventClock, clock_of

Result = TypeVar("Result")
Replay = Callable[[], None]

REPEATS = 3
"""A frame is recorded when so many like it have been drawn: a recording costs some of them."""
MOST = 2
"""Recordings that are kept; each holds the tables of its frame, and its scene."""

_log = logging.getLogger(__name__)


def _external_event() -> Any:
    return torch.cuda.Event(enable_timing=True, external=True)


def capture(launch: Callable[[], None]) -> Replay:
    """Record what ``launch`` does, without doing it, as a CUDA graph."""
    graph = torch.cuda.CUDAGraph()
    # Other threads may use the device meanwhile; this one must not wait for it.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        launch()
    return graph.replay


class Recording(Generic[Result]):
    """The launches of a frame, and what they wrote: the next run writes it again.

    Parameters
    ----------
    launch
        Launches kernels and waits for nothing.
    record, new_event
        Those of CUDA; a test has its own.
    """

    def __init__(
        self,
        launch: Callable[[], Result],
        record: Callable[[Callable[[], None]], Replay] = capture,
        new_event: Callable[[], Any] = _external_event,
    ) -> None:
        results: list[Result] = []
        clocks: list[EventClock] = []

        def listened() -> None:
            clocks[:] = [EventClock(new_event, [])]
            recorder.late = clocks[0]
            results[:] = [launch()]

        with timing.Recorder() as recorder:
            self._replay = record(listened)
            recorder.late = None
        self._records = recorder.records
        self._launches = clocks[0].launches
        self.result = results[0]

    def run(self) -> Result:
        """Have the device do it all again; not waited for."""
        recorder = timing.active()
        if recorder is not None:
            clock = clock_of(recorder)
            for each in self._launches:
                clock.expect(len(recorder.records), each.begin, each.end, each.completed)
                recorder.records.append(self._records[each.place])
        self._replay()
        return self.result


class Recordings(Generic[Result]):
    """The frames of a renderer, recorded when they repeat.

    Parameters
    ----------
    make
        Records a frame; :class:`Recording`, or what a test has in its place.
    same
        Whether two results, of which the device may still write, are the same to the last bit.
    """

    def __init__(
        self,
        same: Callable[[Result, Result], bool],
        make: Callable[[Callable[[], Result]], Recording[Result]] = Recording,
    ) -> None:
        self._same, self._make = same, make
        self._kept: OrderedDict[Hashable, Recording[Result] | int] = OrderedDict()
        self._trusted = True

    def run(
        self, key: Hashable, launch: Callable[[], Result], refill: Callable[[], None]
    ) -> Result:
        """The result of a frame.

        ``launch`` launches it anew. Frames of the same ``key`` differ in the numbers alone that
        ``refill`` writes. A recording whose first run gives another result than ``launch`` did, or
        that fails, is the last one that is tried.
        """
        known = self._kept.pop(key, 0)
        if isinstance(known, Recording):
            self._kept[key] = known
            refill()
            return known.run()
        result = launch()
        self._kept[key] = known + 1
        if self._trusted and known + 1 >= REPEATS and not interpreted():
            self._try(key, launch, result)
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return result

    def _try(self, key: Hashable, launch: Callable[[], Result], result: Result) -> None:
        """Keep a recording of a frame that gives the same as the frame itself."""
        try:
            recording = self._make(launch)
            with timing.Recorder():
                again = recording.run()
            self._trusted = self._same(result, again)
        except RuntimeError as error:  # what torch raises of all that CUDA refuses
            _log.warning("frames are not recorded on this device: %s", error)
            self._trusted = False
            return
        if self._trusted:
            self._kept[key] = recording
        else:
            _log.warning("frames are not recorded: a recording drew something else")
