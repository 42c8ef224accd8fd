"""Networks of any width on a GPU: layer by layer, each a blocked product with its activation.

Rows may be those of values, followed by those of their derivatives in several directions
(``sides`` times as many rows), which go through the same weights: forward mode (Griewank and
Walther 2008, section 3.1).
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl

from kernels.cuda.functions import exp
from kernels.cuda.residents import derived, resident
from kernels.fields.network.device import activate, derivative, halved, product
from kernels.fields.networks import ACTIVATIONS, INPUT, Network, RadialBasis, Span, split

ROWS, WIDTH, DEPTH = 128, 64, 16
"""Rows and outputs of a program, and inputs that it reads at a time: with 8 warps two programs
have room on a multiprocessor."""
WARPS = 8
RADIAL_WIDTH = 32
MOST_FLOATS = 1 << 25
"""Inputs and results of the largest layers: some hundred megabytes, and the caches hold half."""


@triton.jit
def _tile(
    count, sides, outputs, SIDES: tl.constexpr, ROWS: tl.constexpr, WIDTH: tl.constexpr
):  # fmt: skip
    """Of a program: the sides, samples and outputs of its tile, and which of them there are.

    Programs that read the same rows follow each other.
    """
    SAMPLES: tl.constexpr = ROWS // SIDES
    across = tl.cdiv(outputs, WIDTH)
    place = tl.arange(0, ROWS)
    side = place // SAMPLES
    sample = (tl.program_id(0) // across).to(tl.int64) * SAMPLES + place % SAMPLES
    n = tl.program_id(0) % across * WIDTH + tl.arange(0, WIDTH)
    return side, sample, (sample < count) & (side < sides), n, n < outputs


@triton.jit
def _of_values(tile, SIDES: tl.constexpr):
    """The rows of values of a tile, once for each side."""
    HIGH: tl.constexpr = tile.shape[0]
    WIDE: tl.constexpr = tile.shape[1]
    apart = tl.reshape(tile, (SIDES, HIGH // SIDES, WIDE))
    is_value = (tl.arange(0, SIDES) == 0)[:, None, None]
    values = tl.sum(tl.where(is_value, apart, 0.0), 0)
    spread = tl.broadcast_to(values[None, :, :], (SIDES, HIGH // SIDES, WIDE))
    return tl.reshape(spread, (HIGH, WIDE))


@triton.jit(do_not_specialize=["count"])
def _dense(
    x, weights, bias, out, count, sides, stride, depth, outputs, omega,
    BIAS: tl.constexpr, KIND: tl.constexpr, SIDES: tl.constexpr, ROWS: tl.constexpr,
    WIDTH: tl.constexpr, DEPTH: tl.constexpr,
):  # fmt: skip
    """``weights`` (depth, outputs); rows of ``x`` are ``stride`` apart."""
    side, sample, used, n, inside = _tile(count, sides, outputs, SIDES, ROWS, WIDTH)
    row = side * count.to(tl.int64) + sample
    total = tl.zeros([ROWS, WIDTH], tl.float32)
    for first in range(0, depth, DEPTH):
        k = first + tl.arange(0, DEPTH)
        left = tl.load(x + row[:, None] * stride + k[None, :],
                       mask=used[:, None] & (k < depth)[None, :], other=0.0)  # fmt: skip
        right = tl.load(weights + k[:, None] * outputs + n[None, :],
                        mask=(k < depth)[:, None] & inside[None, :], other=0.0)  # fmt: skip
        high, low = halved(left)
        total = product(high, low, right, total)
    given = tl.zeros([WIDTH], tl.float32)
    if BIAS:
        given = tl.load(bias + n, mask=inside, other=0.0)
    if SIDES == 1:
        h = activate(total + given[None, :], omega, KIND)
    else:
        v = _of_values(total, SIDES) + given[None, :]
        h = activate(v, omega, KIND)
        rate = derivative(v, h, omega, KIND)
        h = tl.where((side == 0)[:, None], h, tl.where(rate == 0.0, 0.0, rate * total))
    at = out + row[:, None] * outputs + n[None, :]
    tl.store(at, h, mask=used[:, None] & inside[None, :])


@triton.jit(do_not_specialize=["count"])
def _radial(
    x, centres, factors, out, count, sides, stride, depth, outputs,
    SIDES: tl.constexpr, ROWS: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    """``exp(factor |x - mu|^2)`` by differences; ``centres`` (depth, outputs)."""
    side, sample, used, n, inside = _tile(count, sides, outputs, SIDES, ROWS, WIDTH)
    row = side * count.to(tl.int64) + sample
    total = tl.zeros([ROWS, WIDTH], tl.float32)
    for k in range(depth):
        left = tl.load(x + row * stride + k, mask=used, other=0.0)
        centre = tl.load(centres + k * outputs + n, mask=inside, other=0.0)
        if SIDES == 1:
            away = left[:, None] - centre[None, :]
            total = tl.fma(away, away, total)
        else:
            value = tl.load(x + sample * stride + k, mask=used, other=0.0)
            away = value[:, None] - centre[None, :]
            along = tl.where((side == 0)[:, None], away, 2.0 * left[:, None])
            total = tl.fma(away, along, total)
    factor = tl.load(factors + n, mask=inside, other=0.0)[None, :]
    if SIDES == 1:
        h = exp(factor * total)
    else:
        h = exp(factor * _of_values(total, SIDES))
        h = tl.where((side == 0)[:, None], h, h * factor * total)
    at = out + row[:, None] * outputs + n[None, :]
    tl.store(at, h, mask=used[:, None] & inside[None, :])


def _turned(network: Network, parameters: Any) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Weights (inputs, outputs) of each layer, and biases or factors of squared distances."""
    flat = resident(parameters).float()
    found = []
    for layer, own in zip(network.layers, split(network, flat), strict=True):
        weights = own[0].T.contiguous()
        if isinstance(layer, RadialBasis):
            # The narrowest widths have no finite factor, and at the centre 0 times it must be 0.
            factors = (-0.5 / own[1].double() ** 2).clamp_min(torch.finfo(torch.float32).min)
            found.append((weights, factors.float()))
        else:
            found.append((weights, own[1].contiguous() if layer.bias else weights))
    return found


