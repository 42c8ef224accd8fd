"""Tables and plots from a list of measured frames: medians, shares, rates, and a stacked history.

Medians of parts do not add up to the median of the whole. What adds up exactly is the mean, the
share (which is the mean's), and every number of a single frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.profile.limits import LimitsOf, Reach, reach, unmeasured
from render.profile.samples import WINDOW, Cell, Digest, Key, Sample
from render.profile.words import HINTS, counter_words, group_title, title

TOTAL = Key("total", "total", "")
FIRST_CALLS = "first calls"
"""Group of the rows that a single frame spent in first calls."""


@dataclass(frozen=True, eq=False)
class Row:
    """One kernel or stage, over the frames of a window.

    Attributes
    ----------
    key
        Group, name and backend: the identity of the row.
    title, group_title
        In plain words.
    frames
        In how many frames of the window it ran.
    median_ms, p95_ms
        Over the frames in which it ran.
    mean_ms, share
        Over all frames of the window; means add up to the mean of the total, shares to 1.
    spark
        (F,) float32, ms in each frame of the window, oldest first; 0 where it did not run.
    nbytes, flops
        Work of a frame by the cost model: median over the frames in which it ran.
    gb_s, gflop_s
        All work of the window over all its time; 0 where the model knows no work.
    reach
        The share of the device's limit that these rates are; None where the limit is not known,
        for first calls, and for what is no kernel.
    counters
        Counters of the newest frame.
    """

    key: Key
    title: str
    group_title: str
    frames: int
    median_ms: float
    p95_ms: float
    mean_ms: float
    share: float
    spark: NDArray[np.float32]
    nbytes: int
    flops: int
    gb_s: float
    gflop_s: float
    reach: Reach | None
    counters: Mapping[str, int]

    @property
    def backend(self) -> str:
        """Where it ran; empty for stages that are no kernels."""
        return self.key.backend

    @property
    def words(self) -> str:
        """The counters in plain words."""
        return counter_words(self.counters)

    @property
    def explanation(self) -> str:
        """The counters, or for a stage of the window what it is."""
        return self.words or (HINTS.get(self.key.name, "") if self.key.group == WINDOW else "")


@dataclass(frozen=True)
class FirstCall:
    """The first launch of a kernel in this process, which may contain compilation."""

    key: Key
    title: str
    duration_ms: float


@dataclass(frozen=True, eq=False)
class History:
    """The frames of the stacked plot, oldest first.

    Attributes
    ----------
    indices
        (F,) int64, the number of each frame.
    keys, titles
        The rows, bottom of the stack first.
    ms
        (F, R) float32, without first calls.
    compiled
        (F,) bool, frames that also had first calls.
    changed
        (F,) bool, frames whose size, backend or scene differs from the frame before.
    sizes
        (F, 2) int32, width and height in pixels.
    """

    indices: NDArray[np.int64]
    keys: tuple[Key, ...]
    titles: tuple[str, ...]
    ms: NDArray[np.float32]
    compiled: NDArray[np.bool_]
    changed: NDArray[np.bool_]
    sizes: NDArray[np.int32]


def table(
    samples: Sequence[Sample], include_first: bool = False, limits: LimitsOf = unmeasured
) -> list[Row]:
    """Rows of these frames in frame order, the total last; empty without frames.

    With ``include_first`` the first calls are rows too (a single frame that must add up to what
    was measured); without, they are left out of the rows and of the total. ``limits`` are the
    ceilings that rows are held against.
    """
    if not samples:
        return []
    columns = [_cells(sample.digest, include_first) for sample in samples]
    totals = np.array([sum(c.duration_ns for c in cells.values()) for cells in columns], np.int64)
    rows = [_row(key, columns, totals, limits) for key in _order(columns)]
    work = [
        Cell(int(ns), sum(c.nbytes for c in cells.values()), sum(c.flops for c in cells.values()))
        for ns, cells in zip(totals, columns, strict=True)
    ]
    rows.append(_row(TOTAL, [{TOTAL: cell} for cell in work], totals, unmeasured))
    return rows


def kernels_ms(rows: Sequence[Row]) -> float:
    """Median over the frames of what :func:`table` knows outside of the window, ms.

    Pictures are rendered while those before are being shown, so the kernels and not the total
    decide how many there are per second.
    """
    inside = [row.spark for row in rows if row.key.group not in (WINDOW, TOTAL.group)]
    return float(np.median(np.sum(inside, axis=0, dtype=np.float64))) if inside else 0.0


def history(samples: Sequence[Sample]) -> History:
    """The stacked plot of these frames."""
    columns = [sample.digest.cells for sample in samples]
    keys = _order(columns)
    place = {key: i for i, key in enumerate(keys)}
    ms = np.zeros((len(samples), len(keys)), np.float32)
    for f, cells in enumerate(columns):
        for key, cell in cells.items():
            if key in place:
                ms[f, place[key]] = cell.duration_ns / 1e6
    contexts = [sample.context for sample in samples]
    return History(
        indices=np.array([sample.index for sample in samples], np.int64),
        keys=tuple(keys),
        titles=tuple(title(key.name) for key in keys),
        ms=ms,
        compiled=np.array([bool(s.digest.first) for s in samples], bool),
        changed=np.array([i > 0 and c != contexts[i - 1] for i, c in enumerate(contexts)], bool),
        sizes=np.array([(c.width, c.height) for c in contexts], np.int32).reshape(-1, 2),
    )


def _cells(digest: Digest, include_first: bool) -> Mapping[Key, Cell]:
    if not include_first or not digest.first:
        return digest.cells
    first = {Key(FIRST_CALLS, key.name, key.backend): cell for key, cell in digest.first.items()}
    return {**digest.cells, **first}


def _order(columns: Sequence[Mapping[Key, Cell]]) -> list[Key]:
    """All rows: groups in frame order with the window's last, stages that never ran left out."""
    seen: dict[Key, None] = {}
    # The newest frame decides the order; rows that only older frames have come after it.
    for cells in reversed(columns):
        seen.update(dict.fromkeys(cells))
    kept = [
        key
        for key in seen
        if key.group != WINDOW or any(key in c and c[key].duration_ns for c in columns)
    ]
    groups = list(dict.fromkeys(key.group for key in kept))
    groups.sort(key=lambda group: (group == WINDOW) + 2 * (group == FIRST_CALLS))
    return [key for group in groups for key in kept if key.group == group]


