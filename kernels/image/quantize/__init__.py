"""Float images as 8-bit pictures."""

from __future__ import annotations

from typing import Any

from kernels.registry import Cost, Operation


def _cost(result: Any, color: Any, *rest: Any) -> Cost:
    pixels = color.shape[0] * color.shape[1]
    return Cost(nbytes=pixels * 20, flops=pixels * 12, counters={"pixels": pixels})


OPERATION = Operation(__name__, _cost)


def quantize(backend: str, color: Any, alpha: Any, opaque: bool) -> Any:
    """(H, W, 3) colour and (H, W) alpha as (H, W, 4) uint8 NumPy, ``floor(255 v + 0.5)``, clamped.

    ``opaque`` colour already lies over its background; else it is premultiplied and the picture
    carries straight alpha. ``cuda`` leaves it on the device where
    :func:`kernels.cuda.interop.kept_on_device` says so.

    Raises
    ------
    ValueError
        If the sizes disagree.
    """
    if tuple(color.shape) != (*alpha.shape, 3):
        raise ValueError(f"color must be {(*alpha.shape, 3)}, got {tuple(color.shape)}")
    return OPERATION(backend, color, alpha, opaque)
