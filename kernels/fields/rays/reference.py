"""Rays in float64 torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from kernels.fields.types import Rays
from kernels.gaussians.types import View

_WORD = 0xFFFFFFFF


def _jitter(pixels: torch.Tensor, seed: int) -> torch.Tensor:
    if seed < 0:
        return torch.full(pixels.shape, 0.5, dtype=torch.float64)
    state = (((pixels + seed * 0x9E3779B9) & _WORD) * 747796405 + 2891336453) & _WORD
    word = (((state >> ((state >> 28) + 4)) ^ state) * 277803737) & _WORD
    return (((word >> 22) ^ word) >> 8).double() * 2.0**-24


def run(view: View, pixels: Any, lower: Any, upper: Any, seed: int) -> Rays:
    """See :func:`kernels.fields.rays.rays`."""
    pixels = torch.as_tensor(np.asarray(pixels), dtype=torch.int64)
    x = ((pixels % view.width).double() + 0.5 - view.cx) / view.fx
    y = ((pixels // view.width).double() + 0.5 - view.cy) / view.fy
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    rotation = torch.as_tensor(view.rotation, dtype=torch.float64)
    position = torch.as_tensor(view.position, dtype=torch.float64)
    if view.orthographic:
        origins = position + torch.stack([x, y, zero], -1) @ rotation
        directions = torch.stack([zero, zero, one], -1) @ rotation
    else:
        origins = position.expand(len(pixels), 3)
        along = torch.stack([x, y, one], -1)
        directions = along / along.norm(dim=-1, keepdim=True) @ rotation
    # A ray along a side never meets it: the quotients are infinite, or not numbers on the side.
    sides = torch.as_tensor(np.stack([lower, upper]), dtype=torch.float64)[:, None]
    times = (sides - origins) / directions
    first, last = times.amin(0), times.amax(0)
    inside = torch.isnan(times).any(0)
    first = torch.where(inside, -torch.inf, first)
    last = torch.where(inside, torch.inf, last)
    near = first.amax(-1).clamp_min(0)
    far = last.amin(-1)
    far = torch.where(near < far, far, near)
    return Rays(origins, directions, near, far, _jitter(pixels, seed))
