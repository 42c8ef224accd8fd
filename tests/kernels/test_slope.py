"""Gradients of fields: against differences, and ``cpu`` against automatic differentiation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kernels.fields.encode import encode
from kernels.fields.encodings import (
    Composite,
    Frequency,
    HashGrid,
    Identity,
    OneBlob,
    Simplex,
    SphericalHarmonics,
    TriangleWave,
    TriPlane,
)
from kernels.fields.network import network
from kernels.fields.networks import (
    ACTIVATIONS,
    INPUT,
    Layer,
    Network,
    RadialBasis,
    Span,
    chain,
    flatten,
)
from kernels.fields.slope import slope

GRID = HashGrid(3, 5, 2, 9, 4, 1.6)
ENCODINGS = {
    "hash": GRID,
    "dense": HashGrid(3, 3, 4, 19, 5, 1.5, "dense"),
    "tiled": HashGrid(2, 4, 1, 19, 4, 1.5, "tiled"),
    "smoothstep": HashGrid(3, 4, 2, 10, 4, 1.7, "hash", "smoothstep"),
    "seven": HashGrid(7, 2, 2, 8, 3, 1.5),
    "simplex": Simplex(3, 4, 2, 9, 4, 1.6),
    "simplex4": Simplex(4, 2, 3, 9, 4, 1.6),
    "sum": TriPlane(9, 5),
    "product": TriPlane(9, 5, "product"),
    "frequency": Frequency(3, 6),
    "waves": TriangleWave(3, 5),
    "blob": OneBlob(3, 16),
    "two bins": OneBlob(2, 2),
    "identity": Identity(3, 2.0, -1.0),
    "harmonics": SphericalHarmonics(8),
    "mixed": Composite((GRID, Frequency(2, 3), Identity(3)), firsts=(0, 1, 0)),
    "added": Composite((TriPlane(5, 4), OneBlob(1, 4)), "sum", (0, 2)),
    "multiplied": Composite(
        (HashGrid(2, 2, 2, 8, 4, 1.5), OneBlob(1, 4), Identity(4, 0.5, 1.0)), "product", (1, 0, 0)
    ),
}

MIXED = Network(
    (
        Layer(7, 20, "sine", 3.0),
        RadialBasis(4, 37, reads=(Span(0, 3, 5), Span(INPUT, 2, 4))),
        Layer(37 + 20 + 7, 6, "silu", bias=False,
              reads=(Span(1, 0, 37), Span(INPUT, 0, 7), Span(0, 0, 20))),
        Layer(2, 18, "softplus", reads=(Span(2, 4, 6),)),
    ),
    results=(Span(3, 1, 18), Span(INPUT, 6, 7), Span(1, 36, 37)),
)  # fmt: skip
"""Joined inputs, results of several layers, and the input itself as a result."""


def _weights(description: Network, seed: int = 0) -> np.ndarray:
    """Weights that keep the size of values from layer to layer; widths of kernels around 1."""
    rng = np.random.default_rng(seed)
    arrays: list[np.ndarray] = []
    for layer in description.layers:
        arrays.append(rng.normal(0, layer.inputs**-0.5, (layer.outputs, layer.inputs)))
        if isinstance(layer, RadialBasis):
            arrays.append(rng.uniform(0.5, 1.5, layer.outputs))
        elif layer.bias:
            arrays.append(rng.normal(0, 0.3, layer.outputs))
    return flatten(description, arrays)


def _table(encoding) -> np.ndarray:
    return np.random.default_rng(3).normal(0, 1, encoding.parameters).astype(np.float32)


def _positions(encoding, count: int = 203) -> np.ndarray:
    """More than one block and not a whole number of them; not beyond the planes' borders."""
    rng = np.random.default_rng(count)
    return rng.uniform(0.01, 0.99, (count, encoding.inputs)).astype(np.float32)


def _size(truth: np.ndarray) -> float:
    return float(np.abs(truth).max())


def _away_from_kinks(encoding, points: np.ndarray, reach: float) -> np.ndarray:
    """Whether the encoding's derivative is nearly the same within ``reach`` along each axis."""
    kept = np.ones(len(points), bool)
    description, parameters = Network((Layer(encoding.width, 1),)), _table(encoding)
    weights = np.random.default_rng(1).normal(0, 1, encoding.width + 1)
    for d in range(encoding.inputs):
        ends = []
        for side in (-reach, 0.0, reach):
            moved = points.astype(np.float64)
            moved[:, d] += side
            ends.append(slope("reference", encoding, description, moved, parameters, weights)[1])
        size = _size(ends[1])
        for other in (ends[0], ends[2]):
            kept &= np.abs(other - ends[1]).max(1) < 2e-2 * size
    return kept


