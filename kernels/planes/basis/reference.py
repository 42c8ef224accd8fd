"""The basis for the ``reference`` backend."""

from __future__ import annotations

from typing import Any

import torch

from kernels.gaussians.types import View
from kernels.workspace import Workspace


def run(maps: Any, reach: Any, turn: Any, view: View, workspace: Workspace) -> Any:
    """See :func:`kernels.planes.basis.basis`."""
    y, x = torch.meshgrid(
        torch.arange(view.height, dtype=torch.float64) + 0.5,
        torch.arange(view.width, dtype=torch.float64) + 0.5,
        indexing="ij",
    )
    one = torch.ones_like(x)
    ray = [0 * x, 0 * x, one]
    if not view.orthographic:
        ray = [(x - view.cx) / view.fx, (y - view.cy) / view.fy, one]
    direction = torch.stack(ray, -1) @ torch.tensor(turn).T
    direction = direction / direction.norm(dim=-1, keepdim=True)
    table = torch.tensor(maps, dtype=torch.float64)
    _, height, width = table.shape
    u = ((direction[..., 0] / reach[0]).clamp(-1, 1) * 0.5 + 0.5) * width - 0.5
    v = ((direction[..., 1] / reach[1]).clamp(-1, 1) * 0.5 + 0.5) * height - 0.5
    u, v = u.clamp(0, width - 1), v.clamp(0, height - 1)
    left, above = u.floor().long(), v.floor().long()
    right, below = (left + 1).clamp_max(width - 1), (above + 1).clamp_max(height - 1)
    s, t = u - left, v - above
    upper = table[:, above, left] * (1 - s) + table[:, above, right] * s
    lower = table[:, below, left] * (1 - s) + table[:, below, right] * s
    return (upper * (1 - t) + lower * t).permute(1, 2, 0).to(torch.float32).numpy()
