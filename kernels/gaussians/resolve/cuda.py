"""Float images for the ``cuda`` backend: from planes to rows of pixels, and to the host."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl
from numpy.typing import NDArray

from kernels.cuda.device import to_host
from kernels.gaussians.types import Accumulation

BLOCK = 1024
"""Pixels of a program."""


@triton.jit(do_not_specialize=["count"])
def _resolve(
    planes, color, alpha, depth, count, red, green, blue,
    WITH_DEPTH: tl.constexpr, PIXELS: tl.constexpr,
):  # fmt: skip
    at = tl.program_id(0).to(tl.int64) * PIXELS + tl.arange(0, PIXELS)
    used = at < count
    slab = count.to(tl.int64)
    through = tl.abs(tl.load(planes + 3 * slab + at, mask=used, other=1.0))
    value = tl.load(planes + at, mask=used, other=0.0)
    tl.store(color + 3 * at, value + through * red, mask=used)
    value = tl.load(planes + slab + at, mask=used, other=0.0)
    tl.store(color + 3 * at + 1, value + through * green, mask=used)
    value = tl.load(planes + 2 * slab + at, mask=used, other=0.0)
    tl.store(color + 3 * at + 2, value + through * blue, mask=used)
    covered = 1.0 - through
    tl.store(alpha + at, covered, mask=used)
    if WITH_DEPTH:
        summed = tl.load(planes + 4 * slab + at, mask=used, other=0.0)
        expected = summed / tl.maximum(covered, 1e-10)
        tl.store(depth + at, tl.where(covered > 0.0, expected, 0.0), mask=used)


def run(
    accumulation: Accumulation, background: tuple[float, float, float] | None
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None]:
    """See :func:`kernels.gaussians.resolve.resolve`; NumPy float32, and waits for the device."""
    planes = accumulation.planes
    shape = (accumulation.height, accumulation.width)
    with_depth = len(planes) == 5

    def image(*sizes: int) -> Any:
        return torch.empty(sizes, dtype=torch.float32, device=planes.device)

    color, alpha = image(*shape, 3), image(*shape)
    depth = image(*shape) if with_depth else alpha
    count = shape[0] * shape[1]
    _resolve[(triton.cdiv(count, BLOCK),)](
        planes, color, alpha, depth, count, *(float(v) for v in background or (0, 0, 0)),
        WITH_DEPTH=with_depth, PIXELS=BLOCK,
    )  # fmt: skip
    if with_depth:
        return to_host(color, alpha, depth)  # type: ignore[return-value]
    return *to_host(color, alpha), None  # type: ignore[return-value]
