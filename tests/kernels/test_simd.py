"""Sixteen-lane vectors do what their names say, and the elementary functions keep their errors."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from kernels import simd, simd_math
from kernels.workspace import ALIGNMENT, Workspace, aligned_empty


@njit
def _exp2(x, out):
    for i in range(0, len(x), 16):
        simd.store(out, i, simd_math.exp2(simd.load(x, i)))


@njit
def _log2(x, out):
    for i in range(0, len(x), 16):
        simd.store(out, i, simd_math.log2(simd.load(x, i)))


def test_exp2_error_over_its_whole_range():
    x = np.linspace(-126, 127, 1 << 20).astype(np.float32)
    out = np.empty_like(x)
    _exp2(x, out)
    truth = np.exp2(x.astype(np.float64))
    # 7.5e-8 of the polynomial and three roundings of float32 (6e-8 each).
    assert np.abs(out / truth - 1).max() < 2.5e-7


@njit
def _exp2_short(x, out):
    for i in range(0, len(x), 16):
        simd.store(out, i, simd_math.exp2_short(simd.load(x, i)))


def test_short_exp2_error_over_its_whole_range():
    x = np.linspace(-126, 127, 1 << 20).astype(np.float32)
    out = np.empty_like(x)
    _exp2_short(x, out)
    assert np.abs(out / np.exp2(x.astype(np.float64)) - 1).max() < 3e-6


def test_log2_error_over_its_whole_range():
    x = np.exp2(np.linspace(-125.9, 127.9, 1 << 20)).astype(np.float32)
    out = np.empty_like(x)
    _log2(x, out)
    truth = np.log2(x.astype(np.float64))
    assert (np.abs(out - truth) / np.maximum(1, np.abs(truth))).max() < 2e-7


@njit
def _arithmetic(a, b, out):
    x, y = simd.load(a, 0), simd.load(b, 0)
    simd.store(out, 0, x + y)
    simd.store(out, 16, x - y)
    simd.store(out, 32, x * y)
    simd.store(out, 48, x / y)
    simd.store(out, 64, simd.fma(x, y, x))
    simd.store(out, 80, simd.minimum(x, y))
    simd.store(out, 96, simd.maximum(x, y))
    simd.store(out, 112, simd.select(x > y, x, y))
    simd.store(out, 128, simd.sqrt(simd.absolute(x)))
    simd.store(out, 144, simd.floor(x))
    simd.store(out, 160, -x)
    simd.store(out, 176, x + np.float32(2.0))
    simd.store(out, 192, simd.to_float(simd.to_int(x)))
    mask = (x > y) & ~(x > np.float32(1.0)) | (x <= y)
    return simd.to_bits(mask)


def test_arithmetic_and_masks_match_numpy():
    rng = np.random.default_rng(1)
    a, b = (rng.normal(size=16).astype(np.float32) * 3 for _ in range(2))
    out = np.empty(208, np.float32)
    bits = _arithmetic(a, b, out)
    wide = a.astype(np.float64) * b + a
    expected = [
        a + b, a - b, a * b, a / b, wide.astype(np.float32), np.minimum(a, b), np.maximum(a, b),
        np.maximum(a, b), np.sqrt(np.abs(a)), np.floor(a), -a, a + 2, np.trunc(a),
    ]  # fmt: skip
    for got, wanted in zip(out.reshape(-1, 16), expected, strict=True):
        np.testing.assert_array_equal(got, wanted)
    mask = ((a > b) & ~(a > 1)) | (a <= b)
    assert bits == sum(1 << i for i in range(16) if mask[i])


@njit
def _integers(out):
    lanes = simd.lane_index()
    simd.store(out, 0, (lanes << np.int32(3)) | np.int32(1))
    simd.store(out, 16, (lanes >> np.int32(2)) & np.int32(3))
    return simd.low_bytes(lanes, 0), simd.low_bytes(lanes, 1)


def test_integers_and_bytes():
    out = np.empty(32, np.int32)
    low, high = _integers(out)
    lanes = np.arange(16)
    np.testing.assert_array_equal(out[:16], (lanes << 3) | 1)
    np.testing.assert_array_equal(out[16:], (lanes >> 2) & 3)
    assert low == int.from_bytes(bytes(range(8)), "little")
    assert high == int.from_bytes(bytes(range(8, 16)), "little")


@njit
def _bits(value):
    return simd.count_trailing_zeros(value), simd.count_ones(value)


@pytest.mark.parametrize("value", [1, 0b1011000, 1 << 63, 2**64 - 1])
def test_bit_counts(value):
    zeros, ones = _bits(np.uint64(value))
    assert zeros == (value & -value).bit_length() - 1
    assert ones == value.bit_count()


@njit
def _tickets(counter, out):
    for i in range(len(out)):
        out[i] = simd.fetch_add(counter, 0, 3)


def test_fetch_add_returns_what_was_there():
    counter, out = np.array([5], np.int64), np.empty(4, np.int64)
    _tickets(counter, out)
    assert list(out) == [5, 8, 11, 14]
    assert counter[0] == 17


def test_workspace_reuses_aligned_memory():
    workspace = Workspace()
    first = workspace.take("a", (10, 16), np.float32)
    again = workspace.take("a", (5, 16), np.float32)
    assert first.ctypes.data == again.ctypes.data
    assert first.ctypes.data % ALIGNMENT == 0
    larger = workspace.take("a", (1000, 16), np.float32)
    assert larger.shape == (1000, 16)
    assert workspace.nbytes >= larger.nbytes
    assert aligned_empty(3, np.uint8).ctypes.data % ALIGNMENT == 0


def test_the_blend_uses_the_widest_vectors_of_this_processor():
    """A kernel that LLVM took apart into scalars would be right, and ten times slower."""
    from kernels.gaussians.blend.cpu import _blend_tile

    # What comes from the disk cache has no assembly: compile it afresh, for no keys at all.
    fresh = njit(nogil=True, error_model="numpy")(_blend_tile.py_func)
    zero, one = np.float32(0), np.float32(1)
    fresh(
        np.zeros(16, np.float32), np.zeros(1, np.int32), np.zeros(1, np.uint64), 0, 0,
        np.zeros(4096, np.float32), np.uint64(0), 4, zero, zero, np.uint64(1), one, zero, False,
        np.zeros(16, np.int64), 0,
    )  # fmt: skip
    assembly = "".join(fresh.inspect_asm().values())
    import llvmlite.binding

    features = llvmlite.binding.get_host_cpu_features()
    register = "zmm" if features.get("avx512f") else "ymm" if features.get("avx2") else "v"
    assert assembly.count(register) > 30
