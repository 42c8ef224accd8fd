"""Spherical-harmonic colour in plain torch."""

from __future__ import annotations

import torch

from kernels.gaussians.pack.reference import ReferenceGaussians
from kernels.gaussians.shade.basis import polynomials
from kernels.gaussians.types import RED, Splats, View


def basis(directions: torch.Tensor, degree: int) -> torch.Tensor:
    """(N, (degree + 1)^2) values of the real spherical harmonics in unit directions (N, 3)."""
    x, y, z = directions.unbind(-1)
    return torch.stack(polynomials(x, y, z, degree), -1)


def run(packed: ReferenceGaussians, splats: Splats, view: View, degree: int) -> Splats:
    """See :func:`kernels.gaussians.shade.shade`."""
    source = splats.blocks
    position = torch.as_tensor(view.position, dtype=packed.means.dtype)
    offset = packed.means[source] - position
    directions = offset / torch.clamp(torch.linalg.norm(offset, dim=-1, keepdim=True), min=1e-15)
    values = basis(directions, degree)
    coefficients = packed.sh[source][:, : values.shape[1]]
    colours = torch.clamp((values[:, :, None] * coefficients).sum(1) + 0.5, min=0)
    before, after = splats.records[:, :RED], splats.records[:, RED + 3 :]
    records = torch.cat([before, colours, after], -1)
    return Splats(records, splats.rows, splats.keys, splats.blocks, splats.total)
