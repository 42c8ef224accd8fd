"""What flows back to entries by automatic differentiation of the encoding."""

from __future__ import annotations

from typing import Any

import torch

from kernels.fields.gather import Leveled
from kernels.fields.gather.levels import FIRST, SIZE, tables_of
from kernels.fields.gather.reference import features


def run(encoding: Leveled, positions: Any, gradients: Any, level: int, out: Any) -> None:
    """See :func:`kernels.fields.scatter.scatter`."""
    points = torch.as_tensor(positions)
    own = slice(level * encoding.features, (level + 1) * encoding.features)
    given = torch.as_tensor(gradients).to(points)[:, own]
    with torch.enable_grad():
        parameters = points.new_zeros(encoding.parameters, requires_grad=True)
        found = features(encoding, points, parameters)[:, own]
        (slope,) = torch.autograd.grad(found, parameters, given)
    row = tables_of(encoding)[2][level]
    first, size = int(row[FIRST]), int(row[SIZE])
    entries = slice(first * encoding.features, (first + size) * encoding.features)
    out[entries] += slope[entries].numpy()
