"""Table lookups of SOG pixels in plain torch."""

from __future__ import annotations

import math
from typing import Any

import torch

from kernels.codec.outputs import Outputs
from kernels.codec.unpack_sog import IDENTITY_BELOW, Pixels, Tables


def _codes(pixels: Any) -> torch.Tensor:
    return torch.as_tensor(pixels).to(torch.int64)


def _rotations(pixels: torch.Tensor) -> torch.Tensor:
    """(R, 4) float64, wxyz."""
    quats = torch.zeros(len(pixels), 4, dtype=torch.float64)
    quats[:, 0] = 1.0
    others = (pixels[:, :3] / 255.0 * 2.0 - 1.0).to(torch.float64) / math.sqrt(2.0)
    largest = (1.0 - others.square().sum(1)).clamp(min=0.0).sqrt()
    for place in range(4):
        here = pixels[:, 3] == IDENTITY_BELOW + place
        rest = [component for component in range(4) if component != place]
        quats[here, place] = largest[here]
        for source, component in enumerate(rest):
            quats[here, component] = others[here, source]
    return quats


def run(pixels: Pixels, tables: Tables, out: Outputs) -> int:
    """See :func:`kernels.codec.unpack_sog.unpack_sog`."""
    targets = Outputs(*(torch.as_tensor(array) for array in out))
    scales, base = _codes(pixels.scales), _codes(pixels.base)
    low, high = (_codes(picture)[:, :3] for picture in (pixels.means_low, pixels.means_high))
    means = low + 256 * high
    for axis in range(3):
        targets.means[:, axis] = torch.as_tensor(tables.means)[axis, means[:, axis]]
        targets.scales[:, axis] = torch.as_tensor(tables.scales)[scales[:, axis], axis]
        targets.sh[:, 0, axis] = torch.as_tensor(tables.base)[base[:, axis], axis]
    targets.opacities[:] = torch.as_tensor(tables.base)[base[:, 3], 3]
    targets.quats[:] = _rotations(_codes(pixels.quats))
    terms = targets.sh.shape[1]
    if terms == 1:
        return 0
    palette = torch.as_tensor(tables.palette)
    labels = _codes(pixels.labels)
    label = labels[:, 0] + 256 * labels[:, 1]
    inside = label < len(palette)
    rest = torch.zeros(len(label), 3 * (terms - 1), dtype=palette.dtype)
    rest[inside] = palette[label[inside]]
    targets.sh[:, 1:] = rest.reshape(-1, terms - 1, 3)
    return int((~inside).sum())
