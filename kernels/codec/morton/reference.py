"""Morton codes in plain torch, bit by bit."""

from __future__ import annotations

from typing import Any

import torch

from kernels.codec.morton import BITS, STEPS


def run(points: Any) -> torch.Tensor:
    """See :func:`kernels.codec.morton.morton`."""
    points = torch.as_tensor(points, dtype=torch.float64)
    codes = torch.zeros(len(points), dtype=torch.int64)
    if len(points) == 0:
        return codes
    lowest, highest = points.amin(0), points.amax(0)
    span = torch.where(highest > lowest, highest - lowest, 1.0)
    steps = ((points - lowest) / span * STEPS).to(torch.int64)
    for bit in range(BITS):
        for axis in range(3):
            codes |= (steps[:, axis] >> bit & 1) << (3 * bit + axis)
    return codes
