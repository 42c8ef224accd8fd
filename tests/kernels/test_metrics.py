"""PSNR and SSIM: both backends against scikit-image, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from kernels.image.psnr import psnr
from kernels.image.ssim import ssim, window
from kernels.timing import Recorder

BACKENDS = ("reference", "cpu")
SHAPES = [(11, 11), (11, 64, 3), (47, 12), (40, 33, 1), (37, 53, 3), (64, 90, 4)]


def picture(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Smooth waves with noise, float32 in 0..1."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    waves = 0.5 + 0.4 * np.sin(0.31 * x + 0.17 * y + seed)
    waves = waves.reshape(*waves.shape, *[1] * (len(shape) - 2))
    return np.clip(waves + 0.1 * rng.standard_normal(shape), 0, 1).astype(np.float32)


def expected_ssim(image: np.ndarray, truth: np.ndarray) -> float:
    return structural_similarity(
        image.astype(np.float64),
        truth.astype(np.float64),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1.0,
        channel_axis=2 if image.ndim == 3 else None,
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_ssim_is_that_of_scikit_image(backend, shape):
    image, truth = picture(shape, 1), picture(shape, 2)
    # Variances are differences of float32 sums over 121 pixels.
    assert float(ssim(backend, image, truth)) == pytest.approx(
        expected_ssim(image, truth), abs=1e-5
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_psnr_is_that_of_scikit_image(backend, shape):
    image, truth = picture(shape, 1), picture(shape, 2)
    expected = peak_signal_noise_ratio(truth, image, data_range=1.0)
    assert float(psnr(backend, image, truth)) == pytest.approx(expected, abs=1e-4)


def test_the_reference_in_float64_is_exact():
    image, truth = (picture((37, 53, 3), seed).astype(np.float64) for seed in (1, 2))
    got = ssim("reference", torch.from_numpy(image), torch.from_numpy(truth))
    assert float(got) == pytest.approx(expected_ssim(image, truth), abs=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_equal_pictures(backend, level):
    flat = np.full((32, 32, 3), level, np.float32)
    assert float(ssim(backend, flat, flat)) == pytest.approx(1.0, abs=1e-6)
    assert float(psnr(backend, flat, flat)) == math.inf
    noisy = picture((32, 32, 3))
    assert float(ssim(backend, noisy, noisy)) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_black_and_white_are_as_different_as_can_be(backend):
    black, white = np.zeros((16, 16), np.float32), np.ones((16, 16), np.float32)
    assert float(psnr(backend, black, white)) == pytest.approx(0.0, abs=1e-6)
    assert float(ssim(backend, black, white)) == pytest.approx(1e-4 / 1.0001, rel=1e-3)
    image = picture((32, 32))
    assert float(ssim(backend, image, 1 - image)) < 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_views_that_are_not_contiguous(backend):
    image, truth = picture((40, 60, 3), 1), picture((40, 60, 3), 2)
    views = image[::2, ::-1], truth[::2, ::-1]
    copies = [np.ascontiguousarray(view) for view in views]
    if backend == "reference":
        views = tuple(torch.from_numpy(copy) for copy in copies)
    assert float(ssim(backend, *views)) == float(ssim(backend, *copies))
    assert float(psnr(backend, *views)) == float(psnr(backend, *copies))


@pytest.mark.parametrize("metric", [psnr, ssim])
@pytest.mark.parametrize("backend", BACKENDS)
def test_not_a_number_stays_one(metric, backend):
    image, truth = picture((20, 20, 3)), picture((20, 20, 3), 2)
    image[10, 10, 1] = np.nan
    assert math.isnan(float(metric(backend, image, truth)))


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_gradients_flow_through_the_reference(metric):
    truth = torch.from_numpy(picture((14, 13), 1)).double()
    image = torch.from_numpy(picture((14, 13), 2)).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: metric("reference", x, truth), image)


@pytest.mark.parametrize("metric", [psnr, ssim])
@pytest.mark.parametrize(
    ("image", "truth", "words"),
    [
        (np.zeros((20, 20), np.float32), np.zeros((20, 21), np.float32), "sizes differ"),
        (np.zeros(20, np.float32), np.zeros(20, np.float32), "must be"),
        (np.zeros((20, 0), np.float32), np.zeros((20, 0), np.float32), "must be"),
        (np.zeros((20, 20), np.uint8), np.zeros((20, 20), np.uint8), "floats in 0..1"),
    ],
)
def test_what_cannot_be_compared_is_refused(metric, image, truth, words):
    with pytest.raises(ValueError, match=words):
        metric("cpu", image, truth)


def test_pictures_smaller_than_the_window_are_refused():
    small = np.zeros((10, 40), np.float32)
    with pytest.raises(ValueError, match="at least 11 x 11"):
        ssim("cpu", small, small)


def test_the_window_sums_to_one_and_is_symmetric():
    weights = window()
    assert weights.sum() == pytest.approx(1.0, abs=1e-15)
    np.testing.assert_array_equal(weights, weights[::-1])


def test_a_listener_gets_time_and_work():
    image = picture((40, 50, 3))
    with Recorder() as recorder:
        psnr("cpu", image, image)
        ssim("cpu", image, image)
    assert [(r.group, r.name, r.backend) for r in recorder.records] == [
        ("image", "psnr", "cpu"),
        ("image", "ssim", "cpu"),
    ]
    assert recorder.records[1].nbytes == 8 * 40 * 50 * 3
    assert recorder.records[1].flops == 240 * 40 * 50 * 3
