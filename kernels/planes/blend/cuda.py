"""Blending for the ``cuda`` backend: all pictures in one pass, of any number."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl

from kernels.cuda.device import to_device

BLOCK = 256
"""Pixels of a program."""


@triton.jit(do_not_specialize=["images", "count"])
def _blend(
    addresses, weights, color, depth, images, count, WITH_DEPTH: tl.constexpr, PIXELS: tl.constexpr
):  # fmt: skip
    """``addresses`` (2, N) int64: where the colours lie, and the depths."""
    at = tl.program_id(0).to(tl.int64) * PIXELS + tl.arange(0, PIXELS)
    used = at < count
    red = tl.zeros([PIXELS], tl.float32)
    green = tl.zeros([PIXELS], tl.float32)
    blue = tl.zeros([PIXELS], tl.float32)
    total = tl.zeros([PIXELS], tl.float32)
    most = tl.zeros([PIXELS], tl.float32)
    far = tl.zeros([PIXELS], tl.float32)
    image = 0
    while image < images:
        weight = tl.load(weights + image)
        source = tl.load(addresses + image).to(tl.pointer_type(tl.float32)) + at * 4
        red += weight * tl.load(source, mask=used, other=0.0)
        green += weight * tl.load(source + 1, mask=used, other=0.0)
        blue += weight * tl.load(source + 2, mask=used, other=0.0)
        alpha = tl.load(source + 3, mask=used, other=0.0)
        total += weight * alpha
        most = tl.maximum(most, alpha)
        if WITH_DEPTH:
            deep = tl.load(addresses + images + image).to(tl.pointer_type(tl.float32)) + at
            far += weight * alpha * tl.load(deep, mask=used, other=0.0)
        image += 1
    shown = total > 0.0
    inverse = 1.0 / tl.where(shown, total, 1.0)
    scale = tl.where(shown, most * inverse, 0.0)
    target = color + at * 4
    tl.store(target, red * scale, mask=used)
    tl.store(target + 1, green * scale, mask=used)
    tl.store(target + 2, blue * scale, mask=used)
    tl.store(target + 3, most, mask=used)
    if WITH_DEPTH:
        tl.store(depth + at, tl.where(shown, far * inverse, 0.0), mask=used)


def run(colors: Any, depths: Any, weights: Any) -> tuple[torch.Tensor, torch.Tensor | None]:
    """See :func:`kernels.planes.blend.blend`; tensors of the device."""
    # Weights of far images vanish in float32; only their ratios count.
    shares = (np.asarray(weights, np.float64) / max(weights)).astype(np.float32)
    sources = [to_device(color).float() for color in colors]
    deep = [to_device(depth).float() for depth in depths]
    addresses = [tensor.data_ptr() for tensor in [*sources, *deep]]
    color = torch.empty_like(sources[0])
    depth = torch.empty_like(color[..., 0]) if depths else color
    count = color[..., 0].nelement()
    _blend[(triton.cdiv(count, BLOCK),)](
        to_device(np.array(addresses, np.int64)), to_device(shares), color, depth, len(sources),
        count, WITH_DEPTH=bool(depths), PIXELS=BLOCK,
    )  # fmt: skip
    return color, depth if depths else None
