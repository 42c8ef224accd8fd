"""Every Triton kernel compiles to machine code for three generations of GPUs, without one."""

from __future__ import annotations

import json
from functools import cache

import pytest

from tests.kernels.cuda_cases import FAMILIES
from tests.kernels.cuda_launches import ARCHITECTURES
from tests.kernels.cuda_process import ROOT, require_triton, run_module

MOST_SHARED = 99 * 1024
"""What a block may have of the shared memory on every GPU since Ampere, those of consumers too."""


@cache
def launches(family: str) -> str:
    """The launches of a family, recorded from a drawing: what compiles is what is launched."""
    require_triton()
    return run_module("tests.kernels.cuda_launches", "record", family, interpret=True)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["cuda"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_kernel_compiles_without_spilling(family, backend):
    found = run_module(
        "tests.kernels.cuda_launches", "compile", given=launches(family), interpret=False
    )
    rows = json.loads(found)
    print(f"\n{'kernel':44} {'sm':>4} {'registers':>9} {'shared':>7}")
    for row in rows:
        kernel = row["kernel"].removeprefix("kernels.")
        print(f"{kernel:44} {row['architecture']:4} {row['REG']:9} {row['shared']:7}")
        assert row["cubin"] > 1000
        # What is spilled lies on the stack, which ptxas counts as such or as local memory.
        assert row["STACK"] == row["LOCAL"] == 0, row
        assert row["shared"] <= MOST_SHARED, row
    assert {row["architecture"] for row in rows} == set(ARCHITECTURES)


def test_every_kernel_is_among_the_launches():
    launched = {entry["module"] for name in FAMILIES for entry in json.loads(launches(name))}
    written = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in (ROOT / "kernels").rglob("*.py")
        if "@triton.jit" in path.read_text() and "[(" in path.read_text()
    }
    assert written <= launched
