"""Low-pass of a grid in plain torch: one matrix of weights along rows, one along columns."""

from __future__ import annotations

from typing import Any

import torch


def _means(values: torch.Tensor, exists: torch.Tensor, radius: float) -> torch.Tensor:
    """Weighted means along the last axis of what exists."""
    place = torch.arange(values.shape[-1], dtype=values.dtype)
    apart = (place[:, None] - place).abs()
    weights = (radius + 1 - apart).clamp(0, 1)
    total = (values * exists) @ weights
    return torch.where(exists, total / (exists.to(values.dtype) @ weights), 0)


def run(planes: Any, lengths: Any, radius: float) -> torch.Tensor:
    """See :func:`kernels.codec.blur_grid.blur_grid`."""
    planes = torch.as_tensor(planes)
    exists = torch.arange(planes.shape[2]) < torch.as_tensor(lengths)[:, None]
    across = _means(planes, exists, radius)
    return _means(across.transpose(1, 2), exists.T, radius).transpose(1, 2)
