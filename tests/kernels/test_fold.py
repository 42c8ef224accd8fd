"""Columns of the input that never change, turned into biases."""

from __future__ import annotations

import numpy as np
import pytest

from kernels.fields.network import network as evaluate
from kernels.fields.networks import INPUT, Layer, Network, RadialBasis, Span, chain, fold


def drawn(description: Network) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(0, 0.5, description.parameter_count).astype(np.float32)


def test_nothing_changes_but_the_inputs() -> None:
    """The input is read twice, in pieces and out of order; one layer has no bias."""
    layers = (
        Layer(7, 5, "tanh", bias=False),
        Layer(6, 4, "sine", 3.0, reads=(Span(INPUT, 5, 7), Span(0, 1, 4), Span(INPUT, 0, 1))),
        Layer(4, 3, "relu", bias=False),
    )
    results = (Span(2, 0, 3), Span(INPUT, 2, 3), Span(INPUT, 5, 6))
    description = Network(layers, 7, results)
    flat = drawn(description)
    columns, values = [6, 1, 0, 3], [0.5, -2.0, 1.5, 0.0]
    smaller, less = fold(description, flat, columns, values)
    assert (smaller.inputs, smaller.outputs) == (3, description.outputs)
    assert [layer.bias for layer in smaller.layers] == [True, True, False]
    rest = np.random.default_rng(1).normal(size=(20, 3))
    whole = np.empty((20, 7))
    whole[:, columns], whole[:, [2, 4, 5]] = values, rest
    np.testing.assert_allclose(
        evaluate("reference", smaller, rest, less.astype(np.float64)),
        evaluate("reference", description, whole, flat.astype(np.float64)),
        # Biases are rounded to float32: 6e-8 of about 2, through gains of about 3.
        atol=2e-6,
    )


def test_zeros_leave_layers_without_bias() -> None:
    description = chain((4, 3, 2), "relu", bias=False)
    flat = drawn(description)
    smaller, less = fold(description, flat, [3], [0.0])
    assert smaller == Network(
        (
            Layer(3, 3, "relu", bias=False, reads=(Span(INPUT, 0, 3),)),
            Layer(3, 2, bias=False, reads=(Span(0, 0, 3),)),
        ),
        3,
    )
    np.testing.assert_array_equal(less[:9].reshape(3, 3), flat[:12].reshape(3, 4)[:, :3])


def test_nothing_to_fold() -> None:
    description = chain((4, 3, 2), "relu")
    flat = drawn(description)
    smaller, less = fold(description, flat, [], [])
    assert smaller.inputs == 4
    np.testing.assert_array_equal(less, flat)


def test_what_cannot_be_folded() -> None:
    radial = Network((RadialBasis(2, 3), Layer(3, 1)))
    with pytest.raises(ValueError, match="radial"):
        fold(radial, drawn(radial), [0], [1.0])
    through = Network((Layer(2, 1),), 2, (Span(INPUT, 0, 1), Span(0, 0, 1)))
    with pytest.raises(ValueError, match="result"):
        fold(through, drawn(through), [0], [1.0])
    with pytest.raises(ValueError, match="layer 0"):
        fold(chain((2, 1), "relu"), drawn(chain((2, 1), "relu")), [0, 1], [1.0, 2.0])
