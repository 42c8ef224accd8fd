"""Ceilings of a graphics card by torch's operations, timed by CUDA events.

``fma`` is a float32 matrix product without TF32, which does nothing but multiply-adds; ``matrix``
is one in bfloat16, on the matrix units. ``exp2`` is element by element on arrays that stay in the
second-level cache, so it is what such an operation reaches, not what the units could do.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from kernels.limits import Effort, Probe, Trial

EFFORT = Effort(nbytes=2**30, steps=2**21, side=4096, products=4, repeats=12)


def _seconds(work: Callable[[], object]) -> float:
    """How long the device is busy with ``work``."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    work()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1e3


def _copying(effort: Effort) -> Trial:
    source = torch.ones(effort.nbytes // 4, device="cuda")
    target = torch.empty_like(source)
    return lambda: 2 * effort.nbytes / _seconds(lambda: target.copy_(source)) / 1e9


def _products(effort: Effort, kind: torch.dtype) -> Trial:
    left, right = (torch.rand(effort.side, effort.side, device="cuda").to(kind) for _ in range(2))
    out = torch.mm(left, right)

    def work() -> None:
        for _ in range(effort.products):
            torch.mm(left, right, out=out)

    def trial() -> float:
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("highest")
        try:
            return 2 * effort.side**3 * effort.products / _seconds(work) / 1e9
        finally:
            torch.set_float32_matmul_precision(before)

    return trial


def _multiplying(effort: Effort) -> Trial:
    return _products(effort, torch.float32)


def _matrices(effort: Effort) -> Trial:
    return _products(effort, torch.bfloat16)


def _raising(effort: Effort) -> Trial:
    values = torch.rand(effort.steps, device="cuda")
    out = torch.empty_like(values)

    def work() -> None:
        for _ in range(effort.products):
            torch.exp2(values, out=out)

    return lambda: effort.steps * effort.products / _seconds(work) / 1e9


PROBES: dict[str, Probe] = {
    "copy": _copying,
    "fma": _multiplying,
    "matrix": _matrices,
    "exp2": _raising,
}
