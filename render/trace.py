"""Profiles as files and text: CSV, Chrome/Perfetto trace, an aligned table.

Files are written beside their name as ``.part`` and renamed when complete.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from kernels.timing import KernelRecord
from render.profile.rows import TOTAL, Row
from render.profile.samples import STAGES, Sample
from render.profile.words import amount, group_title, title

CSV_COLUMNS = (
    "group",
    "name",
    "backend",
    "frames",
    "median_ms",
    "p95_ms",
    "mean_ms",
    "share",
    "bytes",
    "flops",
    "gb_per_s",
    "gflop_per_s",
    "of_limit",
    "bound",
    "counters",
)

_PROCESS = 1
_TRACKS = {"Frames": 1, "Kernels": 2, "Screen": 3}


def write_csv(rows: Sequence[Row], path: str | Path) -> None:
    """Write the table, one line per row, the total last; times in ms, share in 0..1.

    ``of_limit`` is the share of the device's limit (1 is all of it, caches give more) and ``bound``
    what sets that, ``memory`` or ``arithmetic``; both are empty where the limit is not known.
    Counters are ``name=count`` joined by semicolons.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row in rows:
        counters = ";".join(f"{name}={count}" for name, count in row.counters.items())
        numbers = (row.median_ms, row.p95_ms, row.mean_ms, row.share)
        rates = (row.gb_s, row.gflop_s)
        writer.writerow(
            [
                row.key.group,
                row.key.name,
                row.backend,
                row.frames,
                *(f"{number:.6f}" for number in numbers),
                row.nbytes,
                row.flops,
                *(f"{rate:.3f}" for rate in rates),
                f"{row.reach.share:.6f}" if row.reach else "",
                row.reach.bound if row.reach else "",
                counters,
            ]
        )
    _write(path, text.getvalue())


def write_trace(frames: Sequence[Sample], path: str | Path) -> None:
    """Write frames as a trace that chrome://tracing and ui.perfetto.dev open.

    The format is the JSON of Google's "Trace Event Format" with complete events (``ph`` X, times
    in microseconds). Time 0 is the begin of the first frame. Kernels stand where they were
    measured; of waiting, transfer, upload and present only the lengths are known, so waiting is
    drawn up to the begin of its frame and the others one after the other behind it.
    """
    events: list[dict[str, Any]] = [_name_event("process_name", 0, "Plenoscope")]
    events += [_name_event("thread_name", tid, name) for name, tid in _TRACKS.items()]
    start_ns = min((f.start_ns - f.stages_ns[3] for f in frames), default=0)
    screen_free_ns = start_ns
    for frame in frames:
        events.append(_frame_event(frame, start_ns))
        events += [_kernel_event(record, start_ns) for record in frame.records]
        screen, screen_free_ns = _screen_events(frame, start_ns, screen_free_ns)
        events += screen
    text = json.dumps({"traceEvents": events, "displayTimeUnit": "ms"}, separators=(",", ":"))
    _write(path, text)


def table_text(rows: Sequence[Row]) -> str:
    """The table as aligned plain text with headings for the groups and the total last."""
    if not rows:
        return "No frames were measured.\n"
    head = (
        "", "backend", "median ms", "p95 ms", "share %", "bytes", "GB/s", "GFLOP/s", "of limit", ""
    )  # fmt: skip
    lines: list[tuple[str, ...]] = [head]
    group = ""
    for row in rows:
        if row.key == TOTAL:
            lines.append(())
        elif row.group_title != group:
            group = row.group_title
            lines.append((group,))
        lines.append(_text_cells(row))
    return _align(lines)


def _text_cells(row: Row) -> tuple[str, ...]:
    indent = "" if row.key == TOTAL else "  "
    return (
        indent + row.title,
        row.backend,
        f"{row.median_ms:.2f}",
        f"{row.p95_ms:.2f}",
        f"{100 * row.share:.1f}",
        amount(row.nbytes, "B") if row.nbytes else "",
        f"{row.gb_s:.1f}" if row.nbytes else "",
        f"{row.gflop_s:.1f}" if row.flops else "",
        f"{100 * row.reach.share:.0f} %" if row.reach else "",
        row.words,
    )


def _align(lines: Iterable[tuple[str, ...]]) -> str:
    """Columns of equal width: names to the left, numbers (2..8) to the right, words last."""
    lines = list(lines)
    full = [line for line in lines if len(line) > 1]
    widths = [max(len(line[i]) for line in full) for i in range(len(full[0]))]
    text = []
    for line in lines:
        cells = [
            cell.rjust(width) if 2 <= i <= 8 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=False))
        ]
        text.append("  ".join(cells).rstrip())
    return "\n".join(text) + "\n"


def _name_event(kind: str, tid: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": kind, "pid": _PROCESS, "tid": tid, "args": {"name": name}}


def _event(name: str, category: str, track: str, start_ns: int, duration_ns: int) -> dict[str, Any]:
    return {
        "ph": "X",
        "name": name,
        "cat": category,
        "pid": _PROCESS,
        "tid": _TRACKS[track],
        "ts": start_ns / 1e3,
        "dur": duration_ns / 1e3,
    }


def _frame_event(frame: Sample, zero_ns: int) -> dict[str, Any]:
    name = f"Frame {frame.index}"
    event = _event(name, "frame", "Frames", frame.start_ns - zero_ns, frame.render_ns)
    context = frame.context
    event["args"] = {
        "size": f"{context.width} x {context.height}",
        "backend": context.backend,
        "total ms": frame.digest.total_ns / 1e6,
    }
    return event


def _kernel_event(record: KernelRecord, zero_ns: int) -> dict[str, Any]:
    start_ns = record.start_ns - zero_ns
    event = _event(
        title(record.name), group_title(record.group), "Kernels", start_ns, record.duration_ns
    )
    args: dict[str, Any] = {"backend": record.backend} if record.backend else {}
    if record.nbytes:
        args["bytes"] = record.nbytes
    if record.flops:
        args["flops"] = record.flops
    if record.first_call:
        args["first call"] = True
    event["args"] = {**args, **record.counters}
    return event


def _screen_events(frame: Sample, zero_ns: int, free_ns: int) -> tuple[list[dict[str, Any]], int]:
    """The stages around a frame, and when its screen track is free again.

    Slices of one track must not overlap, so a frame's stages begin after the last frame's.
    """
    *after, (waiting, waiting_ns) = zip(STAGES, frame.stages_ns, strict=True)
    events = []
    if waiting_ns > 0:
        at_ns = max(frame.start_ns - waiting_ns, free_ns)
        events.append(_event(title(waiting), "window", "Screen", at_ns - zero_ns, waiting_ns))
        free_ns = at_ns + waiting_ns
    at_ns = max(frame.start_ns + frame.render_ns, free_ns)
    for name, duration_ns in after:
        if duration_ns > 0:
            events.append(_event(title(name), "window", "Screen", at_ns - zero_ns, duration_ns))
            at_ns += duration_ns
    return events, max(at_ns, free_ns)


def _write(path: str | Path, text: str) -> None:
    """Write UTF-8 text to ``.part`` and rename."""
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, encoding="utf-8", newline="")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
