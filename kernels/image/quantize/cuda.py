"""Quantisation for the ``cuda`` backend."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl
from numpy.typing import NDArray

from kernels.cuda.device import to_device
from kernels.cuda.interop import DevicePicture, handed_out
from kernels.cuda.pixels import byte, pixel

BLOCK = 1024
"""Pixels of a program."""


@triton.jit(do_not_specialize=["count"])
def _quantize(color, alpha, picture, count, OPAQUE: tl.constexpr, PIXELS: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * PIXELS + tl.arange(0, PIXELS)
    used = at < count
    red = tl.load(color + 3 * at, mask=used, other=0.0)
    green = tl.load(color + 3 * at + 1, mask=used, other=0.0)
    blue = tl.load(color + 3 * at + 2, mask=used, other=0.0)
    if OPAQUE:
        top = tl.full([PIXELS], 255, tl.int32)
    else:
        covered = tl.load(alpha + at, mask=used, other=0.0)
        factor = 1.0 / tl.maximum(covered, 1e-10)
        red *= factor
        green *= factor
        blue *= factor
        top = byte(covered)
    tl.store(picture + at, pixel(red, green, blue, top), mask=used)


def run(color: Any, alpha: Any, opaque: bool) -> NDArray[np.uint8] | DevicePicture:
    """See :func:`kernels.image.quantize.quantize`; waits for the device."""
    color, alpha = to_device(color).float(), to_device(alpha).float()
    picture = torch.empty(alpha.shape, dtype=torch.int32, device=alpha.device)
    count = picture.nelement()
    _quantize[(triton.cdiv(count, BLOCK),)](
        color, alpha, picture, count, OPAQUE=opaque, PIXELS=BLOCK
    )
    return handed_out(picture)
