"""Features of levels by the reference of encodings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from kernels.fields.encode import reference as encode
from kernels.fields.encodings import PLANES, TriPlane
from kernels.fields.gather import Leveled


def features(encoding: Leveled, positions: torch.Tensor, parameters: torch.Tensor) -> torch.Tensor:
    """(N, levels * features) that can be differentiated."""
    if not isinstance(encoding, TriPlane):
        return encode.run(encoding, positions, parameters)
    planes = parameters.reshape(len(PLANES), -1)
    found = []
    for number, axes in enumerate(PLANES):
        # One plane is the sum of all where the others have nothing; what it does not read must
        # not make NaN of them.
        own, seen = torch.zeros_like(planes), torch.zeros_like(positions)
        own[number] = planes[number]
        seen[:, list(axes)] = positions[:, list(axes)]
        found.append(encode.run(replace(encoding, reduce="sum"), seen, own.flatten()))
    return torch.cat(found, 1)


def run(encoding: Leveled, positions: Any, parameters: Any, out: Any) -> None:
    """See :func:`kernels.fields.gather.gather`."""
    out[...] = features(encoding, torch.as_tensor(positions), torch.as_tensor(parameters)).numpy()
