"""One shown frame as it was measured, and how its time divides into parts that add up.

The parts of a frame are its kernels and stages (what the renderer recorded), the four stages
around them (transfer, upload, present, waiting), and *other*: the total measured from outside
minus all that. Times of a recorded stage exclude what was recorded inside it, so that nothing
counts twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kernels.timing import KernelRecord

WINDOW = "window"
"""Group of the stages between the finished picture and the screen."""

STAGES = ("transfer", "upload", "present", "waiting")
OTHER = "other"


class Key(NamedTuple):
    """What makes two measurements the same row."""

    group: str
    name: str
    backend: str


class Context(NamedTuple):
    """What must be equal for two frames to be compared: marks so far, size and backend."""

    epoch: int
    width: int
    height: int
    backend: str


@dataclass(slots=True)
class Cell:
    """What one row cost in one frame; several launches of a kernel are summed."""

    duration_ns: int = 0
    nbytes: int = 0
    flops: int = 0
    counters: Mapping[str, int] = field(default_factory=dict)

    def add(self, duration_ns: int, record: KernelRecord) -> None:
        """Add one launch."""
        self.duration_ns += duration_ns
        self.nbytes += record.nbytes
        self.flops += record.flops
        if record.counters:
            merged = dict(self.counters)
            for name, count in record.counters.items():
                merged[name] = merged.get(name, 0) + count
            self.counters = merged


@dataclass(slots=True)
class Digest:
    """A frame divided into rows.

    ``cells`` are in frame order and end with the stages and *other*; ``first`` holds the launches
    that may contain compilation, with *other* of such a frame. ``total_ns`` is the sum of both.
    """

    cells: dict[Key, Cell]
    first: dict[Key, Cell]
    total_ns: int

    @property
    def steady_ns(self) -> int:
        """The frame without its first calls: exactly the sum of ``cells``."""
        return sum(cell.duration_ns for cell in self.cells.values())


@dataclass(slots=True)
class Sample:
    """One shown frame: raw measurements, divided on first look.

    Attributes
    ----------
    index
        Counts the shown frames since the store was made or reset.
    start_ns, render_ns
        Begin and length of the rendering, on the clock of ``time.perf_counter_ns``.
    records
        What the renderer recorded.
    stages_ns
        Transfer, upload, present and waiting, in the order of :data:`STAGES`.
    total_ns
        The frame measured from outside.
    context
        Size, backend and number of marks before it.
    """

    index: int
    start_ns: int
    render_ns: int
    records: Sequence[KernelRecord]
    stages_ns: tuple[int, int, int, int]
    total_ns: int
    context: Context
    _digest: Digest | None = None

    @property
    def digest(self) -> Digest:
        """The division into rows (computed once)."""
        if self._digest is None:
            self._digest = divide(self)
        return self._digest


def divide(sample: Sample) -> Digest:
    """Divide a frame into parts that add up to its total.

    Clocks of two processors drift, and stages on two threads may overlap, so the parts can sum to
    more than the total measured from outside. Then *other* is 0 and the total is that sum.
    """
    cells: dict[Key, Cell] = {}
    first: dict[Key, Cell] = {}
    for record, own_ns in _own_times(sample.records):
        target = first if record.first_call else cells
        key = _key(record)
        if key not in target:
            target[key] = Cell()
        target[key].add(own_ns, record)
    for name, duration_ns in zip(STAGES, sample.stages_ns, strict=True):
        cell = cells.pop(Key(WINDOW, name, ""), Cell())
        cell.duration_ns += max(duration_ns, 0)
        cells[Key(WINDOW, name, "")] = cell
    known_ns = sum(c.duration_ns for part in (cells, first) for c in part.values())
    # Beside a first call, the rest of the frame is mostly the loading of that kernel's code.
    rest = first if first else cells
    rest[Key(WINDOW, OTHER, "")] = Cell(max(sample.total_ns - known_ns, 0))
    return Digest(cells, first, max(sample.total_ns, known_ns))


def _key(record: KernelRecord) -> Key:
    """The row of a record; an ungrouped "upload" is the same row as the window's."""
    if not record.group and record.name in STAGES:
        return Key(WINDOW, record.name, "")
    return Key(record.group, record.name, record.backend)


def _own_times(records: Sequence[KernelRecord]) -> list[tuple[KernelRecord, int]]:
    """Each record with its duration minus that of the records right inside it, in start order."""
    ordered = sorted(records, key=lambda r: (r.start_ns, -r.duration_ns))
    own = [record.duration_ns for record in ordered]
    enclosing: list[int] = []
    for i, record in enumerate(ordered):
        end_ns = record.start_ns + record.duration_ns
        while enclosing and end_ns > (
            ordered[enclosing[-1]].start_ns + ordered[enclosing[-1]].duration_ns
        ):
            enclosing.pop()
        if enclosing:
            own[enclosing[-1]] -= record.duration_ns
        enclosing.append(i)
    # Children that overlap each other (two clocks) may exceed their parent.
    return [(record, max(time_ns, 0)) for record, time_ns in zip(ordered, own, strict=True)]
