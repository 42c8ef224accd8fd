"""Box filter for the ``cuda`` backend."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl
from numpy.typing import NDArray

from kernels.cuda.device import to_device, to_host

BLOCK = 256
"""Pixels of a program."""


@triton.jit(do_not_specialize=["count", "width"])
def _average(
    color, alpha, depth, small_color, small_alpha, small_depth, count, width,
    FACTOR: tl.constexpr, WITH_DEPTH: tl.constexpr, PIXELS: tl.constexpr,
):  # fmt: skip
    """``width`` is that of the small images."""
    at = tl.program_id(0).to(tl.int64) * PIXELS + tl.arange(0, PIXELS)
    used = at < count
    corner = (at // width) * FACTOR * (width * FACTOR) + (at % width) * FACTOR
    red = tl.zeros([PIXELS], tl.float32)
    green = tl.zeros([PIXELS], tl.float32)
    blue = tl.zeros([PIXELS], tl.float32)
    covered = tl.zeros([PIXELS], tl.float32)
    weighted = tl.zeros([PIXELS], tl.float32)
    for sample in tl.static_range(FACTOR * FACTOR):
        source = corner + (sample // FACTOR) * (width * FACTOR) + sample % FACTOR
        red += tl.load(color + 3 * source, mask=used, other=0.0)
        green += tl.load(color + 3 * source + 1, mask=used, other=0.0)
        blue += tl.load(color + 3 * source + 2, mask=used, other=0.0)
        share = tl.load(alpha + source, mask=used, other=0.0)
        covered += share
        if WITH_DEPTH:
            weighted += share * tl.load(depth + source, mask=used, other=0.0)
    scale = 1.0 / (FACTOR * FACTOR)
    tl.store(small_color + 3 * at, red * scale, mask=used)
    tl.store(small_color + 3 * at + 1, green * scale, mask=used)
    tl.store(small_color + 3 * at + 2, blue * scale, mask=used)
    tl.store(small_alpha + at, covered * scale, mask=used)
    if WITH_DEPTH:
        expected = weighted / tl.maximum(covered, 1e-10)
        tl.store(small_depth + at, tl.where(covered > 0.0, expected, 0.0), mask=used)


def run(
    color: Any, alpha: Any, depth: Any | None, factor: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None]:
    """See :func:`kernels.image.downsample.downsample`; NumPy float32, waits for the device."""
    color, alpha = to_device(color).float(), to_device(alpha).float()
    deep = alpha if depth is None else to_device(depth).float()
    shape = (alpha.shape[0] // factor, alpha.shape[1] // factor)
    small_color = torch.empty((*shape, 3), dtype=torch.float32, device=alpha.device)
    small_alpha, small_depth = torch.empty_like(small_color[..., 0]), small_color[..., 0]
    if depth is not None:
        small_depth = torch.empty_like(small_alpha)
    count = small_alpha.nelement()
    _average[(triton.cdiv(count, BLOCK),)](
        color, alpha, deep, small_color, small_alpha, small_depth, count, shape[1],
        FACTOR=factor, WITH_DEPTH=depth is not None, PIXELS=BLOCK,
    )  # fmt: skip
    if depth is not None:
        return to_host(small_color, small_alpha, small_depth)  # type: ignore[return-value]
    return *to_host(small_color, small_alpha), None  # type: ignore[return-value]
