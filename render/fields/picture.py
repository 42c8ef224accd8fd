"""The pixels of a frame as rays come back, and the images that are made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.gaussians.types import View
from kernels.image.downsample import downsample
from kernels.image.quantize import quantize
from render.depth_view import cost_picture, normal_picture
from render.fields.arrays import beside, contiguous, host, library, nothing, turned, zeros
from render.fields.shading import Seen
from render.finish import finish
from render.request import RenderRequest


@dataclass(frozen=True, eq=False)
class Picture:
    """Images of the same size, float32: NumPy, or tensors of the device of ``cuda``.

    Attributes
    ----------
    color
        (H, W, 3), premultiplied.
    alpha, depth, cost
        (H, W); depth along the optical axis, 0 where there is nothing.
    normal
        (H, W, 3) in camera axes; None where not asked for.
    """

    color: Any
    alpha: Any
    depth: Any
    cost: Any
    normal: Any

    @classmethod
    def of(cls, width: int, height: int, normal: bool, backend: str) -> Picture:
        """With nothing in it, where a backend has its numbers."""
        like = nothing(backend)
        color = zeros(like, (height, width, 3))
        alpha, depth, cost = zeros(like, (3, height, width))
        return cls(color, alpha, depth, cost, zeros(like, color.shape) if normal else None)

    def put(self, pixels: Any, seen: Seen, directions: Any, view: View) -> None:
        """What the rays of those pixels see."""
        self.color.reshape(-1, 3)[pixels] = seen.color
        self.alpha.reshape(-1)[pixels] = seen.alpha
        depth = seen.distance * turned(directions, view.rotation[2:])[:, 0]
        self.depth.reshape(-1)[pixels] = library(depth).where(seen.alpha > 0, depth, 0)
        self.cost.reshape(-1)[pixels] = seen.cost
        if self.normal is not None and seen.normal is not None:
            self.normal.reshape(-1, 3)[pixels] = turned(seen.normal, view.rotation)

    def every(self, stride: int) -> Picture:
        """Every ``stride``-th pixel, from the first on."""
        part = slice(None, None, stride)
        color, alpha, depth = (
            contiguous(image[part, part]) for image in (self.color, self.alpha, self.depth)
        )
        normal = None if self.normal is None else self.normal[part, part]
        return Picture(color, alpha, depth, self.cost[part, part], normal)

    def images(self, request: RenderRequest, backend: str) -> dict[str, Any]:
        """What a request asks for."""
        factor, settings = request.supersample, request.settings
        images: dict[str, Any] = {}
        cost, normal = self.cost, self.normal
        if factor > 1:
            height, width = cost.shape[0] // factor, cost.shape[1] // factor
            cost = cost.reshape(height, factor, width, factor).mean((1, 3))
            if normal is not None:
                normal = downsample(backend, normal, self.alpha, None, factor)[0]
        if request.display and settings.output == "cost":
            images["rgba8"] = cost_picture(host(cost))
        if request.display and settings.output == "normal" and normal is not None:
            images["rgba8"] = normal_picture(host(normal))
        if "cost" in request.outputs:
            images["cost"] = np.ascontiguousarray(host(cost))
        if "normal" in request.outputs and normal is not None:
            images["normal"] = np.ascontiguousarray(host(normal))
        color, alpha, depth = self.color, self.alpha, self.depth
        if settings.background is not None:
            behind = beside(np.asarray(settings.background, np.float32), color)
            color = color + (1 - alpha[..., None]) * behind
        is_device = backend == "cuda"
        if is_device and request.display and settings.output not in ("alpha", "depth"):
            # Nothing but the bytes of the picture has to come to the host.
            if factor == 1 and "rgba8" not in images:
                opaque = settings.background is not None
                images["rgba8"] = quantize(backend, color, alpha, opaque)
            if not request.outputs and "rgba8" in images:
                return images
        if is_device and factor == 1:
            color, alpha, depth = (host(image) for image in (color, alpha, depth))
        finish(images, backend, color, alpha, depth, request, factor)
        return images
