"""Encodings with parameters, differentiable and quick on a CPU."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kernels.fields.encode import encode
from kernels.fields.encodings import PLANES, Composite, Encoding, HashGrid, Simplex, TriPlane
from render.fitting.corners import GRID, PLANE, SIMPLEX, gather, scatter

BLOCK = 8192
"""Samples that one thread takes at a time."""


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="fitting")


def _all_done(work: Callable[[int], None], numbers: Iterable[int]) -> None:
    """Call ``work`` for each number, on as many threads as torch uses."""
    numbers = list(numbers)
    if len(numbers) == 1 or torch.get_num_threads() == 1:
        for number in numbers:
            work(number)
        return
    for _ in _pool().map(work, numbers):
        pass


@lru_cache(maxsize=64)
def _tables(
    encoding: HashGrid | Simplex | TriPlane,
) -> tuple[int, float, NDArray[np.int64], NDArray[np.float64]]:
    """Kind, skew, and the levels as the kernels read them; a plane is a level."""
    if isinstance(encoding, TriPlane):
        side = encoding.resolution
        rows = [
            (side**2, number * side**2, 0, 1, side, 0, across, down, 0)
            for number, (across, down) in enumerate(PLANES)
        ]
        return PLANE, 0.0, np.array(rows, np.int64), np.full(3, side - 1.0)
    levels: list[tuple[int, ...]] = []
    for level in encoding.tables:
        strides = (*level.strides, 0)[:3]
        levels.append((level.size, level.first, int(level.hashed), *strides, 0, 1, 2))
    scales = np.array([level.scale for level in encoding.tables])
    simplex = isinstance(encoding, Simplex)
    skew = encoding.skew if isinstance(encoding, Simplex) else 0.0
    return SIMPLEX if simplex else GRID, skew, np.array(levels, np.int64), scales


class _Corners(torch.autograd.Function):
    """Features of each level (or plane) side by side; gradients flow to the parameters alone."""

    @staticmethod
    def forward(ctx: Any, positions: Any, parameters: Any, encoding: Any) -> torch.Tensor:
        kind, skew, levels, scales = _tables(encoding)
        features = encoding.features
        spots = positions.detach().contiguous().numpy()
        table = parameters.detach().numpy().reshape(-1, features)
        out = np.empty((len(spots), len(levels) * features), np.float32)

        def work(first: int) -> None:
            part = slice(first, first + BLOCK)
            gather(
                kind, skew, encoding.inputs, levels, scales, spots[part], table,
                (0,) * features, out[part],
            )  # fmt: skip

        _all_done(work, range(0, len(spots), BLOCK))
        ctx.spots, ctx.encoding = spots, encoding
        return torch.from_numpy(out)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        encoding = ctx.encoding
        kind, skew, levels, scales = _tables(encoding)
        features = encoding.features
        given = gradients[0].contiguous().numpy()
        found = np.zeros(encoding.parameters, np.float32)
        table = found.reshape(-1, features)

        def work(number: int) -> None:
            scatter(
                kind, skew, encoding.inputs, levels, scales, number, ctx.spots, given,
                (0,) * features, table,
            )  # fmt: skip

        # Fine levels take longest, so they come first.
        _all_done(work, reversed(range(len(levels))))
        return None, torch.from_numpy(found), None


def is_quick(encoding: Encoding) -> bool:
    """Whether the kernels here know the encoding."""
    if isinstance(encoding, TriPlane):
        return True
    if isinstance(encoding, HashGrid) and encoding.interpolation != "linear":
        return False
    return isinstance(encoding, HashGrid | Simplex) and encoding.dims in (2, 3)


def encoded(encoding: Encoding, positions: torch.Tensor, parameters: torch.Tensor) -> torch.Tensor:
    """(N, width) float32 of (N, inputs) positions in 0..1; gradients flow to ``parameters``.

    On a CPU grids go through :mod:`render.fitting.corners`; everything else is the reference of
    :func:`kernels.fields.encode.encode`.
    """
    if isinstance(encoding, Composite):
        return _composite(encoding, positions, parameters)
    if positions.device.type != "cpu" or not is_quick(encoding):
        return encode("reference", encoding, positions, parameters)
    found: torch.Tensor = _Corners.apply(positions[:, : encoding.inputs], parameters, encoding)
    if not isinstance(encoding, TriPlane):
        return found
    planes = found.unflatten(1, (len(PLANES), encoding.features)).unbind(1)
    if encoding.reduce == "sum":
        return planes[0] + planes[1] + planes[2]
    return planes[0] * planes[1] * planes[2]


def _composite(whole: Composite, positions: torch.Tensor, parameters: torch.Tensor) -> torch.Tensor:
    owned = parameters.split([part.parameters for part in whole.parts])
    found = [
        encoded(part, positions[:, first:], own)
        for part, first, own in zip(whole.parts, whole.begins, owned, strict=True)
    ]
    if whole.reduce == "concatenate":
        return torch.cat(found, 1)
    stacked = torch.stack(found)
    return stacked.sum(0) if whole.reduce == "sum" else stacked.prod(0)
