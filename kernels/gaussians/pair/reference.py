"""Costs of merging in plain torch."""

from __future__ import annotations

from typing import Any

import torch

from kernels.gaussians.pair import SHAPE, SOFTEN, VANISH


def run(table: Any, reach: int, first: int, last: int) -> tuple[torch.Tensor, torch.Tensor]:
    """See :func:`kernels.gaussians.pair.pair`."""
    table = torch.as_tensor(table, dtype=torch.float64)
    count = len(table)
    rows = torch.arange(count)
    partners, costs = rows.clone(), VANISH * table[:, 12]
    nearness = torch.full((count,), -1, dtype=torch.int64)
    for step in range(1, min(reach, count - 1) + 1):
        cost = _merging(table[:-step], table[step:])
        near = rows[:-step] ^ rows[step:]
        for own, other in ((rows[:-step], rows[step:]), (rows[step:], rows[:-step])):
            tie = (cost == costs[own]) & (nearness[own] >= 0) & (near < nearness[own])
            better = (cost < costs[own]) | tie
            chosen = own[better]
            costs[chosen], partners[chosen] = cost[better], other[better]
            nearness[chosen] = near[better]
    return partners[first:last], costs[first:last].to(torch.float32)


def _merging(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Costs (n,) of merging the rows of two tables."""
    first, second = _covariance(a), _covariance(b)
    trace = (first + second).diagonal(dim1=1, dim2=2).sum(1)
    soft = (SOFTEN / 6 * trace + 1e-300)[:, None, None] * torch.eye(3, dtype=a.dtype)
    first, second = first + soft, second + soft
    middle = (first + second) / 2
    way = (b[:, :3] - a[:, :3])[:, :, None]
    # Adjugates and determinants of matrices divided by the trace neither over- nor underflow.
    size = torch.where(trace > 0, trace, 1.0)[:, None, None]
    far = (way.mT @ torch.linalg.solve(middle / size, way / size))[:, 0, 0]
    logs = [torch.logdet(matrix / size) for matrix in (middle, first, second)]
    shape = (logs[0] - (logs[1] + logs[2]) / 2) / 2
    colour = ((a[:, 9:12] - b[:, 9:12]) ** 2).sum(1)
    total = a[:, 12] + b[:, 12]
    weight = torch.where(total > 0, a[:, 12] * b[:, 12] / total, 0.0)
    cost = weight * (far / 8 + SHAPE * shape + colour)
    return torch.where((weight > 0) & (trace > 0), cost, 0.0)


def _covariance(table: torch.Tensor) -> torch.Tensor:
    places = [3, 4, 5, 4, 6, 7, 5, 7, 8]
    return table[:, places].reshape(-1, 3, 3)