@pytest.mark.parametrize("name", ENCODINGS)
def test_reference_is_the_limit_of_differences(name):
    encoding = ENCODINGS[name]
    description, parameters = chain([encoding.width, 12, 2], "tanh"), _table(encoding)
    weights = _weights(description).astype(np.float64)
    points = _positions(encoding).astype(np.float64)
    step = 1e-6
    points = points[_away_from_kinks(encoding, points, 2 * step)]
    assert len(points) > 100
    values, gradients = slope("reference", encoding, description, points, parameters, weights, 1)
    assert values.dtype == gradients.dtype == np.float64
    for d in range(encoding.inputs):
        ahead, behind = points.copy(), points.copy()
        ahead[:, d] += step
        behind[:, d] -= step
        ends = [
            slope("reference", encoding, description, end, parameters, weights, 1)[0]
            for end in (ahead, behind)
        ]
        # Two values of some 1e-16 and a step of 1e-6 give 1e-10; the third derivative times the
        # square of the step adds as much, more where waves are short.
        np.testing.assert_allclose(
            gradients[:, d], (ends[0] - ends[1]) / (2 * step), atol=1e-6 * _size(gradients)
        )


@pytest.mark.parametrize("name", ENCODINGS)
def test_cpu_equals_automatic_differentiation(name):
    encoding = ENCODINGS[name]
    description, parameters = chain([encoding.width, 24, 24, 2], "softplus"), _table(encoding)
    weights, points = _weights(description), _positions(encoding)
    # Where float32 falls into the neighbouring cell the derivative is another one.
    points = points[_away_from_kinks(encoding, points, 1e-5)]
    assert len(points) > 100
    truth = slope(
        "reference", encoding, description, points.astype(np.float64), parameters, weights, 1
    )
    values, gradients = slope("cpu", encoding, description, points, parameters, weights, 1)
    assert values.dtype == gradients.dtype == np.float32
    # Sums of some dozen terms of that size in float32; fractions of a fine cell have lost as many
    # bits as the cell is smaller than the box, and so have angles of short waves.
    np.testing.assert_allclose(values, truth[0], atol=2e-5 * max(1, _size(truth[0])))
    np.testing.assert_allclose(gradients, truth[1], atol=1e-4 * _size(truth[1]))


@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "sine"])
def test_activations(activation):
    encoding = Identity(3, 2.0, -1.0)
    description = chain([3, 32, 32, 3], activation, activation)
    weights, points = _weights(description), _positions(encoding)
    truth = slope(
        "reference", encoding, description, points.astype(np.float64), np.zeros(0), weights, 2
    )
    values, gradients = slope("cpu", encoding, description, points, np.zeros(0), weights, 2)
    np.testing.assert_allclose(values, truth[0], rtol=1e-5, atol=2e-6)
    close = np.isclose(gradients, truth[1], rtol=1e-4, atol=2e-5 * _size(truth[1])).all(1)
    # A sample within float32's rounding of a kink may be on its other side.
    assert close.mean() > 0.99 if "relu" in activation else close.all()


@pytest.mark.parametrize("omega", [1.0, 30.0])
def test_sines(omega):
    encoding = Identity(3, 2.0, -1.0)
    description = chain([3, 64, 64, 1], "sine", omega=omega)
    rng = np.random.default_rng(4)
    reaches = [1 / 3] + [(6 / 64) ** 0.5 / omega] * 2
    arrays = []
    for layer, reach in zip(description.layers, reaches, strict=True):
        arrays += [rng.uniform(-reach, reach, (layer.outputs, layer.inputs)),
                   rng.uniform(-reach, reach, layer.outputs)]  # fmt: skip
    weights, points = flatten(description, arrays), _positions(encoding)
    truth = slope(
        "reference", encoding, description, points.astype(np.float64), np.zeros(0), weights
    )
    values, gradients = slope("cpu", encoding, description, points, np.zeros(0), weights)
    # Arguments of up to 30 are rounded to 2e-6, and so are sines and cosines.
    np.testing.assert_allclose(values, truth[0], atol=3e-5 * _size(truth[0]))
    np.testing.assert_allclose(gradients, truth[1], atol=3e-5 * _size(truth[1]))


