"""Morton codes for the ``cuda`` backend: the bounds by torch, a thread per point for the rest."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl

from kernels.codec.morton import STEPS
from kernels.cuda.staging import bring

BLOCK = 512
"""Points of a program."""

_STEPS = tl.constexpr(float(STEPS))


@triton.jit
def _spread(value):
    """Two zeros between each two bits of a number below 2^21."""
    value = (value | (value << 32)) & 0x001F00000000FFFF
    value = (value | (value << 16)) & 0x001F0000FF0000FF
    value = (value | (value << 8)) & 0x100F00F00F00F00F
    value = (value | (value << 4)) & 0x10C30C30C30C30C3
    return (value | (value << 2)) & 0x1249249249249249


@triton.jit(do_not_specialize=["count"])
def _encode(points, lowest, spans, codes, count, POINTS: tl.constexpr):
    row = tl.program_id(0).to(tl.int64) * POINTS + tl.arange(0, POINTS)
    used = row < count
    code = tl.zeros([POINTS], tl.int64)
    for axis in tl.static_range(3):
        value = tl.load(points + 3 * row + axis, mask=used, other=0.0).to(tl.float64)
        # A subtraction, a division and a product, each rounded once, as everywhere.
        place = (value - tl.load(lowest + axis)) / tl.load(spans + axis)
        code |= _spread((place * _STEPS).to(tl.int64)) << axis
    tl.store(codes + row, code, mask=used)


def run(points: Any) -> torch.Tensor:
    """See :func:`kernels.codec.morton.morton`; an int64 tensor of the device, not waited for."""
    points = bring(points).contiguous()
    codes = torch.empty(len(points), dtype=torch.int64, device=points.device)
    if len(points):
        lowest, highest = (bound.double() for bound in points.aminmax(dim=0))
        spans = torch.where(highest > lowest, highest - lowest, 1.0)
        _encode[(triton.cdiv(len(points), BLOCK),)](
            points, lowest, spans, codes, len(points), POINTS=BLOCK
        )
    return codes
