"""The ``cuda`` backend draws multiplane images as the float64 reference does.

Where there is no GPU the kernels run in Triton's interpreter.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.kernels.cuda_planes import CASES
from tests.kernels.cuda_process import measured_by

# Coordinates are off by some 1e-7 of themselves, so places in pictures of noise by 1e-5 of a texel,
# and light below 1/4096 is not followed: 80 dB and more. The promise is 50.
MINIMUM_PSNR = 75.0
APART = {
    "textures", "absurd", "coplanar", "counters", "portions", "alone", "blending", "directions",
}  # fmt: skip
DRAWN = [name for name in CASES if name.startswith("drawn")]
PICTURES = [name for name in CASES if name not in APART and name not in DRAWN]


@pytest.fixture(scope="module")
def measured() -> dict[str, dict[str, Any]]:
    """What every case measured, in one process for all of them."""
    return measured_by("planes")


@pytest.mark.parametrize("backend", ["cuda"])
@pytest.mark.parametrize("case", PICTURES)
def test_pictures(measured, backend, case):
    found = measured[case]
    if "skipped" in found:
        pytest.skip(found["skipped"])
    assert found["finite"]
    # Where layers cross, and at rims of spheres, a pixel may fall on the other side.
    assert found["close"] >= 0.998
    assert found["psnr of close"] >= MINIMUM_PSNR
    # 255 v + 0.5 may be nearly whole.
    assert found["byte"] <= 1
    # Light that is not followed any more (1/4096) may have come from twenty times as far.
    assert found["depth"] <= 20 / 4096
    assert found["index"] <= 5e-3
    assert (found["drawn"] > 0.3) == (case != "no layers")


@pytest.mark.parametrize("backend", ["cuda"])
def test_textures_are_exact(measured, backend):
    assert measured["textures"] == {"texels": True, "occupied": True, "levels": 9}


@pytest.mark.parametrize("backend", ["cuda"])
def test_absurd_places_draw_something_finite(measured, backend):
    found = measured["absurd"]
    assert found["finite"]
    assert 0 <= found["low"] <= found["high"] <= 1


@pytest.mark.parametrize("backend", ["cuda"])
def test_coplanar_layers_show_the_later_one(measured, backend):
    found = measured["coplanar"]
    assert found["two"]
    assert found["crossed"]
    assert found["two shown"] == [1]
    # The third crosses both: it is in front on one side alone.
    assert found["crossed shown"] == [1, 2]


@pytest.mark.parametrize("backend", ["cuda"])
def test_counters_say_what_was_spared(measured, backend):
    samples = 64 * 8
    spared = measured["counters"]
    assert spared["opaque"] == {"touched": samples, "empty": 0, "stopped": 2 * samples}
    assert spared["empty"] == {"touched": 0, "empty": 3 * samples, "stopped": 0}
    assert spared["thin"] == {"touched": 3 * samples, "empty": 0, "stopped": 0}


@pytest.mark.parametrize("backend", ["cuda"])
def test_portions_and_outputs_change_nothing(measured, backend):
    assert measured["portions"] == {"equal": True, "counters": True}
    assert measured["alone"] == {"equal": True, "others": True, "color": True}


@pytest.mark.parametrize("backend", ["cuda"])
def test_blending_and_directions(measured, backend):
    color, depth = measured["blending"]["errors"]
    # Rounding of sums of three values below 1, and of depths below 5.
    assert color <= 1e-6
    assert depth <= 5e-6
    assert measured["blending"]["no depth"]
    # Places in maps of 50 columns are off by 1e-7 of 50, twice their slope of up to 2 a texel.
    assert measured["directions"]["error"] <= 3e-5
    assert measured["directions"]["shapes"]


@pytest.mark.parametrize("backend", ["cuda"])
@pytest.mark.parametrize("case", DRAWN)
def test_whole_frames_are_those_of_the_cpu(measured, backend, case):
    found = measured[case]
    # Both are off from the reference as above.
    assert found["psnr"] >= MINIMUM_PSNR - 3
    assert found["byte"] <= 1
    # Numbers of layers, shown as colours, may differ where two show alike.
    assert found["share"] <= 5e-3
    assert found["depth"] <= 20 / 4096
    assert found["numpy"]
    assert set(found["on"]) == {"cuda"}
