"""Spherical-harmonic colour in plain torch."""

from __future__ import annotations

import torch

from kernels.gaussians.pack.reference import ReferenceGaussians
from kernels.gaussians.shade.basis import C0, C1, C2, C3, C4
from kernels.gaussians.types import RED, Splats, View


def basis(directions: torch.Tensor, degree: int) -> torch.Tensor:
    """(N, (degree + 1)^2) values of the real spherical harmonics in unit directions (N, 3)."""
    x, y, z = directions.unbind(-1)
    values = [torch.full_like(x, C0)]
    if degree >= 1:
        values += [-C1 * y, C1 * z, -C1 * x]
    xx, yy, zz, xy, yz, xz = x * x, y * y, z * z, x * y, y * z, x * z
    if degree >= 2:
        values += [
            C2[0] * xy, -C2[0] * yz, C2[1] * (2 * zz - xx - yy), -C2[0] * xz, C2[2] * (xx - yy)
        ]  # fmt: skip
    if degree >= 3:
        values += [
            -C3[0] * y * (3 * xx - yy), C3[1] * xy * z, -C3[2] * y * (4 * zz - xx - yy),
            C3[3] * z * (2 * zz - 3 * xx - 3 * yy), -C3[2] * x * (4 * zz - xx - yy),
            C3[4] * z * (xx - yy), -C3[0] * x * (xx - 3 * yy),
        ]  # fmt: skip
    if degree >= 4:
        values += [
            C4[0] * xy * (xx - yy), -C4[1] * yz * (3 * xx - yy), C4[2] * xy * (7 * zz - 1),
            -C4[3] * yz * (7 * zz - 3), C4[4] * (zz * (35 * zz - 30) + 3),
            -C4[3] * xz * (7 * zz - 3), C4[5] * (xx - yy) * (7 * zz - 1),
            -C4[1] * xz * (xx - 3 * yy), C4[6] * (xx * (xx - 3 * yy) - yy * (3 * xx - yy)),
        ]  # fmt: skip
    return torch.stack(values, -1)


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
