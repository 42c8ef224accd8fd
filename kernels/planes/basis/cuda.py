"""The basis for the ``cuda`` backend: a picture per function, as compositing reads it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl

from kernels.cuda.device import device
from kernels.cuda.residents import resident
from kernels.gaussians.types import View
from kernels.workspace import Workspace

BLOCK = 256
"""Pixels of a program."""


@triton.jit
def _place(share, size):
    """The middles of texels around a place in -1..1, and how far the second is taken."""
    last = size.to(tl.float32) - 1.0
    at = tl.minimum(tl.maximum(share, -1.0), 1.0) * 0.5 + 0.5
    at = tl.minimum(tl.maximum(at * (last + 1.0) - 0.5, 0.0), last)
    first = at.to(tl.int32)
    return first, tl.minimum(first + 1, size - 1), at - first.to(tl.float32)


@triton.jit(do_not_specialize=["functions", "rows", "columns", "width", "count"])
def _basis(
    maps, out, functions, rows, columns, width, count, start_x, start_y, step_x, step_y,
    t00, t01, t02, t10, t11, t12, t20, t21, t22, reach_x, reach_y, PIXELS: tl.constexpr,
):  # fmt: skip
    at = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    used = at < count
    x = (at % width).to(tl.float32) * step_x + start_x
    y = (at // width).to(tl.float32) * step_y + start_y
    a = x * t00 + (y * t01 + t02)
    b = x * t10 + (y * t11 + t12)
    c = x * t20 + (y * t21 + t22)
    inverse = 1.0 / tl.sqrt(a * a + (b * b + c * c))
    left, right, s = _place(a * inverse * reach_x, columns)
    above, below, t = _place(b * inverse * reach_y, rows)
    n = 0
    while n < functions:
        table = maps + n * rows * columns
        first = tl.load(table + above * columns + left, mask=used, other=0.0)
        second = tl.load(table + above * columns + right, mask=used, other=0.0)
        third = tl.load(table + below * columns + left, mask=used, other=0.0)
        fourth = tl.load(table + below * columns + right, mask=used, other=0.0)
        upper = first + (second - first) * s
        lower = third + (fourth - third) * s
        tl.store(out + n * count.to(tl.int64) + at, upper + (lower - upper) * t, mask=used)
        n += 1


def run(maps: Any, reach: Any, turn: Any, view: View, workspace: Workspace) -> torch.Tensor:
    """See :func:`kernels.planes.basis.basis`; a view of (n, H, W) on the device."""
    functions, rows, columns = maps.shape
    out = torch.empty((functions, view.height, view.width), dtype=torch.float32, device=device())
    rays = [0.0] * 4
    if not view.orthographic:
        rays = [(0.5 - view.cx) / view.fx, (0.5 - view.cy) / view.fy, 1 / view.fx, 1 / view.fy]
    numbers = [*rays, *np.asarray(turn, np.float64).ravel(), 1 / reach[0], 1 / reach[1]]
    count = view.height * view.width
    _basis[(triton.cdiv(count, BLOCK),)](
        resident(maps), out, functions, rows, columns, view.width, count,
        *(float(number) for number in numbers), PIXELS=BLOCK,
    )  # fmt: skip
    return out.permute(1, 2, 0)
