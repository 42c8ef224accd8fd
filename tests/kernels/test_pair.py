"""Pairs of splats that cost least to merge: both backends, and the formula written out."""

from __future__ import annotations

import numpy as np
import pytest

from kernels.gaussians.pair import COLUMNS, SHAPE, SOFTEN, VANISH, pair

BOTH = ["reference", "cpu"]


def random_table(count: int, seed: int = 0, spread: float = 1.0) -> np.ndarray:
    """Rows with covariances of any shape, flat ones included."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.normal(size=(count, 3, 3)))[0] * np.exp(
        rng.uniform(-6, 0, (count, 1, 3))
    )
    covariance = axes @ axes.transpose(0, 2, 1)
    places = ([0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2])
    table = np.empty((count, COLUMNS), np.float32)
    table[:, :3] = rng.normal(0, spread, (count, 3))
    table[:, 3:9] = covariance[:, places[0], places[1]]
    table[:, 9:12] = rng.uniform(0, 1, (count, 3))
    table[:, 12] = rng.uniform(0, 1, count) ** 4
    return table


def cost_of(a: np.ndarray, b: np.ndarray) -> float:
    """The contract's formula for two rows, in float64."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    full = [row[3:9][[0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(3, 3) for row in (a, b)]
    soft = SOFTEN / 6 * np.trace(full[0] + full[1]) * np.eye(3)
    first, second = full[0] + soft, full[1] + soft
    middle, way = (first + second) / 2, b[:3] - a[:3]
    det = np.linalg.det
    shape = np.log(det(middle) / np.sqrt(det(first) * det(second))) / 2
    far = way @ np.linalg.solve(middle, way)
    weight = a[12] * b[12] / (a[12] + b[12])
    return weight * (far / 8 + SHAPE * shape + ((a[9:12] - b[9:12]) ** 2).sum())


@pytest.mark.parametrize("backend", BOTH)
def test_the_partner_is_the_cheapest_neighbour(backend: str) -> None:
    table, reach = random_table(60), 3
    partners, costs = (np.asarray(x) for x in pair(backend, table, reach, 0, 60))
    for row in range(60):
        near = [i for i in range(max(row - reach, 0), min(row + reach, 59) + 1) if i != row]
        options = {i: cost_of(table[row], table[i]) for i in near} | {row: VANISH * table[row, 12]}
        cheapest = min(options, key=lambda i: options[i])
        assert partners[row] == cheapest
        # A float32 result of a float64 formula.
        assert costs[row] == pytest.approx(options[cheapest], rel=1e-6)


@pytest.mark.parametrize(("count", "reach"), [(0, 4), (1, 4), (2, 4), (5, 8), (1000, 1), (1000, 4)])
@pytest.mark.parametrize("spread", [0.01, 1.0, 1e5])
def test_parity(count: int, reach: int, spread: float) -> None:
    table = random_table(count, count + reach, spread)
    fast, truth = (pair(backend, table, reach, 0, count) for backend in BOTH)
    np.testing.assert_array_equal(fast[0], truth[0])
    # Determinants of flat splats cancel: SOFTEN keeps 2e-6 of them, so 1e-16 grows to 1e-10;
    # the rest is the rounding to float32.
    np.testing.assert_allclose(fast[1], truth[1], rtol=3e-7)


@pytest.mark.parametrize("backend", BOTH)
def test_parts_are_the_whole(backend: str) -> None:
    table = random_table(500, 3)
    whole = pair(backend, table, 4, 0, 500)
    for first, last in ((0, 3), (3, 200), (200, 499), (499, 500), (7, 7)):
        part = pair(backend, table, 4, first, last)
        for some, every in zip(part, whole, strict=True):
            np.testing.assert_array_equal(some, every[first:last])


@pytest.mark.parametrize("backend", BOTH)
def test_equals_pair_two_by_two(backend: str) -> None:
    table = np.repeat(random_table(1, 5), 9, axis=0)
    partners, costs = (np.asarray(x) for x in pair(backend, table, 4, 0, 9))
    assert partners.tolist() == [1, 0, 3, 2, 5, 4, 7, 6, 4]
    assert not costs.any()


@pytest.mark.parametrize("backend", BOTH)
def test_extremes_have_finite_costs(backend: str) -> None:
    """Points without size, sizes near the ends of float32, nothing to see, far places."""
    table = random_table(12, 6)
    table[2, 3:9] = 0
    table[3, 12] = 0
    table[4, 3:9] *= 1e-36
    table[5, 3:9] *= 1e30
    table[6, :3] = 1e18
    table[7:9, 3:9] = 0
    table[9, 12] = 0
    partners, costs = (np.asarray(x) for x in pair(backend, table, 2, 0, 12))
    assert np.isfinite(costs).all()
    assert (costs >= 0).all()
    assert ((partners >= 0) & (partners < 12)).all()
    assert costs[3] == costs[9] == 0


def test_doors_say_what_is_wrong() -> None:
    table = random_table(4)
    with pytest.raises(ValueError, match="13"):
        pair("cpu", table[:, :12], 1, 0, 4)
    with pytest.raises(ValueError, match="reach"):
        pair("cpu", table, 0, 0, 4)
    with pytest.raises(ValueError, match="rows"):
        pair("cpu", table, 1, 0, 5)
