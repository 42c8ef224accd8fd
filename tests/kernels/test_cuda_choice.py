"""When the ``cuda`` backend is chosen, and what is said where it cannot be."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest
import torch

from kernels import backends, timing
from kernels.registry import Cost, Operation
from tests.kernels.cuda_cases import FAMILIES
from tests.kernels.cuda_process import ROOT


@pytest.fixture
def found(monkeypatch):
    """Sets whether Triton and a device are found; nothing is remembered from test to test."""

    def choose(triton: bool, device: bool) -> None:
        real = importlib.util.find_spec
        answer = object() if triton else None
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name: answer if name == "triton" else real(name)
        )
        monkeypatch.setattr(torch.cuda, "is_available", lambda: device)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a graphics card")

    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    backends.available.cache_clear()
    yield choose
    backends.available.cache_clear()


def test_every_reason_is_a_sentence(found):
    found(triton=False, device=True)
    assert backends.available("cuda") == (
        False,
        "this version draws on a GPU with Triton, which is not installed",
    )
    backends.available.cache_clear()
    found(triton=True, device=False)
    assert backends.available("cuda") == (False, "torch finds no CUDA device")
    with pytest.raises(ValueError, match="cannot run here: torch finds no CUDA device"):
        backends.resolve("cuda")


def test_auto_takes_a_device_where_there_is_one(found):
    found(triton=True, device=True)
    assert backends.available("cuda") == (True, "a graphics card")
    assert backends.resolve("auto") == "cuda"


def test_the_interpreter_has_to_be_asked_for(found, monkeypatch):
    found(triton=True, device=False)
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert backends.resolve("cuda") == "cuda"
    assert backends.resolve("auto") == "cpu"


def test_what_has_no_cuda_kernels_runs_on_the_processor_and_says_so(tmp_path, monkeypatch):
    package = tmp_path / "made_up" / "double"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").touch()
    (package / "cpu.py").write_text("def run(number):\n    return 2 * number\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(Operation, "known", [])
    double = Operation("made_up.double", lambda result, number: Cost(counters={"number": number}))
    with timing.Recorder() as recorder:
        assert double("cuda", 21) == 42
    assert [(record.backend, record.counters) for record in recorder.records] == [
        ("cpu", {"number": 21})
    ]


def test_cases_do_not_load_triton_where_their_names_are_read():
    # In one process with windows, whose OpenGL may have come first.
    families = ", ".join(f"tests.kernels.cuda_{name}" for name in FAMILIES)
    loaded = f"import sys, {families}; print('triton' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
