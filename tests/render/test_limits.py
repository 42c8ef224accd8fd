"""The share of a machine's limit: which ceiling counts, for which rows, and how it is measured."""

from __future__ import annotations

import csv
from types import SimpleNamespace

import pytest

from kernels.limits import NAMES, Effort
from kernels.timing import KernelRecord
from render.profile import Limits, ProfileStore
from render.profile import limits as module
from render.profile.limits import measure, reach
from render.request import Frame
from render.trace import table_text, write_csv
from scenes.errors import Cancelled
from tests.render.profile_frames import add, make_store

LIMITS = Limits(copy=25.0, fma=200.0, matrix=400.0, exp2=20.0)
TINY = Effort(nbytes=4096, steps=3, side=8, products=1, repeats=2)


def of_cpu(backend: str) -> Limits | None:
    """The limits of a machine whose processor alone was measured."""
    return LIMITS if backend == "cpu" else None


def make_measured_store(frames: int = 10) -> ProfileStore:
    """Frames as a window shows them, on a machine that was measured."""
    store = make_store(frames, noise=0.0)
    store.limits = of_cpu
    return store


def test_the_nearer_ceiling_bounds():
    found = reach("project", 20.0, 50.0, LIMITS)
    assert (found.bound, found.rate, found.ceiling) == ("memory", 20.0, 25.0)
    assert found.share == pytest.approx(0.8)
    found = reach("blend", 2.5, 100.0, LIMITS)
    assert (found.bound, found.rate, found.ceiling) == ("arithmetic", 100.0, 200.0)
    assert found.share == pytest.approx(0.5)


def test_networks_are_held_against_matrix_products():
    assert reach("network", 1.0, 200.0, LIMITS).share == pytest.approx(0.5)
    assert reach("encode", 1.0, 200.0, LIMITS).share == pytest.approx(1.0)


def test_a_slow_library_does_not_lower_the_ceiling_of_networks():
    slow = Limits(copy=25.0, fma=500.0, matrix=200.0, exp2=20.0)
    found = reach("network", 1.0, 350.0, slow)
    assert (found.share, found.ceiling) == (pytest.approx(0.7), 500.0)


def test_one_kind_of_work_is_enough_and_none_is_nothing():
    assert reach("sort", 5.0, 0.0, LIMITS).bound == "memory"
    assert reach("blend", 0.0, 5.0, LIMITS).bound == "arithmetic"
    assert reach("sort", 0.0, 0.0, LIMITS) is None
    assert reach("sort", 5.0, 5.0, None) is None


def test_what_comes_from_caches_exceeds_the_limit():
    assert reach("sort", 50.0, 0.0, LIMITS).share == pytest.approx(2.0)


def test_the_words_name_bound_rate_and_ceiling():
    words = reach("project", 20.0, 50.0, LIMITS).words
    assert words == "80 % of the limit, which memory sets: 20.0 of 25.0 GB/s"
    assert "100.0 of 200.0 GFLOP/s" in reach("blend", 2.5, 100.0, LIMITS).words


def test_kernels_have_a_share_and_the_window_has_none():
    rows = {row.key.name: row for row in make_measured_store().rows()}
    # Blending makes 450 MFLOP and moves 30 MB in 8.1 ms.
    assert rows["blend"].reach.bound == "arithmetic"
    assert rows["blend"].reach.share == pytest.approx(450 / 8.1 / 200)
    assert rows["sort"].reach.bound == "memory"
    assert rows["sort"].reach.share == pytest.approx(4 / 1.2 / 25)
    for name in ("transfer", "upload", "present", "waiting", "other", "total"):
        assert rows[name].reach is None


def test_what_was_not_measured_has_no_share():
    assert all(row.reach is None for row in make_store().rows())
    store = ProfileStore(limits=of_cpu)
    record = KernelRecord("blend", "gaussians", "reference", 0, 1_000_000, 4000, 8000)
    store.add_shown(Frame({}, (record,), 0, 1_000_000))
    assert all(row.reach is None for row in store.rows())


def test_a_first_call_has_no_share_for_it_may_contain_compilation():
    store = ProfileStore(limits=of_cpu)
    add(store, 0, first=True)
    store.freeze(0)
    rows = {(row.key.group, row.key.name): row for row in store.rows()}
    assert rows["first calls", "blend"].reach is None
    assert rows["gaussians", "sort"].reach is not None


def test_tables_and_files_have_the_share(tmp_path):
    rows = make_measured_store().rows()
    write_csv(rows, tmp_path / "profile.csv")
    with (tmp_path / "profile.csv").open(newline="") as file:
        lines = {line["name"]: line for line in csv.DictReader(file)}
    assert float(lines["sort"]["of_limit"]) == pytest.approx(4 / 1.2 / 25, abs=1e-6)
    assert lines["sort"]["bound"] == "memory"
    assert (lines["total"]["of_limit"], lines["total"]["bound"]) == ("", "")
    lines = table_text(rows).splitlines()
    end = lines[0].index("of limit") + len("of limit")
    (sort,) = (line for line in lines if "Sort by depth" in line)
    assert sort[:end].endswith(" 13 %")


class FakeDevice:
    """Trials whose rates are known; remembers which were made."""

    EFFORT = TINY

    def __init__(self) -> None:
        self.trials: list[str] = []
        self.PROBES = {name: lambda effort, name=name: self._prepare(name) for name in NAMES}

    def _prepare(self, name: str):
        rates = iter((3.0, 5.0, 4.0))

        def trial() -> float:
            self.trials.append(name)
            return next(rates) * (1 + NAMES.index(name))

        return trial


@pytest.fixture
def device(monkeypatch) -> FakeDevice:
    """A device in place of the processor."""
    fake = FakeDevice()
    monkeypatch.setattr(module, "importlib", SimpleNamespace(import_module=lambda name: fake))
    return fake


def test_the_best_of_several_trials_counts(device):
    steps = []
    found = measure("cpu", lambda *step: steps.append(step))
    assert found == Limits(copy=5.0, fma=10.0, matrix=15.0, exp2=20.0)
    assert device.trials == [name for name in NAMES for _ in range(TINY.repeats)]
    assert steps == [(done, 8, "measurements") for done in range(1, 9)]


def test_measuring_can_be_cancelled_between_trials(device):
    with pytest.raises(Cancelled):
        measure("cpu", cancel=lambda: len(device.trials) >= 3)
    assert device.trials == ["copy", "copy", "fma"]


def test_the_processor_can_be_measured():
    found = measure("cpu", effort=TINY)
    assert min(found.copy, found.fma, found.matrix, found.exp2) > 0
