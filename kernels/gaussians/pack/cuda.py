"""Packing for the ``cuda`` backend: structure of arrays on the device, in the scene's order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from kernels.cuda.device import to_device
from kernels.cuda.room import Room
from kernels.gaussians.storage import Steps, halves

GEOMETRY = 11
"""Rows of the geometry table: mean (3), quaternion wxyz (4), scale (3), opacity."""
KEYS_PER_SPLAT = 4
"""Room for so many keys a splat has the first frame; the others know better."""


@dataclass(frozen=True, eq=False)
class DeviceGaussians:
    """Gaussians as device tensors: neighbouring threads read neighbouring numbers.

    ``geometry`` (11, N) float32. Colour is coefficient-major: ``base`` (3, N) float32 of degree 0,
    ``rest`` (3 K - 3, N) of the others, float32, float16, or uint8 with ``steps`` (3 K - 3, 2)
    float32: what a code of 0 stands for, and a step. ``visible`` and ``keys`` are the room of a
    frame for what it sees and for its tile keys.
    """

    geometry: torch.Tensor
    base: torch.Tensor
    rest: torch.Tensor
    steps: torch.Tensor
    visible: Room
    keys: Room

    @property
    def count(self) -> int:
        """Number of Gaussians."""
        return self.geometry.shape[1]

    @property
    def nbytes(self) -> int:
        """Memory, bytes."""
        tensors = (self.geometry, self.base, self.rest, self.steps)
        return sum(tensor.nelement() * tensor.element_size() for tensor in tensors)


def run(
    means: Any, quats: Any, scales: Any, opacities: Any, sh: Any, storage: str
) -> DeviceGaussians:
    """See :func:`kernels.gaussians.pack.pack`; the arrays are turned around on the device."""
    columns = [to_device(a).float() for a in (means, quats, scales)]
    geometry = torch.cat([*(c.T for c in columns), to_device(opacities).float()[None]])
    count = geometry.shape[1]
    rest: Any = sh[:, 1:].reshape(count, 3 * sh.shape[1] - 3)
    steps = torch.zeros((max(rest.shape[1], 1), 2), device=geometry.device)
    if storage == "uint8":
        coded = Steps.of(np.asarray(rest))
        rest = coded.codes
        steps = to_device(np.stack([coded.low, coded.step], 1))
    elif storage == "fp16":
        rest = halves(np.asarray(rest))
    else:
        rest = to_device(rest).float()
    return DeviceGaussians(
        geometry.contiguous(),
        to_device(sh[:, 0]).float().T.contiguous(),
        to_device(rest).T.contiguous(),
        steps,
        Room(count),
        Room(KEYS_PER_SPLAT * count),
    )
