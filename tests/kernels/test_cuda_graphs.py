"""Frames that are recorded when they repeat, on a device that a test plays."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from kernels import registry, timing
from kernels.cuda import events, graphs
from kernels.cuda.graphs import MOST, REPEATS, Recording, Recordings
from kernels.registry import Cost, Operation
from tests.kernels.test_cuda_events import FakeEvent


class Device:
    """Adds up what it is given; a recording adds what it finds when it is run."""

    def __init__(self) -> None:
        self.number = 0
        self.tables: list[int] = []
        self.launches = 0
        self.recorded: list[Callable[[], None]] | None = None

    def do(self, work: Callable[[], None]) -> None:
        """Work that is done now, or whenever the recording is run."""
        self.launches += 1
        if self.recorded is None:
            work()
        else:
            self.recorded.append(work)

    def record(self, launch: Callable[[], None]) -> Callable[[], None]:
        """In place of a CUDA graph."""
        self.recorded = kept = []
        launch()
        self.recorded = None

        def replay() -> None:
            for work in kept:
                work()

        return replay


class DeviceEvent(FakeEvent):
    """Happens when the device comes to it."""

    device: Device

    def record(self) -> None:
        """Happen in the order of the launches."""
        DeviceEvent.device.do(super().record)


@pytest.fixture
def device(monkeypatch) -> Device:
    made = Device()
    DeviceEvent.device = made
    clock = events.EventClock
    monkeypatch.setattr(registry, "interpreted", lambda: False)
    monkeypatch.setattr(graphs, "interpreted", lambda: False)
    monkeypatch.setattr(events, "_spare", [])
    monkeypatch.setattr(FakeEvent, "now_ms", 0.0)
    monkeypatch.setattr(events, "EventClock", lambda new=DeviceEvent, spare=None: clock(new, spare))
    monkeypatch.setattr(graphs, "EventClock", clock)
    monkeypatch.setattr(Operation, "known", [])
    return made


@pytest.fixture
def frames(device) -> Any:
    """Draws a number; a frame writes ten times of it into a table of its own."""
    counted = Operation("kernels.image.quantize", lambda result, table: Cost(counters=dict(table)))

    def run(table: dict[str, int]) -> dict[str, int]:
        def work() -> None:
            FakeEvent.now_ms += 2.0
            table["n"] = 10 * device.number

        device.do(work)
        return table

    counted._loaded["cuda"] = "cuda", run
    recordings = Recordings[dict[str, int]](
        lambda one, other: one == other,
        lambda launch: Recording(launch, device.record, DeviceEvent),
    )

    def draw(number: int, key: str = "key") -> dict[str, int]:
        def refill() -> None:
            device.number = number

        def launch() -> dict[str, int]:
            refill()
            return counted("cuda", {})

        return recordings.run(key, launch, refill)

    draw.recordings = recordings
    return draw


def test_what_repeats_is_recorded_and_draws_with_other_numbers(device, frames):
    for number in range(REPEATS):
        assert frames(number) == {"n": 10 * number}
    launched = device.launches
    for number in (7, 8, 7):
        assert frames(number) == {"n": 10 * number}
    # The host launched nothing of those three.
    assert device.launches == launched


def test_records_are_those_of_frames_that_are_not_recorded(frames):
    seen = []
    for number in range(REPEATS + 2):
        with timing.Recorder() as recorder:
            frames(number)
        (record,) = recorder.records
        seen.append((record.name, record.duration_ns, dict(record.counters)))
    assert seen == [("quantize", 2_000_000, {"n": 10 * number}) for number in range(REPEATS + 2)]


def test_recording_leaves_no_records_in_the_frame_that_it_happens_in(frames):
    with timing.Recorder() as recorder:
        for number in range(REPEATS):
            frames(number)
    assert len(recorder.records) == REPEATS


def test_frames_that_differ_are_not_taken_for_each_other(frames):
    for number in range(REPEATS + 1):
        for key in ("a", "b"):
            assert frames(number, key) == {"n": 10 * number}


def test_only_the_last_recordings_are_kept(frames):
    for key in range(MOST + 3):
        for number in range(REPEATS + 1):
            frames(number, str(key))
    assert len(frames.recordings._kept) == MOST
    assert frames(3) == {"n": 30}


def test_a_recording_that_draws_something_else_is_never_used(device, frames, caplog):
    right = device.record

    def wrong(launch: Callable[[], None]) -> Callable[[], None]:
        replay = right(launch)

        def disturbed() -> None:
            device.number += 1
            replay()

        return disturbed

    device.record = wrong
    with caplog.at_level(logging.WARNING):
        for number in range(REPEATS + 3):
            assert frames(number) == {"n": 10 * number}
    assert [record.message for record in caplog.records] == [
        "frames are not recorded: a recording drew something else"
    ]


def test_a_device_that_cannot_record_draws_on(device, frames, caplog):
    def refuse(launch: Callable[[], None]) -> Callable[[], None]:
        raise RuntimeError("operation not permitted when stream is capturing")

    device.record = refuse
    with caplog.at_level(logging.WARNING):
        for number in range(REPEATS + 3):
            assert frames(number) == {"n": 10 * number}
    assert len(caplog.records) == 1
    assert "not permitted" in caplog.records[0].message
