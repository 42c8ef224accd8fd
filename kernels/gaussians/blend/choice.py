"""Which of the two ways to blend is the faster one on a device: measured there, once a process."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import torch

from kernels.backends import interpreted
from kernels.cuda.device import device
from kernels.gaussians.blend.matrix import LEAST_BLUR, WARPS, blend_by_products
from kernels.gaussians.types import (
    DEPTH,
    L11,
    L22,
    LOG2_FLOOR,
    LOG2_OPACITY,
    RECORD,
    RED,
    Options,
)

GAIN = 0.9
"""Products are chosen where they take less than this share of the time of the loop."""
_SIDE, _SPLATS, _TRIALS = 512, 512, 5

Way = tuple[Any, int]
"""A kernel and its warps."""


def way(loop: Way, options: Options) -> Way:
    """The way for these options: matrix products where they may be used and are faster."""
    if options.blur < LEAST_BLUR or interpreted() or not products_win(loop):
        return loop
    return blend_by_products, WARPS


@cache
def products_win(loop: Way) -> bool:
    """Whether matrix products are faster on this device; draws a thousand crowded quarters."""
    return _seconds((blend_by_products, WARPS)) < GAIN * _seconds(loop)


def _seconds(chosen: Way) -> float:
    """The best of some trials; waits for the device."""
    launch = _crowd(*chosen)
    launch()
    best = math.inf
    for _ in range(_TRIALS):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        launch()
        end.record()
        end.synchronize()
        best = min(best, begin.elapsed_time(end) / 1e3)
    return best


def _crowd(kernel: Any, warps: int) -> Callable[[], None]:
    """Faint splats all over a picture: what lies in front stops no light."""
    where, tiles = device(), _SIDE // 32
    quarters = 4 * tiles * tiles
    generator = torch.Generator().manual_seed(0)
    table = torch.zeros(_SPLATS, RECORD)
    table[:, :2] = _SIDE * torch.rand(_SPLATS, 2, generator=generator)
    table[:, L11], table[:, L22] = 0.01, 0.01
    table[:, LOG2_OPACITY], table[:, LOG2_FLOOR] = -7.0, -30.0
    table[:, RED : DEPTH + 1] = 0.5
    records = table.to(where)
    rows = torch.arange(_SPLATS, dtype=torch.int32, device=where).repeat(quarters)
    starts = torch.arange(quarters + 1, device=where) * _SPLATS
    batches = torch.arange(1, quarters + 1, device=where)
    ended = torch.full((quarters,), 1 << 30, dtype=torch.int32, device=where)
    planes = torch.empty(5, _SIDE, _SIDE, device=where)
    stats = torch.zeros(3, dtype=torch.int64, device=where)

    def launch() -> None:
        kernel[(quarters,)](
            records, rows, starts, batches, ended, planes, planes, stats,
            quarters, tiles, _SIDE, _SIDE, 0.99, 1e-4,
            BATCH=2048, FADE=False, WITH_DEPTH=False, num_warps=warps,
        )  # fmt: skip

    return launch