def _row(
    key: Key,
    columns: Sequence[Mapping[Key, Cell]],
    totals: NDArray[np.int64],
    limits: LimitsOf,
) -> Row:
    cells = [c[key] for c in columns if key in c]
    ran_ms = np.array([cell.duration_ns for cell in cells], np.float64) / 1e6
    spent_ns = sum(cell.duration_ns for cell in cells)
    all_ns = int(totals.sum())
    per_ns = 1.0 / spent_ns if spent_ns else 0.0
    # Bytes per nanosecond are GB/s, operations per nanosecond GFLOP/s.
    gb_s = sum(cell.nbytes for cell in cells) * per_ns
    gflop_s = sum(cell.flops for cell in cells) * per_ns
    kernel = key.backend and key.group != FIRST_CALLS
    newest = columns[-1].get(key, cells[-1])
    return Row(
        key=key,
        title=title(key.name),
        group_title=group_title(key.group),
        frames=len(cells),
        median_ms=float(np.median(ran_ms)),
        p95_ms=float(np.percentile(ran_ms, 95)),
        mean_ms=spent_ns / 1e6 / len(columns),
        share=spent_ns / all_ns if all_ns else 0.0,
        spark=np.array(
            [c[key].duration_ns / 1e6 if key in c else 0.0 for c in columns], np.float32
        ),
        nbytes=int(np.median([cell.nbytes for cell in cells])),
        flops=int(np.median([cell.flops for cell in cells])),
        gb_s=gb_s,
        gflop_s=gflop_s,
        reach=reach(key.name, gb_s, gflop_s, limits(key.backend)) if kernel else None,
        counters=newest.counters,
    )
