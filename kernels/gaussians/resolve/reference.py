"""Float images in plain torch."""

from __future__ import annotations

import torch

from kernels.gaussians.types import Accumulation


def run(
    accumulation: Accumulation, background: tuple[float, float, float] | None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """See :func:`kernels.gaussians.resolve.resolve`."""
    planes = accumulation.planes
    through = planes[..., 3:4].abs()
    color = planes[..., :3]
    if background is not None:
        color = color + through * torch.tensor(background, dtype=planes.dtype)
    alpha = 1 - through[..., 0]
    if planes.shape[-1] < 5:
        return color, alpha, None
    depth = torch.where(alpha > 0, planes[..., 4] / torch.clamp(alpha, min=1e-10), 0)
    return color, alpha, depth
