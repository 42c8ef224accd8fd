"""Networks of tiny-cuda-nn in a flat array, and as our layers.

Matrices follow each other, by rows (outputs, inputs), without biases; the outputs of the last one
are padded. A radiance field has the network of density, that of colour, then the encodings; the
others have their network and their encoding (``instant-ngp:include/neural-graphics-primitives/
nerf_network.h``, ``tiny-cuda-nn:include/tiny-cuda-nn/network_with_input_encoding.h``).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kernels.fields.networks import INPUT, Network, Span, fold
from scenes.field_files.build import Stack
from scenes.field_files.ngp.encodings import Coded
from scenes.paths.json_file import Value

ACTIVATIONS = {
    "none": "none",
    "relu": "relu",
    "leakyrelu": "leaky_relu",
    "silu": "silu",
    "exponential": "exponential",
    "sine": "sine",
    "sigmoid": "sigmoid",
    "squareplus": "squareplus",
    "softplus": "softplus",
    "tanh": "tanh",
}
TYPES = ("fullyfusedmlp", "megakernelmlp", "cutlassmlp", "mlp")
PADDINGS = ((16, 16), (8, 8), (8, 16), (16, 8))
"""Multiples that inputs and outputs of networks are padded to; CUTLASS did with 8 at times."""
WIDEST = 1 << 14
DENSITY_OUTPUTS = 16
"""Outputs of the network of density, all of which that of colour reads."""


@dataclass(frozen=True)
class Plan:
    """The network that a part of the configuration states."""

    hidden: int
    neurons: int
    activation: str
    output_activation: str

    def widths(self, inputs: int, outputs: int) -> list[int]:
        """Columns before and after each matrix."""
        return [inputs, *[self.neurons] * self.hidden, outputs]

    def count(self, inputs: int, outputs: int) -> int:
        """Parameters."""
        return sum(a * b for a, b in pairwise(self.widths(inputs, outputs)))

    def add_to(
        self,
        stack: Stack,
        values: NDArray[np.float32],
        reads: tuple[Span, ...],
        outputs: int,
        kept: int,
    ) -> int:
        """Put its matrices on a stack, of the last one so many rows; returns its number."""
        widths = self.widths(sum(span.width for span in reads), outputs)
        start, last = 0, INPUT
        for number, (inputs, out) in enumerate(pairwise(widths)):
            matrix = values[start : start + inputs * out].reshape(out, inputs)
            start += inputs * out
            end = number == len(widths) - 2
            activation = self.output_activation if end else self.activation
            here = reads if number == 0 else (stack.of(last),)
            last = stack.add(matrix[: kept if end else out], None, activation, reads=here)
        return last


def plan_of(value: Value) -> Plan:
    """Read a part of the configuration.

    Raises
    ------
    SceneError
    """
    if value["otype"].text(64).lower() not in TYPES:
        value["otype"].fail("an MLP")
    words = {"activation": "ReLU", "output_activation": "None"}
    found = {name: value.get(name, usual) for name, usual in words.items()}
    for word in found.values():
        if word.text(64).lower() not in ACTIVATIONS:
            word.fail(f"one of {', '.join(ACTIVATIONS)}")
    return Plan(
        value.get("n_hidden_layers", 5).integer(0, 64),
        value.get("n_neurons", 128).integer(1, WIDEST),
        *(ACTIVATIONS[word.text(64).lower()] for word in found.values()),
    )


def up(number: int, multiple: int) -> int:
    """The next multiple."""
    return -(-number // multiple) * multiple


@dataclass(frozen=True)
class Radiance:
    """The two networks of a radiance field."""

    density: Plan
    color: Plan
    density_outputs: int
    position: Coded
    direction: Coded

    def count(self, padding: tuple[int, int]) -> int:
        """Parameters of both."""
        return sum(self._counts(padding))

    def _counts(self, padding: tuple[int, int]) -> tuple[int, int]:
        position, direction, middle = self._widths(padding)
        inputs = up(middle + direction, padding[0])
        first = self.density.count(position, middle)
        return first, self.color.count(inputs, up(3, padding[1]))

    def _widths(self, padding: tuple[int, int]) -> tuple[int, int, int]:
        """Columns of position and direction, and outputs of density."""
        coded = [len(c.padded(padding[0]).columns) for c in (self.position, self.direction)]
        return coded[0], coded[1], up(self.density_outputs, padding[1])

    def network(
        self, values: NDArray[np.float32], padding: tuple[int, int]
    ) -> tuple[Network, NDArray[np.float32]]:
        """One network of both that gives density, then colour."""
        position, direction, middle = self._widths(padding)
        first, _ = self._counts(padding)
        spare = up(middle + direction, padding[0]) - middle - direction
        stack = Stack(position + direction + spare)
        place = Span(INPUT, 0, position)
        density = self.density.add_to(stack, values[:first], (place,), middle, middle)
        reads = (stack.of(density), Span(INPUT, position, stack.inputs))
        color = self.color.add_to(stack, values[first:], reads, up(3, padding[1]), 3)
        network, flat = stack.done((Span(density, 0, 1), Span(color, 0, 3)))
        return _folded(
            network, flat, [c.padded(padding[0]) for c in (self.position, self.direction)]
        )


@dataclass(frozen=True)
class Single:
    """The network of a field of one; ``results`` are its outputs in our order."""

    plan: Plan
    position: Coded
    results: tuple[int, ...]

    def count(self, padding: tuple[int, int]) -> int:
        """Parameters."""
        inputs = len(self.position.padded(padding[0]).columns)
        return self.plan.count(inputs, up(len(self.results), padding[1]))

    def network(
        self, values: NDArray[np.float32], padding: tuple[int, int]
    ) -> tuple[Network, NDArray[np.float32]]:
        """The network."""
        coded = self.position.padded(padding[0])
        stack = Stack(len(coded.columns))
        outputs = up(len(self.results), padding[1])
        kept = len(self.results)
        last = self.plan.add_to(stack, values, (stack.of(INPUT),), outputs, kept)
        network, flat = stack.done(tuple(Span(last, c, c + 1) for c in self.results))
        return _folded(network, flat, [coded])


def _folded(
    network: Network, flat: NDArray[np.float32], coded: list[Coded]
) -> tuple[Network, NDArray[np.float32]]:
    """Without the columns that never change; those behind all of ``coded`` are zeros."""
    columns = [column for part in coded for column in part.columns]
    values = [value for part in coded for value in part.constants]
    spare = network.inputs - len(columns)
    columns, values = columns + [-1] * spare, values + [0.0] * spare
    fixed = [place for place, column in enumerate(columns) if column < 0]
    return fold(network, flat, fixed, [values[place] for place in fixed])
