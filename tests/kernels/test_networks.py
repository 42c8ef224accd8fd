"""Small networks: against loops written out here, and ``cpu`` against ``reference``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from numba import njit
from PIL import Image

from kernels import simd, simd_math
from kernels.codec.checkpoint import read_checkpoint
from kernels.fields.network import OPERATION, network
from kernels.fields.networks import (
    ACTIVATIONS,
    INPUT,
    Layer,
    Network,
    RadialBasis,
    Span,
    chain,
    flatten,
    split,
)
from tests.data import shared_data

BOTH = ["reference", "cpu"]

FUNCTIONS = {
    "none": lambda v: v,
    "relu": lambda v: max(v, 0.0),
    "leaky_relu": lambda v: v if v > 0 else 0.01 * v,
    "silu": lambda v: v / (1 + math.exp(-v)),
    "exponential": math.exp,
    "sine": math.sin,
    "sigmoid": lambda v: 1 / (1 + math.exp(-v)),
    "squareplus": lambda v: (10 * v + math.sqrt(100 * v * v + 4)) / 20,
    "softplus": lambda v: math.log(1 + math.exp(10 * v)) / 10,
    "tanh": math.tanh,
}

NERF = Network(
    (
        Layer(9, 32, "relu", reads=(Span(INPUT, 0, 9),)),
        Layer(32, 32, "relu"),
        Layer(41, 32, "relu", reads=(Span(INPUT, 0, 9), Span(1, 0, 32))),
        Layer(32, 1),
        Layer(32, 32, reads=(Span(2, 0, 32),)),
        Layer(36, 16, "relu", reads=(Span(4, 0, 32), Span(INPUT, 9, 13))),
        Layer(16, 3, "sigmoid"),
    ),
    inputs=13,
    results=(Span(6, 0, 3), Span(3, 0, 1)),
)
"""The input again in the middle, a head for density, and colour from the direction of view."""

NGP = Network(
    (
        Layer(32, 64, "relu", bias=False, reads=(Span(INPUT, 0, 32),)),
        Layer(64, 16, bias=False),
        Layer(32, 64, "relu", bias=False, reads=(Span(1, 0, 16), Span(INPUT, 32, 48))),
        Layer(64, 64, "relu", bias=False),
        Layer(64, 16, bias=False),
    ),
    inputs=48,
    results=(Span(4, 0, 3), Span(1, 0, 1)),
)
"""Both networks of instant-ngp as one, padded as its files are."""

RADIAL = Network((RadialBasis(5, 40), Layer(40, 3, "tanh")))
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


def _parameters(description: Network, seed: int = 0) -> np.ndarray:
    """Weights that keep the size of values from layer to layer; widths of kernels around 1."""
    rng = np.random.default_rng(seed)
    arrays: list[np.ndarray] = []
    for layer in description.layers:
        weights = rng.normal(0, layer.inputs**-0.5, (layer.outputs, layer.inputs))
        arrays.append(weights)
        if isinstance(layer, RadialBasis):
            arrays.append(rng.uniform(0.5, 1.5, layer.outputs))
        elif layer.bias:
            arrays.append(rng.normal(0, 0.3, layer.outputs))
    return flatten(description, arrays)


def _by_hand(description: Network, x: np.ndarray, parameters: np.ndarray) -> list[float]:
    """One sample, one sum at a time; the parameters are taken one after the other."""
    left = iter(parameters.tolist())
    values: dict[int, list[float]] = {INPUT: [float(v) for v in x]}

    def joined(spans: tuple[Span, ...]) -> list[float]:
        return [v for span in spans for v in values[span.source][span.first : span.last]]

    for index, layer in enumerate(description.layers):
        given = joined(layer.reads) if layer.reads else values[index - 1]
        rows = [[next(left) for _ in given] for _ in range(layer.outputs)]
        if isinstance(layer, RadialBasis):
            sigmas = [next(left) for _ in rows]
            values[index] = [
                math.exp(-sum((a - b) ** 2 for a, b in zip(given, row, strict=True)) / (2 * s * s))
                for row, s in zip(rows, sigmas, strict=True)
            ]
            continue
        biases = [next(left) if layer.bias else 0.0 for _ in rows]
        values[index] = [
            FUNCTIONS[layer.activation](
                layer.omega * (sum(w * v for w, v in zip(row, given, strict=True)) + bias)
            )
            for row, bias in zip(rows, biases, strict=True)
        ]
    assert next(left, None) is None
    return joined(description.results)


def _both(description: Network, inputs: np.ndarray, parameters: np.ndarray) -> list[np.ndarray]:
    """The reference in float64, then the cpu."""
    return [
        network("reference", description, inputs.astype(np.float64), parameters),
        network("cpu", description, inputs, parameters),
    ]


# Values --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["NERF", "NGP", "RADIAL", "MIXED", "CHAIN"])
def test_reference_and_cpu_are_what_one_writes_by_hand(name: str):
    description = chain([3, 17, 5], "relu", "tanh") if name == "CHAIN" else globals()[name]
    parameters = _parameters(description)
    inputs = np.random.default_rng(1).normal(size=(9, description.inputs)).astype(np.float32)
    expected = np.array([_by_hand(description, x, parameters) for x in inputs])
    exact, fast = _both(description, inputs, parameters)
    assert (exact.dtype, fast.dtype) == (np.float64, np.float32)
    np.testing.assert_allclose(exact, expected, rtol=1e-11, atol=1e-13)
    # Some hundred additions of float32 numbers around 1.
    np.testing.assert_allclose(fast, expected, atol=5e-6)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_by_hand_and_in_parity(activation: str):
    """Through a layer that does nothing else, over all magnitudes that matter."""
    rng = np.random.default_rng(2)
    values = np.concatenate(
        [rng.normal(0, scale, 400) for scale in (1e-6, 1e-2, 1.0, 8.0, 20.0)] + [[0.0]]
    ).astype(np.float32)[:, None]
    description = chain([1, 1], "none", activation, bias=False)
    exact, fast = _both(description, values, np.ones(1, np.float32))
    expected = np.array([[FUNCTIONS[activation](float(v))] for v in values[:, 0]])
    # By hand small results lose digits to 1 + e^v; float64 leaves 1e-15 of 1.
    np.testing.assert_allclose(exact, expected, rtol=1e-12, atol=1e-14)
    # The contract: 4e-7 of the larger of 1 and the result.
    assert (np.abs(fast - exact) <= 4e-7 * np.maximum(1, np.abs(exact))).all()


@pytest.mark.parametrize("activation", [a for a in ACTIVATIONS if a not in ("none", "relu")])
def test_small_results_keep_their_digits(activation: str):
    values = -(10 ** np.random.default_rng(3).uniform(-20, 0.9, (800, 1))).astype(np.float32)
    exact, fast = _both(
        chain([1, 1], "none", activation, bias=False), values, np.ones(1, np.float32)
    )
    # Six roundings to float32; softplus rounds its argument, up to 80, once more.
    tolerance = 5e-6 if activation == "softplus" else 8e-7
    if activation == "sine":
        return np.testing.assert_allclose(fast, exact, atol=3e-7)
    np.testing.assert_allclose(fast, exact, rtol=tolerance)


@pytest.mark.parametrize("count", [0, 1, 17, 47, 48, 49, 5000])
@pytest.mark.parametrize("description", [NERF, MIXED, NGP], ids=["nerf", "mixed", "ngp"])
def test_every_number_of_samples(description: Network, count: int):
    inputs = np.random.default_rng(4).normal(size=(count, description.inputs)).astype(np.float32)
    exact, fast = _both(description, inputs, _parameters(description))
    assert fast.shape == exact.shape == (count, description.outputs)
    np.testing.assert_allclose(fast, exact, atol=1e-5)


@pytest.mark.parametrize("radial", [False, True])
def test_every_width(radial: bool):
    """1 to 300 columns in and out: all groups of vectors, full and in part."""
    rng = np.random.default_rng(5)
    edges = [1, 2, 15, 16, 17, 31, 32, 33, 48, 49, 63, 64, 65, 80, 96, 112, 113, 128, 200, 256, 300]
    for width in edges + rng.integers(1, 300, 12).tolist():
        inputs, outputs = (int(rng.integers(1, 300)), width) if width % 2 else (width, 300 - width)
        outputs = max(outputs, 1)
        layer = RadialBasis(inputs, outputs) if radial else Layer(inputs, outputs)
        description = Network((layer,))
        x = rng.normal(size=(53, inputs)).astype(np.float32) / np.sqrt(inputs)
        exact, fast = _both(description, x, _parameters(description, width))
        # Up to 300 additions of float32 numbers below 1.
        np.testing.assert_allclose(fast, exact, atol=3e-6, err_msg=f"{inputs} to {outputs}")


def test_inputs_of_any_layout_and_type():
    description = chain([6, 20, 4], "relu")
    parameters = _parameters(description)
    inputs = np.random.default_rng(6).normal(size=(40, 12)).astype(np.float32)
    expected = network("cpu", description, inputs[:, ::2].copy(), parameters)
    for variant in (inputs[:, ::2], np.asfortranarray(inputs[:, ::2]), inputs[:, ::2].astype("f8")):
        np.testing.assert_array_equal(network("cpu", description, variant, parameters), expected)
    half = network("cpu", description, inputs[:, ::2], parameters.astype(np.float16))
    np.testing.assert_allclose(half, expected, atol=2e-2)


# Extremes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BOTH)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_finite_values_give_no_nan_and_nan_stays(activation: str, backend: str):
    large = np.array([3e38, 1e30, 1e19, 1e8, 5e6, 1000, 89, 88, 1e-38, 1e-45, 0], np.float32)
    values = np.concatenate([large, -large])[:, None]
    description = chain([1, 1], "none", activation, bias=False)
    found = network(backend, description, values, np.ones(1, np.float32))
    assert not np.isnan(found).any()
    if activation == "exponential":
        assert found[0] == np.inf
        assert found[len(large)] == 0
    elif activation in ("none", "relu", "leaky_relu", "silu", "squareplus", "softplus"):
        # All of them are v, or v and what is rounded away, for large v.
        np.testing.assert_array_equal(found[:4], values[:4])
    else:
        assert np.abs(found).max() <= 1
    poisoned = np.full((20, 1), np.nan, np.float32)
    assert np.isnan(network(backend, description, poisoned, np.ones(1, np.float32))).all()


@pytest.mark.parametrize("backend", BOTH)
def test_kernels_of_any_width(backend: str):
    description = Network((RadialBasis(1, 4),))
    centres, widths = [0, 0, 1, 1], [1e-30, 1e15, 1e-30, 3e-3]
    parameters = np.array(centres + widths, np.float64)
    found = network(backend, description, np.array([[0.0], [1.0]]), parameters)
    # The fourth is 333 of its widths away from the first sample.
    np.testing.assert_array_equal(found, [[1, 1, 0, 0], [0, 1, 1, 1]])


def test_a_nan_stays_in_its_row():
    description = NERF
    inputs = np.random.default_rng(7).normal(size=(100, 13)).astype(np.float32)
    parameters = _parameters(description)
    clean = network("cpu", description, inputs, parameters)
    inputs[30, 2] = np.nan
    found = network("cpu", description, inputs, parameters)
    assert np.isnan(found[30]).all()
    np.testing.assert_array_equal(np.delete(found, 30, 0), np.delete(clean, 30, 0))


# Vector functions ----------------------------------------------------------------------------


def _through(function: Any, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    @njit
    def each(x, out):
        for i in range(0, len(x), 16):
            simd.store(out, i, function(simd.load(x, i)))

    x = np.resize(values, -(-len(values) // 16) * 16).astype(np.float32)
    out = np.empty_like(x)
    each(x, out)
    return x.astype(np.float64), out.astype(np.float64)


def test_vector_functions_keep_their_stated_errors():
    rng = np.random.default_rng(8)
    near = np.pi * np.arange(-3000, 3000) / 2
    for limit in (4.0, 1e4, 4e6):
        x, got = _through(simd_math.sin, np.concatenate([near, rng.uniform(-limit, limit, 200000)]))
        assert np.abs(got - np.sin(x)).max() < 3e-7
    x, got = _through(simd_math.exp, rng.uniform(-87, 88.7, 200000))
    assert np.abs(got / np.exp(x) - 1).max() < 2e-7
    x, got = _through(simd_math.exp, rng.uniform(-104, -87, 20000))
    # Below the normal numbers floats are 1.4e-45 apart.
    assert np.abs(got - np.exp(x)).max() < 1.5e-45
    x, got = _through(simd_math.tanh, rng.uniform(-12, 12, 200000))
    assert np.abs(got / np.tanh(x) - 1).max() < 4e-7
    x, got = _through(simd_math.log1p_exp, rng.uniform(-86, 0, 200000))
    assert np.abs(got / np.log1p(np.exp(x)) - 1).max() < 5e-7
    special = np.array([np.inf, -np.inf, np.nan, 0, -0.0])
    np.testing.assert_array_equal(
        _through(simd_math.exp, special)[1][:5], [np.inf, 0, np.nan, 1, 1]
    )
    np.testing.assert_array_equal(_through(simd_math.tanh, special)[1][:5], [1, -1, np.nan, 0, 0])
    assert np.isnan(_through(simd_math.sin, special)[1][:3]).all()


# Gradients -----------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_of_inputs_and_parameters(activation: str):
    omega = 2.0 if activation == "sine" else 1.0
    description = Network(
        (
            Layer(3, 4, activation, omega),
            RadialBasis(4, 3),
            Layer(6, 2, reads=(Span(1, 0, 3), Span(INPUT, 0, 3))),
        )
    )
    inputs = torch.tensor(np.random.default_rng(9).normal(size=(5, 3)), requires_grad=True)
    parameters = torch.tensor(_parameters(description).astype(np.float64), requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x, p: network("reference", description, x, p), (inputs, parameters)
    )


@pytest.mark.parametrize("activation", ["squareplus", "softplus"])
def test_gradients_at_zero_and_far_out(activation: str):
    description = chain([1, 1], "none", activation, bias=False)
    inputs = torch.tensor([[0.0], [-1e30], [1e30]], dtype=torch.float64, requires_grad=True)
    network("reference", description, inputs, torch.ones(1, dtype=torch.float64)).sum().backward()
    np.testing.assert_allclose(inputs.grad, [[0.5], [0], [1]], atol=1e-30)


# Real weights --------------------------------------------------------------------------------


def _tensors(name: str) -> dict[str, np.ndarray]:
    with shared_data(name).open("rb") as file:
        stored = read_checkpoint(file)
        for key in ("network", "model_state_dict", "model_fine_state_dict"):
            stored = stored.get(key, stored)
        return {key.removeprefix("module."): np.asarray(value) for key, value in stored.items()}


def _normalised(length: np.ndarray, direction: np.ndarray) -> np.ndarray:
    return length * direction / np.linalg.norm(direction, axis=1, keepdims=True)


def test_a_real_siren_agrees_and_shows_its_photograph():
    """Row and column from 0 to 1 become colours from 0 to 255."""
    tensors = _tensors("neural/siren_celtic_knot/model")
    first, last = Layer(2, 256, "sine", 30.0), Layer(256, 3)
    description = Network((first, *[Layer(256, 256, "sine")] * 4, last))
    with Image.open(shared_data("neural/siren_celtic_knot/celtic_spiral_knot.jpg")) as image:
        photograph = np.asarray(image.convert("RGB"))
    height, width = photograph.shape[:2]
    places = np.mgrid[0:height:8, 0:width:8].reshape(2, -1).T / [height, width]
    inputs = places.astype(np.float32)
    exact, fast = _both(description, inputs, flatten(description, list(tensors.values())))
    # Five layers of sines with weights above 1 make more of every rounding.
    np.testing.assert_allclose(fast, exact, atol=1e-4 * np.abs(exact).max())
    truth = photograph[::8, ::8].reshape(-1, 3)
    error = np.square(fast.clip(0, 255) - truth).mean()
    # What these weights reach; with another frequency or order of axes it is 11 dB at most.
    assert 10 * np.log10(255**2 / error) > 18


@pytest.mark.parametrize("name", ["primitives", "round_cross"])
def test_real_signed_distances_agree(name: str):
    tensors = _tensors(f"neural/deepsdf_{name}/ModelParameters/latest.pth")
    arrays = []
    for index in range(sum(key.endswith(".bias") for key in tensors)):
        parts = [tensors[f"lin{index}.parametrizations.weight.original{i}"] for i in (0, 1)]
        arrays += [_normalised(*parts), tensors[f"lin{index}.bias"]]
    shapes = [array.shape for array in arrays[::2]]
    inputs = shapes[0][1]
    layers, before = [], inputs
    for index, (outputs, width) in enumerate(shapes):
        again = () if width == before else (Span(index - 1, 0, before), Span(INPUT, 0, inputs))
        last = index == len(shapes) - 1
        activation = "relu" if not last else "tanh" if name == "primitives" else "none"
        layers.append(Layer(width, outputs, activation, reads=again))
        before = outputs
    description = Network(tuple(layers))
    assert any(layer.reads for layer in layers) == (name == "round_cross")
    x = np.random.default_rng(11).uniform(-1, 1, (3000, inputs)).astype(np.float32)
    exact, fast = _both(description, x, flatten(description, arrays))
    assert exact.std() > 0.01
    np.testing.assert_allclose(fast, exact, atol=2e-5 * np.abs(exact).max())


def test_a_real_radiance_field_agrees():
    tensors = _tensors("neural/nerf_chair_lowres/checkpoint155000.ckpt")
    names = ["layer1", "layers_xyz.0", "layers_xyz.1", "layers_xyz.2", "fc_alpha", "fc_feat",
             "layers_dir.0", "fc_rgb"]  # fmt: skip
    description = Network(
        (
            Layer(63, 128, reads=(Span(INPUT, 0, 63),)),
            *[Layer(128, 128, "relu")] * 3,
            Layer(128, 1),
            Layer(128, 128, "relu", reads=(Span(3, 0, 128),)),
            Layer(155, 64, "relu", reads=(Span(5, 0, 128), Span(INPUT, 63, 90))),
            Layer(64, 3),
        ),
        inputs=90,
        results=(Span(7, 0, 3), Span(4, 0, 1)),
    )
    arrays = [tensors[f"{name}.{part}"] for name in names for part in ("weight", "bias")]
    x = np.sin(np.random.default_rng(12).normal(0, 3, (2000, 90))).astype(np.float32)
    exact, fast = _both(description, x, flatten(description, arrays))
    np.testing.assert_allclose(fast, exact, atol=2e-5 * np.abs(exact).max())


# Doors ---------------------------------------------------------------------------------------


def test_parameters_are_split_and_joined_alike():
    parameters = _parameters(MIXED)
    views = split(MIXED, parameters)
    assert [view.shape for view in views[1]] == [(37, 4), (37,)]
    flat = flatten(MIXED, [view for layer in views for view in layer])
    np.testing.assert_array_equal(flat, parameters)
    assert len(views[2]) == 1
    with pytest.raises(ValueError, match="7 arrays"):
        flatten(MIXED, [view for layer in views[:-1] for view in layer])
    with pytest.raises(ValueError, match=r"array 0 must be \(20, 7\)"):
        flatten(MIXED, [np.zeros((7, 20)), *[view for layer in views for view in layer][1:]])


@pytest.mark.parametrize(
    ("layers", "match"),
    [
        (lambda: (), "at least one"),
        (lambda: (Layer(3, 4), Layer(5, 1)), "layer 1 has 5 inputs and reads 4"),
        (lambda: (Layer(3, 0),), "layer 0 is 3 to 0"),
        (lambda: (Layer(3, 3, reads=(Span(0, 0, 3),)),), "reads layer 0"),
        (lambda: (Layer(3, 3, reads=(Span(INPUT, 1, 4),)),), "columns 1 to 4 of 3 of the input"),
        (lambda: (Layer(3, 3, "swish"),), "activation must be"),
        (lambda: (Layer(3, 3, "relu", 30.0),), "only a sine"),
        (lambda: (Layer(3, 3, "sine", math.nan),), "omega must be finite"),
    ],
)
def test_networks_that_cannot_be(layers: Any, match: str):
    with pytest.raises(ValueError, match=match):
        Network(layers())


@pytest.mark.parametrize("backend", BOTH)
def test_shapes_are_checked_at_the_door(backend: str):
    description = chain([3, 2], "relu")
    with pytest.raises(ValueError, match=r"inputs must be \(N, 3\)"):
        network(backend, description, np.zeros((5, 4), np.float32), np.zeros(8, np.float32))
    with pytest.raises(ValueError, match=r"parameters must be \(8,\)"):
        network(backend, description, np.zeros((5, 3), np.float32), np.zeros(7, np.float32))


def test_the_cost_counts_products_and_samples():
    inputs = np.zeros((10, 32), np.float32)
    description = chain([32, 64, 64, 16], "relu", bias=False)
    parameters = np.zeros(description.parameter_count, np.float32)
    result = network("cpu", description, inputs, parameters)
    cost = OPERATION._cost(result, description, inputs, parameters)
    assert cost.flops == 10 * 2 * 7168
    assert cost.nbytes == 4 * (10 * 48 + 7168)
