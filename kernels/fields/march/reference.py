"""A march in float64 torch that looks at every step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from kernels.fields.march import ENDED
from kernels.fields.types import Grid, Lattice, March, Rays, Samples

WINDOW = 64
"""Steps that are looked at together."""


def distance_of(lattice: Lattice, index: torch.Tensor) -> torch.Tensor:
    """Distance along the ray at a (fractional) step."""
    near = lattice.step * index
    if lattice.cone == 0:
        return near
    first = 1 / lattice.cone
    far = lattice.step * first * (1 + lattice.cone) ** (index - first).clamp_min(0)
    return torch.where(index <= first, near, far)


def index_of(lattice: Lattice, distance: torch.Tensor) -> torch.Tensor:
    """The inverse of :func:`distance_of`."""
    near = distance / lattice.step
    if lattice.cone == 0:
        return near
    first = 1 / lattice.cone
    far = first + (near * lattice.cone).clamp_min(1).log() / math.log1p(lattice.cone)
    return torch.where(near <= first, near, far)


def occupied(grid: Grid, points: torch.Tensor) -> torch.Tensor:
    """Whether each (..., 3) point is in a cell with clearance 0, or outside."""
    lower, upper = torch.as_tensor(grid.lower), torch.as_tensor(grid.upper)
    middle, half = (lower + upper) / 2, (upper - lower) / 2
    clear = torch.as_tensor(grid.clearance)
    levels, side = clear.shape[:2]
    reach = ((points - middle) / half).abs().amax(-1)
    found = torch.ones(reach.shape, dtype=torch.bool)
    for level in reversed(range(levels)):
        size = half * 2.0**level
        cell = ((points - middle + size) / (2 * size) * side).floor().long().clamp(0, side - 1)
        here = clear[level, cell[..., 2], cell[..., 1], cell[..., 0]] == 0
        found = torch.where(reach <= 2.0**level, here, found)
    return found


def run(rays: Rays, live: Any, cursor: Any, march: March, grid: Grid | None) -> Samples:
    """See :func:`kernels.fields.march.march`."""
    chosen = torch.as_tensor(np.asarray(live), dtype=torch.int64)
    numbers = [rays.origins, rays.directions, rays.near, rays.far, rays.jitter]
    origins, directions, near, far, jitter = (torch.as_tensor(a)[chosen].double() for a in numbers)
    lattice = march.lattice
    steps = torch.as_tensor(cursor)
    begin = (index_of(lattice, near) - jitter).ceil().clamp_min(0).long()
    at = torch.where(steps[chosen] < 0, begin, steps[chosen].clamp_max(ENDED))
    wanted = torch.full((len(chosen),), march.most)
    parts: list[tuple[torch.Tensor, ...]] = []
    while ((at < ENDED) & (wanted > 0)).any():
        index = at[:, None] + torch.arange(WINDOW)
        distance = distance_of(lattice, index + jitter[:, None])
        points = origins[:, None] + distance[..., None] * directions[:, None]
        ended = ~(distance < far[:, None]) | (at >= ENDED)[:, None]
        hits = ~ended if grid is None else ~ended & occupied(grid, points)
        taken = hits & (hits.cumsum(1) <= wanted[:, None])
        # The next step is behind the last sample that was wanted, or behind the window.
        full = hits.sum(1) >= wanted
        last = torch.where(taken, index + 1, 0).amax(1)
        following = torch.where(full, last, at + WINDOW)
        following = torch.where(~full & ended.any(1), ENDED, following)
        following = torch.where(wanted == 0, at, following)
        row, column = taken.nonzero(as_tuple=True)
        parts.append((row, distance[row, column], points[row, column], index[row, column]))
        wanted = wanted - taken.sum(1)
        at = following
    steps[chosen] = at
    row, distance, points, index = (
        torch.cat(values) for values in zip(*parts, strict=True)
    ) if parts else (chosen[:0], near[:0], origins[:0], chosen[:0])  # fmt: skip
    order = row.argsort(stable=True)
    row, distance, points = row[order], distance[order], points[order]
    counts = torch.bincount(row, minlength=len(chosen))
    spans = torch.stack([counts.cumsum(0) - counts, counts], 1)
    lower, upper = (torch.tensor(c, dtype=torch.float64) for c in (march.lower, march.upper))
    lengths = (lattice.cone * distance).clamp_min(lattice.step)
    positions = (points - lower) / (upper - lower)
    if march.toward is not None:
        zero, one = march.toward
        positions = torch.cat([positions, (directions[row] - zero) / (one - zero)], 1)
    return Samples(positions, distance, lengths, chosen[row].int(), spans)
