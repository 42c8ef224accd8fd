"""Compositing for the ``reference`` backend: every layer at every pixel, in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from kernels.gaussians.types import View
from kernels.planes.geometry import KEY, U, V, W
from kernels.planes.types import (
    HEIGHT,
    OFFSET,
    SHARPER,
    STRIDE,
    WIDTH,
    Coefficients,
    Composite,
    Geometry,
    Options,
    Textures,
    Wanted,
)
from kernels.workspace import Workspace

SAMPLES = 1 << 22
"""Samples that are held at once."""

Tensor = torch.Tensor


def run(
    textures: Textures,
    geometry: Geometry,
    view: View,
    options: Options,
    wanted: Wanted,
    coefficients: Coefficients | None,
    workspace: Workspace,
) -> Composite:
    """See :func:`kernels.planes.composite.composite`."""
    band = max(1, SAMPLES // max(1, view.width * textures.count))
    parts = [
        _band(textures, geometry, view, options, coefficients, top, min(top + band, view.height))
        for top in range(0, view.height, band)
    ]
    color, depth, index = (torch.cat(images) for images in zip(*parts, strict=True))
    return Composite(
        _picture(color, wanted.background) if wanted.picture else None,
        color.to(torch.float32).numpy() if wanted.color else None,
        depth.to(torch.float32).numpy() if wanted.depth else None,
        index.to(torch.int32).numpy() if wanted.index else None,
        {"touched": textures.count * view.width * view.height, "empty": 0, "stopped": 0},
    )


def _band(
    textures: Textures,
    geometry: Geometry,
    view: View,
    options: Options,
    coefficients: Coefficients | None,
    top: int,
    bottom: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Premultiplied colour with alpha (h, W, 4), depth and index (h, W) of some rows."""
    y, x = torch.meshgrid(
        torch.arange(top, bottom, dtype=torch.float64) + 0.5,
        torch.arange(view.width, dtype=torch.float64) + 0.5,
        indexing="ij",
    )
    colors, keys, depths, layers = [], [], [], []
    # The last layer first: a stable sort then keeps it before those of the same depth.
    for layer in reversed(range(textures.count)):
        if not geometry.shown[layer]:
            continue
        row = torch.tensor(geometry.rows[layer])
        place = _on_shell if textures.wraps[layer] else _on_plane
        u, v, key, depth, level, hit = place(row, textures.table[layer, 0], view, x, y)
        sample = _sampled(textures, layer, u, v, level, options, coefficients, top)
        colors.append(torch.where(hit[..., None], sample, torch.zeros_like(sample)))
        keys.append(torch.where(hit, key, torch.full_like(key, -math.inf)))
        depths.append(torch.where(hit, depth, torch.zeros_like(depth)))
        layers.append(layer)
    if not colors:
        nothing = torch.zeros_like(x)
        return nothing[..., None].repeat(1, 1, 4), nothing, nothing - 1
    order = torch.argsort(torch.stack(keys), dim=0, descending=True, stable=True)
    color = torch.stack(colors).gather(0, order[..., None].expand(-1, -1, -1, 4))
    depth = torch.stack(depths).gather(0, order)
    left = torch.cumprod(1 - color[..., 3], dim=0)
    through = torch.cat([torch.ones_like(left[:1]), left[:-1]])
    weights = through * color[..., 3]
    alpha = weights.sum(0)
    mean = torch.where(alpha > 0, (weights * depth).sum(0) / alpha.clamp_min(1e-300), 0 * alpha)
    most = weights.max(0)
    index = torch.tensor(layers)[order.gather(0, most.indices[None])[0]]
    return (
        (through[..., None] * color).sum(0),
        mean,
        torch.where(most.values > 0, index, torch.full_like(index, -1)),
    )


