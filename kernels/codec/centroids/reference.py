"""Means by label in plain torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


def run(points: Any, labels: Any, count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """See :func:`kernels.codec.centroids.centroids`."""
    index = torch.as_tensor(np.array(labels), dtype=torch.int64)
    values = torch.as_tensor(np.array(points), dtype=torch.float64)
    sums = torch.zeros(count, values.shape[1], dtype=torch.float64).index_add_(0, index, values)
    sizes = torch.bincount(index, minlength=count)
    means = sums / sizes.clamp(min=1)[:, None]
    return means.numpy().astype(np.float32), sizes.numpy()
