"""Running this project's modules in a process where Triton may be imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

import pytest

from kernels.backends import available

ROOT = Path(__file__).resolve().parents[2]


def require_triton() -> None:
    """Skip, saying why, where there is no Triton.

    Looked for among the files: a test of the window may have locked it out of this process.
    """
    if PathFinder.find_spec("triton") is None:
        pytest.skip("cuda: Triton is not installed")


def run_module(name: str, *arguments: str, given: str = "", interpret: bool) -> str:
    """What ``python -m name`` prints; fails the test with what it said on the error stream."""
    environment = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
    if interpret:
        environment["TRITON_INTERPRET"] = "1"
    # Absurd numbers divide by zero, of which NumPy would tell.
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", name, *arguments],
        cwd=ROOT,
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    return ended.stdout


def interpret() -> bool:
    """Whether the kernels have to be interpreted here."""
    return not available("cuda")[0]


def measured_by(family: str) -> dict[str, dict[str, Any]]:
    """What every case of a family measured, in one process for all of them."""
    require_triton()
    found = run_module("tests.kernels.cuda_cases", family, interpret=interpret())
    return json.loads(found.splitlines()[-1])
