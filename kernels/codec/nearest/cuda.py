"""The nearest centroid for the ``cuda`` backend: products on tensor cores, as exact as float32.

A program keeps the best of 128 points while all centroids pass by; neither products nor distances
are ever written. What is maximised is ``x.c - |c|^2 / 2``, about the mean of the centroids.

A float32 number is split in two of float16, ``x = h + l`` within 2^-22, and ``x.c`` is
``h.h' + h.l' + l.h'``: one product of float16 numbers over three times the depth, which tensor
cores sum in float32. That costs half as much as three products of tf32 and keeps as many digits
(Ootomo and Yokota 2022, "Recovering single precision accuracy from Tensor Cores while avoiding
the FP32 theoretical peak performance"). Every point is scaled by a power of two of its own, so
no number leaves the range of float16.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl
from numpy.typing import NDArray

from kernels.cuda.device import on_its_way, to_device
from kernels.cuda.staging import bring, event

POINTS = 128
"""Points of a program."""
CENTROIDS = 64
"""Centroids that pass by together."""
WIDEST = 53
"""Numbers of a point whose three parts fit in the registers of a program."""
SQUARES = 64
"""Points of a program that measures distances."""

_PRODUCTS = 2e12
"""Multiplications of float16 between two ticks: 0.01 s on a large GPU, 0.1 s on a small one."""
_ROWS = 1 << 20
"""Points that are on the way together at most."""
_TOP = 4096.0
"""Where numbers are scaled to: their low parts stay normal numbers of float16."""

_CELLS = 1 << 26
"""Products of wider points that are held together."""

_INFINITY = tl.constexpr(float("inf"))
_EXPONENT = tl.constexpr(0x7F800000)
_SCALE = tl.constexpr(_TOP)


@triton.jit
def _power(value):
    """The largest power of two that is not larger, 0 for 0."""
    return (value.to(tl.int32, bitcast=True) & _EXPONENT).to(tl.float32, bitcast=True)


@triton.jit
def _column(place, DIMS: tl.constexpr):
    """Which number of a point a column holds: high, high and low parts follow each other."""
    column = tl.where(place >= 2 * DIMS, place - 2 * DIMS, place)
    return tl.where((place >= DIMS) & (place < 2 * DIMS), place - DIMS, column)


@triton.jit
def _numbers(points, shift, row, stride, place, there, DIMS: tl.constexpr):
    """(rows, columns) points about the mean, in the columns of the split."""
    column = _column(place, DIMS)
    used = there[:, None] & (place < 3 * DIMS)[None, :]
    value = tl.load(points + row[:, None] * stride + column[None, :], mask=used, other=0.0)
    middle = tl.load(shift + column, mask=place < 3 * DIMS, other=0.0)
    return tl.where(used, value - middle[None, :], 0.0)


@triton.jit
def _split(value, scale, place, DIMS: tl.constexpr):
    """High, high and low parts as float16."""
    value *= scale[:, None]
    high = value.to(tl.float16)
    low = (value - high.to(tl.float32)).to(tl.float16)
    return tl.where((place < 2 * DIMS)[None, :], high, low)


@triton.jit(do_not_specialize=["count", "stride", "tiles"])
def _search(
    points, shift, table, half, least, labels, count, stride, tiles,
    DIMS: tl.constexpr, FIRST: tl.constexpr, SECOND: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """``tiles`` of ``COLUMNS`` centroids; ``least`` is the smallest size a point is scaled by."""
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    there = row < count
    place = tl.arange(0, FIRST)
    value = _numbers(points, shift, row, stride, place, there, DIMS)
    size = tl.max(tl.abs(value), 1)
    if SECOND > 0:
        behind = FIRST + tl.arange(0, SECOND)
        other = _numbers(points, shift, row, stride, behind, there, DIMS)
        size = tl.maximum(size, tl.max(tl.abs(other), 1))
    scale = _SCALE / tl.maximum(_power(size), tl.load(least))
    first = _split(value, scale, place, DIMS)
    if SECOND > 0:
        second = _split(other, scale, behind, DIMS)
    lane = tl.arange(0, COLUMNS)
    cell = table + lane[:, None] * (FIRST + SECOND)
    best = tl.full([ROWS], -_INFINITY, tl.float32)
    name = tl.zeros([ROWS], tl.int32)
    for tile in tl.range(0, tiles, num_stages=3):
        products = tl.dot(first, tl.trans(tl.load(cell + place[None, :])))
        if SECOND > 0:
            products = tl.dot(second, tl.trans(tl.load(cell + behind[None, :])), products)
        products -= tl.load(half + tile * COLUMNS + lane)[None, :] * scale[:, None]
        top = tl.max(products, 1)
        nearer = top > best
        # Rarely, once some hundred centroids have passed by.
        if tl.max(nearer.to(tl.int32)) > 0:
            which = tl.min(tl.where(products == top[:, None], lane[None, :], COLUMNS), 1)
            best = tl.where(nearer, top, best)
            name = tl.where(nearer, tile * COLUMNS + which, name)
        cell += COLUMNS * (FIRST + SECOND)
    tl.store(labels + row, name, mask=there)


@triton.jit(do_not_specialize=["count", "stride"])
def _square(
    points, centroids, labels, squared, count, stride,
    DIMS: tl.constexpr, WIDE: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Squared distances of points and the centroids they are labelled with."""
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    there = row < count
    name = tl.load(labels + row, mask=there, other=0).to(tl.int64)
    total = tl.zeros([ROWS], tl.float32)
    for start in tl.range(0, DIMS, WIDE):
        place = start + tl.arange(0, WIDE)
        used = there[:, None] & (place < DIMS)[None, :]
        x = tl.load(points + row[:, None] * stride + place[None, :], mask=used, other=0.0)
        c = tl.load(centroids + name[:, None] * DIMS + place[None, :], mask=used, other=0.0)
        total += tl.sum((x - c) * (x - c), 1)
    tl.store(squared + row, total, mask=there)


