"""How one block of rows goes forth and back through a network: places, tables and weights.

Nothing is handed on as in :mod:`kernels.fields.network.plan`: every layer's values are needed
again on the way back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.fields.network.plan import (
    ACTIVATION,
    BLOCK,
    COPIES,
    DEPTH,
    EXTRA,
    KIND,
    LAST_COPY,
    OUT_AT,
    OUT_STRIDE,
    VECTORS,
    WEIGHTS,
    X_AT,
    X_STRIDE,
    packed,
)
from kernels.fields.network.plan import plan_of as network_plan
from kernels.fields.networks import ACTIVATIONS, INPUT, Layer, Network, RadialBasis, Span, split
from kernels.simd import LANES

KEPT, GRADIENT = 12, 13
"""Further columns of the forward table: where values before the activation stay (-1 where the
derivative follows from those behind it), and where the derivatives of the values are summed."""
NEEDS_ARGUMENT = ("silu", "sine")


@dataclass(frozen=True)
class Plan:
    """Tables for the kernel, and the networks as which weights are packed.

    ``forward`` has the columns of :mod:`kernels.fields.network.plan`; so has ``backward``, whose
    copies are additions. ``kept`` are the layers of the whole network that ``forth`` has.
    """

    kept: tuple[int, ...]
    forth: Network
    back: Network
    forward: NDArray[np.int64]
    backward: NDArray[np.int64]
    omegas: NDArray[np.float32]
    copies: NDArray[np.int64]
    additions: NDArray[np.int64]
    input_stride: int
    input_gradient: int
    gradients: tuple[int, int]
    result: tuple[int, int]
    seed: int
    memory: int


def _padded(width: int) -> int:
    return -(-width // LANES) * LANES


def _without_unused(network: Network, column: int) -> tuple[tuple[int, ...], Network]:
    """The layers that one result needs, and the network of those alone."""
    columns = [(span.source, c) for span in network.results for c in range(span.first, span.last)]
    source, at = columns[column]
    needed, found = set(), [max(source, 0)]
    while found:
        index = found.pop()
        if index != INPUT and index not in needed:
            needed.add(index)
            found += [span.source for span in network.reads(index)]
    kept = tuple(sorted(needed))
    number = {INPUT: INPUT} | {index: new for new, index in enumerate(kept)}

    def renamed(spans: tuple[Span, ...]) -> tuple[Span, ...]:
        return tuple(Span(number[span.source], span.first, span.last) for span in spans)

    layers = tuple(replace(network.layers[i], reads=renamed(network.reads(i))) for i in kept)
    return kept, Network(layers, network.inputs, (Span(number[source], at, at + 1),))


def _transposed(network: Network) -> Network:
    """Layers that read derivatives of results and give those of inputs, each on its own."""
    layers = tuple(
        Layer(layer.outputs, layer.inputs, bias=False, reads=(Span(INPUT, 0, layer.outputs),))
        for layer in network.layers
    )
    return Network(layers, max(layer.inputs for layer in layers))


@lru_cache(maxsize=64)
def plan_of(network: Network, column: int) -> Plan:
    """The tables for one result of a network."""
    kept, forth = _without_unused(network, column)
    back = _transposed(forth)
    size = 0

    def take(width: int) -> tuple[int, int]:
        nonlocal size
        place = (size, _padded(width))
        size += BLOCK * place[1]
        return place

    count = len(forth.layers)
    forward, backward = np.zeros((count, 14), np.int64), np.zeros((count, 12), np.int64)
    copies: list[tuple[int, int, int, int, int]] = []
    additions: list[tuple[int, int, int, int, int]] = []
    sources = range(INPUT, count)
    values = {source: take(forth.width_of(source)) for source in sources}
    first_gradient = size
    gradients = {source: take(forth.width_of(source))[0] for source in sources}
    last_gradient = size
    scratch = take(max(layer.inputs for layer in forth.layers))[0]
    tables = network_plan(forth).layers, network_plan(back).layers
    for index, layer in enumerate(forth.layers):
        ahead, behind = forward[index], backward[index]
        radial = isinstance(layer, RadialBasis)
        name = "exponential" if isinstance(layer, RadialBasis) else layer.activation
        spans = forth.reads(index)
        stride = _padded(layer.inputs)
        ahead[COPIES], behind[COPIES] = len(copies), len(additions)
        joined = take(layer.inputs) if len(spans) > 1 else None
        to = 0
        for span in spans:
            at, step = values[span.source]
            if joined:
                copies.append((at + span.first, step, span.width, joined[0] + to, joined[1]))
            target = gradients[span.source] + span.first
            additions.append((scratch + to, stride, span.width, target, step))
            to += span.width
        ahead[LAST_COPY], behind[LAST_COPY] = len(copies), len(additions)
        x_at, x_stride = joined or values[spans[0].source]
        ahead[X_AT], ahead[X_STRIDE] = x_at + (0 if joined else spans[0].first), x_stride
        ahead[DEPTH], ahead[VECTORS] = layer.inputs, _padded(layer.outputs) // LANES
        ahead[OUT_AT], ahead[OUT_STRIDE] = values[index]
        ahead[KIND], ahead[ACTIVATION] = radial, ACTIVATIONS.index(name)
        ahead[KEPT] = take(layer.outputs)[0] if name in NEEDS_ARGUMENT else -1
        ahead[GRADIENT] = gradients[index]
        behind[X_AT], behind[X_STRIDE] = gradients[index], values[index][1]
        behind[DEPTH], behind[VECTORS] = layer.outputs, stride // LANES
        behind[OUT_AT], behind[OUT_STRIDE] = scratch, stride
        for row, table in zip((ahead, behind), tables, strict=True):
            row[[WEIGHTS, EXTRA]] = table[index, [WEIGHTS, EXTRA]]
    (result,) = forth.results
    at, stride = values[result.source]
    omegas = np.array([getattr(layer, "omega", 1.0) for layer in forth.layers], np.float32)
    there, home = (np.array(rows, np.int64).reshape(-1, 5) for rows in (copies, additions))
    return Plan(
        kept, forth, back, forward, backward, omegas, there, home, values[INPUT][1],
        gradients[INPUT], (first_gradient, last_gradient), (at + result.first, stride),
        gradients[result.source] + result.first, size,
    )  # fmt: skip


def weights_of(network: Network, plan: Plan, parameters: Any) -> tuple[Any, Any]:
    """Packed weights for the way forth and for the way back."""
    own = split(network, np.asarray(parameters, np.float32))
    needed = [own[index] for index in plan.kept]
    ahead = np.concatenate([array.ravel() for views in needed for array in views])
    # Rows of the weights are the columns of those of the way back.
    behind = np.concatenate([views[0].T.ravel() for views in needed])
    return (
        packed(plan.forth, network_plan(plan.forth), ahead),
        packed(plan.back, network_plan(plan.back), behind),
    )
