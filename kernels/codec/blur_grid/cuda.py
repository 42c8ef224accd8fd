"""Low-pass of a grid for the ``cuda`` backend: differences of prefix sums, one axis at a time.

Prefix sums are those of torch, in float64. A launch takes the means along the rows of all planes
and writes them with rows and columns exchanged, so that two launches are the whole filter and
both read and write neighbouring numbers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl

from kernels.cuda.device import to_device
from kernels.cuda.staging import bring

SIDE = 32
"""Rows and columns of a program."""


@triton.jit(do_not_specialize=["rows", "columns", "whole"])
def _means(values, prefix, lengths, means, rows, columns, whole, part, CELLS: tl.constexpr):
    """(rows, columns) of each plane as (columns, rows); ``prefix`` has sums up to and with a cell.

    The window reaches ``whole`` cells to either side, and ``part`` of one more.
    """
    y = tl.program_id(1) * CELLS + tl.arange(0, CELLS)
    x = tl.program_id(0) * CELLS + tl.arange(0, CELLS)
    there = (y < rows)[:, None] & (x < columns)[None, :]
    plane = tl.program_id(2).to(tl.int64) * rows * columns
    length = tl.load(lengths + y, mask=y < rows, other=0)[:, None]
    used = there & (x[None, :] < length)
    line = plane + y[:, None].to(tl.int64) * columns
    after = tl.minimum(x[None, :] + whole, length - 1)
    before = x[None, :] - whole - 1
    value = tl.load(prefix + line + after, mask=used, other=0.0)
    value -= tl.load(prefix + line + before, mask=used & (before >= 0), other=0.0)
    weight = (after - tl.maximum(before, -1)).to(tl.float64)
    right = used & (after + 1 < length)
    left = used & (before >= 0)
    ends = tl.load(values + line + after + 1, mask=right, other=0.0).to(tl.float64)
    ends += tl.load(values + line + before, mask=left, other=0.0).to(tl.float64)
    weight += part * (right.to(tl.float64) + left.to(tl.float64))
    mean = tl.where(used, (value + part * ends) / tl.where(used, weight, 1.0), 0.0)
    target = means + plane + x[:, None].to(tl.int64) * rows + y[None, :]
    tl.store(target, tl.trans(mean.to(tl.float32)), mask=tl.trans(there))


def _along(values: torch.Tensor, lengths: torch.Tensor, whole: int, part: float) -> torch.Tensor:
    """Means along the rows of planes (D, H, S), as (D, S, H)."""
    depth, rows, columns = values.shape
    prefix = torch.cumsum(values, 2, dtype=torch.float64)
    means = torch.empty((depth, columns, rows), dtype=torch.float32, device=values.device)
    grid = triton.cdiv(columns, SIDE), triton.cdiv(rows, SIDE), depth
    if means.nelement():
        _means[grid](values, prefix, lengths, means, rows, columns, whole, part, CELLS=SIDE)
    return means


def run(planes: Any, lengths: Any, radius: float) -> torch.Tensor:
    """See :func:`kernels.codec.blur_grid.blur_grid`; a tensor of the device, not waited for."""
    planes = bring(planes).contiguous()
    _, height, stride = planes.shape
    radius = min(radius, float(height + stride))
    whole, part = math.floor(radius), radius % 1.0
    heights = np.searchsorted(-np.asarray(lengths), -np.arange(stride), side="left")
    across, down = (to_device(np.asarray(ends, np.int32)) for ends in (lengths, heights))
    return _along(_along(planes, across, whole, part), down, whole, part)
