"""Files and text made from profiles."""

from __future__ import annotations

import csv
import json

import pytest

from render.profile import ProfileStore
from render.trace import CSV_COLUMNS, table_text, write_csv, write_trace
from tests.render.profile_frames import make_store


def test_csv_has_every_row_and_the_total(tmp_path):
    store = make_store(noise=0.2)
    path = tmp_path / "profile.csv"
    write_csv(store.rows(), path)
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert tuple(lines[0]) == CSV_COLUMNS
    assert [line["name"] for line in lines] == [row.key.name for row in store.rows()]
    *parts, total = lines
    assert total["name"] == "total"
    assert sum(float(p["mean_ms"]) for p in parts) == pytest.approx(
        float(total["mean_ms"]), abs=1e-5
    )
    assert "visible splats=141000" in lines[0]["counters"]


def test_trace_is_json_whose_durations_are_those_measured(tmp_path):
    store = make_store(20, noise=0.2)
    path = tmp_path / "trace.json"
    write_trace(store.frames(), path)
    events = json.loads(path.read_text())["traceEvents"]
    slices = [e for e in events if e["ph"] == "X"]
    assert {"name", "cat", "pid", "tid", "ts", "dur"} <= set(slices[0])
    assert min(e["ts"] for e in slices) == 0
    kernels_us = sum(e["dur"] for e in slices if e["cat"] in ("Gaussians", "Picture"))
    wanted_ns = sum(r.duration_ns for s in store.frames() for r in s.records)
    assert kernels_us == pytest.approx(wanted_ns / 1e3)
    screen_us = sum(e["dur"] for e in slices if e["cat"] == "window")
    assert screen_us == pytest.approx(20 * 4_300)
    blend = next(e for e in slices if e["name"] == "Blend")
    assert blend["args"]["flops"] == 450_000_000
    assert blend["args"]["first call"] is True
    assert blend["args"]["tiles"] == 920


def test_slices_of_the_screen_never_overlap(tmp_path):
    path = tmp_path / "trace.json"
    write_trace(make_store(50, noise=0.5).frames(), path)
    events = [e for e in json.loads(path.read_text())["traceEvents"] if e.get("cat") == "window"]
    ends = [event["ts"] + event["dur"] for event in events]
    assert all(b["ts"] >= end - 1e-3 for end, b in zip(ends, events[1:], strict=False))


def test_a_trace_without_frames_is_valid(tmp_path):
    path = tmp_path / "trace.json"
    write_trace((), path)
    assert all(e["ph"] == "M" for e in json.loads(path.read_text())["traceEvents"])


def test_a_failed_write_leaves_the_old_file_and_no_part(tmp_path, monkeypatch):
    path = tmp_path / "profile.csv"
    path.write_text("old")

    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_csv(make_store(2).rows(), path)
    assert [p.name for p in tmp_path.iterdir()] == ["profile.csv"]
    assert path.read_text() == "old"


def test_text_table_is_aligned_and_ends_with_the_total():
    text = table_text(make_store(noise=0.1).rows())
    lines = text.splitlines()
    assert lines[1] == "Gaussians"
    assert lines[-1].startswith("Total")
    end = lines[0].index("median ms") + len("median ms")
    values = [line[:end].split()[-1] for line in lines[1:] if line.startswith("  ")]
    assert [float(value) > 0 for value in values] == [True] * 11


def test_text_table_without_frames_says_so():
    assert table_text(ProfileStore().rows()) == "No frames were measured.\n"
