"""Costs of merging for the ``cuda`` backend: a thread per row, in float64 as ``cpu`` has it.

A cost is computed by both rows of its pair, each time from the row that comes first in the table,
so that both find the same number. Determinants are written as fused multiply-adds: which products
are fused is then no choice of the compiler, and the cost of two equal splats is exactly 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl
from numpy.typing import NDArray

from kernels.cuda.device import to_host
from kernels.cuda.staging import bring
from kernels.gaussians.pair import SHAPE, SOFTEN, VANISH

BLOCK = 128
"""Rows of a program."""

_SOFT = tl.constexpr(SOFTEN / 6.0)
_SHAPE, _VANISH = tl.constexpr(SHAPE), tl.constexpr(VANISH)


@triton.jit
def _column(row, column, total, used):
    """A number of some rows, float64; ``row`` points at their first one."""
    return tl.load(row + column * total.to(tl.int64), mask=used, other=0.0).to(tl.float64)


@triton.jit
def _minor(a, b, c, d):
    """``a b - c d``"""
    return tl.fma(a, b, -(c * d))


@triton.jit
def _determinant(xx, xy, xz, yy, yz, zz):
    lower = tl.fma(-xy, _minor(xy, zz, yz, xz), xz * _minor(xy, yz, yy, xz))
    return tl.fma(xx, _minor(yy, zz, yz, yz), lower)


@triton.jit
def _merging(one, two, total, used):
    """Cost of merging the rows at ``one`` and ``two``, float64; 0 where there are none."""
    first = _column(one, 12, total, used)
    second = _column(two, 12, total, used)
    axx = _column(one, 3, total, used)
    axy = _column(one, 4, total, used)
    axz = _column(one, 5, total, used)
    ayy = _column(one, 6, total, used)
    ayz = _column(one, 7, total, used)
    azz = _column(one, 8, total, used)
    bxx = _column(two, 3, total, used)
    bxy = _column(two, 4, total, used)
    bxz = _column(two, 5, total, used)
    byy = _column(two, 6, total, used)
    byz = _column(two, 7, total, used)
    bzz = _column(two, 8, total, used)
    trace = axx + ayy + azz + (bxx + byy + bzz)
    counts = (first * second > 0.0) & (trace > 0.0)
    # Divided by the trace, neither determinants nor their product can overflow or vanish.
    scale = 1.0 / tl.where(counts, trace, 1.0)
    axx = axx * scale + _SOFT
    ayy = ayy * scale + _SOFT
    azz = azz * scale + _SOFT
    bxx = bxx * scale + _SOFT
    byy = byy * scale + _SOFT
    bzz = bzz * scale + _SOFT
    axy *= scale
    axz *= scale
    ayz *= scale
    bxy *= scale
    bxz *= scale
    byz *= scale
    both = _determinant(axx, axy, axz, ayy, ayz, azz) * _determinant(bxx, bxy, bxz, byy, byz, bzz)
    xx = 0.5 * (axx + bxx)
    yy = 0.5 * (ayy + byy)
    zz = 0.5 * (azz + bzz)
    xy = 0.5 * (axy + bxy)
    xz = 0.5 * (axz + bxz)
    yz = 0.5 * (ayz + byz)
    middle = _determinant(xx, xy, xz, yy, yz, zz)
    x = _column(two, 0, total, used) - _column(one, 0, total, used)
    y = _column(two, 1, total, used) - _column(one, 1, total, used)
    z = _column(two, 2, total, used) - _column(one, 2, total, used)
    far = _minor(yy, zz, yz, yz) * x * x
    far += _minor(xx, zz, xz, xz) * y * y
    far += _minor(xx, yy, xy, xy) * z * z
    mixed = _minor(xz, yz, xy, zz) * x * y
    mixed += _minor(xy, yz, xz, yy) * x * z
    mixed += _minor(xy, xz, yz, xx) * y * z
    far += 2.0 * mixed
    shape = 0.25 * tl.log(tl.where(counts, middle * middle / both, 1.0))
    red = _column(one, 9, total, used) - _column(two, 9, total, used)
    green = _column(one, 10, total, used) - _column(two, 10, total, used)
    blue = _column(one, 11, total, used) - _column(two, 11, total, used)
    colour = red * red + green * green + blue * blue
    weight = first * second / tl.where(counts, first + second, 1.0)
    cost = weight * (far * scale / (8.0 * middle) + _SHAPE * shape + colour)
    return tl.where(counts, cost, 0.0)


@triton.jit(do_not_specialize=["total", "reach", "first", "count", "offset"])
def _search(columns, partners, costs, total, reach, first, count, offset, ROWS: tl.constexpr):
    """Rows ``first`` to ``first + count - 1`` of ``total`` that begin at row ``offset``."""
    place = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    used = place < count
    row = first + place
    name = row.to(tl.int64) + offset
    best = _column(columns + row, 12, total, used) * _VANISH
    partner = name
    # Vanishing is cheaper than any pair that costs as much.
    nearness = tl.full([ROWS], -1, tl.int64)
    step = -reach
    while step <= reach:
        other = row + step
        there = used & (other >= 0) & (other < total) & (other != row)
        low = columns + tl.minimum(row, other)
        high = columns + tl.maximum(row, other)
        cost = _merging(low, high, total, there)
        near = name ^ (name + step)
        better = there & ((cost < best) | ((cost == best) & (near < nearness)))
        best = tl.where(better, cost, best)
        partner = tl.where(better, name + step, partner)
        nearness = tl.where(better, near, nearness)
        step += 1
    tl.store(partners + place, partner, mask=used)
    tl.store(costs + place, best.to(tl.float32), mask=used)


def run(
    table: Any, reach: int, first: int, last: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """See :func:`kernels.gaussians.pair.pair`; waits for the device."""
    low, high = max(first - reach, 0), min(last + reach, len(table))
    # Neighbouring threads read neighbouring numbers of a column.
    columns = bring(table[low:high]).T.contiguous()
    partners = torch.empty(last - first, dtype=torch.int64, device=columns.device)
    costs = torch.empty_like(partners, dtype=torch.float32)
    if last > first:
        _search[(triton.cdiv(last - first, BLOCK),)](
            columns, partners, costs, high - low, reach, first - low, last - first, low,
            ROWS=BLOCK,
        )  # fmt: skip
    return to_host(partners, costs)  # type: ignore[return-value]
