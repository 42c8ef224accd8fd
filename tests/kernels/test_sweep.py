"""The plane sweep of a rectified pair: both backends agree, and known shifts are found."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from kernels.planes.sweep import sweep
from kernels.timing import Recorder

BACKENDS = ("reference", "cpu")


def noise(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return gaussian_filter(rng.random(shape), 1.0).astype(np.float32)


@pytest.mark.parametrize(
    ("shape", "first", "count"),
    [((20, 31), -3, 9), ((33, 40), 0, 16), ((5, 6), 2, 1), ((12, 15), -30, 4), ((1, 1), 0, 5),
     ((9, 1), 0, 3), ((1, 40), 1, 2)],
)  # fmt: skip
def test_backends_agree(shape, first, count):
    right = noise(shape)
    left = np.roll(right, 3, 1) + noise(shape, 1) / 20
    found = [sweep(backend, left, right, first, count) for backend in BACKENDS]
    for truth, other in zip(*found, strict=True):
        assert truth.shape == other.shape == shape
        # Sums are whole numbers in float32; the parabola divides them once.
        np.testing.assert_allclose(np.asarray(other), np.asarray(truth), atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("truth", [0, 3, 7.5, -4])
def test_a_shift_is_found_from_both_sides(backend, truth):
    right = noise((30, 90))
    left = shift(right, (0, truth), order=3, mode="nearest")
    forth, back = (np.asarray(found) for found in sweep(backend, left, right, -8, 20))
    inner = np.s_[4:-4, 20:-20]
    # Half pixels leave a tie between neighbours, which the parabola places in between.
    assert np.abs(forth[inner] - truth).mean() < 0.15
    assert np.abs(back[inner] - truth).mean() < 0.15
    assert np.abs(forth[inner] - truth).max() < 1


def test_a_step_in_depth_stays_a_step():
    right = noise((40, 120), 3)
    left = np.empty_like(right)
    left[:, :60] = np.roll(right, 4, 1)[:, :60]
    left[:, 60:] = np.roll(right, 12, 1)[:, 60:]
    forth, _ = sweep("cpu", left, right, 0, 20)
    assert np.abs(forth[:, 12:54] - 4).max() < 0.5
    # The last columns see the border repeated.
    assert np.abs(forth[:, 66:-5] - 12).max() < 0.5


def test_brightness_and_contrast_do_not_matter():
    right = noise((25, 60))
    left = np.roll(right, 5, 1)
    plain = sweep("cpu", left, right, 0, 10)
    graded = sweep("cpu", np.float32(40) * left - 7, right, 0, 10)
    for one, other in zip(plain, graded, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_door():
    image = np.zeros((4, 5), np.float32)
    with pytest.raises(ValueError, match="alike"):
        sweep("cpu", image, image[1:], 0, 3)
    with pytest.raises(ValueError, match="count"):
        sweep("cpu", image, image, 0, 0)
    with pytest.raises(ValueError, match="count"):
        sweep("cpu", image, image, 0, 1 << 28)
    with pytest.raises(ValueError, match="penalties"):
        sweep("cpu", image, image, 0, 3, 5.0, 2.0)
    with Recorder() as recorder:
        sweep("cpu", image, image, 0, 3)
    assert recorder.records[0].counters == {"cells": 60}
