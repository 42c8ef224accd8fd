"""Fields on the ``cuda`` backend are those of the float64 reference.

Where there is no GPU the kernels run in Triton's interpreter.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.kernels.cuda_fields import CASES, FIELDS
from tests.kernels.cuda_process import interpret, require_triton, run_module

# A position in the box is known to 2^-24, which a grid of 1000 cells, and a wave as fine, turns
# into 1e-4 of a feature; the grids here have some ten cells. Sums of eight products of that.
ENCODED = 1e-5
# Layers of up to 200 sums in float32 by three products of tensor cores (2^-21 each).
EVALUATED = 4e-6
# A sine of omega v, v some 1e6: its argument is known to 2^-24 of that; it gives any number.
ANYTHING = {"sine", "many inputs", "mixed"}
# Slopes are differences of features times the cells, and a kink may fall on the other side.
SLOPED = 2e-5


@pytest.fixture(scope="module")
def measured() -> dict[str, dict[str, Any]]:
    """What every case measured, in one process for all of them."""
    require_triton()
    return json.loads(run_module("tests.kernels.cuda_cases", "fields", interpret=interpret()))


def named(prefix: str) -> list[str]:
    """Cases by the first word of their names."""
    return [name for name in CASES if name.startswith(prefix + " ")]


@pytest.mark.parametrize("backend", ["cuda"])
@pytest.mark.parametrize("case", named("encode"))
def test_encodings(measured, backend, case):
    assert measured[case]["same"]
    assert measured[case]["error"] <= ENCODED


@pytest.mark.parametrize("backend", ["cuda"])
@pytest.mark.parametrize("case", named("entries"))
def test_grids_read_the_same_entries(measured, backend, case):
    """Far outside of the box too, where integers saturate and wrap around."""
    assert measured[case]["different"] == 0
    assert measured[case]["entries"] > 50


@pytest.mark.parametrize("backend", ["cuda"])
@pytest.mark.parametrize("case", named("network"))
def test_networks(measured, backend, case):
    found = measured[case]
    if "large" in case and case.removeprefix("network large ") in ANYTHING:
        assert found["same"]
        return
    if case == "network large exponential":
        # Both overflow, at arguments that differ by rounding.
        return
    assert found["same"]
    assert found["error"] <= EVALUATED


@pytest.mark.parametrize("backend", ["cuda"])
@pytest.mark.parametrize("case", named("slope"))
def test_slopes(measured, backend, case):
    found = measured[case]
    assert found["same"]
    assert found["value"] <= ENCODED
    assert found["gradient"] <= SLOPED


FOLLOWED = [name for name in named("follow") if name not in {"follow broken", "follow nothing"}]


@pytest.mark.parametrize("backend", ["cuda"])
@pytest.mark.parametrize("case", FOLLOWED)
def test_followed_rays(measured, backend, case):
    found = measured[case]
    if "skipped" in found:
        pytest.skip(found["skipped"])
    assert found["same"]
    # Densities are exponentials of float32 sums, and light sums of them: 1e-6. A ray that takes a
    # sample more, where a cell ends within rounding of one, gathers a thousandth more or less. The
    # table of a transfer function has random colours, 255 of them for a density of 1.
    tolerance = 1e-4 if case == "follow transferred" else 1e-5
    assert found["error"] <= (tolerance if found["samples"] == 0 else 1e-2)
    assert found["psnr"] >= 60
    assert found["samples"] <= 2
    counted, summed, wanted = found["evaluated"]
    assert counted == summed
    assert abs(counted - wanted) <= 2
    assert (found["light"] > 0.01) == (case != "follow no cells")


def test_all_fields_are_followed():
    assert {f"follow {name}" for name in FIELDS} <= set(CASES)


@pytest.mark.parametrize("backend", ["cuda"])
def test_rays_that_are_no_numbers_end(measured, backend):
    assert measured["follow broken"]["finite"]


@pytest.mark.parametrize("backend", ["cuda"])
def test_no_rays_and_no_samples(measured, backend):
    found = measured["follow nothing"]
    assert found == {"rays": 0, "color": 0, "transmittance": 1, "samples": 0}
