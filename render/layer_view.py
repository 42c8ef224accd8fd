"""Numbers of layers as a picture for the eye."""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray

GOLDEN = 0.618034
"""Steps of the hue by the golden section: neighbours differ, and colours come late again."""


def layer_picture(index: NDArray[np.int32], count: int) -> NDArray[np.uint8]:
    """(H, W) numbers of layers, -1 for none, as an opaque (H, W, 4) picture; none is black.

    Later layers, which are the nearer ones in most files, are brighter.
    """
    palette = np.zeros((count + 1, 4), np.uint8)
    for layer in range(count):
        bright = 0.45 + 0.55 * (layer + 1) / count
        color = colorsys.hsv_to_rgb(layer * GOLDEN % 1.0, 0.55, bright)
        palette[layer + 1, :3] = np.round(255 * np.array(color))
    palette[:, 3] = 255
    return palette[index + 1]
