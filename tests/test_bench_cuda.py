"""The benchmark of the day when a GPU is at hand: the program itself, on next to nothing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from kernels.backends import available
from tests.data import ROOT
from tests.kernels.cuda_process import require_triton, run_module

TITLES = (
    "Environment",
    "Parity with the float64 reference",
    "Gaussians, SH 3",
    "The blends",
    "Beside gsplat",
    "Planes",
    "Neural fields",
    "Export, the encoder beside the renderer",
)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["cuda"])
def test_every_section_runs(backend: str) -> None:
    require_triton()
    ready = available(backend)[0]
    printed = run_module("tests.bench.cuda", "--tiny", "--gsplat", interpret=not ready)
    for title in TITLES:
        assert f"\n### {title}\n" in printed
    assert "Failed:" not in printed
    assert "No time was left" not in printed
    for cell in ("| blend | cuda |", "| products |", "| composite (cuda) ", "| encode, 16 x 2 |"):
        assert cell in printed
    assert "frames a second" in printed


@pytest.mark.skipif(available("cuda")[0], reason="there is a GPU")
def test_without_a_gpu_it_says_what_it_would_do() -> None:
    environment = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.cuda"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "There is nothing to measure on" in done.stdout
    assert all(title in done.stdout for title in TITLES)
