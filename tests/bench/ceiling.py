"""What this machine can do: pairs of splat and pixel per second with nothing but arithmetic.

Blending a pair needs the quadratic form, 2^x and four accumulations. The ceiling kernel does just
that in registers, with independent values and without memory, masks, tests or decisions, so no
blend can be faster. Run it beside the blend, in one process, and quote the ratio.
"""

from __future__ import annotations

import time

import numpy as np
from numba import get_num_threads, njit, prange

from kernels.simd import LANES, fma, full, lane_index, to_bits, to_float
from kernels.simd_math import exp2_short

_STEPS = 2_000_000


@njit(nogil=True, cache=True, error_model="numpy")
def _pairs(steps):
    """``steps`` vectors of sixteen pairs; the offsets change so that nothing can be hoisted."""
    lane = to_float(lane_index()) * np.float32(0.01)
    red, green, blue, through = full(0.0), full(0.0), full(0.0), full(1.0)
    a, b, c, top = full(0.3), full(0.1), full(0.2), full(-1.0)
    x = full(0.0)
    for _ in range(steps):
        x = x + np.float32(1e-6)
        u = fma(lane, a, x)
        u = fma(x, b, u)
        v = fma(x, c, lane)
        power = fma(-u, u, fma(-v, v, top))
        alpha = exp2_short(power)
        red = fma(alpha, a, red)
        green = fma(alpha, b, green)
        blue = fma(alpha, c, blue)
        through = fma(alpha, top, through)
    return to_bits(red + green + blue + through > np.float32(0.0))


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _all_threads(threads, steps, out):
    for t in prange(threads):
        out[t] = _pairs(steps)


def pairs_per_second(repeats: int = 5) -> float:
    """Pairs per second of the whole machine, the best of several runs."""
    threads = get_num_threads()
    out = np.zeros(threads, np.uint64)
    _all_threads(threads, 1000, out)
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        _all_threads(threads, _STEPS, out)
        best = min(best, time.perf_counter() - start)
    return threads * _STEPS * LANES / best
