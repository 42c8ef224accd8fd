"""The nearest centroid in plain torch, float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

_ROWS = 1 << 22
"""Distances that are held together."""


def run(
    points: Any, centroids: Any, guess: Any, tick: Any
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """See :func:`kernels.codec.nearest.nearest`; looks at every pair, whatever the guess."""
    middle = torch.as_tensor(np.array(centroids), dtype=torch.float64)
    labels = np.empty(len(points), np.int32)
    squared = np.empty(len(points), np.float32)
    rows = max(1, _ROWS // (len(middle) * middle.shape[1]))
    for first in range(0, len(points), rows):
        here = slice(first, first + rows)
        block = torch.as_tensor(np.array(points[here]), dtype=torch.float64)
        distances = (block[:, None] - middle[None]).square().sum(-1)
        best = distances.min(1)
        labels[here], squared[here] = best.indices.numpy(), best.values.numpy()
        tick(min(first + rows, len(points)), len(points))
    return labels, squared
