"""Accumulated splats as float images."""

from __future__ import annotations

from typing import Any

from kernels.gaussians.types import Accumulation
from kernels.registry import Cost, Operation


def _cost(result: Any, accumulation: Accumulation, background: Any) -> Cost:
    pixels = accumulation.width * accumulation.height
    return Cost(nbytes=pixels * 36, flops=pixels * 8, counters={"pixels": pixels})


OPERATION = Operation(__name__, _cost)


def resolve(
    backend: str,
    accumulation: Accumulation,
    background: tuple[float, float, float] | None,
) -> tuple[Any, Any, Any | None]:
    """Colour over a background, alpha and expected depth.

    ``alpha = 1 - T``, ``color = C + T background`` (premultiplied where the background is None),
    ``depth = sum(w z) / alpha`` and 0 where alpha is 0.

    Returns
    -------
    color (H, W, 3), alpha (H, W), depth (H, W) or None where depth was not blended; ``cpu`` gives
    NumPy float32, ``reference`` tensors.
    """
    return OPERATION(backend, accumulation, background)
