"""Bytes of SPZ splats: every encoding against arithmetic of whole numbers, both backends."""

from __future__ import annotations

import itertools
import math
import struct

import numpy as np
import pytest

from kernels.codec.unpack_spz import Outputs, Packed, Turn, unpack_spz

BOTH = ["reference", "cpu"]
ROOT_HALF = math.sqrt(0.5)


def plain_turn(degree: int = 0) -> Turn:
    terms = (degree + 1) ** 2
    ones = np.ones(3, np.float32)
    return Turn(np.arange(3, dtype=np.uint64), ones, ones, np.ones(terms, np.float32))


def random_bytes(count: int, degree: int, half: bool = False, three: bool = False) -> Packed:
    rng = np.random.default_rng(count + degree)
    widths = (6 if half else 9, 0, 3, 3, 3 if three else 4, 3 * ((degree + 1) ** 2 - 1))
    tables = [rng.integers(0, 256, (count, max(w, 0)), dtype=np.uint8) for w in widths]
    tables[1] = rng.integers(0, 256, count, dtype=np.uint8)
    if half:
        # Finite numbers only: a fifth bit of the exponent less.
        tables[0][:, 1::2] &= 0xBF
    return Packed(*tables)


def unpacked(backend: str, packed: Packed, turn: Turn | None = None, step: float = 1.0) -> Outputs:
    count, width = len(packed.alphas), packed.sh.shape[1]
    terms = 1 + width // 3
    turn = turn or plain_turn(math.isqrt(terms) - 1)
    shapes = ((count, 3), (count, 4), (count, 3), (count,), (count, terms, 3))
    out = Outputs(*(np.full(shape, np.nan, np.float32) for shape in shapes))
    unpack_spz(backend, packed, step, turn, out)
    return out


def one(**changes: list[list[int]]) -> Packed:
    """Zeros but for some tables, as lists of rows."""
    count = len(next(iter(changes.values())))
    widths = {"positions": 9, "alphas": 0, "colors": 3, "scales": 3, "rotations": 4, "sh": 0}
    tables = {n: np.zeros((count, w) if w else (count,), np.uint8) for n, w in widths.items()}
    tables["sh"] = np.zeros((count, 0), np.uint8)
    tables |= {name: np.array(rows, np.uint8) for name, rows in changes.items()}
    return Packed(**tables)


@pytest.mark.parametrize("degree", range(5))
@pytest.mark.parametrize(("half", "three"), [(False, False), (True, True), (False, True)])
def test_parity(degree: int, half: bool, three: bool) -> None:
    packed = random_bytes(700, degree, half, three)
    rng = np.random.default_rng(degree)
    turn = Turn(
        rng.permutation(3).astype(np.uint64),
        *(rng.choice([-1, 1], n).astype(np.float32) for n in (3, 3, (degree + 1) ** 2)),
    )
    truth, fast = (unpacked(backend, packed, turn, 2**-12) for backend in BOTH)
    for name, expected, found in zip(Outputs._fields, truth, fast, strict=True):
        # Steps of whole numbers are exact; roots and exponentials round once to float32, and a
        # root near 0 takes the rounding of what is under it.
        atol = 1e-6 if name == "quats" else 0
        np.testing.assert_allclose(found, expected, rtol=2e-7, atol=atol, err_msg=name)


@pytest.mark.parametrize("backend", BOTH)
def test_24_bit_numbers_keep_their_sign(backend: str) -> None:
    numbers = [0, 1, -1, 255, 256, -256, 65535, 65536, -65536, 2**23 - 1, -(2**23), 12345, -7654321]
    rows = [list((n & 0xFFFFFF).to_bytes(3, "little")) * 3 for n in numbers]
    for bits in (0, 12, 31):
        means = unpacked(backend, one(positions=rows), step=2.0**-bits).means
        np.testing.assert_array_equal(means, np.array([[n] * 3 for n in numbers]) / 2**bits)


@pytest.mark.parametrize("backend", BOTH)
def test_half_floats_of_version_1(backend: str) -> None:
    values = [0.0, -1.0, 65504.0, 6e-8, math.inf, math.nan, 0.333]
    rows = [list(struct.pack("<3e", v, -v, 1.0)) for v in values]
    means = unpacked(backend, one(positions=rows), step=math.nan).means
    halves = np.array([[v, -v, 1.0] for v in values], np.float16).astype(np.float32)
    np.testing.assert_array_equal(means, halves)