def _read(values: dict[int, torch.Tensor], spans: tuple[Span, ...]) -> torch.Tensor:
    """Columns of results, concatenated where they are several."""
    parts = [values[span.source][:, span.first : span.last] for span in spans]
    return parts[0] if len(parts) == 1 else torch.cat(parts, 1)


def _layer(layer: Any, x: torch.Tensor, own: Any, count: int, sides: int) -> torch.Tensor:
    out = torch.empty((len(x), layer.outputs), dtype=torch.float32, device=x.device)
    whole = triton.next_power_of_2(sides)
    samples = ROWS // whole
    first, second = own
    if isinstance(layer, RadialBasis):
        _radial[(triton.cdiv(count, samples) * triton.cdiv(layer.outputs, RADIAL_WIDTH),)](
            x, first, second, out, count, sides, x.stride(0), layer.inputs, layer.outputs,
            SIDES=whole, ROWS=ROWS, WIDTH=RADIAL_WIDTH, num_warps=WARPS,
        )  # fmt: skip
        return out
    width = min(max(triton.next_power_of_2(layer.outputs), 16), WIDTH)
    _dense[(triton.cdiv(count, samples) * triton.cdiv(layer.outputs, width),)](
        x, first, second, out, count, sides, x.stride(0), layer.inputs, layer.outputs,
        float(layer.omega), BIAS=layer.bias, KIND=ACTIVATIONS.index(layer.activation),
        SIDES=whole, ROWS=ROWS, WIDTH=width, DEPTH=DEPTH, num_warps=WARPS,
    )  # fmt: skip
    return out


def _last_readers(network: Network) -> dict[int, int]:
    """For each source that the results need, the last layer that reads it; results count as one
    more."""
    readers = {span.source: len(network.layers) for span in network.results}
    for index in reversed(range(len(network.layers))):
        if index in readers:
            for span in network.reads(index):
                readers.setdefault(span.source, index)
    return readers


def through(network: Network, inputs: torch.Tensor, parameters: Any, sides: int = 1) -> Any:
    """(sides N, outputs) of rows (sides N, inputs): values, then derivatives direction by
    direction."""
    layers = network.layers
    weights = derived(parameters, ("turned", layers), lambda array: _turned(network, array))
    readers, count = _last_readers(network), len(inputs) // sides
    values = {INPUT: inputs}
    for index, layer in enumerate(network.layers):
        if index not in readers:
            continue
        x = _read(values, network.reads(index))
        values[index] = _layer(layer, x, weights[index], count, sides)
        for source in [s for s in values if readers.get(s, -1) <= index]:
            del values[source]
    return _read(values, network.results).contiguous()


def rows_at_a_time(network: Network) -> int:
    """How many go through together, so that what layers give does not fill the memory."""
    widths = [network.inputs, *(layer.outputs for layer in network.layers)]
    return max(MOST_FLOATS // sum(sorted(widths)[-3:]), ROWS)
