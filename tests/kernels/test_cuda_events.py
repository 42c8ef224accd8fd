"""Times of launches by events, with events that a test moves along."""

from __future__ import annotations

import weakref

import pytest

from kernels import registry, timing
from kernels.cuda import events
from kernels.registry import Cost, Operation


class FakeEvent:
    """Happens at the device's clock when it is recorded; known once the device has caught up."""

    now_ms = 0.0
    behind = False
    asked = 0

    def record(self) -> None:
        """Happen now."""
        self.at_ms = FakeEvent.now_ms

    def query(self) -> bool:
        """Whether the host knows."""
        FakeEvent.asked += 1
        return not FakeEvent.behind

    def elapsed_time(self, later: FakeEvent) -> float:
        """Milliseconds from this event to a later one."""
        return later.at_ms - self.at_ms


@pytest.fixture
def operation(monkeypatch):
    """An operation that takes 3 ms on the device; its cost reads what the device counted."""
    monkeypatch.setattr(events, "_spare", [])
    monkeypatch.setattr(registry, "interpreted", lambda: False)
    clock = events.EventClock
    monkeypatch.setattr(events, "EventClock", lambda: clock(FakeEvent))
    monkeypatch.setattr(FakeEvent, "now_ms", 10.0)
    monkeypatch.setattr(FakeEvent, "behind", False)
    monkeypatch.setattr(FakeEvent, "asked", 0)

    def run(value: int) -> int:
        FakeEvent.now_ms += 3.0
        return value

    monkeypatch.setattr(Operation, "known", [])
    made = Operation("kernels.image.quantize", lambda result, value: Cost(counters={"n": result}))
    made._loaded["cuda"] = "cuda", run
    return made


def test_records_get_the_time_of_the_device(operation):
    with timing.Recorder() as recorder:
        for value in (7, 8):
            assert operation("cuda", value) == value
            FakeEvent.now_ms += 0.5
        assert FakeEvent.asked == 0
    first, second = recorder.records
    assert first.duration_ns == second.duration_ns == 3_000_000
    assert second.start_ns - first.start_ns == 3_500_000
    assert recorder.start_ns <= first.start_ns
    assert (first.counters, second.counters) == ({"n": 7}, {"n": 8})
    assert first.backend == "cuda"


def test_arrays_of_a_launch_are_kept_only_where_the_device_counts(operation):
    for counted in (True, False):
        operation._counted = counted
        operation._cost = lambda result, value: Cost(counters={"n": len(result)})
        operation._loaded["cuda"] = "cuda", lambda value: {value}
        with timing.Recorder() as recorder:
            kept = weakref.ref(operation("cuda", 1))
            assert (kept() is not None) == counted
        assert recorder.records[0].counters == {"n": 1}


def test_events_are_used_again(operation):
    for _ in range(3):
        with timing.Recorder():
            operation("cuda", 1)
    # One for the beginning of the frame and two about the launch.
    assert len(events._spare) == 3


def test_a_device_that_is_behind_is_not_waited_for(operation, monkeypatch):
    monkeypatch.setattr(FakeEvent, "behind", True)
    with timing.Recorder() as recorder:
        operation("cuda", 1)
    (record,) = recorder.records
    # The time of the launch on the host, which took none of the 3 ms of the device.
    assert 0 < record.duration_ns < 3_000_000
    assert record.counters == {}
    assert FakeEvent.asked > 1
    assert events._spare == []


def test_nothing_is_marked_while_nobody_listens(operation):
    assert operation("cuda", 5) == 5
    assert events._spare == []