@pytest.mark.parametrize("backend", BOTH)
def test_smallest_three_for_every_largest_and_every_sign(backend: str) -> None:
    rows, expected = [], []
    magnitudes = (0, 100, 511), (37, 300, 250), (1, 2, 3)
    for largest, signs, mags in itertools.product(
        range(4), itertools.product((0, 1), repeat=3), magnitudes
    ):
        number = largest
        values = []
        for sign, magnitude in zip(signs, mags, strict=True):
            number = number << 10 | sign << 9 | magnitude
            values.append((-1) ** sign * magnitude / 511 * ROOT_HALF)
        values.insert(largest, math.sqrt(1 - sum(v * v for v in values)))
        rows.append(list(number.to_bytes(4, "little")))
        x, y, z, w = values
        expected.append([w, x, y, z])
    quats = unpacked(backend, one(rotations=rows)).quats
    # One rounding to float32.
    np.testing.assert_allclose(quats, expected, atol=6e-8)


@pytest.mark.parametrize("backend", BOTH)
def test_components_that_are_too_long_leave_none_for_the_largest(backend: str) -> None:
    longest = [0xFF, 0xFD, 0xF7, 0x1F | 0xC0]  # w is left out, x y z at 511: a square of 1.5
    quats = unpacked(backend, one(rotations=[longest])).quats
    assert quats[0, 0] == 0
    np.testing.assert_allclose(np.abs(quats[0, 1:]), ROOT_HALF, atol=6e-8)
    corner = unpacked(backend, one(rotations=[[255, 0, 255]])).quats
    np.testing.assert_array_equal(corner, [[0, 1, -1, 1]])


@pytest.mark.parametrize("backend", BOTH)
def test_first_three_for_all_signs(backend: str) -> None:
    rows = list(itertools.product((10, 127, 128, 180), repeat=3))
    quats = unpacked(backend, one(rotations=[list(row) for row in rows])).quats
    for (x, y, z), found in zip(rows, quats, strict=True):
        vector = [byte / 127.5 - 1 for byte in (x, y, z)]
        real = math.sqrt(max(0.0, 1 - sum(v * v for v in vector)))
        np.testing.assert_allclose(found, [real, *vector], atol=6e-8)


@pytest.mark.parametrize("backend", BOTH)
def test_every_byte_of_the_other_arrays(backend: str) -> None:
    every = np.arange(256)
    rows = np.stack([every, every[::-1], np.full(256, 128)], 1).astype(np.uint8)
    packed = Packed(
        np.zeros((256, 9), np.uint8), every.astype(np.uint8), rows, rows,
        np.zeros((256, 4), np.uint8), np.tile(rows, (1, 3)),
    )  # fmt: skip
    out = unpacked(backend, packed)
    bytes_ = rows.astype(np.float64)
    np.testing.assert_allclose(out.opacities, every / 255, rtol=1e-7)
    # (128 / 255 - 0.5) / 0.15 loses digits before it is rounded to float32.
    np.testing.assert_allclose(out.sh[:, 0], (bytes_ / 255 - 0.5) / 0.15, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(out.scales, np.exp(bytes_ / 16 - 10), rtol=1e-7)
    for term in (1, 2, 3):
        np.testing.assert_array_equal(out.sh[:, term], (bytes_ - 128) / 128)


@pytest.mark.parametrize("backend", BOTH)
def test_axes_change_places_and_signs(backend: str) -> None:
    number = 3 << 30 | 100 << 20 | 200 << 10 | 300
    packed = one(
        positions=[[1, 0, 0, 2, 0, 0, 3, 0, 0]],
        scales=[[16, 32, 48]],
        rotations=[list(number.to_bytes(4, "little"))],
    )
    packed = packed._replace(sh=np.array([[129, 130, 131] * 3], np.uint8))
    turn = Turn(
        np.array([2, 0, 1], np.uint64),
        np.array([1, -1, 1], np.float32),
        np.array([-1, 1, 1], np.float32),
        np.array([1, -1, 1, -1], np.float32),
    )
    out = unpacked(backend, packed, turn)
    np.testing.assert_array_equal(out.means, [[3, -1, 2]])
    np.testing.assert_allclose(np.log(out.scales), [[-7, -9, -8]], rtol=1e-6)
    vector = np.array([-300, 100, 200]) / 511 * ROOT_HALF
    np.testing.assert_allclose(out.quats[0, 1:], vector, atol=6e-8)
    np.testing.assert_array_equal(out.sh[0, 1:, 0] * 128, [-1, 1, -1])


def test_no_splats() -> None:
    for backend in BOTH:
        assert unpacked(backend, random_bytes(0, 2)).means.shape == (0, 3)


def test_the_door() -> None:
    good = random_bytes(5, 1)
    out = unpacked("cpu", good)
    for name, shape in [
        ("positions", (5, 8)),
        ("alphas", (5, 1)),
        ("colors", (4, 3)),
        ("rotations", (5, 5)),
        ("sh", (5, 24)),
    ]:
        bad = good._replace(**{name: np.zeros(shape, np.uint8)})
        with pytest.raises(ValueError, match=name):
            unpack_spz("cpu", bad, 1.0, plain_turn(1), out)
    with pytest.raises(ValueError, match="flips"):
        unpacked("cpu", good, plain_turn(2))
