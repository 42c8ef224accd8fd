"""Box filter in plain torch."""

from __future__ import annotations

from typing import Any

import torch


def run(color: Any, alpha: Any, depth: Any | None, factor: int) -> tuple[Any, Any, Any | None]:
    """See :func:`kernels.image.downsample.downsample`."""

    def mean(image: torch.Tensor) -> torch.Tensor:
        height, width = image.shape[0] // factor, image.shape[1] // factor
        return image.reshape(height, factor, width, factor, -1).mean((1, 3))

    color, alpha = torch.as_tensor(color), torch.as_tensor(alpha)
    covered = mean(alpha)[..., 0]
    if depth is not None:
        weighted = mean(torch.as_tensor(depth) * alpha)[..., 0]
        depth = torch.where(covered > 0, weighted / torch.clamp(covered, min=1e-10), 0)
    return mean(color), covered, depth
