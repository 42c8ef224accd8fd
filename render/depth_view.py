"""Alpha, depth, normals and cost as pictures for the eye."""

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


def normal_picture(normal: NDArray[np.floating]) -> NDArray[np.uint8]:
    """(H, W, 3) normals in camera axes as colours: right is red, up is green, towards us is blue.

    Black where there is none.
    """
    picture = np.zeros((*normal.shape[:2], 4), np.uint8)
    turned = normal * np.array([1, -1, -1], normal.dtype)
    shown = np.floor(np.clip(0.5 + 0.5 * turned, 0, 1) * 255 + 0.5)
    picture[..., :3] = np.where((normal != 0).any(-1, keepdims=True), shown, 0)
    picture[..., 3] = 255
    return picture


_HEAT = np.array(
    [[0.0, 0.0, 0.02], [0.34, 0.06, 0.43], [0.74, 0.22, 0.33], [0.98, 0.56, 0.04], [0.99, 1, 0.64]]
)
"""Five colours of equal steps in lightness, as in matplotlib's "inferno"."""


def cost_picture(cost: NDArray[np.floating]) -> NDArray[np.uint8]:
    """(H, W) samples a pixel, from black for none to bright for the most (99.5th percentile)."""
    most = float(np.quantile(cost[::2, ::2], 0.995)) if cost.size else 1.0
    place = np.clip(cost / max(most, 1.0), 0, 1) * (len(_HEAT) - 1)
    picture = np.empty((*cost.shape, 4), np.uint8)
    steps = np.arange(len(_HEAT))
    for channel in range(3):
        value = np.interp(place, steps, _HEAT[:, channel])
        picture[..., channel] = np.floor(value * 255 + 0.5)
    picture[..., 3] = 255
    return picture
