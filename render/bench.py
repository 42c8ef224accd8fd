"""Measure how fast a scene renders: a new camera for every frame, warm-up left out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from render.profile.limits import LimitsOf, reach, unmeasured
from render.render import render
from render.request import Frame, RenderRequest
from scenes.camera import Camera


@dataclass
class _Row:
    """One kernel over all frames; a kernel that ran twice in a frame counts with its sum."""

    name: str
    backend: str
    milliseconds: list[float] = field(default_factory=list)
    nbytes: list[int] = field(default_factory=list)
    flops: list[int] = field(default_factory=list)
    counters: dict[str, list[int]] = field(default_factory=dict)


def orbit_cameras(
    centre: Any, radius: float, size: tuple[int, int], count: int = 12
) -> list[Camera]:
    """Cameras on a circle around a scene, slightly above it, all of it in view."""
    angles = np.arange(count) * (2 * np.pi / count)
    return [
        Camera.look_at(
            np.asarray(centre) + 2.6 * radius * np.array([np.sin(a), -0.3, -np.cos(a)]),
            centre,
            width=size[0],
            height=size[1],
        )
        for a in angles
    ]


def bench(
    request: RenderRequest,
    cameras: Sequence[tuple[str, Camera]],
    repeat: int,
    progress: Callable[[int, int, str], None],
    renderer: Callable[[RenderRequest], Frame] = render,
    limits: LimitsOf = unmeasured,
    warm_up: int = 1,
    measured: AbstractContextManager[Any] | None = None,
) -> dict[str, Any]:
    """Render every camera ``repeat`` times, in turn, after rounds of warm-up.

    ``measured`` is entered before the first frame that counts, and left after the last.

    Returns
    -------
    dict
        ``frame_ms`` {median, p5, p95}, ``frames`` [{camera, ms_median}] and ``kernels`` [{name,
        backend, ms_median, ms_p95, share, bytes, flops, gb_s, gflop_s, of_limit, bound,
        counters}]; the row ``other`` is what the frame took beside its kernels. Shares are of the
        mean frame, so they add up to 1; medians need not add up. ``of_limit`` and ``bound`` (see
        :class:`render.profile.Reach`) are None where ``limits`` knows nothing.
    """
    totals: dict[str, list[float]] = {name: [] for name, _ in cameras}
    rows: dict[tuple[str, str], _Row] = {}
    other = _Row("other", "")
    count = len(cameras) * (warm_up + repeat)
    with ExitStack() as stack:
        for number in range(warm_up + repeat):
            if number == warm_up:
                stack.enter_context(measured or nullcontext())
            for index, (name, camera) in enumerate(cameras):
                start = time.perf_counter_ns()
                frame = renderer(replace(request, camera=camera))
                took = (time.perf_counter_ns() - start) / 1e6
                progress(number * len(cameras) + index + 1, count, "frames")
                if number < warm_up:
                    continue
                totals[name].append(took)
                other.milliseconds.append(max(took - _collect(frame, rows), 0.0))
    frames_ms = np.array([value for values in totals.values() for value in values])
    low, median, high = np.quantile(frames_ms, (0.05, 0.5, 0.95))
    mean = float(frames_ms.mean())
    return {
        "frame_ms": {"median": float(median), "p5": float(low), "p95": float(high)},
        "frames": [
            {"camera": name, "ms_median": float(np.median(values))}
            for name, values in totals.items()
        ],
        "kernels": [_summary(row, mean, len(frames_ms), limits) for row in (*rows.values(), other)],
    }


def _collect(frame: Frame, rows: dict[tuple[str, str], _Row]) -> float:
    """Add a frame's records to their rows; returns the milliseconds of all of them."""
    merged: dict[tuple[str, str], list[Any]] = {}
    for record in frame.records:
        merged.setdefault((record.name, record.backend), []).append(record)
    for key, records in merged.items():
        row = rows.setdefault(key, _Row(*key))
        row.milliseconds.append(sum(record.duration_ns for record in records) / 1e6)
        row.nbytes.append(sum(record.nbytes for record in records))
        row.flops.append(sum(record.flops for record in records))
        sums: dict[str, int] = {}
        for record in records:
            for name, value in record.counters.items():
                sums[name] = sums.get(name, 0) + value
        for name, value in sums.items():
            row.counters.setdefault(name, []).append(value)
    return sum(record.duration_ns for record in frame.records) / 1e6


def _summary(row: _Row, mean_frame: float, frames: int, limits: LimitsOf) -> dict[str, Any]:
    median = float(np.median(row.milliseconds))
    nbytes = float(np.median(row.nbytes)) if row.nbytes else 0.0
    flops = float(np.median(row.flops)) if row.flops else 0.0
    gb_s = nbytes / median / 1e6 if median > 0 else 0.0
    gflop_s = flops / median / 1e6 if median > 0 else 0.0
    found = reach(row.name, gb_s, gflop_s, limits(row.backend) if row.backend else None)
    return {
        "name": row.name,
        "backend": row.backend,
        "ms_median": median,
        "ms_p95": float(np.quantile(row.milliseconds, 0.95)),
        "share": float(np.sum(row.milliseconds)) / frames / mean_frame,
        "bytes": int(nbytes),
        "flops": int(flops),
        "gb_s": gb_s,
        "gflop_s": gflop_s,
        "of_limit": found.share if found else None,
        "bound": found.bound if found else None,
        "counters": {name: int(np.median(values)) for name, values in row.counters.items()},
    }
