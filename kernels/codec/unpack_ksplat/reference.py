"""Records of ``.ksplat`` files in plain torch, in float64."""

from __future__ import annotations

from typing import Any

import torch

from kernels.codec.outputs import Outputs
from kernels.codec.unpack_ksplat import RECORD_BYTES, Coding, rest_order
from kernels.gaussians.shade.basis import C0


def _numbers(raw: torch.Tensor, first: int, count: int, kind: torch.dtype) -> torch.Tensor:
    width = count * torch.empty(0, dtype=kind).element_size()
    values = raw[:, first : first + width].contiguous().view(kind)
    return values.to(torch.float64)


def run(records: Any, centres: Any, coding: Coding, out: Outputs) -> None:
    """See :func:`kernels.codec.unpack_ksplat.unpack_ksplat`."""
    raw = torch.as_tensor(records)
    targets = Outputs(*(torch.as_tensor(array) for array in out))
    start = RECORD_BYTES[coding.level]
    rest = 3 * (coding.terms - 1)
    if coding.level == 0:
        kind, at = torch.float32, 12
        targets.means[:] = _numbers(raw, 0, 3, torch.float32)
    else:
        kind, at = torch.float16, 6
        low, high = raw[:, 0:6:2].to(torch.float64), raw[:, 1:6:2].to(torch.float64)
        offset = (low + 256.0 * high - coding.middle) * coding.step
        targets.means[:] = offset + torch.as_tensor(centres).to(torch.float64)
    targets.scales[:] = _numbers(raw, at, 3, kind)
    targets.quats[:] = _numbers(raw, at + at, 4, kind)
    colours = raw[:, start - 4 : start].to(torch.float64) / 255.0
    targets.sh[:, 0] = (colours[:, :3] - 0.5) / C0
    targets.opacities[:] = colours[:, 3]
    if coding.level == 2:
        shares = raw[:, start:].to(torch.float64) / 255.0
        values = shares * (coding.high - coding.low) + coding.low
    else:
        values = _numbers(raw, start, rest, kind)
    for place, (k, channel) in enumerate(rest_order(coding.terms)):
        targets.sh[:, k, channel] = values[:, place]
