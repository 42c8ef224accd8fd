"""What this machine can do: pairs of splat and pixel per second with nothing but arithmetic.

Two ceilings, in registers, on independent values, without memory, lists or decisions:

* ``bare``: the quadratic form, 2^x and four multiply-adds. No blend can do less.
* ``full``: also the cap, the cut, the stop of the transmittance and their selections, which the
  definition of the blend demands for every pair.

Run it beside the blend, in one process, and quote the ratio.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from kernels.limits.cpu import steps_per_second
from kernels.simd import LANES, absolute, fma, full, lane_index, minimum, select, to_bits, to_float
from kernels.simd_math import exp2_short

_STEPS = 1_000_000


@njit(inline="always")
def _power(lane, x, top):
    """The exponent of one vector of pairs; ``x`` changes, so that nothing can be hoisted."""
    u = fma(lane, np.float32(0.3), x)
    u = fma(x, np.float32(0.1), u)
    v = fma(x, np.float32(0.2), lane)
    return fma(-u, u, fma(-v, v, top))


@njit(nogil=True, cache=True, error_model="numpy")
def _bare(steps):
    lane = to_float(lane_index()) * np.float32(0.01)
    red, green, blue, through = full(0.0), full(0.0), full(0.0), full(1.0)
    a, b, c, top = full(0.3), full(0.1), full(0.2), full(-1.0)
    x = full(0.0)
    for _ in range(steps):
        x = x + np.float32(1e-6)
        alpha = exp2_short(_power(lane, x, top))
        red = fma(alpha, a, red)
        green = fma(alpha, b, green)
        blue = fma(alpha, c, blue)
        through = fma(alpha, top, through)
    return to_bits(red + green + blue + through > np.float32(0.0))


@njit(inline="always")
def _one(power, through, red, green, blue, a, b, c):
    """One vector of pairs as the blend's definition has it; returns the new accumulators."""
    alpha = minimum(exp2_short(power), np.float32(0.99))
    weight = alpha * through
    after = through - weight
    inside = power >= np.float32(-8.0)
    adds = inside & (after > np.float32(1e-4))
    red = select(adds, fma(weight, a, red), red)
    green = select(adds, fma(weight, b, green), green)
    blue = select(adds, fma(weight, c, blue), blue)
    through = select(adds, after, select(inside, -absolute(through), through))
    return through, red, green, blue


@njit(nogil=True, cache=True, error_model="numpy")
def _full(steps):
    """Two blocks in turn, so that no chain of dependent operations is the limit."""
    lane = to_float(lane_index()) * np.float32(0.01)
    a, b, c, top = full(0.3), full(0.1), full(0.2), full(-1.0)
    red, green, blue, through = full(0.0), full(0.0), full(0.0), full(1.0)
    red2, green2, blue2, through2 = full(0.1), full(0.1), full(0.1), full(0.9)
    x = full(0.0)
    for _ in range(steps // 2):
        x = x + np.float32(1e-6)
        power = _power(lane, x, top)
        through, red, green, blue = _one(power, through, red, green, blue, a, b, c)
        x = x + np.float32(1e-6)
        power = _power(lane, x, top)
        through2, red2, green2, blue2 = _one(power, through2, red2, green2, blue2, a, b, c)
    total = red + green + blue + through + red2 + green2 + blue2 + through2
    return to_bits(total > np.float32(0.0))


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _bare_everywhere(threads, steps, out):
    for t in prange(threads):
        out[t] = _bare(steps)


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _full_everywhere(threads, steps, out):
    for t in prange(threads):
        out[t] = _full(steps)


def pairs_per_second(repeats: int = 12) -> tuple[float, float]:
    """Pairs per second of the whole machine, ``bare`` and ``full``: the best of several runs."""
    bare, full = (
        LANES * max(steps_per_second(kernel, _STEPS) for _ in range(repeats))
        for kernel in (_bare_everywhere, _full_everywhere)
    )
    return bare, full
