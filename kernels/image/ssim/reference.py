"""Structural similarity in plain torch."""

from __future__ import annotations

from typing import Any

import torch

from kernels.image.ssim import C1, C2, WINDOW, window


def run(image: Any, truth: Any) -> torch.Tensor:
    """See :func:`kernels.image.ssim.ssim`."""
    x, y = _channels_first(torch.as_tensor(image)), _channels_first(torch.as_tensor(truth))
    mean_x, mean_y = _filter(x), _filter(y)
    variances = _filter(x * x) + _filter(y * y) - mean_x**2 - mean_y**2
    covariance = _filter(x * y) - mean_x * mean_y
    likeness = (2 * mean_x * mean_y + C1) * (2 * covariance + C2)
    return (likeness / ((mean_x**2 + mean_y**2 + C1) * (variances + C2))).mean()


def _channels_first(image: torch.Tensor) -> torch.Tensor:
    """(H, W) or (H, W, C) as (C, 1, H, W)."""
    height, width = image.shape[:2]
    return image.reshape(height, width, -1).permute(2, 0, 1)[:, None]


def _filter(images: torch.Tensor) -> torch.Tensor:
    """Weighted mean of each window that lies inside, (C, 1, H - 10, W - 10)."""
    weights = torch.as_tensor(window(), dtype=images.dtype, device=images.device)
    columns = torch.nn.functional.conv2d(images, weights.reshape(1, 1, WINDOW, 1))
    return torch.nn.functional.conv2d(columns, weights.reshape(1, 1, 1, WINDOW))
