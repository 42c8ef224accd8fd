"""What a small network of a neural field is made of, and how its parameters lie in one array.

A :class:`Network` is a list of layers. Each reads columns of the network's input and of layers
before it (by default all of the layer before), so that concatenating the input again in the
middle (DeepSDF, NeRF), a branch for the direction of view (NeRF, instant-ngp) and results taken
from several layers (density and colour) need nothing further.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

INPUT = -1
"""The source of a :class:`Span` that is the input of the network."""

SHARPNESS = 10.0
"""K of squareplus and softplus (``tiny-cuda-nn:include/tiny-cuda-nn/common_device.h``)."""

ACTIVATIONS = (
    "none", "relu", "leaky_relu", "silu", "exponential", "sine", "sigmoid", "squareplus",
    "softplus", "tanh",
)  # fmt: skip
"""
In terms of ``v = W x + b``: ``v``; ``max(v, 0)``; ``max(v, 0.01 v)``; ``v / (1 + exp(-v))``;
``exp(v)``; ``sin(omega v)``; ``1 / (1 + exp(-v))``; ``(v + sqrt(v^2 + 4 / K^2)) / 2``;
``log(1 + exp(K v)) / K``; ``tanh(v)``, with K = 10.
"""


@dataclass(frozen=True)
class Span:
    """Columns ``first`` to ``last - 1`` of a layer's result, or of the input."""

    source: int
    first: int
    last: int

    @property
    def width(self) -> int:
        """How many columns."""
        return self.last - self.first


@dataclass(frozen=True)
class Layer:
    """``activation(W x + b)``; parameters: W by rows (outputs, inputs), then b where there is one.

    ``omega`` is the frequency of a sine (Sitzmann et al. 2020, SIREN, section 3.2) and 1 for all
    other activations. ``reads`` is what is concatenated to x; nothing means all of the layer
    before.
    """

    inputs: int
    outputs: int
    activation: str = "none"
    omega: float = 1.0
    bias: bool = True
    reads: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be {', '.join(ACTIVATIONS)}, got {self.activation}")
        if self.omega != 1.0 and self.activation != "sine":
            raise ValueError(f"only a sine has a frequency, not {self.activation}")
        if not math.isfinite(self.omega):
            raise ValueError(f"omega must be finite, got {self.omega}")

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of its parameters, in their order."""
        weights = (self.outputs, self.inputs)
        return (weights, (self.outputs,)) if self.bias else (weights,)


@dataclass(frozen=True)
class RadialBasis:
    """``h_j = exp(-|x - mu_j|^2 / (2 sigma_j^2))`` (arXiv 2503.06762, a layer of Gaussians).

    Parameters: the centres mu by rows (kernels, inputs), then the widths sigma (kernels,).
    """

    inputs: int
    kernels: int
    reads: tuple[Span, ...] = ()

    @property
    def outputs(self) -> int:
        """One column for each kernel."""
        return self.kernels

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of its parameters, in their order."""
        return ((self.kernels, self.inputs), (self.kernels,))


@dataclass(frozen=True)
class Network:
    """Layers in the order in which they are computed; no layer reads one that comes later.

    Parameters
    ----------
    layers
        At least one.
    inputs
        Columns of the input; 0 stands for those of the first layer.
    results
        What the network gives, concatenated; nothing means all of the last layer.

    Raises
    ------
    ValueError
        Where a layer reads what is not there, or another number of columns than it has inputs.

    Notes
    -----
    The parameters of all layers follow each other in one flat array, in the order of the layers
    and, within one, of its ``shapes``. For layers without bias that is the order of
    tiny-cuda-nn, if ``outputs`` counts its padding (``fully_fused_mlp.h``).
    """

    layers: tuple[Layer | RadialBasis, ...]
    inputs: int = 0
    results: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        if not self.layers:
            raise ValueError("a network has at least one layer")
        if self.inputs == 0:
            object.__setattr__(self, "inputs", self.layers[0].inputs)
        for index, layer in enumerate(self.layers):
            if layer.inputs < 1 or layer.outputs < 1:
                raise ValueError(f"layer {index} is {layer.inputs} to {layer.outputs}")
            spans = self.reads(index)
            self._check(spans, index, f"layer {index}")
            width = sum(span.width for span in spans)
            if width != layer.inputs:
                raise ValueError(f"layer {index} has {layer.inputs} inputs and reads {width}")
        if not self.results:
            last = len(self.layers) - 1
            object.__setattr__(self, "results", (Span(last, 0, self.layers[last].outputs),))
        self._check(self.results, len(self.layers), "the result")

    def _check(self, spans: tuple[Span, ...], before: int, reader: str) -> None:
        for span in spans:
            if not INPUT <= span.source < before:
                raise ValueError(f"{reader} reads layer {span.source}, which is not before it")
            width = self.width_of(span.source)
            if not 0 <= span.first < span.last <= width:
                raise ValueError(
                    f"{reader} reads columns {span.first} to {span.last} of {width} of "
                    + ("the input" if span.source == INPUT else f"layer {span.source}")
                )

    def width_of(self, source: int) -> int:
        """Columns of a layer's result, or of the input."""
        return self.inputs if source == INPUT else self.layers[source].outputs

    def reads(self, index: int) -> tuple[Span, ...]:
        """What layer ``index`` reads, concatenated."""
        return self.layers[index].reads or (Span(index - 1, 0, self.width_of(index - 1)),)

    @property
    def outputs(self) -> int:
        """Columns of the result."""
        return sum(span.width for span in self.results)

    @property
    def parameter_count(self) -> int:
        """Length of the flat array of parameters."""
        return sum(math.prod(shape) for layer in self.layers for shape in layer.shapes)


