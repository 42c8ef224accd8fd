"""How the layers of a network share one block's memory, and how their weights are laid out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.fields.network.tile import WIDEST
from kernels.fields.networks import ACTIVATIONS, INPUT, Network, RadialBasis, Span, split
from kernels.simd import LANES
from kernels.workspace import aligned_empty

BLOCK = 48
"""Rows of a block: those of 64 floats, twice, and the weights of a layer stay in the nearest
cache. A multiple of the rows of every tile."""

KIND, ACTIVATION, DEPTH, VECTORS, X_AT, X_STRIDE, OUT_AT, OUT_STRIDE, WEIGHTS, EXTRA = range(10)
COPIES, LAST_COPY = 10, 11
"""Columns of the table of layers; places in floats from the start of the block's memory or of
the packed weights."""
FROM_AT, FROM_STRIDE, COUNT, TO_AT, TO_STRIDE = range(5)
"""Columns of the table of copies; the last ones of all go to the result."""


@dataclass(frozen=True)
class Plan:
    """Tables for the kernel, which depend on the description alone."""

    layers: NDArray[np.int64]
    omegas: NDArray[np.float32]
    copies: NDArray[np.int64]
    input_stride: int
    memory: int
    weights: int


def _padded(width: int) -> int:
    return -(-width // LANES) * LANES


class _Memory:
    """Places for values of a block, handed on as soon as nobody reads what was there."""

    def __init__(self) -> None:
        self.size = 0
        self._free: list[tuple[int, int]] = []

    def take(self, width: int) -> tuple[int, int]:
        """Place and stride for BLOCK rows of ``width`` columns: the tightest that is free."""
        stride = _padded(width)
        fitting = [place for place in self._free if place[1] >= stride]
        if fitting:
            best = min(fitting, key=lambda place: place[1])
            self._free.remove(best)
            return best
        place = (self.size, stride)
        self.size += BLOCK * stride
        return place

    def give_back(self, place: tuple[int, int]) -> None:
        """Nobody reads it any more."""
        self._free.append(place)


def _last_readers(network: Network) -> dict[int, int]:
    """For each source that is read the last layer that does; the result counts as one more."""
    readers: dict[int, int] = {}
    for index in range(len(network.layers)):
        readers |= {span.source: index for span in network.reads(index)}
    return readers | {span.source: len(network.layers) for span in network.results}


@lru_cache(maxsize=64)
def plan_of(network: Network) -> Plan:
    """The tables of a network."""
    memory, readers = _Memory(), _last_readers(network)
    places = {INPUT: memory.take(network.inputs)}
    layers = np.zeros((len(network.layers), 12), np.int64)
    copies: list[tuple[int, int, int, int, int]] = []
    weights = 0

    def copy(spans: tuple[Span, ...], to: int, stride: int) -> None:
        for span in spans:
            at, step = places[span.source]
            copies.append((at + span.first, step, span.width, to, stride))
            to += span.width

    for index, layer in enumerate(network.layers):
        spans, row = network.reads(index), layers[index]
        row[COPIES] = len(copies)
        joined = None
        if len(spans) > 1:
            joined = memory.take(layer.inputs)
            copy(spans, *joined)
        x_at, x_stride = joined or places[spans[0].source]
        row[LAST_COPY] = len(copies)
        row[X_AT] = x_at + (0 if joined else spans[0].first)
        row[X_STRIDE], row[DEPTH] = x_stride, layer.inputs
        row[VECTORS] = _padded(layer.outputs) // LANES
        places[index] = row[OUT_AT], row[OUT_STRIDE] = memory.take(layer.outputs)
        radial = isinstance(layer, RadialBasis)
        row[KIND] = radial
        name = "exponential" if isinstance(layer, RadialBasis) else layer.activation
        row[ACTIVATION] = ACTIVATIONS.index(name)
        row[WEIGHTS] = weights
        weights += _padded(layer.outputs) * layer.inputs
        row[EXTRA] = weights
        weights += _padded(layer.outputs)
        if joined:
            memory.give_back(joined)
        for source in [s for s in places if readers.get(s, s) <= index]:
            memory.give_back(places.pop(source))
    copy(network.results, 0, network.outputs)
    omegas = [getattr(layer, "omega", 1.0) for layer in network.layers]
    return Plan(
        layers, np.array(omegas, np.float32), np.array(copies, np.int64).reshape(-1, 5),
        _padded(network.inputs), memory.size, weights,
    )  # fmt: skip


def packed(network: Network, plan: Plan, parameters: Any) -> NDArray[np.float32]:
    """All weights in the order in which tiles read them, padded with zeros.

    Of a layer first the weights, groups of up to WIDEST vectors of outputs, each (inputs, outputs
    of the group); then the biases, or the factors ``-1 / (2 sigma^2)`` of squared distances.
    """
    flat = np.asarray(parameters)
    out = aligned_empty(plan.weights, np.float32)
    out[:] = 0
    widest = WIDEST * LANES
    for layer, row, own in zip(network.layers, plan.layers, split(network, flat), strict=True):
        start = row[WEIGHTS]
        for first in range(0, _padded(layer.outputs), widest):
            group = min(widest, _padded(layer.outputs) - first)
            target = out[start : start + group * layer.inputs].reshape(layer.inputs, group)
            rows = own[0][first : first + group]
            target[:, : len(rows)] = rows.T
            start += group * layer.inputs
        extra = out[row[EXTRA] : row[EXTRA] + layer.outputs]
        if isinstance(layer, RadialBasis):
            # The narrowest widths have no finite factor, and at the centre 0 times it must be 0.
            with np.errstate(divide="ignore"):
                factors = -0.5 / own[1].astype(np.float64) ** 2
            extra[:] = np.maximum(factors, np.finfo(np.float32).min)
        elif layer.bias:
            extra[:] = own[1]
    return out
