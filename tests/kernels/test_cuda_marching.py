"""The ``cuda`` backend follows rays through fields as the float64 reference does.

Where there is no GPU the kernels run in Triton's interpreter.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.kernels.cuda_marching import CASES
from tests.kernels.cuda_process import measured_by

pytestmark = pytest.mark.parametrize("backend", ["cuda"])

FORMS = ("radiance", "volume", "image", "light", "distance", "sample")
PICTURES = [name for name in CASES if name.startswith(FORMS)]
WITHOUT_SURFACE = [name for name in PICTURES if name.startswith(("radiance", "volume"))]
"""Where light is gathered in a place of even density, of which rounding decides the gradient."""


def cases(*beginnings: str) -> pytest.MarkDecorator:
    """A test for each case whose name begins so."""
    return pytest.mark.parametrize("case", [name for name in CASES if name.startswith(beginnings)])


@pytest.fixture(scope="module")
def measured() -> dict[str, dict[str, Any]]:
    """What every case measured, in one process for all of them."""
    return measured_by("marching")


def test_a_device_keeps_copies_as_long_as_their_arrays_live(measured, backend):
    assert measured["residents"] == {
        "again": True, "values": [0, 1, 2, 3, 4], "forgotten": True,
    }  # fmt: skip


@cases("rays", "one ray", "no rays")
def test_rays(measured, backend, case):
    found = measured[case]
    # Rounded to float32: numbers below 2, and distances below 8 but for those that miss by far.
    assert found["origins"] <= 1.2e-7
    assert found["directions"] <= 3e-8
    if case != "rays that miss":
        assert max(found["near"], found["far"]) <= 2.4e-7
    assert found["jitter"] == 0
    assert (found["hit"] > 0) == (case not in {"rays that miss", "one ray", "no rays"})


def test_a_ray_along_a_side_is_in_where_it_begins_between(measured, backend):
    found = measured["along a side"]
    assert found["inside"] == [1.0, 4.0]
    near, far = found["outside"]
    assert far <= near


@cases("clearance")
def test_clearance(measured, backend, case):
    assert measured[case] == {"same": True, "kind": "uint8"}


@cases("march cone", "march directed", "march orthographic", "march fine")
def test_samples_lie_where_those_of_the_reference_do(measured, backend, case):
    found = measured[case]
    # A sample at a border of a cell may fall to either side: of some thousands, a handful.
    assert found["different"] <= 4
    # Rounding to float32; in a cone a power of two besides, whose unit is exact to 2^-22.
    assert found["error"] <= (3e-7 if "cone 0.0" in case else 6e-8)
    assert found["samples"] > 50


def test_a_march_in_portions_takes_the_same_samples(measured, backend):
    found = measured["march portions"]
    assert found["same"]
    assert found["rounds"][0] > 10 * found["rounds"][1]


def test_rays_that_are_none_end(measured, backend):
    assert 0 < measured["march strange"]["most"] <= 5 * 150
    # What follows the rays that go on is left out.
    assert measured["march nothing"]["sizes"] == [[0, 0], [0, 0], [4, 1]]


@cases("composite")
def test_light(measured, backend, case):
    found = measured[case]
    assert found["live"]
    assert found["samples"]
    # Forty products in float32; between two entries of the table, which are up to 2 apart, the
    # place is known to 255 x 6e-8.
    assert found["error"] <= (3e-5 if case.endswith("transfer") else 1e-6)
    if not case.endswith("transfer"):
        assert found["going"] == 1


def test_thin_fog_takes_what_it_takes(measured, backend):
    # A hundred sums, each rounded to 2^-24 of what is left, of a millionth.
    assert measured["thin"]["relative"] <= 100 * 2**-24 / 1e-4


@cases("trace")
def test_steps_of_tracing(measured, backend, case):
    found = measured[case]
    assert found["same"] > 0.995
    assert found["still"]
    assert found["ended"]
    assert (found["hit"] > 0.1) == (case != "trace strange")


@pytest.mark.parametrize("case", PICTURES)
def test_pictures(measured, backend, case):
    found = measured[case]
    assert found["finite"]
    # Measured: 130 and more. A sample that falls to the other side of a cell's border costs more.
    assert found["psnr"] >= 90
    assert found["depth"] <= 1e-5
    assert found["cost"] <= 2
    # 255 v + 0.5 may be nearly whole.
    assert found["byte"] <= 1
    assert found["drawn"] > 0.05
    if case not in WITHOUT_SURFACE:
        # Places on rays are rounded, and grids have another gradient in the next cell.
        assert found["normal"] <= 2e-3


def test_meshes_and_cells(measured, backend):
    found = measured["prepared"]
    # Places and unit vectors in float32, after two steps of Newton's method.
    assert found["vertices"] <= 1e-6
    assert found["normals"] <= 1e-5
    assert found["cells"]


def test_every_view_is_the_same_picture(measured, backend):
    found = measured["views"]
    assert set(found) == {"color", "alpha", "depth", "normal", "cost"}
    assert max(found.values()) <= 1


def test_a_slow_picture_is_shown_coarse_first_and_ends_the_same(measured, backend):
    assert measured["refined"] == {"same": True, "partial": 3}


def test_stages_are_told_with_their_samples(measured, backend):
    found = measured["told"]
    samples = {found["samples"][name] for name in ("march", "encode", "network", "composite")}
    assert len(samples) == 1
    assert samples.pop() > 0
    assert set(found["backends"].values()) == {"cuda"}
    assert found["left"]