@pytest.mark.parametrize("column", [0, 5, 17, 18])
def test_every_kind_of_layer_and_source(column):
    """``column`` 17 is an input, 18 a kernel whose layer others read too."""
    encoding, description = Identity(4, 2.0, -1.0), MIXED
    weights, points = _weights(description), _positions(encoding)
    extra = np.random.default_rng(8).normal(0, 1, (len(points), 3)).astype(np.float32)
    truth = slope(
        "reference", encoding, description, points.astype(np.float64), np.zeros(0), weights,
        column, extra.astype(np.float64),
    )  # fmt: skip
    found = slope("cpu", encoding, description, points, np.zeros(0), weights, column, extra)
    for own, expected in zip(found, truth, strict=True):
        # Sums of some sixty float32.
        np.testing.assert_allclose(own, expected, atol=1e-5 * max(1, _size(expected)))


def test_nearest_has_no_slope_and_planes_end_at_their_border():
    nearest = HashGrid(3, 2, 2, 8, 4, 1.5, "hash", "nearest")
    for encoding, still in ((nearest, [0, 1, 2]), (TriPlane(5, 3), [0])):
        description = chain([encoding.width, 8, 1], "tanh")
        points = _positions(encoding)
        points[:, 0] = 1.25
        for backend in ("reference", "cpu"):
            gradients = slope(
                backend, encoding, description, points, _table(encoding), _weights(description)
            )[1]
            assert not gradients[:, still].any()
            assert len(still) == 3 or gradients[:, 1].any()


def test_values_are_those_of_encoding_and_network():
    description = chain([GRID.width, 16, 1], "relu")
    parameters, weights = _table(GRID), _weights(description)
    points = np.array([[-3.0, 0.5, 2.0], [1e9, 0, 0], [-1e30, 1, 1], [0, 0, 0], [1, 1, 1]], "f4")
    inputs = encode("reference", GRID, points.astype(np.float64), parameters)
    truth = network("reference", description, inputs.numpy(), weights)[:, 0]
    values = slope("cpu", GRID, description, points, parameters, weights)[0]
    near = np.abs(points).max(1) < 10
    # Far away fractions of a cell are lost in float32.
    np.testing.assert_allclose(values[near], truth[near], atol=1e-5)
    assert np.isfinite(values[[0, 3, 4]]).all()


def test_not_a_number_stays_one():
    for name in ("hash", "simplex", "sum", "frequency", "blob", "identity"):
        encoding = ENCODINGS[name]
        description = chain([encoding.width, 8, 1], "tanh")
        points = _positions(encoding, 5)
        points[2, 1] = np.nan
        found = slope("cpu", encoding, description, points, _table(encoding), _weights(description))
        assert [bool(np.isnan(value)) for value in found[0]] == [False, False, True, False, False]


def test_tensors_stay_tensors_and_empty_stays_empty():
    description = chain([3, 4, 1], "tanh")
    for backend in ("reference", "cpu"):
        values, gradients = slope(
            backend, Identity(3), description, np.zeros((0, 3), np.float32), np.zeros(0, "f4"),
            _weights(description),
        )  # fmt: skip
        assert values.shape == (0,)
        assert gradients.shape == (0, 3)
    points = torch.rand(4, 3, dtype=torch.float64)
    found = slope("reference", Identity(3), description, points, torch.zeros(0),
                  torch.tensor(_weights(description)))  # fmt: skip
    assert all(isinstance(each, torch.Tensor) and not each.requires_grad for each in found)


def test_doors():
    description, points = chain([5, 4, 1], "tanh"), np.zeros((2, 3), np.float32)
    weights = _weights(description)
    with pytest.raises(ValueError, match="extra must be"):
        slope("cpu", Identity(3), description, points, np.zeros(0), weights)
    extra = np.zeros((2, 2), np.float32)
    with pytest.raises(ValueError, match="column must be 0 to 0"):
        slope("cpu", Identity(3), description, points, np.zeros(0), weights, 1, extra)
    with pytest.raises(ValueError, match="positions must be"):
        slope("cpu", Identity(3), description, points[:, :2], np.zeros(0), weights, 0, extra)
    with pytest.raises(ValueError, match="network_parameters must be"):
        slope("cpu", Identity(3), description, points, np.zeros(0), weights[1:], 0, extra)
