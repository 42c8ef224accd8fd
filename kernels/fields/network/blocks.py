"""A small network as the text of a Triton kernel: all layers of a tile of samples in registers.

The columns of every layer's result are cut into blocks of up to 64, padded to a power of two of at
least 16, so that a layer is a few products of a tile with a padded matrix of weights. Columns of
a block that a layer does not read have weights of zero; and as zero times what is no number is no
number, they are zeros too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kernels.fields.networks import ACTIVATIONS, INPUT, Layer, Network, Span

WIDEST = 32
"""Columns of a block."""
WIDEST_LAYER = 64
"""Wider ones do not stay in registers."""
MOST_INPUTS = 512
MOST_WEIGHTS = 1 << 15
"""Eight layers of 64: code for more is compiled for a minute, and does not fit its cache."""


@dataclass(frozen=True)
class Block:
    """Columns ``first`` to ``first + count - 1`` of a source, as a tile of ``padded`` columns."""

    source: int
    first: int
    count: int

    @property
    def padded(self) -> int:
        """A power of two."""
        return max(16, 1 << (self.count - 1).bit_length())

    @property
    def name(self) -> str:
        """Of the tile."""
        return f"{'x' if self.source == INPUT else f'v{self.source}'}_{self.first}"


def blocks_of(source: int, first: int, last: int) -> tuple[Block, ...]:
    """The columns ``first`` to ``last - 1`` in blocks."""
    return tuple(
        Block(source, start, min(WIDEST, last - start)) for start in range(first, last, WIDEST)
    )


def in_registers(network: Network) -> bool:
    """Whether a network is made of layers that a kernel can hold."""
    return (
        network.inputs <= MOST_INPUTS
        and network.parameter_count <= MOST_WEIGHTS
        and all(isinstance(one, Layer) and one.outputs <= WIDEST_LAYER for one in network.layers)
    )


@dataclass
class Padded:
    """Where padded weights come from: ``size`` zeros, to which parameters are added.

    ``take`` are places of parameters of a network, and ``put`` those among the padded weights.
    """

    take: list[int] = field(default_factory=list)
    put: list[int] = field(default_factory=list)
    size: int = 0

    @property
    def places(self) -> NDArray[np.int64]:
        """(2, n): ``take`` and ``put``."""
        return np.array([self.take, self.put], np.int64)


class Writer:
    """Writes the layers of a network, of which the text around gives the input.

    Parameters
    ----------
    network
        For which :func:`in_registers` holds.
    rows
        Name of the constant number of samples of a tile.
    load
        The expression of a block of the input.
    at_hand
        Blocks of the input that are there once and for all readers: :meth:`feed` takes them
        before the first layer. What layers read of other columns is loaded by each.
    """

    def __init__(
        self,
        network: Network,
        rows: str,
        load: Callable[[Block], str],
        at_hand: Sequence[Block] = (),
    ) -> None:
        self.lines: list[str] = []
        self.weights = Padded()
        self._network, self._rows, self._load, self._at_hand = network, rows, load, at_hand
        self._starts: list[int] = []
        start = 0
        for layer in network.layers:
            self._starts.append(start)
            start += sum(int(np.prod(shape)) for shape in layer.shapes)
        self._begun: set[str] = set()

    def _columns(self, index: int, block: Block) -> dict[int, list[int]]:
        """Which inputs of a layer (places in its weights) read which columns of a block."""
        found: dict[int, list[int]] = {}
        place = 0
        for span in self._network.reads(index):
            for column in range(span.first, span.last):
                if span.source == block.source and 0 <= column - block.first < block.count:
                    found.setdefault(column - block.first, []).append(place)
                place += 1
        return found

    def _product(self, index: int, block: Block) -> None:
        """Add to the sums of a layer what it reads of a block."""
        reads = self._columns(index, block)
        if not reads:
            return
        layer, tile = self._network.layers[index], block.name
        if len(reads) < block.count:
            own = _one_of(f"tl.arange(0, {block.padded})[None, :]", sorted(reads))
            self.lines.append(f"part = tl.where({own}, {tile}, 0.0)")
            tile = "part"
        self.lines.append(f"high, low = halved({tile})")
        for out in blocks_of(index, 0, layer.outputs):
            begin = self.weights.size
            for column, places in reads.items():
                for n in range(out.count):
                    for place in places:
                        row = self._starts[index] + (out.first + n) * layer.inputs
                        self.weights.take.append(row + place)
                        self.weights.put.append(begin + column * out.padded + n)
            self.weights.size += block.padded * out.padded
            matrix = (f"tl.load(weights + {begin} + tl.arange(0, {block.padded})[:, None] * "
                      f"{out.padded} + tl.arange(0, {out.padded})[None, :])")  # fmt: skip
            known = out.name if out.name in self._begun else (
                f"tl.zeros([{self._rows}, {out.padded}], tl.float32)"
            )  # fmt: skip
            self._begun.add(out.name)
            self.lines.append(f"{out.name} = product(high, low, {matrix}, {known})")

    def feed(self, block: Block) -> None:
        """Add a block of the input, which is there now, to all layers that read it."""
        for index in range(len(self._network.layers)):
            self._product(index, block)

    def _sources(self, index: int) -> list[Block]:
        """Blocks that a layer reads and that were not fed."""
        fed = {c for b in self._at_hand for c in range(b.first, b.first + b.count)}
        found: list[Block] = []
        wanted: set[int] = set()
        for span in self._network.reads(index):
            if span.source == INPUT:
                wanted |= set(range(span.first, span.last)) - fed
            else:
                found += blocks_of(span.source, 0, self._network.width_of(span.source))
        for first, last in _runs(sorted(wanted)):
            found += blocks_of(INPUT, first, last)
        return list(dict.fromkeys(found))

    def layers(self) -> None:
        """All layers, in their order."""
        for index, layer in enumerate(self._network.layers):
            assert isinstance(layer, Layer)  # in_registers
            for block in self._sources(index):
                if block.source == INPUT:
                    self.lines.append(f"{block.name} = {self._load(block)}")
                self._product(index, block)
            for out in blocks_of(index, 0, layer.outputs):
                value = out.name
                if layer.bias:
                    first = self._starts[index] + layer.outputs * layer.inputs + out.first
                    self.weights.take += range(first, first + out.count)
                    self.weights.put += range(self.weights.size, self.weights.size + out.count)
                    value += (f" + tl.load(weights + {self.weights.size} + "
                              f"tl.arange(0, {out.padded}))[None, :]")  # fmt: skip
                    self.weights.size += out.padded
                kind = ACTIVATIONS.index(layer.activation)
                self.lines.append(f"{out.name} = activate({value}, {layer.omega!r}, {kind})")

    def results(self) -> list[tuple[Block, Span, int]]:
        """Blocks that hold results: which of their columns, and the first result they are."""
        found, column = [], 0
        for span in self._network.results:
            for block in blocks_of(span.source, 0, self._network.width_of(span.source)):
                first = max(span.first, block.first)
                last = min(span.last, block.first + block.count)
                if first < last:
                    own = Span(span.source, first, last)
                    found.append((block, own, column + first - span.first))
            column += span.width
        return found


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """First and last + 1 of those that follow each other."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number:
            runs[-1] = runs[-1][0], number + 1
        else:
            runs.append((number, number + 1))
    return runs


