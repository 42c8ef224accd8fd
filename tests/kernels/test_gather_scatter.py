"""Features of entries and what flows back to them: ``cpu`` against ``reference``, and doors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kernels.fields.encode import encode
from kernels.fields.encodings import Composite, HashGrid, Identity, Simplex, TriPlane
from kernels.fields.gather import OPERATION as GATHER
from kernels.fields.gather import Leveled, gather, knows, levels_of
from kernels.fields.gather.levels import FIRST, SIZE, tables_of
from kernels.fields.scatter import OPERATION as SCATTER
from kernels.fields.scatter import scatter

BOTH = ["reference", "cpu"]
GRIDS: dict[str, Leveled] = {
    "hash 2": HashGrid(2, 4, 2, 7, 4, 2.0),
    "hash 3": HashGrid(3, 4, 4, 8, 4, 1.7),
    "dense": HashGrid(3, 3, 1, 20, 3, 1.5, kind="dense"),
    "tiled": HashGrid(3, 3, 2, 20, 3, 2.0, kind="tiled"),
    "simplex 2": Simplex(2, 3, 2, 7, 4, 1.8),
    "simplex 3": Simplex(3, 3, 4, 8, 4, 1.8),
    "sum": TriPlane(9, 4, "sum"),
    "product": TriPlane(2, 3, "product"),
}
each_grid = pytest.mark.parametrize("encoding", GRIDS.values(), ids=list(GRIDS))


def _columns(encoding: Leveled) -> int:
    return levels_of(encoding) * encoding.features


def _inputs(encoding: Leveled, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions in and around 0..1, parameters and gradients."""
    rng = np.random.default_rng(count)
    positions = rng.uniform(-0.3, 1.3, (count, encoding.inputs))
    parameters = rng.normal(size=encoding.parameters)
    gradients = rng.normal(size=(count, _columns(encoding)))
    return tuple(part.astype(np.float32) for part in (positions, parameters, gradients))


def _features(backend: str, encoding: Leveled, positions: Any, parameters: Any) -> np.ndarray:
    out = np.full((len(positions), _columns(encoding)), 7, positions.dtype)
    gather(backend, encoding, positions, parameters, out)
    return out


def _back(backend: str, encoding: Leveled, positions: Any, gradients: Any) -> np.ndarray:
    out = np.zeros(encoding.parameters, positions.dtype)
    for level in range(levels_of(encoding)):
        scatter(backend, encoding, positions, gradients, level, out)
    return out


def _entries(encoding: Leveled, level: int) -> slice:
    row = tables_of(encoding)[2][level] * encoding.features
    return slice(row[FIRST], row[FIRST] + row[SIZE])


@pytest.mark.parametrize("count", [0, 1, 17, 700])
@each_grid
def test_cpu_is_the_reference_in_float64(encoding: Leveled, count: int) -> None:
    positions, parameters, gradients = _inputs(encoding, count)
    exact = positions.astype(np.float64), parameters.astype(np.float64)
    # A place among some 30 cells is off by 2e-6 of one, across which a feature changes by 8 or so.
    np.testing.assert_allclose(
        _features("cpu", encoding, positions, parameters),
        _features("reference", encoding, *exact), atol=5e-5,
    )  # fmt: skip
    # Of gradients as large, an entry of the tiled grid sums up some hundred.
    np.testing.assert_allclose(
        _back("cpu", encoding, positions, gradients),
        _back("reference", encoding, exact[0], gradients.astype(np.float64)), atol=2e-4,
    )  # fmt: skip


@pytest.mark.parametrize("backend", BOTH)
@each_grid
def test_features_are_those_of_the_encoding(encoding: Leveled, backend: str) -> None:
    positions, parameters, _ = _inputs(encoding, 100)
    found = _features(backend, encoding, positions, parameters)
    if isinstance(encoding, TriPlane):
        planes = found.reshape(len(found), 3, -1)
        found = planes.sum(1) if encoding.reduce == "sum" else planes.prod(1)
    # Both round to float32: products of three features up to 4.
    wanted = encode(backend, encoding, positions, parameters)
    np.testing.assert_allclose(found, wanted, atol=3e-5)