def chain(
    widths: Sequence[int],
    activation: str,
    last: str = "none",
    omega: float = 1.0,
    bias: bool = True,
) -> Network:
    """Layers one after the other, ``widths[0]`` inputs and ``widths[-1]`` outputs.

    All but the last layer have ``activation`` (``omega`` belongs to it), the last has ``last``.
    """
    *hidden, end = pairwise(widths)
    layers = [Layer(a, b, activation, omega, bias) for a, b in hidden]
    return Network((*layers, Layer(*end, last, 1.0, bias)))


def split(network: Network, parameters: Any) -> list[tuple[Any, ...]]:
    """Views of the flat parameters (NumPy or torch): for each layer those of its ``shapes``."""
    layers, start = [], 0
    for layer in network.layers:
        views = []
        for shape in layer.shapes:
            end = start + math.prod(shape)
            views.append(parameters[start:end].reshape(shape))
            start = end
        layers.append(tuple(views))
    return layers


def flatten(network: Network, arrays: Sequence[Any]) -> NDArray[np.float32]:
    """The flat parameters from the arrays of all layers, in the order that :func:`split` has.

    Raises
    ------
    ValueError
        Where an array has another shape than its layer says, or the numbers of arrays differ.
    """
    shapes = [shape for layer in network.layers for shape in layer.shapes]
    if len(arrays) != len(shapes):
        raise ValueError(f"the network has {len(shapes)} arrays of parameters, got {len(arrays)}")
    flat = np.empty(network.parameter_count, np.float32)
    places = (view for views in split(network, flat) for view in views)
    for number, (place, array) in enumerate(zip(places, arrays, strict=True)):
        values = np.asarray(array)
        if values.shape != place.shape:
            raise ValueError(f"array {number} must be {place.shape}, got {values.shape}")
        place[...] = values
    return flat


def fold(
    network: Network, parameters: NDArray[np.float32], columns: Sequence[int], values: Any
) -> tuple[Network, NDArray[np.float32]]:
    """The network without those columns of its input, which always have those values.

    What they add to a layer, ``W[:, columns] values``, becomes part of its bias (computed in
    float64); a layer without bias gets one if that is not zero. Codes of shapes (DeepSDF) and
    padding (tiny-cuda-nn) come to this.

    Raises
    ------
    ValueError
        Where the result, a radial basis or all that a layer reads is among the columns.
    """
    constant = dict(zip(columns, map(float, values), strict=True))
    kept = [column for column in range(network.inputs) if column not in constant]
    moved = {(INPUT, column): (INPUT, index) for index, column in enumerate(kept)}
    layers: list[Layer | RadialBasis] = []
    arrays: list[Any] = []
    for index, (layer, own) in enumerate(
        zip(network.layers, split(network, parameters), strict=True)
    ):
        places = _places(network.reads(index))
        fixed = [p for p, (source, c) in enumerate(places) if source == INPUT and c in constant]
        read = np.delete(np.arange(len(places)), fixed)
        reads = _spans([moved.get(places[p], places[p]) for p in read])
        if isinstance(layer, RadialBasis):
            if fixed:
                raise ValueError("a radial basis reads columns that are constant")
            layers.append(replace(layer, reads=reads))
            arrays += own
            continue
        added = own[0][:, fixed].astype(np.float64) @ [constant[places[p][1]] for p in fixed]
        weights = np.delete(own[0], fixed, 1)
        biased = layer.bias or bool(np.any(added))
        layers.append(replace(layer, inputs=weights.shape[1], bias=biased, reads=reads))
        arrays += [weights, (own[1] if layer.bias else 0) + added] if biased else [weights]
    results = _places(network.results)
    if any(source == INPUT and column in constant for source, column in results):
        raise ValueError("the result has columns of the input that are constant")
    spans = _spans([moved.get(place, place) for place in results])
    smaller = Network(tuple(layers), len(kept), spans)
    return smaller, flatten(smaller, arrays)


def part(
    network: Network, parameters: NDArray[np.float32], first: int, last: int
) -> tuple[Network, NDArray[np.float32]]:
    """The network that gives only columns ``first`` to ``last - 1`` of the result.

    Layers that those do not need are gone, and the columns of the input behind the last that is
    read, so that density costs no colour and no direction.
    """
    results = _spans(_places(network.results)[first:last])
    needed = {span.source for span in results}
    for index in reversed(range(len(network.layers))):
        if index in needed:
            needed |= {span.source for span in network.reads(index)}
    kept = sorted(needed - {INPUT})
    moved = {source: place for place, source in enumerate(kept)} | {INPUT: INPUT}

    def renamed(spans: Sequence[Span]) -> tuple[Span, ...]:
        return tuple(replace(span, source=moved[span.source]) for span in spans)

    layers = [replace(network.layers[index], reads=renamed(network.reads(index))) for index in kept]
    spans = [span for layer in layers for span in layer.reads] + list(renamed(results))
    inputs = max((span.last for span in spans if span.source == INPUT), default=1)
    arrays = split(network, parameters)
    smaller = Network(tuple(layers), inputs, renamed(results))
    return smaller, flatten(smaller, [array for index in kept for array in arrays[index]])


def _places(spans: Sequence[Span]) -> list[tuple[int, int]]:
    """Source and column of every column of spans."""
    return [(span.source, column) for span in spans for column in range(span.first, span.last)]


def _spans(places: Sequence[tuple[int, int]]) -> tuple[Span, ...]:
    """The spans that such columns make."""
    found: list[Span] = []
    for source, column in places:
        if found and found[-1].source == source and found[-1].last == column:
            found[-1] = replace(found[-1], last=column + 1)
        else:
            found.append(Span(source, column, column + 1))
    return tuple(found)
