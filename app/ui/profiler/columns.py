"""The columns of the profiler's table and the words of its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from render.profile import Row
from render.profile.words import amount


@dataclass(frozen=True)
class Column:
    """One column: its header with the unit, how a row fills it, and by what it is sorted.

    ``sample`` is the widest text that has to fit, so that the width never moves with the numbers.
    ``kind`` is ``"name"``, ``"text"``, ``"number"``, ``"share"`` or ``"spark"``.
    """

    name: str
    header: str
    kind: str
    sample: str
    text: Callable[[Row], str]
    order: Callable[[Row], Any]
    tip: str
    shown: bool = True


def _milliseconds(value: float) -> str:
    return f"{value:.2f}" if value < 999.995 else f"{value:.0f}"


def _work(value: float) -> str:
    """Work in millions; empty where the cost model knows none."""
    return f"{value / 1e6:,.1f}" if value else ""


def _rate(value: float) -> str:
    return f"{value:,.1f}" if value else ""


def _of_limit(row: Row) -> str:
    return f"{100 * row.reach.share:.0f} %" if row.reach else ""


COLUMNS = (
    Column(
        "name",
        "Stage",
        "name",
        "Colour by view",
        lambda row: row.title,
        lambda row: row.title.lower(),
        "What ran, in the order of the frame",
    ),
    Column(
        "median",
        "median ms",
        "number",
        "000.00",
        lambda row: _milliseconds(row.median_ms),
        lambda row: row.median_ms,
        "Half of the frames took less, in milliseconds.\n"
        "Medians of the parts need not add up to the median of the whole; means and shares do.",
    ),
    Column(
        "p95",
        "p95 ms",
        "number",
        "000.00",
        lambda row: _milliseconds(row.p95_ms),
        lambda row: row.p95_ms,
        "95 of 100 frames took less, in milliseconds",
    ),
    Column(
        "mean",
        "mean ms",
        "number",
        "000.00",
        lambda row: _milliseconds(row.mean_ms),
        lambda row: row.mean_ms,
        "Mean over all frames, in milliseconds; the rows add up to the total",
        shown=False,
    ),
    Column(
        "share",
        "share %",
        "share",
        "100.0",
        lambda row: f"{100 * row.share:.1f}",
        lambda row: row.share,
        "Part of the whole frame time; the rows add up to 100 %",
    ),
    Column(
        "limit",
        "of limit",
        "number",
        "000 %",
        _of_limit,
        lambda row: row.reach.share if row.reach else -1.0,
        "How near it comes to what this machine can do at most, in memory or in arithmetic,\n"
        "whichever is nearer; above 100 % where its data come from caches.\n"
        "Empty until Tools > Measure the machine's limits was given once.",
    ),
    Column(
        "recent",
        "recent",
        "spark",
        "",
        lambda row: "",
        lambda row: row.median_ms,
        "Time in each of the last frames, newest to the right; every row has its own scale from 0",
    ),
    Column(
        "backend",
        "backend",
        "text",
        "reference",
        lambda row: row.backend,
        lambda row: row.backend,
        "Which implementation ran",
    ),
    Column(
        "bytes",
        "MB",
        "number",
        "00,000.0",
        lambda row: _work(row.nbytes),
        lambda row: row.nbytes,
        "Memory that had to be read and written per frame, by the cost model, in megabytes",
    ),
    Column(
        "flops",
        "MFLOP",
        "number",
        "000,000.0",
        lambda row: _work(row.flops),
        lambda row: row.flops,
        "Floating-point operations that had to be done per frame, by the cost model, in millions",
    ),
    Column(
        "gb_s",
        "GB/s",
        "number",
        "0,000.0",
        lambda row: _rate(row.gb_s),
        lambda row: row.gb_s,
        "Achieved memory throughput",
    ),
    Column(
        "gflop_s",
        "GFLOP/s",
        "number",
        "00,000.0",
        lambda row: _rate(row.gflop_s),
        lambda row: row.gflop_s,
        "Achieved arithmetic throughput",
    ),
    Column(
        "counters",
        "what it did",
        "text",
        "78 pairs per pixel, 33 contribute; 31 % of tiles stopped early",
        lambda row: row.explanation,
        lambda row: row.explanation,
        "Counters of the newest frame",
    ),
)


def describe(row: Row) -> str:
    """Everything about a row in words, for its tooltip and for screen readers."""
    times = f"{row.title}: median {row.median_ms:.2f} ms, p95 {row.p95_ms:.2f} ms, "
    lines = [times + f"mean {row.mean_ms:.2f} ms, {100 * row.share:.1f} % of the frame"]
    ran = f"ran in {row.frames} of {len(row.spark)} frames"
    lines.append(f"{row.backend} backend, {ran}" if row.backend else ran.capitalize())
    if row.nbytes:
        lines.append(f"{amount(row.nbytes, 'B')} a frame at {row.gb_s:.1f} GB/s")
    if row.flops:
        lines.append(f"{amount(row.flops, 'FLOP')} a frame at {row.gflop_s:.1f} GFLOP/s")
    if row.reach:
        lines.append(row.reach.words)
    if row.explanation:
        lines.append(row.explanation)
    return "\n".join(lines)
