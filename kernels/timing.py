"""Stage timing: what ran, where, for how long, and how much work it was.

A :class:`Recorder` listens while it is entered; operations report each launch to the active one.
When nobody listens, :func:`active` is one thread-local look-up and nothing is measured.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol

_local = threading.local()


@dataclass(frozen=True)
class KernelRecord:
    """One launch of one kernel, or one other stage of a frame (transfer, encode, ...).

    Attributes
    ----------
    name, group, backend
        ``"blend"``, ``"gaussians"``, ``"cpu"``; stages that are no kernels have backend ``""``.
    start_ns, duration_ns
        On the clock of ``time.perf_counter_ns``.
    nbytes, flops
        Work that the operation's cost model says had to be done; 0 where none is defined.
    counters
        Whole numbers that explain the time (``{"visible splats": 141_000}``).
    first_call
        True for the first launch in this process: it may contain compilation.
    """

    name: str
    group: str
    backend: str
    start_ns: int
    duration_ns: int
    nbytes: int = 0
    flops: int = 0
    counters: Mapping[str, int] = field(default_factory=dict)
    first_call: bool = False


class Late(Protocol):
    """Records of a device that works behind the host: known when it has caught up."""

    def finish(self, records: list[KernelRecord]) -> None:
        """Complete the records that were begun."""


class Recorder:
    """Collects the records of the thread that entered it, and not those of one entered within.

    ``late`` is set by whoever has records to complete when the recorder is left.
    """

    late: Late | None

    def __init__(self) -> None:
        self.records: list[KernelRecord] = []
        self.start_ns = 0
        self.end_ns = 0

    def __enter__(self) -> Recorder:
        self.records = []
        self.late = None
        self._outer = active()
        self.start_ns = time.perf_counter_ns()
        _local.recorder = self
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _local.recorder = self._outer
        if self.late is not None:
            self.late.finish(self.records)
        self.end_ns = time.perf_counter_ns()


def active() -> Recorder | None:
    """The recorder that listens on this thread, or None."""
    return getattr(_local, "recorder", None)


@contextmanager
def stage(name: str, group: str = "", nbytes: int = 0) -> Iterator[None]:
    """Time a piece of work that is no registered operation (upload, readback, encode)."""
    recorder = active()
    if recorder is None:
        yield
        return
    start = time.perf_counter_ns()
    try:
        yield
    finally:
        took = time.perf_counter_ns() - start
        recorder.records.append(KernelRecord(name, group, "", start, took, nbytes))
