"""Networks put together layer by layer, as readers find their matrices."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.fields.networks import INPUT, Layer, Network, Span, flatten


@dataclass
class Stack:
    """Layers and their matrices.

    Attributes
    ----------
    inputs
        Columns of the network's input.
    """

    inputs: int
    layers: list[Layer] = field(default_factory=list)
    arrays: list[NDArray[Any]] = field(default_factory=list)

    def add(
        self,
        weights: NDArray[Any],
        bias: NDArray[Any] | None = None,
        activation: str = "none",
        omega: float = 1.0,
        reads: tuple[Span, ...] = (),
    ) -> int:
        """A layer of a matrix (outputs, inputs); returns its number."""
        outputs, inputs = weights.shape
        self.layers.append(Layer(inputs, outputs, activation, omega, bias is not None, reads))
        self.arrays += [weights] if bias is None else [weights, bias]
        return len(self.layers) - 1

    def activate(self, activation: str) -> None:
        """Give the last layer an activation."""
        self.layers[-1] = replace(self.layers[-1], activation=activation)

    def of(self, source: int) -> Span:
        """All columns of a layer, or of the input."""
        return Span(source, 0, self.inputs if source == INPUT else self.layers[source].outputs)

    def done(self, results: tuple[Span, ...] = ()) -> tuple[Network, NDArray[np.float32]]:
        """The network and its flat parameters. Raises ValueError where matrices do not fit."""
        network = Network(tuple(self.layers), self.inputs, results)
        return network, flatten(network, self.arrays)
