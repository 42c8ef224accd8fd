"""Blending in plain torch: every listed splat at every pixel of its tile."""

from __future__ import annotations

import numpy as np
import torch

from kernels.gaussians.types import (
    BOX,
    DEPTH,
    FALLOFF,
    L11,
    L12,
    L22,
    LOG2_FLOOR,
    LOG2_OPACITY,
    MEAN_X,
    MEAN_Y,
    OFFSET,
    RED,
    TILE,
    Accumulation,
    Options,
    Splats,
    TileLists,
    View,
)
from kernels.workspace import Workspace

_SPLATS_AT_ONCE = 512


def _in_box(pixels: torch.Tensor, mean: torch.Tensor, box: torch.Tensor) -> torch.Tensor:
    """(P, n) whether pixels (P,) lie in boxes around means (n,), rounded out to 16 px."""
    low = torch.floor((mean - 0.5 - box) / 16) * 16
    high = torch.floor((mean - 0.5 + box + 15) / 16) * 16
    inside = (pixels[:, None] > low) & (pixels[:, None] < high)
    return inside | ~torch.isfinite(box)


def _blend_tile(
    planes: torch.Tensor, splats: torch.Tensor, x: torch.Tensor, y: torch.Tensor, options: Options
) -> tuple[torch.Tensor, int]:
    """Blend (n, 16) splats into the planes (P, C) of pixels at x, y (P,); counts contributions.

    The transmittance of a finished pixel is negative.
    """
    contributing = 0
    for part in splats.split(_SPLATS_AT_ONCE):
        dx, dy = x[:, None] - part[:, MEAN_X], y[:, None] - part[:, MEAN_Y]
        u, v = part[:, L11] * dx + part[:, L12] * dy, part[:, L22] * dy
        power = part[:, LOG2_OPACITY] - FALLOFF * (u * u + v * v)
        alpha = torch.clamp(torch.exp2(power) - part[:, OFFSET], max=options.alpha_cap)
        counts = (power >= part[:, LOG2_FLOOR]) & _in_box(x, part[:, MEAN_X], part[:, BOX])
        counts &= _in_box(y, part[:, MEAN_Y], part[:, BOX])
        alpha = torch.where(counts, alpha, torch.zeros_like(alpha))
        begin = planes[:, 3:4]
        after = begin * torch.cumprod(1 - alpha, -1)
        before = torch.cat([begin, after[:, :-1]], -1)
        # ``after`` never grows, so the first splat that would end the pixel ends it for good.
        adds = (after > options.stop) & (begin > 0)
        weight = torch.where(adds, before * alpha, torch.zeros_like(alpha))
        contributing += int((adds & (alpha > 0)).sum())
        last = torch.where(adds, after, begin.expand_as(after)).amin(-1, keepdim=True)
        last = torch.where(adds.all(-1, keepdim=True), last, -last.abs())
        last = torch.where(begin > 0, last, begin)
        sums = [planes[:, :3] + weight @ part[:, RED : RED + 3], last]
        if planes.shape[1] == 5:
            sums.append(planes[:, 4:] + weight @ part[:, DEPTH : DEPTH + 1])
        planes = torch.cat(sums, -1)
    return planes, contributing


def run(
    splats: Splats,
    lists: TileLists,
    view: View,
    options: Options,
    depth: bool,
    workspace: Workspace,
    tiles: np.ndarray,
    onto: Accumulation | None,
) -> Accumulation:
    """See :func:`kernels.gaussians.blend.blend`."""
    kind = splats.records.dtype
    if onto is None:
        planes = torch.zeros(view.height, view.width, 5 if depth else 4, dtype=kind)
        planes[..., 3] = 1
    else:
        planes = onto.planes
    result = planes.clone()
    evaluated, contributing, stopped = 0, 0, 0
    for tile in tiles:
        chosen = lists.rows[lists.starts[tile] : lists.starts[tile + 1]]
        if len(chosen) == 0:
            continue
        y0, x0 = int(tile) // view.tiles_x * TILE, int(tile) % view.tiles_x * TILE
        part = planes[y0 : y0 + TILE, x0 : x0 + TILE]
        height, width, channels = part.shape
        y, x = torch.meshgrid(
            torch.arange(height, dtype=kind) + (y0 + 0.5),
            torch.arange(width, dtype=kind) + (x0 + 0.5),
            indexing="ij",
        )
        blended, added = _blend_tile(
            part.reshape(-1, channels),
            splats.records[chosen],
            x.reshape(-1),
            y.reshape(-1),
            options,
        )
        result[y0 : y0 + TILE, x0 : x0 + TILE] = blended.reshape(height, width, channels)
        evaluated += len(chosen) * height * width
        contributing += added
        stopped += bool((blended[:, 3] < 0).all())
    return Accumulation(result, view.width, view.height, None, evaluated, contributing, stopped)
