"""Strides in float64 torch that look at every step of every ray."""

from __future__ import annotations

from typing import Any

import torch


def run(
    origins: Any, directions: Any, lower: Any, side: float, cells: Any, step: float, shifts: Any,
    most: int,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:  # fmt: skip
    """See :func:`kernels.fields.stride.stride`."""
    grid = torch.as_tensor(cells)
    begins = (torch.as_tensor(origins).double() - torch.as_tensor(lower).double()).unbind(0)
    aheads = torch.as_tensor(directions).double().unbind(0)
    found: list[torch.Tensor] = []
    room = most
    for begin, ahead, shift in zip(begins, aheads, torch.as_tensor(shifts).double(), strict=True):
        depths = _steps(begin, ahead, side, step, shift)
        places = (begin + depths[:, None] * ahead) * (len(grid) / side)
        x, y, z = places.long().clamp(0, len(grid) - 1).unbind(1)
        kept = depths[grid[z, y, x]]
        if len(kept) > room:
            break
        room -= len(kept)
        found.append(kept)
    counts = torch.tensor([len(depths) for depths in found], dtype=torch.int64)
    rays = torch.arange(len(found)).repeat_interleave(counts)
    return rays, torch.cat([*found, torch.zeros(0, dtype=torch.float64)]), counts


def _steps(
    begin: torch.Tensor, ahead: torch.Tensor, side: float, step: float, shift: torch.Tensor
) -> torch.Tensor:
    """Depths of all steps of one ray between where it enters and where it leaves."""
    none = begin[:0]
    runs = ahead.abs() >= 1e-9
    beside = ((begin < 0) | (begin > side)) & ~runs
    if not (torch.cat([begin, ahead]).isfinite().all() and runs.any() and 0 <= shift <= 1):
        return none
    one, other = -begin[runs] / ahead[runs], (side - begin[runs]) / ahead[runs]
    enter = torch.minimum(one, other).max().clamp_min(0)
    leave = torch.maximum(one, other).min()
    if beside.any() or not enter < leave:
        return none
    start = enter + step * shift
    count = int(((leave - start) / step).ceil().clamp_min(0))
    depths = start + step * torch.arange(count)
    return depths[depths < leave]
