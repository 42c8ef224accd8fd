"""Looking up SOG pixels: both backends against each other and against their contract."""

from __future__ import annotations

import numpy as np
import pytest

from kernels.codec.outputs import Outputs
from kernels.codec.unpack_sog import Pixels, Tables, unpack_sog

BOTH = ["reference", "cpu"]
TERMS = (1, 4, 9, 16)


def inputs(count: int, terms: int, seed: int = 0) -> tuple[Pixels, Tables]:
    rng = np.random.default_rng(seed)

    def picture(channels: int) -> np.ndarray:
        return rng.integers(0, 256, (count, channels), dtype=np.uint8)

    pixels = Pixels(picture(3), picture(4), picture(3), picture(4), picture(4), picture(3))
    pixels.quats[:, 3] = rng.integers(249, 256, count)
    tables = Tables(
        rng.normal(size=(3, 65536)).astype(np.float32),
        rng.random((256, 3), np.float32),
        rng.random((256, 4), np.float32),
        rng.normal(size=(50_000, 3 * (terms - 1))).astype(np.float32),
    )
    return pixels, tables


def outputs(count: int, terms: int) -> Outputs:
    shapes = [(count, 3), (count, 4), (count, 3), (count,), (count, terms, 3)]
    return Outputs(*(np.full(shape, np.nan, np.float32) for shape in shapes))


@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("count", [0, 1, 300])
def test_backends_agree(count: int, terms: int) -> None:
    pixels, tables = inputs(count, terms)
    found = [outputs(count, terms) for _ in BOTH]
    lost = [unpack_sog(b, pixels, tables, out) for b, out in zip(BOTH, found, strict=True)]
    assert lost[0] == lost[1]
    for name in Outputs._fields:
        # Lookups are exact; a rotation is one rounding to float32 away.
        atol = 1e-7 if name == "quats" else 0
        one, other = (np.asarray(getattr(out, name)) for out in found)
        np.testing.assert_allclose(one, other, rtol=0, atol=atol, err_msg=name)


@pytest.mark.parametrize("backend", BOTH)
@pytest.mark.parametrize("place", range(4))
def test_rotations(backend: str, place: int) -> None:
    """The largest component completes the length, the others keep their order."""
    pixels, tables = inputs(1, 1)
    pixels.quats[0] = 200, 100, 140, 252 + place
    out = outputs(1, 1)
    unpack_sog(backend, pixels, tables, out)
    others = (np.array([200, 100, 140]) / 127.5 - 1) / np.sqrt(2)
    expected = np.insert(others, place, np.sqrt(1 - (others**2).sum()))
    np.testing.assert_allclose(out.quats[0], expected, atol=1e-7)  # float32


@pytest.mark.parametrize("backend", BOTH)
def test_no_rotation(backend: str) -> None:
    pixels, tables = inputs(252, 1)
    pixels.quats[:, 3] = np.arange(252)
    out = outputs(252, 1)
    unpack_sog(backend, pixels, tables, out)
    np.testing.assert_array_equal(out.quats, np.tile([1, 0, 0, 0], (252, 1)))


@pytest.mark.parametrize("backend", BOTH)
def test_a_largest_component_that_is_none(backend: str) -> None:
    """Three others longer than 1 together leave nothing for the fourth."""
    pixels, tables = inputs(1, 1)
    pixels.quats[0] = 255, 255, 0, 252
    out = outputs(1, 1)
    unpack_sog(backend, pixels, tables, out)
    assert out.quats[0, 0] == 0


@pytest.mark.parametrize("backend", BOTH)
def test_labels_behind_the_palette(backend: str) -> None:
    pixels, tables = inputs(5, 4)
    labels = np.array([0, 49_999, 50_000, 65_535, 256])
    pixels.labels[:, 0], pixels.labels[:, 1] = labels & 255, labels >> 8
    out = outputs(5, 4)
    assert unpack_sog(backend, pixels, tables, out) == 2
    np.testing.assert_array_equal(out.sh[2:4, 1:], 0)
    np.testing.assert_array_equal(out.sh[1, 1:].reshape(-1), tables.palette[49_999])
    np.testing.assert_array_equal(out.sh[4, 1:].reshape(-1), tables.palette[256])


def test_the_door() -> None:
    pixels, tables = inputs(5, 4)
    out = outputs(5, 4)
    for change, match in (
        ({"scales": pixels.scales[:4]}, "scales must be"),
        ({"quats": pixels.scales}, "quats must be"),
        ({"labels": pixels.labels[:, :1]}, "labels must be"),
    ):
        with pytest.raises(ValueError, match=match):
            unpack_sog("cpu", pixels._replace(**change), tables, out)
    with pytest.raises(ValueError, match="table means"):
        unpack_sog("cpu", pixels, tables._replace(means=tables.means[:, :9]), out)
    with pytest.raises(ValueError, match="palette must be"):
        unpack_sog("cpu", pixels, tables._replace(palette=tables.palette[:, :3]), out)
