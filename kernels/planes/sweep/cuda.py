"""Plane sweep for the ``cuda`` backend: every path of all eight directions is a program.

A path keeps its sums in registers, one disparity a lane, and walks from border to border; those of
its neighbours in disparity come by shuffles, the least by a reduction. Sums of the directions meet
in memory by atomic additions: they are whole numbers (as long as the penalties are), so their
order does not matter. All paths are launched together, thousands of warps that wait for memory in
turn.
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
from kernels.planes.sweep import OUTSIDE, WINDOW

PIXELS = 256
"""Pixels of a program that makes census words."""
CELLS = 2048
"""Pixels times disparities that a program compares."""
LANES = 256
"""Disparities of a warp that walks along a path."""

_TALL, _WIDE = tl.constexpr(WINDOW[0]), tl.constexpr(WINDOW[1])
_UP, _LEFT = tl.constexpr(WINDOW[0] // 2), tl.constexpr(WINDOW[1] // 2)
_OUTSIDE = tl.constexpr(OUTSIDE)
_INFINITY = tl.constexpr(float("inf"))


@triton.jit(do_not_specialize=["height", "width"])
def _census(image, words, height, width, BLOCK: tl.constexpr):
    """62 comparisons with the neighbours; pixels beyond the border repeat it."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    used = at < height * width
    y = at // width
    x = at % width
    centre = tl.load(image + at, mask=used, other=0.0)
    word = tl.zeros([BLOCK], tl.int64)
    for down in tl.static_range(_TALL):
        row = tl.minimum(tl.maximum(y + (down - _UP), 0), height - 1) * width
        # A row of nine bits first: 32-bit numbers are shifted at half the price.
        bits = tl.zeros([BLOCK], tl.int32)
        for across in tl.static_range(_WIDE):
            column = tl.minimum(tl.maximum(x + (across - _LEFT), 0), width - 1)
            brighter = tl.load(image + row + column, mask=used, other=0.0) > centre
            if down != _UP or across != _LEFT:
                bits = (bits << 1) | brighter.to(tl.int32)
        word = (word << _WIDE) | bits.to(tl.int64)
    tl.store(words + at, word, mask=used)


@triton.jit
def _ones(word):
    """Number of set bits (Warren, Hacker's Delight, figure 5-2) of a word that is not negative."""
    word = word - ((word >> 1) & 0x5555555555555555)
    word = (word & 0x3333333333333333) + ((word >> 2) & 0x3333333333333333)
    word = (word + (word >> 4)) & 0x0F0F0F0F0F0F0F0F
    return (word * 0x0101010101010101) >> 56


@triton.jit(do_not_specialize=["width", "first", "count"])
def _costs(left, right, costs, width, first, count, ROWS: tl.constexpr, DISPARITIES: tl.constexpr):
    """Hamming distances, (H, W, D) bytes."""
    y = tl.program_id(0)
    x = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    d = tl.arange(0, DISPARITIES)
    used = (x < width)[:, None] & (d < count)[None, :]
    line = y.to(tl.int64) * width
    column = x[:, None] - (first + d)[None, :]
    inside = used & (column >= 0) & (column < width)
    one = tl.load(left + line + x, mask=x < width, other=0)
    other = tl.load(right + line + column, mask=inside, other=0)
    cost = tl.where(inside, _ones(one[:, None] ^ other), _OUTSIDE)
    tl.store(costs + (line + x)[:, None] * count + d[None, :], cost.to(tl.uint8), mask=used)


@triton.jit
def _start(program, height, width):
    """Where a path begins, which way it goes and how many pixels it has."""
    sense = 1 - 2 * (program & 1)
    # Rows first, then columns, then diagonals, each in both senses.
    y = program >> 1
    x = tl.where(sense > 0, 0, width - 1)
    down = 0 * program
    across = sense
    length = width + down
    column = program - 2 * height
    if column >= 0:
        x = column >> 1
        y = tl.where(sense > 0, 0, height - 1)
        down = sense
        across = 0 * program
        length = height + across
    slanted = column - 2 * width
    if slanted >= 0:
        across = sense
        down = 1 - (slanted & 2)
        line = slanted >> 2
        # From a pixel of the first row, or from one below the first of its side.
        passed = tl.maximum(line - (width - 1), 0)
        x = tl.where(line < width, line, tl.where(across > 0, 0, width - 1))
        y = tl.where(down > 0, passed, height - 1 - passed)
        length = tl.minimum(tl.where(across > 0, width - x, x + 1), height - passed)
    return y, x, down, across, length


