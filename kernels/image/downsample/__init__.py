"""Average supersampled images down."""

from __future__ import annotations

from typing import Any

from kernels.registry import Cost, Operation


def _cost(result: Any, color: Any, *rest: Any) -> Cost:
    pixels = color.shape[0] * color.shape[1]
    return Cost(nbytes=pixels * 20, flops=pixels * 6, counters={"pixels": pixels})


OPERATION = Operation(__name__, _cost)


def downsample(
    backend: str, color: Any, alpha: Any, depth: Any | None, factor: int
) -> tuple[Any, Any, Any | None]:
    """Box filter of ``factor`` x ``factor`` samples a pixel, ``factor`` 1 returns the inputs.

    Colour (H f, W f, 3), over a background or premultiplied, and alpha (H f, W f) are averaged;
    depth is averaged with alpha as weight, so that uncovered samples do not pull it.

    Raises
    ------
    ValueError
        If the factor is below 1 or does not divide the size.
    """
    height, width = alpha.shape
    if factor < 1 or height % factor or width % factor:
        raise ValueError(f"{width}x{height} cannot be averaged in squares of {factor}")
    if factor == 1:
        return color, alpha, depth
    return OPERATION(backend, color, alpha, depth, factor)