class _Search:
    """Centroids on the device, as the kernels want them."""

    def __init__(self, centroids: Any) -> None:
        self.centroids = to_device(centroids).float()
        self.count, self.dims = self.centroids.shape
        exact = self.centroids.double()
        self.shift = exact.mean(0).float()
        about = exact - self.shift
        half = 0.5 * about.square().sum(1)
        self.parts = _parts(3 * self.dims) if self.dims <= WIDEST else (0, 0)
        if self.dims > WIDEST:
            self.table, self.half = about.float(), half.float()
            return
        largest = about.abs().amax().clamp(min=1e-30)
        largest = torch.exp2(largest.log2().floor())
        self.least = (largest * 2.0**-20).float().reshape(1)
        scaled = (about * (_TOP / largest)).float()
        high = scaled.half()
        low = (scaled - high.float()).half()
        padded = triton.cdiv(self.count, CENTROIDS) * CENTROIDS
        self.table = torch.zeros(
            (padded, sum(self.parts)), dtype=torch.float16, device=about.device
        )
        self.table[: self.count, : 3 * self.dims] = torch.cat([high, low, high], 1)
        # What fills the last tile is infinitely far.
        self.half = torch.full((padded,), torch.inf, dtype=torch.float32, device=about.device)
        self.half[: self.count] = (half * (_TOP / largest)).float()

    def labels(self, points: torch.Tensor) -> torch.Tensor:
        """(R,) int32 nearest centroids of points (R, D) float32 with neighbouring numbers."""
        if self.dims > WIDEST:
            return self._wide(points)
        names = torch.empty(len(points), dtype=torch.int32, device=points.device)
        first, second = self.parts
        _search[(triton.cdiv(len(points), POINTS),)](
            points, self.shift, self.table, self.half, self.least, names, len(points),
            points.stride(0), len(self.half) // CENTROIDS, DIMS=self.dims, FIRST=first,
            SECOND=second, ROWS=POINTS, COLUMNS=CENTROIDS, num_warps=8,
        )  # fmt: skip
        return names

    def _wide(self, points: torch.Tensor) -> torch.Tensor:
        """The same by products of matrices in float32."""
        found = []
        for part in points.split(max(1, _CELLS // self.count)):
            scores = torch.addmm(-self.half, part - self.shift, self.table.T)
            found.append(scores.argmax(1).int())
        return torch.cat(found)

    def squared(self, points: torch.Tensor, names: torch.Tensor) -> torch.Tensor:
        """(R,) float32 squared distances of points and their centroids."""
        found = torch.empty(len(points), dtype=torch.float32, device=points.device)
        _square[(triton.cdiv(len(points), SQUARES),)](
            points, self.centroids, names, found, len(points), points.stride(0),
            DIMS=self.dims, WIDE=min(64, triton.next_power_of_2(self.dims)), ROWS=SQUARES,
        )  # fmt: skip
        return found


def _parts(depth: int) -> tuple[int, int]:
    """Two powers of two, at least 16 or none, that hold a depth: the table is padded little."""
    first = max(16, 1 << (depth.bit_length() - 1))
    if depth <= first:
        return first, 0
    second = max(16, triton.next_power_of_2(depth - first))
    return (first, second) if second < first else (2 * first, 0)


def run(
    points: Any, centroids: Any, guess: Any, tick: Any
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """See :func:`kernels.codec.nearest.nearest`; looks at every pair, whatever the guess.

    While the device searches for some points, the host brings the next ones.
    """
    search = _Search(centroids)
    labels = np.empty(len(points), np.int32)
    squared = np.empty(len(points), np.float32)
    rows = int(_PRODUCTS / (3 * search.dims * search.count))
    rows = POINTS * min(max(rows // POINTS, 1), _ROWS // POINTS)
    pending: _Pending | None = None
    for first in range(0, len(points), rows):
        block = bring(points[first : first + rows])
        names = search.labels(block)
        after = _Pending(first, names, search.squared(block, names))
        if pending is not None:
            pending.take(labels, squared, tick)
        pending = after
    if pending is not None:
        pending.take(labels, squared, tick)
    return labels, squared


class _Pending:
    """Results that are on their way to the host."""

    def __init__(self, first: int, *results: torch.Tensor) -> None:
        self.first = first
        self.copies = [on_its_way(result) for result in results]
        self.over = event()

    def take(self, labels: NDArray[np.int32], squared: NDArray[np.float32], tick: Any) -> None:
        """Wait for them and put them where they belong."""
        self.over.synchronize()
        stop = self.first + len(self.copies[0])
        for whole, part in zip((labels, squared), self.copies, strict=True):
            whole[self.first : stop] = np.asarray(part)
        tick(stop, len(labels))
