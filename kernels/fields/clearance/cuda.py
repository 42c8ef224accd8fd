"""Clearance for the ``cuda`` backend: along x, then y, then z, a thread per cell.

The distance in the largest axis is the least, over rows, of the larger of the distance of the row
and the distance within it.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl

from kernels.cuda.device import to_device
from kernels.fields.clearance import FARTHEST

BLOCK = 1024
"""Cells of a program."""

_FARTHEST = tl.constexpr(FARTHEST)


@triton.jit(do_not_specialize=["count", "stride", "side"])
def _along(given, out, count, stride, side, ITEMS: tl.constexpr):
    """The least of max(cells between, value) along the axis of that stride and length."""
    at = tl.program_id(0).to(tl.int64) * ITEMS + tl.arange(0, ITEMS)
    used = at < count
    place = (at // stride % side).to(tl.int32)
    best = tl.load(given + at, mask=used, other=0).to(tl.int32)
    gap = 1
    # Cells at least as far as the worst value so far cannot make any smaller.
    while gap < tl.max(best):
        ahead = tl.load(given + at + gap * stride, mask=used & (place + gap < side), other=255)
        behind = tl.load(given + at - gap * stride, mask=used & (place >= gap), other=255)
        near = tl.minimum(ahead.to(tl.int32), behind.to(tl.int32))
        best = tl.minimum(best, tl.maximum(near, gap))
        gap += 1
    tl.store(out + at, best.to(tl.uint8), mask=used)


def run(cells: Any) -> Any:
    """See :func:`kernels.fields.clearance.clearance`."""
    given = torch.where(to_device(cells), 0, FARTHEST).to(torch.uint8)
    _, depth, height, width = given.shape
    count = given.nelement()
    for stride, side in ((1, width), (width, height), (width * height, depth)):
        out = torch.empty_like(given)
        if count:
            _along[(triton.cdiv(count, BLOCK),)](given, out, count, stride, side, ITEMS=BLOCK)
        given = out
    return given
