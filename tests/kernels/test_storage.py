"""How exactly view-dependent colour comes back from its storage."""

from __future__ import annotations

import numpy as np
import pytest

from kernels.gaussians.pack import pack
from kernels.gaussians.storage import STORAGES, rounded
from tests.kernels.chain import looking_at, psnr, random_splats, run_chain


def colors(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.2, (500, 16, 3)).astype(np.float32)


def test_files_are_drawn_as_they_are_by_default():
    sh = colors()
    assert rounded(sh, "fp32") is sh


@pytest.mark.parametrize("storage", STORAGES)
def test_degree_0_is_never_rounded(storage):
    sh = colors()
    assert np.array_equal(rounded(sh, storage)[:, 0], sh[:, 0])
    flat = sh[:, :1]
    assert np.array_equal(rounded(flat, storage), flat)


def test_halves_have_eleven_bits():
    sh = colors()
    # Half of the last of eleven bits; below 2^-14 steps are no finer than 2^-24.
    assert np.all(np.abs(rounded(sh, "fp16") - sh) <= np.maximum(np.abs(sh) * 2.0**-11, 2.0**-25))


def test_steps_are_at_most_half_a_step_off():
    sh = colors()
    rest = sh[:, 1:]
    # Half a step, and the rounding of low + step * code to float32.
    bound = (rest.max(axis=0) - rest.min(axis=0)) / 255 * 0.5 + 1e-6
    assert np.all(np.abs(rounded(sh, "uint8")[:, 1:] - rest) <= bound)


def test_the_same_value_everywhere_comes_back():
    sh = np.full((7, 4, 3), 0.3, np.float32)
    assert np.array_equal(rounded(sh, "uint8"), sh)


@pytest.mark.parametrize("storage", ["fp16", "uint8"])
@pytest.mark.filterwarnings("error")
def test_absurd_values_become_something_finite(storage):
    sh = colors()
    sh[3, 1:] = [[np.nan, np.inf, -np.inf]] * 15
    sh[5, 2] = 3e38
    sh[6, 2] = -3e38
    back = rounded(sh, storage)
    kept = np.ones(500, bool)
    kept[3] = storage == "uint8"  # a half keeps what is no number
    assert np.isfinite(back[kept]).all()
    empty = np.empty((0, 16, 3), np.float32)
    assert rounded(empty, storage).shape == empty.shape


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_pictures_hardly_change(backend):
    arrays, view = random_splats(2, count=300), looking_at((0, 0, -3.5), (0, 0, 0), 64, 48)
    whole = run_chain(backend, arrays, view)
    # 45 coefficients of about 0.15 in steps of 1/255 of some 1.2: a thousandth of the colour.
    for storage, least in (("fp16", 75), ("uint8", 50)):
        small = run_chain(backend, arrays, view, storage=storage)
        assert not np.array_equal(small.color, whole.color)
        assert psnr(small.color, whole.color) >= least


def test_an_unknown_storage_is_refused():
    with pytest.raises(ValueError, match="storage must be fp32, fp16, uint8, got 'int4'"):
        pack("cpu", *random_splats(0, count=3), "int4")