@pytest.mark.parametrize("backend", BOTH)
@each_grid
def test_scatter_is_the_transpose_of_gather(encoding: Leveled, backend: str) -> None:
    positions, parameters, gradients = (part.astype(float) for part in _inputs(encoding, 300))
    if backend == "cpu":
        positions = positions.astype(np.float32)
    ahead = (_features(backend, encoding, positions, parameters) * gradients).sum()
    back = (parameters * _back(backend, encoding, positions, gradients)).sum()
    # Some thousand terms of size 1 with either sign, of float32 on cpu.
    assert ahead == pytest.approx(back, abs=2e-3 if backend == "cpu" else 1e-9)


@pytest.mark.parametrize("backend", BOTH)
@each_grid
def test_a_level_is_added_to_and_no_other(encoding: Leveled, backend: str) -> None:
    positions, parameters, gradients = _inputs(encoding, 200)
    for level in range(levels_of(encoding)):
        out, own = parameters.copy(), _entries(encoding, level)
        # What belongs to other levels is not read.
        given = np.full_like(gradients, np.nan)
        columns = slice(level * encoding.features, (level + 1) * encoding.features)
        given[:, columns] = gradients[:, columns]
        scatter(backend, encoding, positions, given, level, out)
        added = _back(backend, encoding, positions, gradients)
        # Sums of some hundred numbers, begun at another one.
        np.testing.assert_allclose(out[own], (parameters + added)[own], atol=1e-4)
        assert (out[own] != parameters[own]).any()
        out[own] = parameters[own]
        np.testing.assert_array_equal(out, parameters)


@each_grid
def test_rows_can_be_shared_among_callers(encoding: Leveled) -> None:
    """Bit by bit the same features of parts, and the same sums one part after the other."""
    positions, parameters, gradients = _inputs(encoding, 500)
    whole = np.empty((500, _columns(encoding)), np.float32)
    back = np.zeros_like(parameters)
    for part in (slice(0, 1), slice(1, 200), slice(200, 500)):
        gather("cpu", encoding, positions[part], parameters, whole[part])
        for level in range(levels_of(encoding)):
            scatter("cpu", encoding, positions[part], gradients[part], level, back)
    assert whole.tobytes() == _features("cpu", encoding, positions, parameters).tobytes()
    assert back.tobytes() == _back("cpu", encoding, positions, gradients).tobytes()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@each_grid
def test_what_is_no_number_stays_where_it_is(encoding: Leveled, bad: float) -> None:
    positions, parameters, gradients = _inputs(encoding, 40)
    clean = _features("cpu", encoding, positions, parameters)
    for axis in range(encoding.inputs):
        hurt = positions.copy()
        hurt[11, axis] = bad
        found, exact = (
            _features(name, encoding, hurt, parameters) for name in ("cpu", "reference")
        )
        np.testing.assert_array_equal(np.delete(found, 11, 0), np.delete(clean, 11, 0))
        # float32 on both sides: sums of products of numbers up to 4.
        np.testing.assert_allclose(found[11], exact[11], atol=3e-5)
        found, exact = (_back(name, encoding, hurt, gradients) for name in ("cpu", "reference"))
        # The very same entries are NaN in both.
        np.testing.assert_allclose(found, exact, atol=1e-4)
        assert np.isnan(found).sum() <= levels_of(encoding) * 8 * encoding.features


