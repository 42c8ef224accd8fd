"""The profile store: everything adds up, nothing is mixed, reading never disturbs recording."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from kernels.timing import KernelRecord
from render.profile import TOTAL, WINDOW, ProfileStore, kernels_ms, shares
from render.profile.words import amount, counter_words
from render.request import Frame
from tests.render.profile_frames import add, make_frame, make_store


def by_name(store: ProfileStore) -> dict:
    return {row.key.name: row for row in store.rows()}


def test_rows_are_in_frame_order_with_the_window_and_the_total_last():
    names = [row.key.name for row in make_store().rows()]
    kernels = ["project", "shade", "sort", "bin", "blend", "display"]
    assert names == [*kernels, "transfer", "upload", "present", "waiting", "other", "total"]


def test_means_and_shares_add_up_exactly_to_the_total():
    *rows, total = make_store(noise=0.4).rows()
    assert total.key == TOTAL
    assert sum(row.mean_ms for row in rows) == pytest.approx(total.mean_ms, rel=1e-12)
    assert sum(row.share for row in rows) == pytest.approx(1.0, rel=1e-12)
    assert total.share == 1.0


def test_every_frame_adds_up_in_the_history_too():
    store = make_store(noise=0.4)
    history = store.history()
    digests = [sample.digest for sample in store.frames()]
    steady_ms = [d.steady_ns / 1e6 for d in digests]
    np.testing.assert_allclose(history.ms.sum(axis=1), steady_ms, rtol=1e-6)
    for digest in digests:
        first_ns = sum(cell.duration_ns for cell in digest.first.values())
        assert digest.steady_ns + first_ns == digest.total_ns


def test_other_is_what_nobody_accounted_for():
    assert by_name(make_store(noise=0.0))["other"].median_ms == pytest.approx(0.25)


def test_other_is_never_negative_and_the_total_grows_to_the_sum():
    store = ProfileStore()
    store.add_shown(make_frame(), present_ns=3_000_000, total_ns=1)
    *rows, total = store.rows()
    assert "other" not in by_name(store)
    assert total.mean_ms == pytest.approx(16.0 + 3.0)
    assert sum(row.mean_ms for row in rows) == pytest.approx(total.mean_ms, rel=1e-12)


def test_negative_stage_times_of_skewed_clocks_count_as_zero():
    store = ProfileStore()
    store.add_shown(make_frame(), waiting_ns=-5_000_000, total_ns=20_000_000)
    assert "waiting" not in by_name(store)
    assert by_name(store)["total"].mean_ms == pytest.approx(20.0)


def test_without_a_measured_total_rendering_and_stages_are_the_total():
    store = ProfileStore()
    frame = make_frame()
    store.add_shown(frame, upload_ns=1_000_000)
    assert by_name(store)["total"].mean_ms == pytest.approx(frame.total_ns / 1e6 + 1.0)


def test_a_stage_does_not_count_what_was_recorded_inside_it():
    inner = KernelRecord("blend", "gaussians", "cpu", 2_000_000, 3_000_000)
    deeper = KernelRecord("sort", "gaussians", "cpu", 2_500_000, 1_000_000)
    outer = KernelRecord("encode", "", "", 1_000_000, 9_000_000)
    store = ProfileStore()
    store.add_shown(Frame({}, (deeper, inner, outer), 0, 10_000_000))
    rows = by_name(store)
    assert [rows[n].mean_ms for n in ("encode", "blend", "sort")] == [6.0, 2.0, 1.0]
    assert rows["other"].mean_ms == pytest.approx(1.0)


def test_several_launches_of_a_kernel_are_one_row():
    records = tuple(
        KernelRecord("sort", "gaussians", "cpu", i * 10, 10, 100, 7, {"tile keys": 5})
        for i in range(3)
    )
    store = ProfileStore()
    store.add_shown(Frame({}, records, 0, 30))
    row = by_name(store)["sort"]
    assert (row.nbytes, row.flops, row.counters) == (300, 21, {"tile keys": 15})
    assert row.gb_s == pytest.approx(10.0)


def test_an_upload_inside_the_renderer_is_the_window_s_upload():
    record = KernelRecord("upload", "", "", 0, 2_000_000)
    store = ProfileStore()
    store.add_shown(Frame({}, (record,), 0, 2_000_000), upload_ns=1_000_000)
    row = by_name(store)["upload"]
    assert row.key.group == WINDOW
    assert row.mean_ms == pytest.approx(3.0)


def test_first_calls_are_listed_apart_and_kept_out_of_the_numbers():
    store = make_store(10, noise=0.0)
    (first,) = store.first_calls()
    assert first.title == "Blend"
    assert first.duration_ms == pytest.approx(1808.1)
    rows = by_name(store)
    assert rows["blend"].frames == 9
    assert rows["blend"].p95_ms == pytest.approx(8.1)
    assert rows["total"].p95_ms < 25
    assert store.history().compiled.tolist() == [True] + [False] * 9


def test_loading_beside_a_first_call_is_no_part_of_other():
    store = ProfileStore()
    add(store, 0, first=True, slack_ns=500_000_000)
    for number in range(1, 10):
        add(store, number)
    assert by_name(store)["other"].p95_ms < 1
    assert by_name(store)["total"].p95_ms < 25
    store.freeze(0)
    assert by_name(store)["total"].median_ms > 2300


def test_rates_and_shares():
    rows = by_name(make_store(20, noise=0.0))
    assert rows["shade"].gb_s == pytest.approx(27e6 / 2e-3 / 1e9)
    assert rows["blend"].gflop_s == pytest.approx(450e6 / 8.1e-3 / 1e9)
    assert rows["sort"].gflop_s == 0


def field_rows(**milliseconds: int) -> list:
    begin, records = 0, []
    for name, took in milliseconds.items():
        records.append(KernelRecord(name, "fields", "cuda", begin, took * 1_000_000))
        begin += took * 1_000_000
    store = ProfileStore()
    for _ in range(3):
        store.add_shown(Frame({}, tuple(records), 0, 20_000_000))
    return store.rows()


def test_the_shares_of_a_field_are_of_its_kernels():
    found = shares(field_rows(rays=1, march=2, encode=3, network=3, composite=1))
    assert found == pytest.approx(
        {"march": 0.2, "encode": 0.3, "network": 0.3, "composite": 0.1, "other": 0.1}
    )


def test_a_field_that_is_one_kernel_has_no_shares():
    assert shares(field_rows(rays=1, follow=9)) == {}


def test_median_and_percentile_are_of_the_window():
    store = ProfileStore(capacity=240, window=10)
    for number in range(30):
        frame = Frame({}, (), number, (number + 1) * 1_000_000)
        store.add_shown(frame)
    total = store.rows()[-1]
    assert total.median_ms == 25.5
    assert total.p95_ms == pytest.approx(np.percentile(np.arange(21, 31), 95))
    assert total.spark.tolist() == list(range(21, 31))
    assert len(store.frames()) == 30


def test_another_size_is_never_mixed_in_and_the_plot_is_marked():
    store = make_store(20, noise=0.0)
    for number in range(20, 25):
        add(store, number, size=(320, 180))
    assert store.rows()[-1].frames == 5
    assert np.flatnonzero(store.history().changed).tolist() == [20]
    add(store, 25)
    assert store.rows()[-1].frames == 21


def test_a_mark_starts_the_numbers_anew():
    store = make_store(20)
    store.mark()
    add(store, 20)
    assert store.rows()[-1].frames == 1
    assert len(store.frames()) == 21


def test_freezing_on_a_frame_shows_it_alone_while_recording_goes_on():
    store = make_store(10, noise=0.2)
    store.freeze(4)
    digest = store.frames()[4].digest
    for number in range(10, 300):
        add(store, number)
    assert store.frozen
    assert store.frozen_index == 4
    *rows, total = store.rows()
    assert total.frames == 1
    assert total.median_ms == pytest.approx(digest.total_ns / 1e6)
    assert sum(row.median_ms for row in rows) == pytest.approx(total.median_ms, rel=1e-12)
    assert store.history().indices.tolist() == list(range(10))
    store.unfreeze()
    assert store.history().indices.tolist() == list(range(60, 300))


def test_a_single_frame_with_a_first_call_adds_up_with_it():
    store = make_store(3)
    store.freeze(0)
    *rows, total = store.rows()
    assert rows[-1].key.group == "first calls"
    assert total.median_ms > 1800
    assert sum(row.median_ms for row in rows) == pytest.approx(total.median_ms, rel=1e-12)


def test_freezing_on_a_frame_that_is_gone_says_so():
    store = make_store(3)
    with pytest.raises(KeyError, match="no longer kept"):
        store.freeze(77)
    assert not store.frozen


def test_reset_forgets_frames_but_not_first_calls():
    store = make_store(5)
    store.freeze()
    store.burst(3)
    store.reset()
    assert store.rows() == []
    assert store.recording() is None
    assert not store.frozen
    assert len(store.first_calls()) == 1


def test_a_burst_takes_exactly_the_next_frames():
    store = make_store(5)
    assert store.recording() is None
    store.burst(300)
    for number in range(5, 400):
        add(store, number)
        burst = store.recording()
        assert burst.complete == (number >= 304)
    assert [s.index for s in burst.frames] == list(range(5, 305))


def test_a_burst_that_is_ended_early_keeps_what_came():
    store = make_store(5)
    store.burst(100)
    add(store, 5)
    store.end_burst()
    add(store, 6)
    burst = store.recording()
    assert burst.complete
    assert [s.index for s in burst.frames] == [5]
    store.burst(100)
    store.end_burst()
    assert store.recording() is None


def test_an_empty_store_has_nothing_to_show():
    store = ProfileStore()
    assert store.rows() == []
    assert store.history().ms.shape == (0, 0)
    assert store.first_calls() == []
    assert store.count == 0


def test_no_picture_is_kept_alive():
    store = make_store(2)
    assert not any(hasattr(sample, "images") for sample in store.frames())


def test_adding_a_frame_costs_little():
    store = ProfileStore()
    frame = make_frame()
    took = []
    for _ in range(500):
        start = time.perf_counter_ns()
        store.add_shown(frame, 1, 2, 3, 4, 30_000_000)
        took.append(time.perf_counter_ns() - start)
    assert np.median(took) < 30_000


def test_reading_while_another_thread_records():
    store = ProfileStore()
    errors = []

    def record() -> None:
        try:
            for number in range(2000):
                store.add_shown(make_frames[number % 20], 1, 2, 3, 4)
        except Exception as error:  # the test reports it
            errors.append(error)

    make_frames = [make_frame(number) for number in range(20)]
    thread = threading.Thread(target=record)
    thread.start()
    while thread.is_alive():
        *rows, total = store.rows() or [None]
        if total is not None:
            assert sum(row.share for row in rows) == pytest.approx(1.0)
    thread.join()
    assert errors == []
    assert store.count == 2000


def test_counters_in_plain_words():
    rows = by_name(make_store(2))
    assert rows["project"].words == "141 k visible splats of 200 k"
    assert rows["bin"].words == "622 k tile keys"
    assert rows["blend"].words == ("78 pairs per pixel, 33 contribute; 31 % of tiles stopped early")
    assert rows["shade"].words == ""


def test_counters_without_their_partner_are_named():
    assert counter_words({"live samples": 12_345, "pixels": 10}) == "12.3 k live samples; 10 pixels"
    assert counter_words({"splats": 7}) == "7 splats"
    assert counter_words({"stopped tiles": 0, "tiles": 0}) == "0 stopped tiles; 0 tiles"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (7, "7"),
        (999, "999"),
        (999.6, "1.00 k"),
        (1000, "1.00 k"),
        (141_000, "141 k"),
        (999_500, "1.00 M"),
        (6_220_000, "6.22 M"),
        (2.5, "2.50"),
        (3e18, "3000 P"),
    ],
)
def test_amounts_have_three_digits(value, text):
    assert amount(value) == text


def test_amounts_with_units():
    assert amount(1_200_000_000, "B") == "1.20 GB"
    assert amount(12, "B") == "12 B"


def test_the_kernels_are_the_frame_without_the_window():
    rows = make_store(noise=0.0).rows()
    inside = [row.median_ms for row in rows if row.key.group not in (WINDOW, TOTAL.group)]
    assert kernels_ms(rows) == pytest.approx(sum(inside), rel=1e-5)
    assert kernels_ms([]) == 0.0


def test_stages_of_the_window_are_explained_where_kernels_have_counters():
    rows = by_name(make_store())
    assert rows["waiting"].explanation.startswith("From the move of the camera")
    assert rows["project"].explanation == rows["project"].words
    assert rows["waiting"].words == ""