def _one_of(column: str, wanted: Sequence[int]) -> str:
    """Whether a column is among some."""
    return " | ".join(f"(({column} >= {a}) & ({column} < {b}))" for a, b in _runs(wanted))


_HEAD = """import triton
import triton.language as tl

from kernels.fields.network.device import activate, halved, product


@triton.jit(do_not_specialize=["count"])
def forward(inputs, weights, out, count, stride, ROWS: tl.constexpr):
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    used = row < count
"""


@lru_cache(maxsize=64)
def written(network: Network) -> tuple[str, Padded]:
    """The text of the kernel ``forward`` of a network, and its weights.

    ``forward(inputs, weights, out, count, stride, ROWS)`` evaluates rows of ``inputs``, ``stride``
    apart, to rows of ``out``.
    """

    def load(block: Block) -> str:
        column = f"tl.arange(0, {block.padded})"
        inside = f"used[:, None] & ({column} < {block.count})[None, :]"
        return (f"tl.load(inputs + row[:, None] * stride + ({block.first} + {column})[None, :], "
                f"mask={inside}, other=0.0)")  # fmt: skip

    writer = Writer(network, "ROWS", load)
    writer.layers()
    body = writer.lines
    for block, own, column in writer.results():
        if block.source == INPUT:
            body.append(f"{block.name} = {load(block)}")
        place = f"(tl.arange(0, {block.padded}) + {block.first})"
        inside = f"used[:, None] & (({place} >= {own.first}) & ({place} < {own.last}))[None, :]"
        at = f"out + row[:, None] * {network.outputs} + ({place} + {column - own.first})[None, :]"
        body.append(f"tl.store({at}, {block.name}, mask={inside})")
    lines = "\n".join("    " + line for line in body)
    return f"{_HEAD}{lines}\n", writer.weights
