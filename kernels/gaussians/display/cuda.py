"""The 8-bit picture for the ``cuda`` backend: packed on the device, four bytes a pixel leave it."""

from __future__ import annotations

import numpy as np
import torch
import triton
import triton.language as tl
from numpy.typing import NDArray

from kernels.cuda.interop import DevicePicture, handed_out
from kernels.cuda.pixels import byte, pixel
from kernels.gaussians.types import Accumulation
from kernels.workspace import Workspace

BLOCK = 1024
"""Pixels of a program."""


@triton.jit(do_not_specialize=["count"])
def _display(planes, picture, count, red, green, blue, OPAQUE: tl.constexpr, PIXELS: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * PIXELS + tl.arange(0, PIXELS)
    used = at < count
    slab = count.to(tl.int64)
    through = tl.abs(tl.load(planes + 3 * slab + at, mask=used, other=1.0))
    first = tl.load(planes + at, mask=used, other=0.0)
    second = tl.load(planes + slab + at, mask=used, other=0.0)
    third = tl.load(planes + 2 * slab + at, mask=used, other=0.0)
    if OPAQUE:
        first += through * red
        second += through * green
        third += through * blue
        alpha = tl.full([PIXELS], 255, tl.int32)
    else:
        covered = 1.0 - through
        inverse = 1.0 / tl.maximum(covered, 1e-10)
        first *= inverse
        second *= inverse
        third *= inverse
        alpha = byte(covered)
    tl.store(picture + at, pixel(first, second, third, alpha), mask=used)


def run(
    accumulation: Accumulation,
    background: tuple[float, float, float] | None,
    workspace: Workspace,
) -> NDArray[np.uint8] | DevicePicture:
    """See :func:`kernels.gaussians.display.display`; waits for the device."""
    planes = accumulation.planes
    shape = (accumulation.height, accumulation.width)
    picture = torch.empty(shape, dtype=torch.int32, device=planes.device)
    count = picture.nelement()
    _display[(triton.cdiv(count, BLOCK),)](
        planes, picture, count, *(float(v) for v in background or (0, 0, 0)),
        OPAQUE=background is not None, PIXELS=BLOCK,
    )  # fmt: skip
    return handed_out(picture)
