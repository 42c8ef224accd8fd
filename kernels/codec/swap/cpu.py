"""Re-assignment of groups of four, sixteen groups at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from kernels.simd import (
    count_ones,
    fma,
    full,
    full_int,
    lane_index,
    load,
    select,
    store,
    to_bits,
)


@njit(inline="always")
def _pair(first, second, one, two, one_crossed, two_crossed):
    """The better way of giving sources ``first`` and ``second`` to two cells, and its code."""
    straight, crossed = one + two, one_crossed + two_crossed
    wins = crossed > straight
    code = select(wins, full_int(second + 4 * first), full_int(first + 4 * second))
    return select(wins, crossed, straight), code


@njit(inline="always")
def _better(best, code, lower, lower_code, upper, upper_code):
    """Take what two pairs make together if it is better than what is known."""
    total = lower + upper
    wins = total > best
    return select(wins, total, best), select(wins, lower_code + (upper_code << 4), code)


@njit(inline="always")
def _pick(code, shift, a, b, c, d):
    """The value of the source that two bits of the code name."""
    source = (code >> shift) & 3
    low = select(source > 0, b, a)
    return select(source > 1, select(source > 2, d, c), low)


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _swap(planes, cells, target, lengths, rows, shifts, height, stride, depth, gains, changed):
    layer = np.uint64(height * stride)
    for band in prange(rows.shape[0]):
        first, last = np.int64(-(1 << 60)), np.int64(1 << 60)
        for k in range(4):
            first = max(first, np.int64(-shifts[band, k]))
            last = min(last, np.int64(lengths[rows[band, k]]) - np.int64(shifts[band, k]))
        at0 = np.int64(rows[band, 0]) * stride + shifts[band, 0]
        at1 = np.int64(rows[band, 1]) * stride + shifts[band, 1]
        at2 = np.int64(rows[band, 2]) * stride + shifts[band, 2]
        at3 = np.int64(rows[band, 3]) * stride + shifts[band, 3]
        gain = full(0.0)
        count = np.int64(0)
        for x in range(first, last, 16):
            i0, i1 = np.uint64(at0 + x), np.uint64(at1 + x)
            i2, i3 = np.uint64(at2 + x), np.uint64(at3 + x)
            c00 = c01 = c02 = c03 = full(0.0)
            c10 = c11 = c12 = c13 = full(0.0)
            c20 = c21 = c22 = c23 = full(0.0)
            c30 = c31 = c32 = c33 = full(0.0)
            for d in range(depth):
                base = np.uint64(d) * layer
                a, b = load(planes, base + i0), load(planes, base + i1)
                c, e = load(planes, base + i2), load(planes, base + i3)
                t = load(target, base + i0)
                c00, c10, c20, c30 = fma(a, t, c00), fma(b, t, c10), fma(c, t, c20), fma(e, t, c30)
                t = load(target, base + i1)
                c01, c11, c21, c31 = fma(a, t, c01), fma(b, t, c11), fma(c, t, c21), fma(e, t, c31)
                t = load(target, base + i2)
                c02, c12, c22, c32 = fma(a, t, c02), fma(b, t, c12), fma(c, t, c22), fma(e, t, c32)
                t = load(target, base + i3)
                c03, c13, c23, c33 = fma(a, t, c03), fma(b, t, c13), fma(c, t, c23), fma(e, t, c33)

            stay = (c00 + c11) + (c22 + c33)
            low, low_code = _pair(0, 1, c00, c11, c10, c01)
            high, high_code = _pair(2, 3, c22, c33, c32, c23)
            best, code = low + high, low_code + (high_code << 4)
            low, low_code = _pair(0, 2, c00, c21, c20, c01)
            high, high_code = _pair(1, 3, c12, c33, c32, c13)
            best, code = _better(best, code, low, low_code, high, high_code)
            low, low_code = _pair(0, 3, c00, c31, c30, c01)
            high, high_code = _pair(1, 2, c12, c23, c22, c13)
            best, code = _better(best, code, low, low_code, high, high_code)
            low, low_code = _pair(1, 2, c10, c21, c20, c11)
            high, high_code = _pair(0, 3, c02, c33, c32, c03)
            best, code = _better(best, code, low, low_code, high, high_code)
            low, low_code = _pair(1, 3, c10, c31, c30, c11)
            high, high_code = _pair(0, 2, c02, c23, c22, c03)
            best, code = _better(best, code, low, low_code, high, high_code)
            low, low_code = _pair(2, 3, c20, c31, c30, c21)
            high, high_code = _pair(0, 1, c02, c13, c12, c03)
            best, code = _better(best, code, low, low_code, high, high_code)

            left = np.int32(min(np.int64(last - x), np.int64(16)))
            moves = (best > stay) & (lane_index() < left)
            bits = to_bits(moves)
            if bits == np.uint64(0):
                continue
            count += np.int64(count_ones(bits))
            gain = gain + select(moves, best - stay, 0.0)
            # 0, 1, 2, 3 in two bits each: everybody stays.
            code = select(moves, code, full_int(0b11_10_01_00))
            for d in range(depth):
                base = np.uint64(d) * layer
                a, b = load(planes, base + i0), load(planes, base + i1)
                c, e = load(planes, base + i2), load(planes, base + i3)
                store(planes, base + i0, _pick(code, 0, a, b, c, e))
                store(planes, base + i1, _pick(code, 2, a, b, c, e))
                store(planes, base + i2, _pick(code, 4, a, b, c, e))
                store(planes, base + i3, _pick(code, 6, a, b, c, e))
            p, q, r, s = load(cells, i0), load(cells, i1), load(cells, i2), load(cells, i3)
            store(cells, i0, _pick(code, 0, p, q, r, s))
            store(cells, i1, _pick(code, 2, p, q, r, s))
            store(cells, i2, _pick(code, 4, p, q, r, s))
            store(cells, i3, _pick(code, 6, p, q, r, s))
        store(gains, np.uint64(16 * band), gain)
        changed[band] = count


def run(
    planes: Any, cells: Any, target: Any, lengths: Any, rows: Any, shifts: Any
) -> tuple[float, int]:
    """See :func:`kernels.codec.swap.swap`."""
    depth, height, stride = planes.shape
    gains = np.empty(16 * len(rows), np.float32)
    changed = np.empty(len(rows), np.int64)
    flat = (planes.reshape(-1), cells.reshape(-1), target.reshape(-1))
    _swap(*flat, lengths, rows, shifts, height, stride, depth, gains, changed)
    return 2.0 * float(gains.sum(dtype=np.float64)), int(changed.sum())