def _on_plane(row: Tensor, size: Any, view: View, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    """Place in texels, key of the order, depth, level of detail, and whether it is hit."""
    u, v, w, key = (row[i] * x + row[i + 1] * y + row[i + 2] for i in (U, V, W, KEY))
    depth = -key if view.orthographic else 1 / key
    level = 0.5 * torch.log2((torch.det(row[:KEY].reshape(3, 3)) / w**3).abs())
    return u / w, v / w, key, depth, level, depth > 0


def _on_shell(row: Tensor, size: Any, view: View, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    """The same for a sphere."""
    centre, radius, turn = row[:3], row[3], row[4:].reshape(3, 3)
    across, down = (x - view.cx) / view.fx, (y - view.cy) / view.fy
    one = torch.ones_like(x)
    flat = view.orthographic
    along = torch.stack([0 * x, 0 * x, one] if flat else [across, down, one], -1)
    start = torch.stack([across, down, 0 * x] if flat else [0 * x, 0 * x, 0 * x], -1)
    towards = centre - start
    length = (along * along).sum(-1)
    half = (along * towards).sum(-1)
    inside = half * half - length * ((towards * towards).sum(-1) - radius * radius)
    depth = (half + inside.clamp_min(0).sqrt()) / length
    normal = ((depth[..., None] * along - towards) / radius) @ turn.T
    longitude = torch.atan2(normal[..., 0], normal[..., 2])
    latitude = torch.atan2(normal[..., 1], torch.hypot(normal[..., 0], normal[..., 2]))
    width, height = float(size[WIDTH]), float(size[HEIGHT])
    u = (longitude / (2 * math.pi) + 0.5) * width - 0.5
    v = (latitude / math.pi + 0.5) * height - 0.5
    key = -depth if flat else 1 / depth
    level = torch.full_like(x, shell_level(width, height, view))
    return u, v, key, depth, level, (inside >= 0) & (depth > 0)


def shell_level(width: float, height: float, view: View) -> float:
    """Level of detail of a shell around the eye: texels per pixel in the middle of the view."""
    return 0.5 * math.log2(width / (2 * math.pi * view.fx) * height / (math.pi * view.fy))


def _sampled(
    textures: Textures,
    layer: int,
    u: Tensor,
    v: Tensor,
    level: Tensor,
    options: Options,
    coefficients: Coefficients | None,
    top: int,
) -> Tensor:
    """Premultiplied colour and alpha (h, W, 4), 0..1."""
    if coefficients is not None or not options.mipmaps:
        return _bilinear(textures, layer, 0, u, v, coefficients, top)
    highest = textures.filled[0] - 1
    level = torch.nan_to_num(level - SHARPER, nan=0.0, posinf=0.0).clamp(0, highest)
    lower = level.floor()
    share = (level - lower)[..., None]
    out = torch.zeros(*u.shape, 4, dtype=torch.float64)
    for number in range(highest + 1):
        weight = torch.where(
            lower[..., None] == number, 1 - share, torch.where(
                lower[..., None] == number - 1, share, 0 * share
            )
        )  # fmt: skip
        if weight.any():
            factor = 0.5**number
            at = (u + 0.5) * factor - 0.5, (v + 0.5) * factor - 0.5
            out += weight * _bilinear(textures, layer, number, *at, None, top)
    return out


def _bilinear(
    textures: Textures,
    layer: int,
    level: int,
    u: Tensor,
    v: Tensor,
    coefficients: Coefficients | None,
    top: int,
) -> Tensor:
    row = textures.table[layer, level]
    size = row[STRIDE] * (row[HEIGHT] + 2)
    flat = textures.texels[row[OFFSET] : row[OFFSET] + size].view(np.uint8)
    image = torch.tensor(flat.reshape(row[HEIGHT] + 2, row[STRIDE], 4)) / 255.0
    image = image.to(torch.float64)
    u = torch.nan_to_num(u, nan=-1.0).clamp(-1, float(row[WIDTH]))
    v = torch.nan_to_num(v, nan=-1.0).clamp(-1, float(row[HEIGHT]))
    left, above = u.floor().clamp_max(row[WIDTH] - 1), v.floor().clamp_max(row[HEIGHT] - 1)
    out = torch.zeros(*u.shape, 4, dtype=torch.float64)
    for j in (0, 1):
        for i in (0, 1):
            weight = (1 - (u - left - i).abs()) * (1 - (v - above - j).abs())
            column, line = (left + i + 1).long(), (above + j + 1).long()
            texel = image[line, column]
            color = texel[..., :3]
            if coefficients is not None:
                color = _seen(coefficients, layer, row, color, column - 1, line - 1, top)
            premultiplied = torch.cat([color * texel[..., 3:], texel[..., 3:]], -1)
            out += weight[..., None] * premultiplied
    return out


def _seen(
    coefficients: Coefficients, layer: int, row: Any, color: Tensor, x: Tensor, y: Tensor, top: int
) -> Tensor:
    """``clamp(k0 + sum_n k_n H_n)``; outside of the picture any colour, since alpha is 0."""
    x, y = x.clamp(0, row[WIDTH] - 1), y.clamp(0, row[HEIGHT] - 1)
    values = torch.tensor(coefficients.values[int(coefficients.starts[layer]) :][
        : int(row[WIDTH] * row[HEIGHT])
    ])  # fmt: skip
    factors = values[y * int(row[WIDTH]) + x].to(torch.float64) * (2 / 255) - 1
    basis = torch.tensor(np.asarray(coefficients.basis)[top : top + len(x)], dtype=torch.float64)
    return (color + (factors * basis[..., None]).sum(-2)).clamp(0, 1)


def _picture(color: Tensor, background: tuple[float, float, float] | None) -> np.ndarray:
    """(H, W, 4) uint8, straight alpha, or opaque over the background."""
    alpha = color[..., 3:].clamp(0, 1)
    if background is None:
        straight = color[..., :3] / alpha.clamp_min(1e-300)
        mixed = torch.cat([torch.where(alpha > 0, straight, 0 * straight), alpha], -1)
    else:
        behind = torch.tensor(background, dtype=torch.float64)
        mixed = torch.cat([color[..., :3] + (1 - alpha) * behind, torch.ones_like(alpha)], -1)
    return (mixed.clamp(0, 1) * 255 + 0.5).floor().to(torch.uint8).numpy()
