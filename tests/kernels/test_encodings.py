"""Encodings: against loops and formulas written out here, and ``cpu`` against ``reference``."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from kernels.fields.encode import OPERATION, encode
from kernels.fields.encodings import (
    Composite,
    Encoding,
    Frequency,
    HashGrid,
    Identity,
    OneBlob,
    Simplex,
    SphericalHarmonics,
    TriangleWave,
    TriPlane,
)

BOTH = ["reference", "cpu"]


def _growth(levels: int, reach: int) -> float:
    """The factor from level to level that ends at 2048 ``reach`` cells, from 16 on."""
    return float(np.float32(math.exp(math.log(2048 * reach / 16) / (levels - 1))))


def _parameters(encoding: Encoding, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=encoding.parameters).astype(np.float32)


def _positions(encoding: Encoding, count: int, low: float = -0.3, high: float = 1.3) -> np.ndarray:
    rng = np.random.default_rng(count)
    return rng.uniform(low, high, (count, encoding.inputs)).astype(np.float32)


# Sizes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("levels", "features", "log2_size", "reach", "parameters"),
    [
        (16, 2, 19, 1, 12_196_240),
        (16, 2, 19, 8, 13_288_400),
        (16, 2, 19, 4, 13_074_912),
        (8, 4, 19, 1, 11_681_792),
        (8, 4, 19, 4, 12_855_296),
        (8, 4, 19, 128, 13_647_872),
        (8, 4, 14, 1, 475_136),
    ],
)
def test_grids_have_the_published_numbers_of_parameters(
    levels: int, features: int, log2_size: int, reach: int, parameters: int
):
    grid = HashGrid(3, levels, features, log2_size, 16, _growth(levels, reach))
    assert grid.parameters == parameters
    assert grid.width == 32


def test_sizes_of_everything_else():
    assert (Frequency(3, 10).inputs, Frequency(3, 10).width) == (3, 60)
    assert (TriangleWave(3, 12).width, OneBlob(2, 16).width) == (36, 32)
    assert (SphericalHarmonics(4).inputs, SphericalHarmonics(4).width) == (3, 16)
    assert (TriPlane(64, 8).parameters, TriPlane(64, 8).width) == (3 * 64 * 64 * 8, 8)
    together = Composite((TriPlane(8, 2), Identity(4), Frequency(2, 1)), firsts=(0, 3, 1))
    assert (together.inputs, together.width) == (7, 2 + 4 + 4)
    assert Composite((TriPlane(8, 2), Identity(4))).begins == (0, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: HashGrid(8, 1, 1, 14, 16, 2.0),
        lambda: HashGrid(3, 0, 1, 14, 16, 2.0),
        lambda: HashGrid(3, 1, 1, 14, 16, math.nan),
        lambda: HashGrid(3, 128, 1, 14, 16, 2.0),
        lambda: HashGrid(3, 1, 1, 14, 16, 2.0, "sparse"),
        lambda: HashGrid(3, 1, 1, 14, 16, 2.0, "hash", "cubic"),
        lambda: TriPlane(1, 4),
        lambda: SphericalHarmonics(9),
        lambda: Composite(()),
        lambda: Composite((Identity(2), Identity(3)), "sum"),
        lambda: Composite((Identity(2), Identity(2)), firsts=(0,)),
        lambda: encode("cpu", Identity(3), np.zeros((4, 2)), np.zeros(0)),
        lambda: encode("cpu", Identity(3), np.zeros(3), np.zeros(0)),
        lambda: encode("cpu", TriPlane(4, 2), np.zeros((4, 3)), np.zeros(95)),
    ],
)
def test_what_does_not_fit_is_refused(wrong: Any):
    with pytest.raises(ValueError, match=r"must|needs|begin|too many"):
        wrong()


# Entries of grids ----------------------------------------------------------------------------

FACTORS = [1, 2654435761, 805459861, 3674653429, 2097192037, 1434869437, 2165219737]


def _slow_levels(grid: HashGrid) -> list[dict[str, Any]]:
    """Scale, resolution, size, beginning and manner of each level, from the text of the format."""
    found, first = [], 0
    for level in range(grid.levels):
        # NumPy's own functions of float32 are an ulp off here and there.
        growth = np.float32(math.log2(np.float32(grid.per_level_scale)))
        power = np.float32(2.0 ** float(np.float32(level) * growth))
        scale = power * np.float32(grid.base) - np.float32(1)
        resolution = int(np.ceil(scale)) + 1
        stored = min(resolution**grid.dims, 0xFFFFFFFF // 2)
        size = (stored + 7) // 8 * 8
        if grid.kind == "tiled":
            size = min(size, grid.base**grid.dims)
        elif grid.kind == "hash":
            size = min(size, 2**grid.log2_size)
        fits = resolution**grid.dims <= 0xFFFFFFFF
        hashed = grid.kind == "hash" and size < (resolution**grid.dims if fits else 0xFFFFFFFF)
        found.append(
            {
                "scale": float(scale), "resolution": resolution, "size": size, "first": first,
                "hashed": hashed, "fits": fits,
            }
        )  # fmt: skip
        first += size
    return found


def _slow_entry(level: dict[str, Any], vertex: list[int]) -> int:
    index = 0
    for d, g in enumerate(vertex):
        word = g % 2**32
        if level["hashed"]:
            index ^= word * FACTORS[d] % 2**32
        elif level["fits"]:
            index = (index + word * level["resolution"] ** d) % 2**32
    return index % level["size"]


def _slow_vertex(level: dict[str, Any], p: float) -> int:
    """The vertex below; the product of two floats fits a double."""
    if math.isinf(p):
        return 2**31 - 1 if p > 0 else -(2**31)
    x = float(np.float32(p * level["scale"] + 0.5))
    return max(-(2**31), min(2**31 - 1, math.floor(x)))


GRIDS = [
    HashGrid(dims, 6, 1, 10, 5, 1.7, kind, "nearest")
    for dims in (1, 2, 3, 4)
    for kind in ("hash", "tiled")
] + [
    HashGrid(1, 4, 1, 10, 16, 2.3, "dense", "nearest"),
    HashGrid(2, 4, 1, 10, 7, 1.9, "dense", "nearest"),
    HashGrid(3, 3, 1, 10, 4, 1.6, "dense", "nearest"),
    HashGrid(4, 2, 1, 10, 3, 1.6, "dense", "nearest"),
    HashGrid(7, 3, 1, 9, 3, 2.0, "hash", "nearest"),
    HashGrid(5, 2, 1, 12, 4, 25.0, "tiled", "nearest"),
    HashGrid(3, 3, 1, 12, 20, 10.0, "tiled", "nearest"),
]


def _hostile(dims: int) -> np.ndarray:
    """Borders and corners, just inside and outside, negative, far out, saturated, infinite."""
    rng = np.random.default_rng(dims)
    one = np.float32(1)
    special = [0, -0.0, 1, np.nextafter(one, one * 2), np.nextafter(one, one * 0), -1e-9, 0.5]
    special += [-1, 2, -17.3, 1234.5, 3e5, -2e6, 1e9, -1e9, 1e20, -1e20, np.inf, -np.inf]
    corners = list(itertools.product((0, 1), repeat=dims))
    rows = [np.array(corners), rng.choice(special, (200, dims)), rng.uniform(-1, 2, (200, dims))]
    return np.concatenate(rows).astype(np.float32)


@pytest.mark.parametrize("backend", BOTH)
@pytest.mark.parametrize("grid", GRIDS, ids=lambda g: f"{g.kind}-{g.dims}-{g.base}")
def test_entries_are_those_of_the_format(grid: HashGrid, backend: str):
    """Each entry holds its own number, which ``nearest`` returns."""
    levels = _slow_levels(grid)
    assert grid.parameters == sum(level["size"] for level in levels)
    # Numbers up to 2^24 are exact in float32; the largest of these tables would not be.
    numbers = np.concatenate([np.arange(level["size"]) % 2**23 for level in levels])
    positions = _hostile(grid.dims)
    found = encode(backend, grid, positions, numbers.astype(np.float32))
    expected = [
        [_slow_entry(level, [_slow_vertex(level, p) for p in row]) % 2**23 for level in levels]
        for row in positions.tolist()
    ]
    np.testing.assert_array_equal(found, expected)


def _slow_weights(level: dict[str, Any], row: np.ndarray, smooth: bool) -> np.ndarray:
    """What each entry of a level counts for one position, exactly."""
    vertices = [_slow_vertex(level, float(p)) for p in row]
    shares = [Fraction(float(p)) * Fraction(level["scale"]) + Fraction(1, 2) for p in row]
    places = [(low, x - low) for low, x in zip(vertices, shares, strict=True)]
    total = [Fraction(0)] * level["size"]
    for corner in itertools.product((0, 1), repeat=len(row)):
        share = Fraction(1)
        for (_, w), side in zip(places, corner, strict=True):
            if smooth:
                w = w * w * (3 - 2 * w)
            share *= w if side else 1 - w
        vertex = [low + side for (low, _), side in zip(places, corner, strict=True)]
        total[_slow_entry(level, vertex)] += share
    return np.array(total, float)


@pytest.mark.parametrize("backend", BOTH)
@pytest.mark.parametrize("kind", ["hash", "dense", "tiled"])
@pytest.mark.parametrize("dims", [1, 2, 3, 4])
def test_corners_and_weights_are_exact(dims: int, kind: str, backend: str):
    """Entry k is row k of the identity, so that features are weights of entries.

    The scale is 4 and positions are multiples of 1/16: all weights are sums of multiples of
    ``4^-dims``.
    """
    grid = HashGrid(dims, 1, 1, 5, 5, 2.0, kind)
    (level,) = _slow_levels(grid)
    grid = HashGrid(dims, 1, level["size"], 5, 5, 2.0, kind)
    rng = np.random.default_rng(dims)
    positions = rng.integers(-20, 36, (40, dims)) / 16
    table = np.eye(level["size"], dtype=np.float32).ravel()
    found = encode(backend, grid, positions.astype(np.float32), table)
    expected = [_slow_weights(level, row, False) for row in positions]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("backend", BOTH)
def test_smoothstep_bends_the_weights(backend: str):
    grid = HashGrid(2, 1, 1, 14, 5, 2.0, "hash", "smoothstep")
    (level,) = _slow_levels(grid)
    grid = HashGrid(2, 1, level["size"], 14, 5, 2.0, "hash", "smoothstep")
    positions = np.random.default_rng(3).integers(-4, 20, (40, 2)) / 16
    table = np.eye(level["size"], dtype=np.float32).ravel()
    found = encode(backend, grid, positions.astype(np.float32), table)
    expected = [_slow_weights(level, row, True) for row in positions]
    # Weights of 1/32 and their products are exact in float32.
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("backend", BOTH)
def test_levels_and_features_in_their_order(backend: str):
    """A constant table of each level and feature comes back, whatever the number of features."""
    for features in (1, 2, 3, 4, 5, 7, 8, 15, 16, 21, 40):
        grid = HashGrid(3, 3, features, 8, 3, 2.0)
        wanted = np.arange(3 * features, dtype=np.float32).reshape(3, features)
        table = [np.tile(wanted[i], level.size) for i, level in enumerate(grid.tables)]
        found = encode(backend, grid, _positions(grid, 19), np.concatenate(table))
        # Eight weights add up to 1 within their rounding.
        np.testing.assert_allclose(found, np.tile(wanted.ravel(), (19, 1)), rtol=6e-7)


# Simplices -----------------------------------------------------------------------------------


def _eye(grid: Simplex) -> tuple[Simplex, np.ndarray]:
    (level,) = grid.tables
    one = Simplex(grid.dims, 1, level.size, grid.log2_size, grid.base, grid.per_level_scale)
    return one, np.eye(level.size, dtype=np.float32).ravel()


@pytest.mark.parametrize("backend", BOTH)
@pytest.mark.parametrize("dims", [1, 2, 3, 4])
def test_a_simplex_is_a_partition_of_unity_with_few_reads(dims: int, backend: str):
    grid, table = _eye(Simplex(dims, 1, 1, 12, 2, 2.0))
    weights = np.asarray(encode(backend, grid, _positions(grid, 300, 0, 1), table))
    assert ((weights != 0).sum(-1) == dims + 1).all()
    assert weights.min() >= 0
    # dims + 1 numbers below 1, each rounded once.
    np.testing.assert_allclose(weights.sum(-1), 1, atol=(dims + 1) * 6e-8)


@pytest.mark.parametrize("backend", BOTH)
@pytest.mark.parametrize("dims", [1, 2, 3, 4])
@pytest.mark.parametrize("log2_size", [4, 12])
def test_simplex_by_hand(dims: int, backend: str, log2_size: int):
    """Vertices and weights along the path, one sample after the other."""
    grid, table = _eye(Simplex(dims, 1, 1, log2_size, 2, 2.0))
    resolution = math.ceil(1.5 * math.sqrt(dims + 1)) + 2
    size = min(-(-(resolution**dims) // 8) * 8, 2**log2_size)
    level = {"size": size, "resolution": resolution, "fits": True}
    level["hashed"] = size < resolution**dims
    positions = _positions(grid, 60)
    expected = np.zeros((60, size))
    for row, total in zip(positions.astype(float), expected, strict=True):
        # base 2: the scale is 1.
        x = row + 0.5
        x = x + x.sum() * (math.sqrt(dims + 1) - 1) / dims
        vertex, fraction = np.floor(x), x - np.floor(x)
        order = np.argsort(-fraction, kind="stable")
        path = [1.0, *fraction[order], 0.0]
        for k in range(dims + 1):
            total[_slow_entry(level, [int(g) for g in vertex])] += path[k] - path[k + 1]
            if k < dims:
                vertex[order[k]] += 1
    found = encode(backend, grid, positions, table)
    # Skewed positions up to 6 are rounded to float32 twice.
    np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize("dims", [2, 3, 4])
def test_simplices_meet_without_a_gap(dims: int):
    """Along a line in steps of 1e-6 nothing jumps, though it crosses hundreds of faces."""
    grid = Simplex(dims, 1, 1, 6, 9, 2.0)
    rng = np.random.default_rng(dims)
    for _ in range(6):
        start, direction = rng.uniform(0, 1, dims), rng.normal(size=dims)
        at = start + np.arange(3000)[:, None] / 3000 * direction
        step = 1e-6 * direction / np.linalg.norm(direction)
        # Each face crossed between two samples is met by bisection on the sorted order.
        low, high = at[:-1].copy(), at[1:].copy()
        for _ in range(30):
            middle = (low + high) / 2
            same = (_cell(grid, low) == _cell(grid, middle)).all(-1)[:, None]
            low, high = np.where(same, middle, low), np.where(same, high, middle)
        table = rng.uniform(-1, 1, grid.parameters)
        crossed = (_cell(grid, low) != _cell(grid, high)).any(-1)
        assert crossed.sum() > 10
        one = np.asarray(encode("reference", grid, low - step, table))
        other = np.asarray(encode("reference", grid, high + step, table))
        # Slope: differences of 2 times a scale of 8, skewed, in each of few coordinates.
        assert np.abs(one - other).max() < 1e-6 * 2 * 2 * 8 * (dims + 1) ** 1.5


def _cell(grid: Simplex, p: np.ndarray) -> np.ndarray:
    """Vertex and order of fractions."""
    x = grid.tables[0].scale * p + 0.5
    x = x + x.sum(-1, keepdims=True) * grid.skew
    return np.concatenate([np.floor(x), np.argsort(-(x - np.floor(x)), -1)], -1)


@pytest.mark.parametrize("backend", BOTH)
@pytest.mark.parametrize("dims", [1, 2, 3, 4])
@pytest.mark.parametrize("base", [2, 5, 8])
def test_simplices_are_exact_on_affine_functions(dims: int, base: int, backend: str):
    """And no vertex of positions in 0..1 lies beyond its table."""
    grid = Simplex(dims, 1, 1, 20, base, 2.0)
    (level,) = grid.tables
    assert not level.hashed
    axes = [np.arange(level.resolution)] * dims
    vertices = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, dims)
    slope = np.linspace(1, 2, dims)
    table = np.zeros(level.size, np.float32)
    table[(vertices * np.array(level.strides)).sum(-1)] = vertices @ slope
    corners = np.array(list(itertools.product((0, 1), repeat=dims)), np.float32)
    positions = np.concatenate([corners, _positions(grid, 300, 0, 1)])
    x = level.scale * positions.astype(float) + 0.5
    x = x + x.sum(-1, keepdims=True) * grid.skew
    found = encode(backend, grid, positions, table)
    # Values up to 140 from positions that are rounded in float32.
    np.testing.assert_allclose(found[:, 0], x @ slope, rtol=1e-6, atol=1e-5)


# Planes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BOTH)
@pytest.mark.parametrize("reduce", ["sum", "product"])
def test_planes_hold_additive_and_separable_functions(reduce: str, backend: str):
    size = 9
    planes = TriPlane(size, 3, reduce)
    u, v, w = np.random.default_rng(0).uniform(0.5, 1.5, (3, size, 3))
    tables = np.empty((3, size, size, 3))
    if reduce == "sum":
        tables[0] = v[:, None] + u[None]
        tables[1] = w[:, None] + 0.25
        tables[2] = -0.25
    else:
        tables[0] = v[:, None] * u[None]
        tables[1] = w[:, None] * 0.5
        tables[2] = 2.0
    positions = np.concatenate([_positions(planes, 200), np.eye(3), np.zeros((1, 3))])
    knots = np.linspace(0, 1, size)
    parts = [
        np.stack([np.interp(positions[:, d], knots, values[:, f]) for f in range(3)], -1)
        for d, values in enumerate((u, v, w))
    ]
    expected = sum(parts) if reduce == "sum" else np.prod(parts, 0)
    found = encode(backend, planes, positions, tables.ravel())
    # Positions between 8 vertices in float32, then a dozen roundings of numbers up to 4.
    np.testing.assert_allclose(found, expected, atol=5e-6 if backend == "cpu" else 1e-12)


# Formulas ------------------------------------------------------------------------------------


def _check(encoding: Encoding, positions: np.ndarray, expected: Any, tolerance: float) -> None:
    none = np.zeros(0, np.float32)
    exact = encode("reference", encoding, positions.astype(np.float64), none)
    np.testing.assert_allclose(exact, expected, rtol=1e-9, atol=1e-11)
    found = encode("cpu", encoding, positions, none)
    np.testing.assert_allclose(found, expected, atol=tolerance)


def test_frequencies_by_hand():
    positions = _positions(Frequency(2, 6), 50)
    expected = [
        [f(math.pi * 2**k * p) for p in row for k in range(6) for f in (math.sin, math.cos)]
        for row in positions.tolist()
    ]
    # The sine is within 3e-7, its argument up to pi within 2^-22.
    _check(Frequency(2, 6), positions, expected, 6e-7)


def test_high_frequencies_keep_their_phase():
    """Powers of two times a float are exact, and so are whole turns taken from them."""
    waves, positions = Frequency(1, 20), _positions(Frequency(1, 20), 400, -9, 9)
    exact = encode("reference", waves, positions.astype(np.float64), np.zeros(0))
    found = encode("cpu", waves, positions, np.zeros(0))
    np.testing.assert_allclose(found, exact, atol=6e-7)


def test_triangle_waves_by_hand():
    positions = _positions(TriangleWave(2, 6), 50)
    expected = [
        [
            4 * abs(t - math.floor(t) - 0.5) - 1
            for p in row
            for t in [2 ** (k - 1) * p + k / 4 for k in range(6)]
        ]
        for row in positions.tolist()
    ]
    # Phases up to 40 are rounded to 2^-18 / 2, and 4 times that remains.
    _check(TriangleWave(2, 6), positions, expected, 8e-6)


def test_one_blob_by_hand():
    """Integrals of the bump over the bins, by quadrature, with what leaves coming in again."""
    positions = _positions(OneBlob(2, 5), 12, 0, 1)
    nodes, weights = np.polynomial.legendre.leggauss(5)

    def share(p: float, low: float, high: float) -> float:
        low, high = (min(max(5 * (t - p), -1.0), 1.0) for t in (low, high))
        u = low + (nodes + 1) / 2 * (high - low)
        return float((15 / 16 * (1 - u * u) ** 2 * weights).sum() * (high - low) / 2)

    expected = [
        [
            sum(share(p, j / 5 + turn, (j + 1) / 5 + turn) for turn in (-1, 0, 1))
            for p in row
            for j in range(5)
        ]
        for row in positions.tolist()
    ]
    np.testing.assert_allclose(np.reshape(expected, (12, 2, 5)).sum(-1), 1, atol=1e-12)
    # Differences of sums up to 3.
    _check(OneBlob(2, 5), positions, expected, 1e-6)


def test_identity_by_hand():
    positions = _positions(Identity(3), 20)
    _check(Identity(3, 2.5, -1.25), positions, 2.5 * positions.astype(float) - 1.25, 3e-7)


def _sphere(order: int) -> tuple[np.ndarray, np.ndarray]:
    """Directions and weights that integrate polynomials up to degree 2 order - 1 exactly."""
    z, weights = np.polynomial.legendre.leggauss(order)
    phi = 2 * np.pi * (np.arange(2 * order) + 0.5) / (2 * order)
    r = np.sqrt(1 - z * z)[:, None]
    directions = np.stack(
        [r * np.cos(phi), r * np.sin(phi), np.broadcast_to(z[:, None], (order, 2 * order))], -1
    )
    return directions.reshape(-1, 3), np.repeat(weights * np.pi / order, 2 * order)


@pytest.mark.parametrize("backend", BOTH)
@pytest.mark.parametrize("degree", range(1, 9))
def test_harmonics_are_orthonormal(degree: int, backend: str):
    directions, weights = _sphere(9)
    values = encode(backend, SphericalHarmonics(degree), (directions + 1) / 2, np.zeros(0))
    products = np.asarray(values, float).T * weights @ np.asarray(values, float)
    # Directions in float32 as (v + 1) / 2 are off by 6e-8, times a degree of 7 and its norm.
    tolerance = 5e-6 if backend == "cpu" else 1e-12
    np.testing.assert_allclose(products, np.eye(degree**2), atol=tolerance)


def test_harmonics_have_the_signs_of_this_field():
    x, y, z = directions = _sphere(4)[0].T
    one, two = 0.5 / math.sqrt(math.pi), math.sqrt(3 / (4 * math.pi))
    three = 0.5 * math.sqrt(15 / math.pi)
    expected = [
        np.full_like(x, one), -two * y, two * z, -two * x, three * x * y, -three * y * z,
        0.25 * math.sqrt(5 / math.pi) * (3 * z * z - 1), -three * x * z,
        0.5 * three * (x * x - y * y),
        0.25 * math.sqrt(35 / (2 * math.pi)) * y * (y * y - 3 * x * x),
    ]  # fmt: skip
    found = encode("reference", SphericalHarmonics(4), (directions.T + 1) / 2, np.zeros(0))
    np.testing.assert_allclose(found[:, :10], np.stack(expected, -1), atol=1e-13)


# Composites ----------------------------------------------------------------------------------


def _part(backend: str, encoding: Encoding, positions: np.ndarray, parameters: Any) -> Any:
    return np.asarray(encode(backend, encoding, np.ascontiguousarray(positions), parameters))


@pytest.mark.parametrize("backend", BOTH)
def test_composites_are_their_parts(backend: str):
    grid, simplex = HashGrid(3, 2, 3, 8, 4, 2.0), Simplex(2, 3, 2, 8, 4, 2.0)
    product = Composite((grid, simplex, Identity(6)), "product", (0, 1, 2))
    whole = Composite(
        (SphericalHarmonics(2), Composite((TriPlane(5, 6), product), "sum", (3, 0)), Identity(1)),
        firsts=(2, 0, 7),
    )
    parameters, x = _parameters(whole), _positions(whole, 500)
    assert x.shape[1] == 8
    planes, cubes, corners = np.split(parameters, np.cumsum([75 * 6, grid.parameters]))
    none = parameters[:0]
    expected = [
        _part(backend, SphericalHarmonics(2), x[:, 2:], none),
        _part(backend, TriPlane(5, 6), x[:, 3:], planes)
        + _part(backend, grid, x, cubes)
        * _part(backend, simplex, x[:, 1:], corners)
        * _part(backend, Identity(6), x[:, 2:], none),
        x[:, 7:],
    ]
    # The same operations in the same order; products and sums may be fused.
    np.testing.assert_allclose(
        encode(backend, whole, x, parameters), np.concatenate(expected, 1), rtol=1e-6, atol=1e-6
    )


def test_a_sum_of_joined_parts_and_sums_of_sums():
    """Whatever is written aside has room of its own."""
    joined = Composite((Frequency(1, 1), Identity(1, 3.0)))
    inner = Composite((joined, Composite((Identity(3, 2.0), joined), "product")), "sum")
    whole = Composite((inner, joined, Composite((joined, inner), "product")), "sum")
    x = _positions(whole, 333)
    exact = encode("reference", whole, x.astype(float), np.zeros(0))
    # Sums of products of numbers up to 4.
    np.testing.assert_allclose(encode("cpu", whole, x, np.zeros(0)), exact, atol=2e-5)


# Parity --------------------------------------------------------------------------------------

EVERY = {
    **{
        f"{kind} {interpolation} {dims}": HashGrid(
            dims, 5, 1 + dims, 9, 4, 1.6, kind, interpolation
        )
        for kind in ("hash", "dense", "tiled")
        for interpolation in ("linear", "smoothstep", "nearest")
        for dims in (1, 2, 3, 4)
        if kind != "dense" or dims < 4
    },
    "dense 4": HashGrid(4, 2, 2, 9, 3, 1.6, "dense"),
    "hash 7": HashGrid(7, 2, 2, 9, 3, 1.6),
    **{f"simplex {dims}": Simplex(dims, 5, 4, 9, 4, 1.6) for dims in (1, 2, 3, 4, 7)},
    "planes sum": TriPlane(17, 5),
    "planes product": TriPlane(17, 5, "product"),
    **{f"frequency {dims}": Frequency(dims, 7) for dims in (1, 2, 3, 4)},
    **{f"triangle {dims}": TriangleWave(dims, 7) for dims in (1, 2, 3, 4)},
    **{f"blob {dims}": OneBlob(dims, 9) for dims in (1, 2, 3, 4)},
    **{f"identity {dims}": Identity(dims, 1.5, 0.5) for dims in (1, 2, 3, 4)},
    **{f"harmonics {degree}": SphericalHarmonics(degree) for degree in (1, 4, 8)},
    "composite": Composite(
        (HashGrid(3, 4, 2, 9, 4, 1.6), Composite((TriPlane(9, 4), Identity(4)), "product", (0, 0)))
    ),
}
"""Every encoding; widths of 1 to 64."""


def _compare(encoding: Encoding, positions: np.ndarray) -> np.ndarray:
    parameters = _parameters(encoding)
    with np.errstate(all="ignore"):
        exact = np.asarray(encode("reference", encoding, positions, parameters))
        found = encode("cpu", encoding, positions, parameters)
    assert found.shape == exact.shape == (len(positions), encoding.width)
    assert found.dtype == exact.dtype == np.float32
    if exact.size:
        # Both round to float32, at most some hundred sums of products of numbers up to 4; the
        # terms of high bands are several times what is left of them.
        largest = np.abs(exact).max(-1, keepdims=True)
        scale = np.where(np.isfinite(largest), np.maximum(largest, 1), 1)
        np.testing.assert_allclose(found / scale, exact / scale, atol=3e-6)
    return found


@pytest.mark.parametrize("count", [0, 1, 17, 5000])
@pytest.mark.parametrize("name", EVERY)
def test_cpu_is_the_reference(name: str, count: int):
    _compare(EVERY[name], _positions(EVERY[name], count))


@pytest.mark.parametrize("name", EVERY)
def test_positions_far_out(name: str):
    """Up to 1e30 and beyond; what is finite in one is finite in the other."""
    encoding = EVERY[name]
    rng = np.random.default_rng(1)
    shape = (200, encoding.inputs)
    if isinstance(encoding, SphericalHarmonics):
        # Polynomials of degree 7 of larger numbers leave the range of floats.
        positions = rng.uniform(-1e4, 1e4, shape)
    else:
        positions = rng.choice([-1, 1], shape) * 10 ** rng.uniform(0, 30, shape)
    found = _compare(encoding, positions.astype(np.float32))
    assert np.isfinite(found).all()


@pytest.mark.parametrize("backend", BOTH)
@pytest.mark.parametrize("name", EVERY)
def test_what_is_no_number_stays_in_its_row(name: str, backend: str):
    encoding = EVERY[name]
    parameters, positions = _parameters(encoding), _positions(encoding, 100)
    clean = np.asarray(encode(backend, encoding, positions, parameters))
    positions[30] = np.nan
    found = np.asarray(encode(backend, encoding, positions, parameters))
    np.testing.assert_array_equal(np.delete(found, 30, 0), np.delete(clean, 30, 0))
    if getattr(encoding, "interpolation", "") == "nearest":
        assert np.isfinite(found[30]).all()
    else:
        # Band 0 is a constant.
        constant = isinstance(encoding, SphericalHarmonics)
        assert np.isnan(found[30, constant:]).all()


def test_large_tables_and_scales():
    """Levels of 2^31 cells, hashed and with strides that wrap around."""
    for grid in (
        HashGrid(3, 16, 2, 12, 16, 3.0),
        HashGrid(2, 4, 4, 12, 16, 400.0),
        HashGrid(3, 6, 2, 12, 40, 6.0, "tiled"),
        Simplex(3, 16, 4, 12, 16, 3.0),
    ):
        _compare(grid, _positions(grid, 500))


def test_inputs_of_any_layout_and_type():
    grid = HashGrid(3, 4, 4, 10, 4, 2.0)
    parameters = _parameters(grid)
    x = np.random.default_rng(6).uniform(size=(50, 12)).astype(np.float32)
    expected = encode("cpu", grid, x[:, ::2].copy(), parameters)
    for variant in (x[:, ::2], np.asfortranarray(x[:, ::2]), x[:, ::2].astype("f8"), x[:, :6:2]):
        np.testing.assert_array_equal(encode("cpu", grid, variant, parameters), expected)
    half = encode("cpu", grid, x[:, ::2], parameters.astype(np.float16))
    # Parameters up to 4 with 11 bits.
    np.testing.assert_allclose(half, expected, atol=4 * 2.0**-11)


def test_the_cost_counts_what_is_read():
    def cost(encoding: Encoding) -> Any:
        return OPERATION._cost(None, encoding, np.zeros((10, 3)), None)

    grid = HashGrid(3, 8, 4, 14, 16, 2.0)
    assert cost(grid).nbytes == 4 * 10 * (3 + 32 + 8 * 32)
    assert cost(Simplex(3, 8, 4, 14, 16, 2.0)).nbytes == 4 * 10 * (3 + 32 + 4 * 32)
    both = cost(Composite((grid, SphericalHarmonics(4)), firsts=(0, 0)))
    assert both.nbytes == 4 * 10 * (3 + 48 + 8 * 32)
    assert both.counters == {"samples": 10}


# Gradients -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "encoding",
    [
        HashGrid(3, 2, 2, 5, 3, 1.7),
        HashGrid(2, 2, 2, 5, 3, 1.7, "tiled", "smoothstep"),
        HashGrid(2, 2, 1, 5, 3, 1.7, "dense", "nearest"),
        Simplex(3, 2, 2, 5, 3, 1.7),
        TriPlane(4, 2),
        TriPlane(4, 2, "product"),
        Frequency(2, 3),
        TriangleWave(2, 3),
        OneBlob(2, 4),
        Identity(2, 1.5, 0.5),
        SphericalHarmonics(5),
        Composite((TriPlane(3, 2), Identity(2)), "product", (0, 1)),
    ],
    ids=lambda encoding: type(encoding).__name__,
)
def test_gradients_of_positions_and_parameters(encoding: Encoding):
    rng = np.random.default_rng(9)
    positions = torch.tensor(rng.uniform(0.05, 0.95, (5, encoding.inputs)), requires_grad=True)
    parameters = torch.tensor(rng.normal(size=encoding.parameters), requires_grad=True)
    if getattr(encoding, "interpolation", "") == "nearest":
        positions = positions.detach()
    given = (positions, parameters) if encoding.parameters else (positions,)
    none = torch.zeros(0, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda x, p=none: encode("reference", encoding, x, p), given, eps=1e-6
    )
