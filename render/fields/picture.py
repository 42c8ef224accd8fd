"""The pixels of a frame as rays come back, and the images that are made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.gaussians.types import View
from kernels.image.downsample import downsample
from render.depth_view import cost_picture, normal_picture
from render.fields.shading import Seen
from render.finish import finish
from render.request import RenderRequest


@dataclass(frozen=True, eq=False)
class Picture:
    """Images of the same size, float32.

    Attributes
    ----------
    color
        (H, W, 3), premultiplied.
    alpha, depth, cost
        (H, W); depth along the optical axis, 0 where there is nothing.
    normal
        (H, W, 3) in camera axes; None where not asked for.
    """

    color: NDArray[np.float32]
    alpha: NDArray[np.float32]
    depth: NDArray[np.float32]
    cost: NDArray[np.float32]
    normal: NDArray[np.float32] | None

    @classmethod
    def of(cls, width: int, height: int, normal: bool) -> Picture:
        """With nothing in it."""
        color = np.zeros((height, width, 3), np.float32)
        alpha, depth, cost = np.zeros((3, height, width), np.float32)
        return cls(color, alpha, depth, cost, np.zeros_like(color) if normal else None)

    def put(
        self, pixels: NDArray[np.int64], seen: Seen, directions: NDArray[np.float32], view: View
    ) -> None:
        """What the rays of those pixels see."""
        self.color.reshape(-1, 3)[pixels] = seen.color
        self.alpha.reshape(-1)[pixels] = seen.alpha
        forward = directions @ view.rotation[2].astype(np.float32)
        self.depth.reshape(-1)[pixels] = np.where(seen.alpha > 0, seen.distance * forward, 0)
        self.cost.reshape(-1)[pixels] = seen.cost
        if self.normal is not None and seen.normal is not None:
            turned = seen.normal @ view.rotation.T.astype(np.float32)
            self.normal.reshape(-1, 3)[pixels] = turned

    def every(self, stride: int) -> Picture:
        """Every ``stride``-th pixel, from the first on."""
        part = slice(None, None, stride)
        color, alpha, depth = (
            np.ascontiguousarray(image[part, part])
            for image in (self.color, self.alpha, self.depth)
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
            cost = cost.reshape(height, factor, width, factor).mean((1, 3), dtype=np.float32)
            if normal is not None:
                normal = downsample(backend, normal, self.alpha, None, factor)[0]
        if request.display and settings.output == "cost":
            images["rgba8"] = cost_picture(cost)
        if request.display and settings.output == "normal" and normal is not None:
            images["rgba8"] = normal_picture(normal)
        if "cost" in request.outputs:
            images["cost"] = np.ascontiguousarray(cost)
        if "normal" in request.outputs and normal is not None:
            images["normal"] = np.ascontiguousarray(normal, np.float32)
        color = self.color
        if settings.background is not None:
            behind = np.asarray(settings.background, np.float32)
            color = color + (1 - self.alpha[..., None]) * behind
        finish(images, backend, color, self.alpha, self.depth, request, factor)
        return images
