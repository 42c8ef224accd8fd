"""Float images, supersampled pictures, and views of alpha and depth: the same for all renderers."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.image.downsample import downsample
from kernels.image.quantize import quantize
from render.depth_view import depth_picture, gray_picture
from render.request import RenderRequest


def finish(
    images: dict[str, Any],
    backend: str,
    color: Any,
    alpha: Any,
    depth: Any,
    request: RenderRequest,
    factor: int,
) -> None:
    """Add what a request asks for to ``images``.

    ``color`` (H, W, 3) lies over the background, or is premultiplied where there is none; it,
    ``alpha`` and ``depth`` (H, W), which may be None, have ``factor`` times the pixels each way.
    Tensors of a device come to the host only as what is asked for.
    """
    color, alpha, depth = downsample(backend, color, alpha, depth, factor)
    if request.display and "rgba8" not in images:
        if request.settings.output == "alpha":
            images["rgba8"] = gray_picture(_host(alpha))
        elif request.settings.output == "depth":
            images["rgba8"] = depth_picture(_host(depth))
        else:
            opaque = request.settings.background is not None
            images["rgba8"] = quantize(backend, color, alpha, opaque)
    for name, image in (("color", color), ("alpha", alpha), ("depth", depth)):
        if name in request.outputs:
            images[name] = np.ascontiguousarray(_host(image), dtype=np.float32)


def _host(image: Any) -> Any:
    """As NumPy; waits for the device that a tensor is on."""
    return image if isinstance(image, np.ndarray) else image.detach().cpu().numpy()
