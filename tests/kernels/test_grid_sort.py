"""Self-organising grids: the passes against the reference, and what they make of pictures."""

from __future__ import annotations

import numba
import numpy as np
import pytest
import torch

from kernels.codec.blur_grid import blur_grid
from kernels.codec.grid_sort import SPARE, features_of, grid_sort
from kernels.codec.kmeans import Interrupted
from kernels.codec.morton import morton
from kernels.codec.order import morton_order
from kernels.codec.swap import swap


def grid(depth: int, height: int, width: int, missing: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    planes = rng.normal(size=(depth, height, width + SPARE)).astype(np.float32)
    lengths = np.clip(height * width - missing - width * np.arange(height), 0, width)
    planes[:, np.arange(width + SPARE) >= lengths[:, None]] = 0
    return planes, lengths


@pytest.mark.parametrize("radius", [0.3, 0.5, 1.0, 2.7, 9.0, 500.0])
@pytest.mark.parametrize("missing", [0, 5, 47])
def test_blurring_is_a_mean_of_what_is_there(radius: float, missing: int):
    planes, lengths = grid(3, 12, 20, missing)
    cpu = blur_grid("cpu", planes, lengths, radius)
    reference = blur_grid(
        "reference", torch.as_tensor(planes, dtype=torch.float64), lengths, radius
    )
    # Running sums in float64, rounded once for rows and once for columns.
    np.testing.assert_allclose(cpu, np.asarray(reference), atol=2e-6)
    with pytest.raises(ValueError, match="radius"):
        blur_grid("cpu", planes, lengths, 0.0)


@pytest.mark.parametrize("missing", [0, 5, 47])
def test_both_backends_swap_the_same_cells(missing: int):
    rng = np.random.default_rng(1)
    results = []
    for backend in ("cpu", "reference"):
        rng = np.random.default_rng(1)
        planes, lengths = grid(4, 12, 40, missing)
        cells = np.arange(planes[0].size, dtype=np.int32).reshape(planes.shape[1:])
        target = rng.normal(size=planes.shape).astype(np.float32)
        rows = rng.permutation(12).reshape(-1, 4)
        shifts = rng.integers(-3, 4, rows.shape)
        gain, changed = swap(backend, planes, cells, target, lengths, rows, shifts)
        results.append((planes.copy(), cells.copy(), gain, changed))
    (one, first, gain, changed), (other, second, expected, count) = results
    assert changed > 0
    # Two ways of nearly equal cost may be told apart by float32 only.
    assert abs(changed - count) <= 1
    np.testing.assert_allclose(gain, expected, rtol=1e-3)
    assert (first == second).mean() > 0.98
    np.testing.assert_array_equal(np.sort(one.ravel()), np.sort(other.ravel()))


def roughness(colours: np.ndarray, width: int) -> float:
    picture = colours[: len(colours) // width * width].reshape(-1, width, colours.shape[1])
    across, down = np.diff(picture, axis=1), np.diff(picture, axis=0)
    return float(np.square(across).mean() + np.square(down).mean())


@pytest.mark.parametrize(("width", "height", "missing"), [(64, 64, 0), (48, 52, 30), (20, 100, 7)])
def test_random_colours_become_smooth(width: int, height: int, missing: int):
    count = width * height - missing
    colours = np.random.default_rng(0).random((count, 3)).astype(np.float32)
    start = morton_order(colours)
    order = grid_sort(colours, width, height)
    np.testing.assert_array_equal(np.sort(order), np.arange(count))
    sorted_roughness = roughness(colours[order], width)
    assert sorted_roughness < 0.1 * roughness(colours, width)
    assert sorted_roughness < 0.7 * roughness(colours[start], width)


def test_the_same_order_on_one_thread():
    colours = np.random.default_rng(0).random((900, 4)).astype(np.float32)
    order = grid_sort(colours, 30, 30, effort="low")
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        np.testing.assert_array_equal(grid_sort(colours, 30, 30, effort="low"), order)
    finally:
        numba.set_num_threads(threads)


@pytest.mark.parametrize(
    ("count", "width", "height"), [(1, 4, 4), (2, 4, 4), (9, 1, 12), (15, 4, 4), (16, 16, 1)]
)
def test_small_grids(count: int, width: int, height: int):
    features = np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32)
    order = grid_sort(features, width, height)
    np.testing.assert_array_equal(np.sort(order), np.arange(count))


def test_equal_and_huge_features():
    for value in (np.zeros((500, 3)), np.full((500, 3), 1e18)):
        order = grid_sort(value.astype(np.float32), 25, 20, effort="low")
        np.testing.assert_array_equal(np.sort(order), np.arange(500))


def test_doors_and_cancel():
    features = np.zeros((50, 2), np.float32)
    with pytest.raises(ValueError, match="do not fit"):
        grid_sort(features, 7, 7)
    with pytest.raises(ValueError, match="finite"):
        grid_sort(np.full((50, 2), np.nan, np.float32), 8, 7)
    with pytest.raises(Interrupted):
        grid_sort(features, 8, 7, cancel=lambda: True)


def test_features_leave_out_what_is_noise_or_constant():
    rng = np.random.default_rng(0)
    means = rng.normal(size=(4000, 3)).astype(np.float32)
    sh = np.zeros((4000, 1, 3), np.float32)
    sh[:, 0, 0] = means[:, 0]
    sh[:, 0, 1] = rng.normal(size=4000)
    found = features_of(means, np.ones((4000, 3), np.float32), np.ones(4000, np.float32), sh)
    assert found.shape[1] < 10
    follows = np.abs(np.corrcoef(found.T, means[:, 0])[-1, :-1])
    assert (follows > 0.9).sum() == 2  # the position and the colour that follows it
    assert features_of(means[:1], means[:1], np.ones(1, np.float32), sh[:1]).shape == (1, 3)


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_morton_codes_interleave_bits(backend: str):
    rng = np.random.default_rng(0)
    points = rng.uniform(-5, 3, (300, 3)).astype(np.float32)
    codes = np.asarray(morton(backend, points)).astype(np.uint64)
    low, high = points.min(0).astype(np.float64), points.max(0).astype(np.float64)
    steps = np.floor((points - low) / (high - low) * (2**21 - 1) + 0.5).astype(np.int64)
    for i in range(0, 300, 29):
        parts = [(int(codes[i]) >> axis) & 0x1249249249249249 for axis in range(3)]
        found = [sum(((part >> 3 * bit) & 1) << bit for bit in range(21)) for part in parts]
        # Which axis comes first, and how a half is rounded, is free.
        assert any(np.abs(np.array(found)[list(p)] - steps[i]).max() <= 1
                   for p in ((0, 1, 2), (2, 1, 0)))  # fmt: skip
    for flat in (np.zeros((5, 3)), np.array([[1, 2, 3]] * 4)):
        assert len(set(np.asarray(morton(backend, flat.astype(np.float32))).tolist())) == 1
    assert len(morton(backend, np.zeros((0, 3), np.float32))) == 0
