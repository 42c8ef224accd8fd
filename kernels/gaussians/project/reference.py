"""Projection in plain torch: the formulas as they are written, for any float type."""

from __future__ import annotations

import math

import torch

from kernels.gaussians.pack.reference import ReferenceGaussians
from kernels.gaussians.types import FALLOFF, Options, Splats, View
from kernels.workspace import Workspace


def rotation_matrices(quats: torch.Tensor) -> torch.Tensor:
    """(N, 3, 3) rotations of unit quaternions (N, 4) wxyz."""
    w, x, y, z = quats.unbind(-1)
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return torch.stack(rows, -1).reshape(-1, 3, 3)


def _jacobian(camera: torch.Tensor, view: View, options: Options) -> torch.Tensor:
    """(N, 2, 3) Jacobian of the projection at points (N, 3) in camera axes."""
    x, y, z = camera.unbind(-1)
    zero = torch.zeros_like(z)
    if view.orthographic:
        one = torch.ones_like(z)
        rows = [view.fx * one, zero, zero, zero, view.fy * one, zero]
        return torch.stack(rows, -1).reshape(-1, 2, 3)
    margin_x = options.clamp * 0.5 * view.width / view.fx
    margin_y = options.clamp * 0.5 * view.height / view.fy
    tan_x = torch.clamp(
        x / z, -(view.cx / view.fx + margin_x), (view.width - view.cx) / view.fx + margin_x
    )
    tan_y = torch.clamp(
        y / z, -(view.cy / view.fy + margin_y), (view.height - view.cy) / view.fy + margin_y
    )
    rows = [view.fx / z, zero, -view.fx * tan_x / z, zero, view.fy / z, -view.fy * tan_y / z]
    return torch.stack(rows, -1).reshape(-1, 2, 3)


def _limit_axes(
    a: torch.Tensor, b: torch.Tensor, c: torch.Tensor, longest: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Shorten the axes of screen covariances to ``sqrt(2 lambda) <= longest``.

    Returns the new a, b, c, their determinant and the larger eigenvalue before.
    """
    limit = 0.5 * longest * longest
    middle, spread = 0.5 * (a + c), 0.5 * (a - c)
    radius = torch.sqrt(spread * spread + b * b)
    longer = middle + radius
    short = torch.clamp((a * c - b * b) / longer, max=limit)
    long = torch.clamp(longer, max=limit)
    shrunk = 0.5 * (long - short) / torch.clamp(radius, min=1e-20)
    middle, spread, b = 0.5 * (long + short), spread * shrunk, b * shrunk
    return middle + spread, b, middle - spread, long * short, longer


def run(
    packed: ReferenceGaussians,
    view: View,
    options: Options,
    splat_scale: float,
    workspace: Workspace,
) -> Splats:
    """See :func:`kernels.gaussians.project.project`."""
    kind = packed.means.dtype
    rotation = torch.as_tensor(view.rotation, dtype=kind)
    offset = packed.means - torch.as_tensor(view.position, dtype=kind)
    camera = offset @ rotation.T
    source = torch.nonzero((camera[:, 2] >= options.near) & (camera[:, 2] <= options.far))[:, 0]
    camera, offset = camera[source], offset[source]
    x, y, depth = camera.unbind(-1)
    if view.orthographic:
        mean_x, mean_y = view.fx * x + view.cx, view.fy * y + view.cy
    else:
        mean_x, mean_y = view.fx * x / depth + view.cx, view.fy * y / depth + view.cy

    root = rotation_matrices(packed.quats[source]) * (packed.scales[source] * splat_scale)[:, None]
    n = _jacobian(camera, view, options) @ rotation @ root
    covariance = n @ n.transpose(1, 2)
    minors = torch.linalg.cross(n[:, 0], n[:, 1])
    sharp = (minors * minors).sum(-1)
    a, b, c = covariance[:, 0, 0], covariance[:, 0, 1], covariance[:, 1, 1]
    det = sharp + options.blur * (a + c) + options.blur**2
    a, c = a + options.blur, c + options.blur

    opacity = packed.opacities[source]
    if options.compensate:
        opacity = opacity * torch.sqrt(torch.clamp(sharp / det, min=0.005**2))
    kept = det > 0
    middle = 0.5 * (a + c)
    box = torch.full_like(a, math.inf)
    if options.box_sigma > 0:
        longest = middle + torch.sqrt(torch.clamp(middle * middle - det, min=0.1))
        box = torch.ceil(options.box_sigma * torch.sqrt(longest))
    if math.isfinite(options.max_axis) or options.min_axis > 0:
        limit = options.max_axis
        if options.max_axis_in_view:
            limit = min(limit, view.width, view.height)
        a, b, c, det, longest = _limit_axes(a, b, c, min(limit, 1e18))
        kept &= 2 * longest >= options.min_axis**2

    log_opacity = torch.log2(torch.clamp(opacity, min=1e-30))
    fade = torch.zeros_like(opacity)
    if options.fade:
        log_opacity = log_opacity - math.log2(1 - math.exp(-4))
        fade = opacity * (math.exp(-4) / (1 - math.exp(-4)))
    lowest = torch.maximum(
        torch.log2(torch.clamp(fade + options.alpha_min, min=1e-30)),
        log_opacity - FALLOFF * min(options.cut, 1e30),
    )
    support = (log_opacity - lowest) / FALLOFF
    extent_x = torch.sqrt(torch.clamp(support * a, min=0))
    extent_y = torch.sqrt(torch.clamp(support * c, min=0))
    kept &= (support >= 0) & (opacity > 0)
    kept &= (mean_x + extent_x >= 0.5) & (mean_x - extent_x <= view.width - 0.5)
    kept &= (mean_y + extent_y >= 0.5) & (mean_y - extent_y <= view.height - 0.5)
    l11 = torch.sqrt(c / det)
    zero = torch.zeros_like(a)
    columns = [
        mean_x, mean_y, l11, -b / c * l11, 1 / torch.sqrt(c), log_opacity, lowest, fade,
        zero, zero, zero, depth, extent_x, extent_y, box, source.to(kind),
    ]  # fmt: skip
    records = torch.stack(columns, -1)[kept]
    keys = torch.linalg.norm(offset, dim=-1) if options.radial else depth
    rows = torch.arange(len(records))
    return Splats(records, rows, keys[kept].detach(), source[kept], packed.count)
