"""Means by label for the ``cuda`` backend: points in the order of their labels, summed in pieces.

A stable sort inverts the assignment. A cluster is summed in pieces of at most 256 points, so that
a large one keeps as many programs busy as many small ones do, and the pieces are then summed in
their order: nothing is added atomically, and the same input gives the same bits every time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl
from numpy.typing import NDArray

from kernels.cuda.device import to_device, to_host
from kernels.cuda.staging import bring

PIECE = 256
"""Points that one program sums."""
ROWS = 16
"""Points that are added side by side."""
WIDE = 64
"""Numbers of a point that one program sums."""


@triton.jit(do_not_specialize=["clusters", "dims", "stride", "steps"])
def _pieces(
    points, order, starts, ends, sums, clusters, dims, stride, steps,
    LONGEST: tl.constexpr, SIDE: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """Sums of pieces; ``ends`` are the numbers of pieces up to and with a cluster."""
    piece = tl.program_id(0)
    if piece >= tl.load(ends + clusters - 1):
        return
    # The first cluster whose pieces end behind this one.
    low = piece * 0
    high = clusters - 1 + low
    while steps > 0:
        middle = (low + high) >> 1
        behind = tl.load(ends + middle) > piece
        high = tl.where(behind, middle, high)
        low = tl.where(behind, low, tl.minimum(middle + 1, high))
        steps -= 1
    number = piece - tl.load(ends + low - 1, mask=low > 0, other=0)
    first = tl.load(starts + low) + number * LONGEST
    last = tl.minimum(first + LONGEST, tl.load(starts + low + 1))
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    lane = tl.arange(0, SIDE)
    total = tl.zeros([SIDE, COLUMNS], tl.float64)
    while first < last:
        used = first + lane < last
        row = tl.load(order + first + lane, mask=used, other=0)
        cell = points + row[:, None] * stride + column[None, :]
        value = tl.load(cell, mask=used[:, None] & (column < dims)[None, :], other=0.0)
        total += value.to(tl.float64)
        first += SIDE
    target = sums + piece.to(tl.int64) * dims + column
    tl.store(target, tl.sum(total, 0), mask=column < dims)


@triton.jit(do_not_specialize=["dims"])
def _means(sums, ends, sizes, means, dims, SIDE: tl.constexpr, COLUMNS: tl.constexpr):
    cluster = tl.program_id(0)
    first = tl.load(ends + cluster - 1, mask=cluster > 0, other=0)
    last = tl.load(ends + cluster)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    lane = tl.arange(0, SIDE)
    total = tl.zeros([SIDE, COLUMNS], tl.float64)
    while first < last:
        used = (first + lane < last)[:, None] & (column < dims)[None, :]
        cell = sums + (first + lane)[:, None].to(tl.int64) * dims + column[None, :]
        total += tl.load(cell, mask=used, other=0.0)
        first += SIDE
    size = tl.maximum(tl.load(sizes + cluster), 1).to(tl.float64)
    target = means + cluster.to(tl.int64) * dims + column
    tl.store(target, (tl.sum(total, 0) / size).to(tl.float32), mask=column < dims)


def run(points: Any, labels: Any, count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """See :func:`kernels.codec.centroids.centroids`; waits for the device."""
    rows = bring(points)
    ranked, order = torch.sort(to_device(labels).int(), stable=True)
    numbers = torch.arange(count + 1, dtype=torch.int32, device=ranked.device)
    starts = torch.searchsorted(ranked, numbers)
    sizes = starts.diff()
    ends = torch.cumsum((sizes + (PIECE - 1)) // PIECE, 0).int()
    # As many pieces as there can be at most: nobody waits to learn how many there are.
    most = min(len(rows), count) + len(rows) // PIECE
    dims = rows.shape[1]
    columns = triton.cdiv(dims, WIDE)
    sums = torch.empty((most, dims), dtype=torch.float64, device=rows.device)
    means = torch.empty((count, dims), dtype=torch.float32, device=rows.device)
    if most:
        _pieces[(most, columns)](
            rows, order, starts, ends, sums, count, dims, rows.stride(0), count.bit_length(),
            LONGEST=PIECE, SIDE=ROWS, COLUMNS=WIDE,
        )  # fmt: skip
    _means[(count, columns)](sums, ends, sizes, means, dims, SIDE=ROWS, COLUMNS=WIDE)
    return to_host(means, sizes)  # type: ignore[return-value]
