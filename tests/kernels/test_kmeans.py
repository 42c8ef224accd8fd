"""Nearest centroids, means by label, and the codebooks made of them."""

from __future__ import annotations

import numpy as np
import pytest

from kernels.codec.centroids import centroids
from kernels.codec.kmeans import Interrupted, kmeans, kmeans_1d
from kernels.codec.nearest import nearest
from kernels.codec.segments import segments


def cloud(kind: str, count: int, dims: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if kind == "noise":
        points = rng.normal(size=(count, dims))
    elif kind == "clusters":
        middles = rng.normal(0, 5, (20, dims))
        points = middles[rng.integers(20, size=count)] + rng.normal(0, 0.1, (count, dims))
    elif kind == "line":
        points = rng.normal(size=(count, 1)) * rng.normal(size=dims) + 1e-3 * rng.normal(
            size=(count, dims)
        )
    elif kind == "duplicates":
        points = rng.integers(0, 2, (count, dims)) * 1.0
    elif kind == "far":
        points = 1e4 + 1e-2 * rng.normal(size=(count, dims))
    else:
        points = rng.normal(size=(count, dims)) * 10.0 ** rng.uniform(-12, 12, (1, dims))
    return points.astype(np.float32)


KINDS = ["noise", "clusters", "line", "duplicates", "far", "scales"]
SIZES = [(1, 1, 1), (5, 1, 5), (15, 3, 15), (400, 45, 1), (1000, 9, 37), (3000, 45, 300),
         (2000, 24, 2000)]  # fmt: skip


def distances(points: np.ndarray, middle: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.square(points.astype(np.float64) - middle[labels].astype(np.float64)).sum(1)


@pytest.mark.parametrize("guessed", [False, True])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_cpu_finds_what_the_reference_finds(kind: str, size: tuple[int, int, int], guessed: bool):
    count, dims, clusters = size
    points = cloud(kind, count, dims)
    middle = cloud(kind, clusters, dims, seed=1) if kind != "duplicates" else points[:clusters]
    guess = None
    if guessed:
        guess = np.random.default_rng(2).integers(clusters, size=count).astype(np.int32)
        guess[::2] = nearest("reference", points[::2], middle)[0]
    labels, squared = nearest("cpu", points, middle, guess)
    truth, exact = nearest("reference", points, middle)
    found = distances(points, middle, labels)
    # Products of float32 about the mean of the centroids: 24 bits of the squared spread, and a
    # sum over dims of them.
    spread = np.square(middle.astype(np.float64) - middle.mean(0, dtype=np.float64)).sum(1).max()
    reach = np.square(points.astype(np.float64) - middle.mean(0, dtype=np.float64)).sum(1)
    slack = 4e-6 * (spread + np.sqrt(spread * reach))
    assert (found <= distances(points, middle, truth) + slack).all()
    assert (labels == truth).mean() > 0.98 or kind in ("duplicates", "far", "scales", "line")
    # One rounding for every difference with the shifted mean, which itself is rounded.
    offset = np.abs(middle).max() * 2.0**-23
    np.testing.assert_allclose(
        squared, found, rtol=1e-4, atol=float(4 * dims * offset * (offset + np.sqrt(found.max())))
    )
    assert labels.dtype == np.int32
    assert exact.dtype == squared.dtype == np.float32


def test_rows_may_stand_apart():
    wide = cloud("noise", 500, 48)
    middle = cloud("noise", 60, 45, seed=3)
    guess = np.zeros(500, np.int32)
    for given in (None, guess):
        apart = nearest("cpu", wide[:, 3:], middle, given)
        close = nearest("cpu", np.ascontiguousarray(wide[:, 3:]), middle, given)
        np.testing.assert_array_equal(apart[0], close[0])


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_doors(backend: str):
    points, middle = cloud("noise", 10, 3), cloud("noise", 4, 3)
    with pytest.raises(ValueError, match="expected"):
        nearest(backend, points[:, :2], middle)
    with pytest.raises(ValueError, match="at least one centroid"):
        nearest(backend, points, middle[:0])
    with pytest.raises(ValueError, match="guesses must be"):
        nearest(backend, points, middle, np.full(10, 4, np.int32))
    with pytest.raises(ValueError, match="a guess for each"):
        nearest(backend, points, middle, np.zeros(9, np.int32))
    with pytest.raises(ValueError, match="labels"):
        centroids(backend, points, np.full(10, -1, np.int32), 4)
    with pytest.raises(ValueError, match="labels"):
        centroids(backend, points, np.zeros(9, np.int32), 4)
    assert nearest(backend, points[:0], middle)[0].shape == (0,)


def test_segments_invert_an_assignment():
    labels = np.random.default_rng(0).integers(0, 9, 1000).astype(np.int32)
    labels[labels == 4] = 5
    order, starts = segments(labels, 10)
    np.testing.assert_array_equal(order, np.argsort(labels, kind="stable"))
    np.testing.assert_array_equal(np.diff(starts), np.bincount(labels, minlength=10))


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_means_are_means(backend: str):
    points = cloud("far", 2000, 24)
    labels = np.random.default_rng(0).integers(0, 50, 2000).astype(np.int32)
    labels[labels == 7] = 8
    means, sizes = centroids(backend, points, labels, 50)
    for k in range(50):
        here = points[labels == k].astype(np.float64)
        assert sizes[k] == len(here)
        # Summed in float64, rounded once.
        expected = here.mean(0) if len(here) else np.zeros(24)
        np.testing.assert_allclose(means[k], expected, rtol=1e-7)


@pytest.mark.parametrize("kind", ["noise", "clusters", "duplicates"])
def test_passes_never_make_it_worse(kind: str):
    points = cloud(kind, 4000, 9)
    start = points[:64]
    before = np.inf
    for iterations in range(6):
        middle, labels = kmeans(points, 64, iterations, start=start)
        total = distances(points, middle, labels).sum()
        assert total <= before * (1 + 1e-6)
        before = total


def test_both_backends_make_the_same_codebook():
    points = cloud("clusters", 1500, 9)
    one, first = kmeans(points, 20, 8, backend="reference")
    other, second = kmeans(points, 20, 8)
    np.testing.assert_allclose(one, other, atol=1e-5)
    assert (first == second).mean() > 0.999


def test_the_same_inertia_as_scikit_learn():
    sklearn = pytest.importorskip("sklearn.cluster")
    points = cloud("clusters", 3000, 24) + cloud("noise", 3000, 24)
    start = points[:100]
    fitted = sklearn.KMeans(100, init=start, n_init=1, max_iter=10, tol=0).fit(points)
    middle, labels = kmeans(points, 100, 10, start=start)
    # The same algorithm: a tie that falls the other way moves a few points of thousands.
    assert distances(points, middle, labels).sum() < 1.001 * fitted.inertia_


def test_fewer_points_or_values_than_clusters():
    points = cloud("noise", 7, 5)
    middle, labels = kmeans(points, 100)
    np.testing.assert_array_equal(middle[labels], points)
    points = np.repeat(cloud("noise", 3, 5), 50, axis=0)
    middle, labels = kmeans(points, 20)
    np.testing.assert_allclose(middle[labels], points, rtol=1e-6)
    with pytest.raises(ValueError, match="N >= 1"):
        kmeans(points[:0], 4)
    with pytest.raises(ValueError, match="finite"):
        kmeans(np.full((50, 3), np.nan, np.float32), 4)


def test_it_ends_soon_after_cancel_and_tells_how_far_it_is():
    points = cloud("noise", 2000, 9)
    told: list[tuple[int, int, str]] = []
    kmeans(points, 30, 3, progress=lambda *values: told.append(values))
    done = [values[0] for values in told]
    assert done == sorted(done)
    assert told[-1] == (8000, 8000, "vectors")
    with pytest.raises(Interrupted):
        kmeans(points, 30, 3, cancel=lambda: True)


def test_a_codebook_of_numbers():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0, 1, 20_000), rng.normal(30, 0.1, 200)])
    book = kmeans_1d(values.astype(np.float32))
    assert book.shape == (256,)
    assert (np.diff(book) >= 0).all()
    error = np.abs(values[:, None] - book[None]).min(1)
    quantiles = np.quantile(values, (np.arange(256) + 0.5) / 256)
    worse = np.abs(values[:, None] - quantiles[None]).min(1)
    assert np.square(error).mean() < 0.5 * np.square(worse).mean()
    few = kmeans_1d(np.array([3, 1, 1, 2], np.float32))
    assert few[:3].tolist() == [1, 2, 3]
    assert set(few[3:]) == {3.0}
    assert kmeans_1d(np.full(10, 5, np.float32)).tolist() == [5.0] * 256
    for bad in (np.zeros(0), np.array([0, np.nan]), np.array([0, np.inf])):
        with pytest.raises(ValueError, match="finite"):
            kmeans_1d(bad.astype(np.float32))
