"""The 8-bit picture in plain torch."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from kernels.gaussians.types import Accumulation
from kernels.workspace import Workspace


def run(
    accumulation: Accumulation,
    background: tuple[float, float, float] | None,
    workspace: Workspace,
) -> NDArray[np.uint8]:
    """See :func:`kernels.gaussians.display.display`."""
    planes = accumulation.planes.detach()
    through = planes[..., 3:4].abs()
    if background is not None:
        color = planes[..., :3] + through * torch.tensor(background, dtype=planes.dtype)
        alpha = torch.ones_like(through)
    else:
        alpha = 1 - through
        color = planes[..., :3] / torch.clamp(alpha, min=1e-10)
    straight = torch.cat([color, alpha], -1)
    return torch.floor(torch.clamp(straight, 0, 1) * 255 + 0.5).to(torch.uint8).numpy()
