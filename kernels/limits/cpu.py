"""Ceilings of the processor with all its threads, by Numba kernels and torch's matrix product.

Registers, caches and memory are kept apart: multiply-adds and powers never leave the registers,
matrices of 512 x 512 stay in the caches, copies are of arrays that no cache holds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import get_num_threads, njit, prange

from kernels.limits import Effort, Probe, Trial
from kernels.simd import LANES, fma, full, lane_index, load, store, to_bits, to_float
from kernels.simd_math import exp2

EFFORT = Effort(nbytes=2**28, steps=4_000_000, side=512, products=20, repeats=12)
_NARROW, _WIDE = 6, 12
_POWERS = 4


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _copy(threads, source, target):
    """Each thread copies a piece of its own, in whole vectors."""
    vectors = source.size // LANES
    for t in prange(threads):
        for i in range(vectors * t // threads, vectors * (t + 1) // threads):
            store(target, i * LANES, load(source, i * LANES))


@njit(nogil=True, cache=True, error_model="numpy")
def _narrow(steps, x, y):
    """Six chains: as many as fit 16 registers of half a vector and hide their latency."""
    a = to_float(lane_index())
    b, c, d, e, f = a + x, a + y, a - x, a - y, a * x
    for _ in range(steps):
        a, b, c = fma(a, x, y), fma(b, x, y), fma(c, x, y)
        d, e, f = fma(d, x, y), fma(e, x, y), fma(f, x, y)
    return to_bits(a + b + c + d + e + f > np.float32(0.0))


@njit(nogil=True, cache=True, error_model="numpy")
def _wide(steps, x, y):
    """Twelve chains, for registers that hold a whole vector: two units of latency four or five."""
    a = to_float(lane_index())
    b, c, d, e, f = a + x, a + y, a - x, a - y, a * x
    g, h, i, j, k, m = a * y, b * x, c * y, d * y, e * y, f * y
    for _ in range(steps):
        a, b, c = fma(a, x, y), fma(b, x, y), fma(c, x, y)
        d, e, f = fma(d, x, y), fma(e, x, y), fma(f, x, y)
        g, h, i = fma(g, x, y), fma(h, x, y), fma(i, x, y)
        j, k, m = fma(j, x, y), fma(k, x, y), fma(m, x, y)
    return to_bits(a + b + c + d + e + f + g + h + i + j + k + m > np.float32(0.0))


@njit(nogil=True, cache=True, error_model="numpy")
def _powers(steps):
    """Four independent powers a turn, added up; the exponents change, so none can be hoisted."""
    x = to_float(lane_index()) * np.float32(-0.1)
    a, b, c, d = full(0.0), full(0.0), full(0.0), full(0.0)
    for _ in range(steps):
        x = x - np.float32(1e-6)
        a = a + exp2(x)
        b = b + exp2(x + np.float32(0.3))
        c = c + exp2(x - np.float32(0.3))
        d = d + exp2(x - np.float32(0.7))
    return to_bits(a + b + c + d > np.float32(0.0))


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _narrow_everywhere(threads, steps, out):
    for t in prange(threads):
        out[t] = _narrow(steps, np.float32(0.5), np.float32(0.25))


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _wide_everywhere(threads, steps, out):
    for t in prange(threads):
        out[t] = _wide(steps, np.float32(0.5), np.float32(0.25))


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _powers_everywhere(threads, steps, out):
    for t in prange(threads):
        out[t] = _powers(steps)


def steps_per_second(kernel: Callable[..., Any], steps: int) -> float:
    """Turns of the loop of ``kernel(threads, steps, out)`` per second, of all threads together.

    ``out`` is (threads,) uint64, where each thread leaves what depends on all of its arithmetic.
    Compiling is no part of the time.
    """
    threads = get_num_threads()
    out = np.zeros(threads, np.uint64)
    kernel(threads, 1, out)
    start = time.perf_counter()
    kernel(threads, steps, out)
    return threads * steps / (time.perf_counter() - start)


def _copying(effort: Effort) -> Trial:
    threads = get_num_threads()
    source = np.ones(effort.nbytes // 4, np.float32)
    target = np.zeros_like(source)
    _copy(threads, source[:LANES], target[:LANES])

    def trial() -> float:
        start = time.perf_counter()
        _copy(threads, source, target)
        return 2 * source.nbytes / (time.perf_counter() - start) / 1e9

    return trial


def _multiplying(effort: Effort) -> Trial:
    def trial() -> float:
        narrow = _NARROW * steps_per_second(_narrow_everywhere, effort.steps)
        wide = _WIDE * steps_per_second(_wide_everywhere, effort.steps)
        return 2 * LANES * max(narrow, wide) / 1e9

    return trial


def _matrices(effort: Effort) -> Trial:
    import torch

    left = torch.rand(effort.side, effort.side)
    right = torch.rand(effort.side, effort.side)
    out = torch.mm(left, right)

    def trial() -> float:
        start = time.perf_counter()
        for _ in range(effort.products):
            torch.mm(left, right, out=out)
        took = time.perf_counter() - start
        return 2 * effort.side**3 * effort.products / took / 1e9

    return trial


def _raising(effort: Effort) -> Trial:
    def trial() -> float:
        return _POWERS * LANES * steps_per_second(_powers_everywhere, effort.steps) / 1e9

    return trial


PROBES: dict[str, Probe] = {
    "copy": _copying,
    "fma": _multiplying,
    "matrix": _matrices,
    "exp2": _raising,
}
