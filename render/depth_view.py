"""Alpha and depth as pictures for the eye."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def gray_picture(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """(H, W) in 0..1 as an opaque gray (H, W, 4) picture."""
    gray = np.floor(np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)
    picture = np.empty((*gray.shape, 4), np.uint8)
    picture[..., :3] = gray[..., None]
    picture[..., 3] = 255
    return picture


def depth_range(depth: NDArray[np.floating]) -> tuple[float, float]:
    """Nearest and farthest depth worth showing: the 1st and 99th percentile of what is covered."""
    sample = depth[::4, ::4]
    covered = sample[sample > 0]
    if covered.size == 0:
        return 0.0, 1.0
    low, high = np.quantile(covered, (0.01, 0.99))
    return float(low), float(max(high, low * 1.0001))


def depth_picture(depth: NDArray[np.floating]) -> NDArray[np.uint8]:
    """(H, W) depth, scene units, as gray: near is bright, linear in 1/depth, nothing is black."""
    low, high = depth_range(depth)
    inverse = 1.0 / np.clip(depth, low, high) if low > 0 else np.zeros_like(depth)
    shown = 0.08 + 0.92 * (inverse - 1 / high) / (1 / low - 1 / high) if low > 0 else inverse
    return gray_picture(np.where(depth > 0, shown, 0))
