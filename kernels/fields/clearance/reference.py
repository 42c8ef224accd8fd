"""Clearance by growing what is occupied, one cell at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from kernels.fields.clearance import FARTHEST


def run(cells: Any) -> Any:
    """See :func:`kernels.fields.clearance.clearance`."""
    occupied = torch.as_tensor(np.asarray(cells, np.float32))[:, None]
    found = torch.where(occupied > 0, 0, FARTHEST)
    for distance in range(1, FARTHEST):
        if not ((found == FARTHEST) & (occupied.amax((1, 2, 3, 4), keepdim=True) > 0)).any():
            break
        occupied = torch.nn.functional.max_pool3d(occupied, 3, 1, 1)
        found = torch.where((occupied > 0) & (found == FARTHEST), distance, found)
    return found[:, 0].numpy().astype(np.uint8)