@triton.jit(do_not_specialize=["height", "width", "count"])
def _paths(costs, totals, height, width, count, small, large, DISPARITIES: tl.constexpr):
    y, x, down, across, length = _start(tl.program_id(0), height, width)
    lane = tl.arange(0, DISPARITIES)
    used = lane < count
    at = (y.to(tl.int64) * width + x) * count + lane
    step = (down.to(tl.int64) * width + across) * count
    lower_lane = tl.maximum(lane - 1, 0)
    upper_lane = tl.minimum(lane + 1, DISPARITIES - 1)
    # What comes in from beside the picture starts from zero.
    before = tl.where(used, 0.0, _INFINITY)
    least = 0.0
    cost = tl.load(costs + at, mask=used, other=0)
    while length > 0:
        # Asked for a step ahead: the walk never waits for it.
        ahead = tl.load(costs + at + step, mask=lane < tl.where(length > 1, count, 0), other=0)
        lower = tl.where(lane > 0, tl.gather(before, lower_lane, 0), _INFINITY)
        upper = tl.where(lane < count - 1, tl.gather(before, upper_lane, 0), _INFINITY)
        best = tl.minimum(before, least + large)
        best = tl.minimum(best, tl.minimum(lower, upper) + small)
        value = tl.where(used, cost.to(tl.float32) + (best - least), _INFINITY)
        tl.atomic_add(totals + at, value, mask=used, sem="relaxed")
        least = tl.min(value, 0)
        before = value
        cost = ahead
        at += step
        length -= 1


@triton.jit
def _vertex(before, middle, after):
    """Where between -1/2 and 1/2 the parabola through three values is lowest."""
    bend = before - 2.0 * middle + after
    return tl.where(bend > 0.0, 0.5 * (before - after) / tl.where(bend > 0.0, bend, 1.0), 0.0)


@triton.jit(do_not_specialize=["width", "first", "count"])
def _winners(
    totals, left, right, width, first, count, ROWS: tl.constexpr, DISPARITIES: tl.constexpr
):
    """The best disparities of pixels of both pictures, refined between their neighbours."""
    y = tl.program_id(0).to(tl.int64)
    x = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    there = x < width
    d = tl.arange(0, DISPARITIES)
    used = there[:, None] & (d < count)[None, :]
    line = totals + y * width * count
    cell = line + x[:, None] * count + d[None, :]
    total = tl.load(cell, mask=used, other=_INFINITY)
    lowest = tl.min(total, 1)
    best = tl.min(tl.where(total == lowest[:, None], d[None, :], DISPARITIES - 1), 1)
    between = there & (best > 0) & (best < count - 1)
    beside = line + x * count + best
    before = tl.load(beside - 1, mask=between, other=0.0)
    after = tl.load(beside + 1, mask=between, other=0.0)
    part = tl.where(between, _vertex(before, lowest, after), 0.0)
    tl.store(left + y * width + x, (first + best).to(tl.float32) + part, mask=there)

    # The same sums by pixels of the right picture: d of its pixel x lies at x + d on the left.
    column = x[:, None] + (first + d)[None, :]
    inside = used & (column >= 0) & (column < width)
    total = tl.load(line + column * count + d[None, :], mask=inside, other=_INFINITY)
    lowest = tl.min(total, 1)
    found = lowest < _INFINITY
    best = tl.min(tl.where(total == lowest[:, None], d[None, :], DISPARITIES - 1), 1)
    best = tl.where(found, best, 0)
    column = x + first + best
    between = there & (best > 0) & (best < count - 1) & (column >= 1) & (column < width - 1)
    beside = line + column * count + best
    before = tl.load(beside - count - 1, mask=between, other=0.0)
    after = tl.load(beside + count + 1, mask=between, other=0.0)
    part = tl.where(between, _vertex(before, lowest, after), 0.0)
    tl.store(right + y * width + x, (first + best).to(tl.float32) + part, mask=there)


def run(
    left: Any, right: Any, first: int, count: int, small: float, large: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """See :func:`kernels.planes.sweep.sweep`; waits for the device."""
    pictures = [bring(picture).contiguous() for picture in (left, right)]
    height, width = pictures[0].shape
    words = [torch.empty_like(picture, dtype=torch.int64) for picture in pictures]
    for picture, word in zip(pictures, words, strict=True):
        _census[(triton.cdiv(height * width, PIXELS),)](picture, word, height, width, BLOCK=PIXELS)
    lanes = max(triton.next_power_of_2(count), 32)
    rows = max(CELLS // lanes, 1)
    grid = (height, triton.cdiv(width, rows))
    shape = (height, width, count)
    costs = torch.empty(shape, dtype=torch.uint8, device=words[0].device)
    _costs[grid](*words, costs, width, first, count, ROWS=rows, DISPARITIES=lanes)
    totals = torch.zeros(shape, dtype=torch.float32, device=costs.device)
    paths = 2 * (height + width) + 4 * (height + width - 1)
    _paths[(paths,)](
        costs, totals, height, width, count, float(small), float(large), DISPARITIES=lanes,
        num_warps=min(max(lanes // LANES, 1), 8),
    )  # fmt: skip
    found = [torch.empty_like(picture) for picture in pictures]
    _winners[grid](totals, *found, width, first, count, ROWS=rows, DISPARITIES=lanes)
    return to_host(*found)  # type: ignore[return-value]
