"""What every test gets: private settings folders, and a run that fails if a backend sat out."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import pytest

MUST_RUN = ("reference", "cpu", "cuda")
"""Backends that every machine can run: a run in which no test of one passes has proven nothing.

Where there is no GPU, ``cuda`` is run by Triton's interpreter, in processes of its own."""

# A shell without job control starts its background jobs deaf to interrupts, and so their children.
signal.signal(signal.SIGINT, signal.default_int_handler)

_passed: Counter[str] = Counter()
_collected: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def private_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings, logs and autosaves of a test go to a folder of its own."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("PLENOSCOPE_HOME", str(home))
    return home


def _backend_of(nodeid: str) -> str | None:
    inside = nodeid.rpartition("[")[2].rstrip("]")
    return next((name for name in MUST_RUN if name in inside.split("-")), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Count the tests of each backend."""
    for item in items:
        if (backend := _backend_of(item.nodeid)) is not None:
            _collected[backend] += 1


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count those that passed."""
    if report.when == "call" and report.passed and (backend := _backend_of(report.nodeid)):
        _passed[backend] += 1


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI, fail where a backend's tests were collected and none of them passed."""
    silent = [name for name in MUST_RUN if _collected[name] and not _passed[name]]
    if silent and os.environ.get("CI") and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print(f"\nno test of these backends passed: {', '.join(silent)}")
