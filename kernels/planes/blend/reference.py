"""Blending for the ``reference`` backend."""

from __future__ import annotations

from typing import Any

import torch


def run(colors: Any, depths: Any, weights: Any) -> Any:
    """See :func:`kernels.planes.blend.blend`."""
    factors = torch.tensor(weights, dtype=torch.float64)[:, None, None]
    stack = torch.stack([torch.as_tensor(color, dtype=torch.float64) for color in colors])
    shares = factors * stack[..., 3]
    total = shares.sum(0)
    alpha = stack[..., 3].max(0).values
    scale = torch.where(total > 0, alpha / total.clamp_min(1e-300), 0 * total)
    rgb = (factors[..., None] * stack[..., :3]).sum(0) * scale[..., None]
    color = torch.cat([rgb, alpha[..., None]], -1).to(torch.float32).numpy()
    if not depths:
        return color, None
    far = torch.stack([torch.as_tensor(depth, dtype=torch.float64) for depth in depths])
    mean = torch.where(total > 0, (shares * far).sum(0) / total.clamp_min(1e-300), 0 * total)
    return color, mean.to(torch.float32).numpy()
