"""Plane sweep in plain torch."""

from __future__ import annotations

from typing import Any

import torch

from kernels.planes.sweep import OUTSIDE, WINDOW


def _census(image: torch.Tensor) -> torch.Tensor:
    """(H, W, 62) whether each neighbour is brighter; pixels beyond the border repeat it."""
    height, width = image.shape
    y, x = torch.arange(height)[:, None], torch.arange(width)
    bits = []
    for dy in range(-(WINDOW[0] // 2), WINDOW[0] // 2 + 1):
        for dx in range(-(WINDOW[1] // 2), WINDOW[1] // 2 + 1):
            if dy or dx:
                rows, columns = (y + dy).clamp(0, height - 1), (x + dx).clamp(0, width - 1)
                bits.append(image[rows, columns] > image)
    return torch.stack(bits, -1)


def _costs(left: torch.Tensor, right: torch.Tensor, first: int, count: int) -> torch.Tensor:
    """(H, W, D) Hamming distances of the words."""
    height, width = left.shape[:2]
    costs = torch.full((height, width, count), float(OUTSIDE))
    x = torch.arange(width)
    for d in range(count):
        inside = (x - first - d >= 0) & (x - first - d < width)
        other = right[:, x[inside] - first - d]
        costs[:, inside, d] = (left[:, inside] != other).sum(-1).float()
    return costs


def _after(cost: torch.Tensor, before: torch.Tensor, small: float, large: float) -> torch.Tensor:
    """Hirschmueller 2008, equation 13: one step of all paths that run side by side, (N, D)."""
    least = before.min(1, keepdim=True).values
    wide = torch.nn.functional.pad(before, (1, 1), value=float("inf"))
    neighbours = torch.minimum(wide[:, :-2], wide[:, 2:]) + small
    best = torch.minimum(torch.minimum(before, neighbours), least + large)
    return cost + (best - least)


def _path_sums(costs: torch.Tensor, dy: int, dx: int, small: float, large: float) -> torch.Tensor:
    """(H, W, D) sums along the paths that go by (dy, dx)."""
    if dy == 0:
        return _path_sums(costs.transpose(0, 1), dx, 0, small, large).transpose(0, 1)
    sums = torch.empty_like(costs)
    height, width, count = costs.shape
    before = torch.zeros(width + 2, count)
    for y in range(height) if dy > 0 else range(height - 1, -1, -1):
        sums[y] = _after(costs[y], before[1 - dx : 1 - dx + width], small, large)
        # A path that comes in from beside the picture starts from zero.
        before = torch.nn.functional.pad(sums[y], (0, 0, 1, 1))
    return sums


def _refined(before: torch.Tensor, middle: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    bend = before - 2 * middle + after
    return torch.where(bend > 0, 0.5 * (before - after) / bend.clamp(min=1e-30), 0.0)


def _winners(totals: torch.Tensor, first: int) -> torch.Tensor:
    """(H, W) the best disparity of each pixel, refined where it has two finite neighbours."""
    count = totals.shape[2]
    best = totals.argmin(2, keepdim=True)
    around = [totals.gather(2, (best + s).clamp(0, count - 1))[..., 0] for s in (-1, 0, 1)]
    best = best[..., 0]
    part = _refined(*around)
    usable = (best > 0) & (best < count - 1) & torch.isfinite(part)
    usable &= torch.isfinite(around[0]) & torch.isfinite(around[2])
    return (first + best).float() + torch.where(usable, part, 0.0)


def run(
    left: Any, right: Any, first: int, count: int, small: float, large: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """See :func:`kernels.planes.sweep.sweep`."""
    words = [_census(torch.as_tensor(picture, dtype=torch.float32)) for picture in (left, right)]
    costs = _costs(words[0], words[1], first, count)
    totals = torch.zeros_like(costs)
    for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)):
        totals += _path_sums(costs, dy, dx, small, large)
    # The same sums by pixels of the right picture: d of its pixel x lies at x + d on the left.
    mirrored = torch.full_like(totals, float("inf"))
    width = totals.shape[1]
    x = torch.arange(width)
    for d in range(count):
        inside = (x + first + d >= 0) & (x + first + d < width)
        mirrored[:, inside, d] = totals[:, x[inside] + first + d, d]
    return _winners(totals, first), _winners(mirrored, first)
