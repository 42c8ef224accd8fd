"""Packing for the ``cuda`` backend: structure of arrays on the device, in the scene's order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from kernels.cuda.device import to_device

GEOMETRY = 11
"""Rows of the geometry table: mean (3), quaternion wxyz (4), scale (3), opacity."""


@dataclass(frozen=True, eq=False)
class DeviceGaussians:
    """Gaussians as device tensors: neighbouring threads read neighbouring numbers.

    ``geometry`` (11, N) and ``sh`` (3 K, N), coefficient-major, float32.
    """

    geometry: torch.Tensor
    sh: torch.Tensor

    @property
    def count(self) -> int:
        """Number of Gaussians."""
        return self.geometry.shape[1]

    @property
    def nbytes(self) -> int:
        """Memory, bytes."""
        return 4 * (self.geometry.nelement() + self.sh.nelement())


def run(means: Any, quats: Any, scales: Any, opacities: Any, sh: Any) -> DeviceGaussians:
    """See :func:`kernels.gaussians.pack.pack`; the arrays are turned around on the device."""
    columns = [to_device(a).float() for a in (means, quats, scales)]
    geometry = torch.cat([*(c.T for c in columns), to_device(opacities).float()[None]])
    turned = to_device(sh).float().flatten(1).T
    return DeviceGaussians(geometry.contiguous(), turned.contiguous())
