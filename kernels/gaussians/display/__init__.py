"""Accumulated splats as the 8-bit picture of the screen."""

from __future__ import annotations

from typing import Any

from kernels.gaussians.types import Accumulation
from kernels.registry import Cost, Operation
from kernels.workspace import Workspace


def _cost(result: Any, accumulation: Accumulation, *rest: Any) -> Cost:
    pixels = accumulation.width * accumulation.height
    return Cost(nbytes=pixels * 20, flops=pixels * 14, counters={"pixels": pixels})


OPERATION = Operation(__name__, _cost)


def display(
    backend: str,
    accumulation: Accumulation,
    background: tuple[float, float, float] | None,
    workspace: Workspace,
) -> Any:
    """Quantise to (H, W, 4) uint8 NumPy, ``floor(255 v + 0.5)``, clamped.

    Over a background the picture is opaque. Without one it carries straight alpha: the blended
    colour is premultiplied and is divided by ``1 - T``.

    ``cuda`` leaves it on the device where :func:`kernels.cuda.interop.kept_on_device` says so.
    Tiles that are not blended yet are fully transparent black.

    Notes
    -----
    ``cpu`` and ``reference`` may differ by 1 where 255 v + 0.5 is within 1e-4 of a whole number.
    """
    return OPERATION(backend, accumulation, background, workspace)
