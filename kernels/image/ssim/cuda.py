"""Structural similarity for the ``cuda`` backend: down the columns, then along the rows.

The first launch writes four weighted sums of every column of the window, the second applies the
window again and sums the similarity. Which sums these are and why is told in
:mod:`kernels.image.ssim.cpu`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl

from kernels.cuda.device import to_device, to_host
from kernels.cuda.staging import bring
from kernels.image.ssim import C1, C2, WINDOW, window

BLOCK = 256
"""Values of a program, along a row of interleaved channels."""
RUN = 16
"""Rows below each other that share what a program reads, in the first level of the cache."""

_WINDOW = tl.constexpr(WINDOW)
_C1, _C2 = tl.constexpr(C1), tl.constexpr(C2)


@triton.jit(do_not_specialize=["rows", "width"])
def _down(image, truth, weights, sums, rows, width, VALUES: tl.constexpr, ROWS: tl.constexpr):
    """Weighted sums of the rows y to y + 10, (4, rows, width); ``width`` counts all channels."""
    x = tl.program_id(0) * VALUES + tl.arange(0, VALUES)
    used = x < width
    wide = width.to(tl.int64)
    slab = wide * rows
    y = tl.program_id(1) * ROWS
    last = tl.minimum(y + ROWS, rows)
    while y < last:
        source = y * wide + x
        mean = tl.zeros([VALUES], tl.float32)
        difference = tl.zeros([VALUES], tl.float32)
        squares = tl.zeros([VALUES], tl.float32)
        errors = tl.zeros([VALUES], tl.float32)
        for tap in tl.static_range(_WINDOW):
            weight = tl.load(weights + tap)
            # Variances do not change when 0.5 is taken from every value; their sums cancel less.
            one = tl.load(image + source + tap * wide, mask=used, other=0.5) - 0.5
            other = tl.load(truth + source + tap * wide, mask=used, other=0.5) - 0.5
            apart = one - other
            mean += weight * one
            difference += weight * apart
            squares += weight * (one * one + other * other)
            errors += weight * (apart * apart)
        tl.store(sums + source, mean, mask=used)
        tl.store(sums + slab + source, difference, mask=used)
        tl.store(sums + 2 * slab + source, squares, mask=used)
        tl.store(sums + 3 * slab + source, errors, mask=used)
        y += 1


@triton.jit(do_not_specialize=["rows", "width", "inside"])
def _along(
    sums, weights, totals, rows, width, inside, CHANNELS: tl.constexpr, VALUES: tl.constexpr
):
    """Sums of the similarity of ``inside`` values in each row."""
    x = tl.program_id(1) * VALUES + tl.arange(0, VALUES)
    used = x < inside
    y = tl.program_id(0)
    slab = width.to(tl.int64) * rows
    source = sums + y * width.to(tl.int64) + x
    mean = tl.zeros([VALUES], tl.float32)
    difference = tl.zeros([VALUES], tl.float32)
    squares = tl.zeros([VALUES], tl.float32)
    errors = tl.zeros([VALUES], tl.float32)
    for tap in tl.static_range(_WINDOW):
        weight = tl.load(weights + tap)
        cell = source + tap * CHANNELS
        mean += weight * tl.load(cell, mask=used, other=0.0)
        difference += weight * tl.load(cell + slab, mask=used, other=0.0)
        squares += weight * tl.load(cell + 2 * slab, mask=used, other=0.0)
        errors += weight * tl.load(cell + 3 * slab, mask=used, other=0.0)
    other = mean - difference
    structure = squares - mean * mean - other * other + _C2
    one = mean + 0.5
    other += 0.5
    light = one * one + other * other + _C1
    unlike = errors - difference * difference
    likeness = (light - difference * difference) * (structure - unlike) / (light * structure)
    total = tl.sum(tl.where(used, likeness, 0.0), 0)
    tl.store(totals + y * tl.num_programs(1) + tl.program_id(1), total)


def run(image: Any, truth: Any) -> float:
    """See :func:`kernels.image.ssim.ssim`; waits for the device."""
    height, width = image.shape[:2]
    one, other = (bring(a).contiguous().reshape(height, -1) for a in (image, truth))
    wide, rows = one.shape[1], height - WINDOW + 1
    channels = wide // width
    inside = wide - (WINDOW - 1) * channels
    weights = to_device(window().astype(np.float32))
    sums = torch.empty((4, rows, wide), dtype=torch.float32, device=one.device)
    _down[(triton.cdiv(wide, BLOCK), triton.cdiv(rows, RUN))](
        one, other, weights, sums, rows, wide, VALUES=BLOCK, ROWS=RUN
    )
    across = triton.cdiv(inside, BLOCK)
    totals = torch.empty((rows, across), dtype=torch.float32, device=one.device)
    _along[(rows, across)](
        sums, weights, totals, rows, wide, inside, CHANNELS=channels, VALUES=BLOCK
    )
    return float(to_host(totals)[0].sum(dtype=np.float64)) / (rows * inside)