@each_grid
def test_positions_far_out(encoding: Leveled) -> None:
    """Up to 1e30: entries are those of the level, and numbers."""
    _, parameters, gradients = _inputs(encoding, 300)
    rng = np.random.default_rng(3)
    shape = (300, encoding.inputs)
    far = (rng.choice([-1, 1], shape) * 10 ** rng.uniform(0, 30, shape)).astype(np.float32)
    found = _features("cpu", encoding, far, parameters)
    back = _back("cpu", encoding, far, gradients)
    assert np.isfinite(found).all()
    assert np.isfinite(back).all()
    if isinstance(encoding, Simplex):
        # Rounded once more than the reference, which is whole cells so far away; shares sum to 1.
        sums = gradients.reshape(300, levels_of(encoding), -1).sum(0)
        for level, wanted in enumerate(sums):
            own = back[_entries(encoding, level)].reshape(-1, encoding.features)
            # Of 300 numbers in float32.
            np.testing.assert_allclose(own.sum(0), wanted, atol=1e-3)
    else:
        # Products of numbers up to 4, the same entries.
        exact = _features("reference", encoding, far, parameters)
        np.testing.assert_allclose(found, exact, atol=3e-5)
        # Of up to 300 of them.
        np.testing.assert_allclose(back, _back("reference", encoding, far, gradients), atol=5e-4)


def test_borders_belong_to_a_cell() -> None:
    """On vertices and borders one corner has all; the far border of a plane is that of its cell."""
    for encoding in GRIDS.values():
        rng = np.random.default_rng(0)
        positions = rng.choice(np.float32([0, 0.25, 0.5, 1]), (60, encoding.inputs))
        _, parameters, gradients = _inputs(encoding, 60)
        for function, values in ((_features, parameters), (_back, gradients)):
            found, exact = (function(name, encoding, positions, values) for name in BOTH)
            # float32 on both sides, see above.
            np.testing.assert_allclose(found, exact, atol=1e-4)


def test_what_is_known() -> None:
    assert all(knows(encoding) for encoding in GRIDS.values())
    for other in (
        HashGrid(4, 2, 2, 8, 4, 2.0),
        HashGrid(3, 2, 2, 8, 4, 2.0, interpolation="smoothstep"),
        HashGrid(2, 2, 2, 8, 4, 2.0, interpolation="nearest"),
        Simplex(1, 2, 2, 8, 4, 2.0),
        Identity(3),
        Composite((GRIDS["hash 3"],)),
    ):
        assert not knows(other)
        rows, none = np.zeros((1, 3), np.float32), np.zeros(0, np.float32)
        with pytest.raises(ValueError, match="cannot look up the corners of"):
            gather("cpu", other, rows, none, rows)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="cannot look up the corners of"):
            scatter("cpu", other, rows, rows, 0, none)  # type: ignore[arg-type]


def test_doors() -> None:
    encoding = GRIDS["hash 3"]
    positions, parameters, gradients = _inputs(encoding, 5)
    for bad in (positions[:, :2], np.zeros((5, 4), np.float32)):
        with pytest.raises(ValueError, match=r"positions must be \(5, 3\)"):
            gather("cpu", encoding, bad, parameters, gradients)
    with pytest.raises(ValueError, match="parameters must be"):
        gather("cpu", encoding, positions, parameters[1:], gradients)
    with pytest.raises(ValueError, match=r"out must be \(5, 16\)"):
        gather("cpu", encoding, positions, parameters, gradients[:4])
    with pytest.raises(ValueError, match=r"gradients must be \(5, 16\)"):
        scatter("cpu", encoding, positions, gradients[:, 1:], 0, parameters)
    with pytest.raises(ValueError, match="out must be"):
        scatter("cpu", encoding, positions, gradients, 0, parameters[1:])
    for level in (-1, 4):
        with pytest.raises(ValueError, match=f"level must be 0 to 3, got {level}"):
            scatter("cpu", encoding, positions, gradients, level, parameters)


def test_costs_count_what_is_read_and_written() -> None:
    grid, rows = HashGrid(3, 8, 4, 14, 16, 2.0), np.zeros((10, 3))
    ahead = GATHER._cost(None, grid, rows, None, None)
    assert ahead.nbytes == 4 * 10 * (3 + 32 + 8 * 32)
    back = SCATTER._cost(None, grid, rows, None, 0, None)
    assert back.nbytes == 4 * 10 * (3 + 4 + 2 * 8 * 4)
    assert ahead.flops == 8 * back.flops == 2 * 10 * 8 * 32
