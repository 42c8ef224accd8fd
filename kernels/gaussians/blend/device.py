"""What both ways to blend share: columns of a record, and where a program works."""

from __future__ import annotations

import math

import triton
import triton.language as tl

from kernels.gaussians.project.cuda import QUARTER
from kernels.gaussians.types import (
    BLUE,
    DEPTH,
    FALLOFF,
    GREEN,
    L11,
    L12,
    L22,
    LOG2_FLOOR,
    LOG2_OPACITY,
    MEAN_X,
    MEAN_Y,
    OFFSET,
    RECORD,
    RED,
)

SIDE = tl.constexpr(QUARTER)
PIXELS = tl.constexpr(QUARTER * QUARTER)
WIDTH = tl.constexpr(RECORD)
X, Y = tl.constexpr(MEAN_X), tl.constexpr(MEAN_Y)
FIRST, MIXED, SECOND = tl.constexpr(L11), tl.constexpr(L12), tl.constexpr(L22)
OPACITY, FLOOR = tl.constexpr(LOG2_OPACITY), tl.constexpr(LOG2_FLOOR)
FADED, DEEP = tl.constexpr(OFFSET), tl.constexpr(DEPTH)
R, G, B = tl.constexpr(RED), tl.constexpr(GREEN), tl.constexpr(BLUE)
ROOT = tl.constexpr(math.sqrt(FALLOFF))
INFINITY = tl.constexpr(float("inf"))
POLL = tl.constexpr(64)
"""Splats between two looks at whether the batches before have stopped all light."""


@triton.jit
def place_of(batches, program, quarters):
    """The quarter that a program works on, the first whose batches end behind it, and its batch."""
    low = tl.zeros([], tl.int32)
    high = quarters - 1
    while low < high:
        middle = (low + high) >> 1
        beyond = tl.load(batches + middle) > program
        high = tl.where(beyond, middle, high)
        low = tl.where(beyond, low, middle + 1)
    begin = tl.load(batches + low - 1, mask=low > 0, other=0).to(tl.int32)
    return low, program - begin


@triton.jit
def corner_of(place, tiles_x):
    """First pixel column and row of a quarter."""
    tile = place // 4
    left = (tile % tiles_x * 2 + place % 2) * SIDE
    return left, (tile // tiles_x * 2 + place % 4 // 2) * SIDE


@triton.jit
def part_of(parts, program, place):
    """The part of a batch that is no first one: as many lie before it."""
    return parts + (program - place - 1).to(tl.int64) * (6 * PIXELS)


@triton.jit
def put(
    at, slab, shown, red, green, blue, through, summed, WITH_DEPTH: tl.constexpr,
):  # fmt: skip
    """Write what pixels have gathered, planes ``slab`` apart."""
    tl.store(at, red, mask=shown)
    tl.store(at + slab, green, mask=shown)
    tl.store(at + 2 * slab, blue, mask=shown)
    tl.store(at + 3 * slab, through, mask=shown)
    if WITH_DEPTH:
        tl.store(at + 4 * slab, summed, mask=shown)
