"""Encodings with parameters, differentiable and quick on a CPU."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from kernels.fields.encode import encode
from kernels.fields.encodings import PLANES, Composite, Encoding, TriPlane
from kernels.fields.gather import gather, knows, levels_of
from kernels.fields.scatter import scatter

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


class _Corners(torch.autograd.Function):
    """Features of each level (or plane) side by side; gradients flow to the parameters alone."""

    @staticmethod
    def forward(ctx: Any, positions: Any, parameters: Any, encoding: Any) -> torch.Tensor:
        spots, table = positions.detach().contiguous().numpy(), parameters.detach().numpy()
        out = np.empty((len(spots), levels_of(encoding) * encoding.features), np.float32)

        def work(first: int) -> None:
            part = slice(first, first + BLOCK)
            gather("cpu", encoding, spots[part], table, out[part])

        _all_done(work, range(0, len(spots), BLOCK))
        ctx.spots, ctx.encoding = spots, encoding
        return torch.from_numpy(out)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        encoding = ctx.encoding
        given = gradients[0].contiguous().numpy()
        found = np.zeros(encoding.parameters, np.float32)

        def work(level: int) -> None:
            scatter("cpu", encoding, ctx.spots, given, level, found)

        # Fine levels take longest, so they come first.
        _all_done(work, reversed(range(levels_of(encoding))))
        return None, torch.from_numpy(found), None


def encoded(encoding: Encoding, positions: torch.Tensor, parameters: torch.Tensor) -> torch.Tensor:
    """(N, width) float32 of (N, inputs) positions in 0..1; gradients flow to ``parameters``.

    On a CPU grids go through :mod:`kernels.fields.gather` and :mod:`kernels.fields.scatter`, shared
    among threads; everything else is the reference of :func:`kernels.fields.encode.encode`.
    """
    if isinstance(encoding, Composite):
        return _composite(encoding, positions, parameters)
    if positions.device.type != "cpu" or not knows(encoding):
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
