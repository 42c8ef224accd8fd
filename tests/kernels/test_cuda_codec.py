"""Codecs, metrics, pairs and sweeps of the ``cuda`` backend find what the reference finds.

Where there is no GPU the kernels run in Triton's interpreter.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.kernels.cuda_codec import CASES, UNPACKED
from tests.kernels.cuda_process import measured_by

SEARCHES = [name for name in CASES if name.startswith("nearest") and "hostile" not in name]
TIES = ("duplicates", "far", "scales", "line", "real")
"""Kinds of points among which several centroids are as near as float32 can tell."""


@pytest.fixture(scope="module")
def measured() -> dict[str, dict[str, Any]]:
    """What every case measured, in one process for all of them."""
    return measured_by("codec")


@pytest.mark.parametrize("backend", ["cuda"])
@pytest.mark.parametrize("case", SEARCHES)
def test_the_nearest_centroid_is_named(measured, backend, case):
    found = measured[case]
    if "skipped" in found:
        pytest.skip(found["skipped"])
    # Products of 22 bits, summed in float32: of the squared spread, as cpu is allowed.
    assert found["excess"] <= 4e-6
    assert found["same"] >= (0.6 if case.endswith(TIES) else 0.98)
    # Sums of up to 60 squares of differences, each rounded three times.
    assert found["squared"] <= 1e-6
    assert found["types"] == ["int32", "float32"]


@pytest.mark.parametrize("backend", ["cuda"])
def test_a_search_in_portions_with_a_listener(measured, backend):
    found = measured["nearest hostile"]
    assert found["apart"]
    assert found["tensor"]
    assert found["parts"]
    assert found["told"] == [[128, 300], [256, 300], [300, 300]]
    assert found["ended"]
    # What is no number has some label, and a distance that is none either.
    assert 0 <= found["labels"][0] <= found["labels"][1] < 20
    assert found["finite"] == 2
    assert found["same"]
    assert found["none"] == [0]


@pytest.mark.parametrize("backend", ["cuda"])
def test_means_and_codebooks(measured, backend):
    found = measured["centroids"]
    # Both sum in float64, in another order, and round once to float32.
    assert max(found["means"]) <= 1.2e-7
    assert all(found["sizes"])
    # Clusters that lie well apart: no pass of either backend meets a tie.
    assert measured["kmeans"]["labels"] == 1
    assert measured["kmeans"]["centroids"] <= 1e-6


@pytest.mark.parametrize("backend", ["cuda"])
def test_metrics(measured, backend):
    found = measured["metrics"]
    # Sums of some thousand float32; the tolerances of cpu.
    assert found["psnr"] <= 1e-4
    assert found["ssim"] <= 1e-5
    assert found["equal"] == [True, pytest.approx(1, abs=1e-6)]
    assert found["views"]
    assert found["nan"]


@pytest.mark.parametrize("backend", ["cuda"])
def test_pairs(measured, backend):
    found = measured["pairs"]
    assert found["partners"]
    # Float64 rounded once to float32; determinants of flat splats lose six digits.
    assert found["costs"] <= 3e-7
    assert found["types"] == ["int64", "float32"]
    assert found["parts"]
    assert found["equal"] == [[1, 0, 3, 2, 5, 4, 7, 6, 4], 0]
    assert found["extreme"]


@pytest.mark.parametrize("backend", ["cuda"])
@pytest.mark.parametrize("case", list(UNPACKED))
def test_unpacking(measured, backend, case):
    found = measured[case]
    assert found["told"]
    assert found["tensors"]
    for name, error in found["error"].items():
        # Some float32 roundings against one, beside 1e-6 or more; a colour near the middle is a
        # difference of two numbers of 1.8. A square root near 0, of a difference of 1e-7,
        # halves the digits.
        assert error <= (3e-4 if name == "quats" else 2e-5 if name == "sh" else 1e-6), name
    # Lookups are exact; elsewhere a product that is added to something may be rounded or not.
    assert found["apart"] == 0 or not case.startswith("sog")


@pytest.mark.parametrize("backend", ["cuda"])
def test_codes_along_a_curve_are_exact(measured, backend):
    assert all(measured["morton"]["same"])
    assert all(measured["morton"]["order"])


@pytest.mark.parametrize("backend", ["cuda"])
def test_the_low_pass_of_a_grid(measured, backend):
    # Rounded to float32 after either axis, values below 4.
    assert measured["blur_grid"]["error"] <= 5e-7
    assert measured["blur_grid"]["outside"] == 0


@pytest.mark.parametrize("backend", ["cuda"])
def test_swaps_and_a_whole_sort(measured, backend):
    found = measured["swap"]
    assert found["same"]
    assert found["tensors"]
    assert found["changed"]
    # Sums of some hundred float32.
    assert found["gain"] <= 1e-6
    assert measured["grid_sort"]["everybody"]
    # Both are local optima; one rounding that falls the other way leads to another.
    fast, slow = measured["grid_sort"]["unlike"]
    assert fast <= 1.3 * slow


@pytest.mark.parametrize("backend", ["cuda"])
def test_sweeps(measured, backend):
    # Sums are whole numbers in float32; the parabola divides them once.
    assert max(measured["sweep"]["errors"]) <= 1e-6
