"""Packed records: both backends on random bytes, which hold every extreme."""

from __future__ import annotations

import numpy as np
import pytest

from kernels.codec.outputs import Outputs
from kernels.codec.unpack_compressed_ply import Packed, unpack_compressed_ply
from kernels.codec.unpack_ksplat import Coding, unpack_ksplat
from kernels.codec.unpack_splat import unpack_splat


def outputs(count: int, terms: int) -> Outputs:
    shapes = ((count, 3), (count, 4), (count, 3), (count,), (count, terms, 3))
    return Outputs(*(np.full(shape, np.nan, np.float32) for shape in shapes))


def assert_same(cpu: Outputs, reference: Outputs) -> None:
    for name, one, other in zip(Outputs._fields, cpu, reference, strict=True):
        # Some float32 roundings against one; a square root near 0 halves the digits.
        tolerance = 3e-4 if name == "quats" else 2e-6
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(one, other, rtol=4e-6, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("count", [1, 700])
def test_splat_records(count: int):
    rng = np.random.default_rng(0)
    records = rng.integers(0, 256, (count, 32), dtype=np.uint8)
    floats = rng.normal(0, 10.0 ** rng.uniform(-20, 20, (count, 6)))
    records[:, :24] = floats.astype("<f4").view(np.uint8)
    results = []
    for backend in ("cpu", "reference"):
        out = outputs(count, 1)
        unpack_splat(backend, records, out)
        results.append(out)
    assert_same(*results)
    with pytest.raises(ValueError, match="32 bytes"):
        unpack_splat("cpu", records[:, :31], results[0])
    with pytest.raises(ValueError, match="sh must be"):
        unpack_splat("cpu", records, outputs(count, 4))


@pytest.mark.parametrize("degree", range(4))
@pytest.mark.parametrize("count", [1, 256, 700])
def test_words_of_a_compressed_ply(count: int, degree: int):
    rng = np.random.default_rng(degree)
    terms = (degree + 1) ** 2
    words = rng.integers(0, 2**32, (count, 4), dtype=np.uint32)
    ends = np.sort(rng.normal(0, 3, (3, 2, 3)), axis=1).reshape(18)
    ranges = np.tile(ends.astype(np.float32), (-(-count // 256), 1))
    ranges *= 1 + np.arange(len(ranges), dtype=np.float32)[:, None]
    rest = rng.integers(0, 256, (count, 3 * (terms - 1)), dtype=np.uint8)
    results = []
    for backend in ("cpu", "reference"):
        out = outputs(count, terms)
        unpack_compressed_ply(backend, Packed(words, ranges, rest), out)
        results.append(out)
    assert_same(*results)
    for bad in (Packed(words, ranges[:0], rest), Packed(words[1:], ranges, rest),
                Packed(words, ranges, rest[1:])):  # fmt: skip
        with pytest.raises(ValueError):
            unpack_compressed_ply("cpu", bad, results[0])


@pytest.mark.parametrize("level", range(3))
@pytest.mark.parametrize("terms", [1, 4, 9])
def test_records_of_ksplat(level: int, terms: int):
    rng = np.random.default_rng(level)
    coding = Coding(level, terms, 2.5 / 32767, 32767, -1.25, 0.75)
    records = rng.integers(0, 256, (500, coding.nbytes), dtype=np.uint8)
    # Random bits of floats hold infinities and what is no number; those compare by themselves.
    centres = rng.normal(0, 50, (500, 3)).astype(np.float32)
    results = []
    for backend in ("cpu", "reference"):
        out = outputs(500, terms)
        with np.errstate(all="ignore"):
            unpack_ksplat(backend, records, centres, coding, out)
        results.append(out)
    assert_same(*results)
    with pytest.raises(ValueError, match="records must be"):
        unpack_ksplat("cpu", records[:, 1:], centres, coding, results[0])
    with pytest.raises(ValueError, match="centre for each"):
        unpack_ksplat("cpu", records, centres[1:], coding, results[0])
