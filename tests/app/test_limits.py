"""The file of the machine's limits, and ``plenoscope doctor --calibrate``."""

from __future__ import annotations

import json
import logging
from argparse import Namespace

import pytest

from app import limits as module
from app.cli.commands import doctor
from app.cli.main import main
from app.limits import KeptLimits, keep_limits, limits_file, measure_machine, read_limits
from kernels.limits.device import device_name
from render.profile import Limits
from scenes.errors import Cancelled, SceneError
from scenes.registry import never, no_progress
from tests.render.test_limits import LIMITS, TINY

OTHER = Limits(copy=1.0, fma=2.0, matrix=3.0, exp2=4.0)


@pytest.fixture(autouse=True)
def only_the_processor(monkeypatch):
    """A measurement of a graphics card would take too long for a test."""
    monkeypatch.setattr(module, "BACKENDS", ("cpu",))
    monkeypatch.setattr("app.cli.diagnosis.opengl", lambda: "not asked")


def test_what_is_kept_comes_back_by_device(tmp_path):
    file = tmp_path / "folder" / "limits.json"
    keep_limits({"a": LIMITS}, file)
    keep_limits({"b": OTHER}, file)
    assert read_limits(file) == {"a": LIMITS, "b": OTHER}
    keep_limits({"a": OTHER}, file)
    assert read_limits(file) == {"a": OTHER, "b": OTHER}
    assert json.loads(file.read_text())["version"] == 1


def test_the_limits_of_this_machine_are_found():
    keep_limits({device_name("cpu"): LIMITS, "another": OTHER}, limits_file())
    kept = KeptLimits()
    assert kept("cpu") == LIMITS
    assert kept("reference") is None
    assert kept("") is None


def test_another_machine_has_none():
    keep_limits({"another": OTHER}, limits_file())
    assert KeptLimits()("cpu") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"format": "plenoscope-settings", "version": 1, "devices": []}',
        '{"format": "plenoscope-limits", "version": 2, "devices": []}',
        '{"format": "plenoscope-limits", "version": 1, "devices": [{"device": "a", "copy": 0}]}',
        '{"format": "plenoscope-limits", "version": 1, "devices": 5}',
    ],
)
def test_a_broken_file_is_ignored_with_a_word_and_replaced(text, caplog):
    file = limits_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    with caplog.at_level(logging.WARNING):
        assert KeptLimits()("cpu") is None
    assert "limits.json" in caplog.text
    keep_limits({"a": LIMITS}, file)
    assert read_limits(file) == {"a": LIMITS}


def test_a_folder_that_cannot_be_written_to_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SceneError):
        keep_limits({"a": LIMITS}, tmp_path / "file" / "limits.json")


def test_a_cancelled_measurement_keeps_nothing():
    with pytest.raises(Cancelled):
        measure_machine(no_progress, lambda: True, TINY)
    assert not limits_file().exists()
    assert measure_machine(no_progress, never, TINY)["cpu"] == KeptLimits()("cpu")


def test_doctor_measures_keeps_and_prints(capsys):
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["limits"] == {"cpu": None}
    assert doctor.run(Namespace(calibrate=True, json=True), TINY) == 0
    measured = json.loads(capsys.readouterr().out)["limits"]["cpu"]
    assert set(measured) == {"copy", "fma", "matrix", "exp2"}
    assert Limits(**measured) == read_limits(limits_file())[device_name("cpu")]
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["limits"]["cpu"] == measured


def test_doctor_says_how_to_measure_and_prints_what_is_kept(capsys):
    assert main(["doctor"]) == 0
    assert "plenoscope doctor --calibrate" in capsys.readouterr().out
    keep_limits({device_name("cpu"): LIMITS}, limits_file())
    assert main(["doctor"]) == 0
    printed = capsys.readouterr().out
    assert "copy 25.0 GB/s, multiply-add 200 GFLOP/s" in printed
    assert "--calibrate" not in printed
