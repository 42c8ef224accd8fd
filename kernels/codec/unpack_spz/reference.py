"""SPZ bytes in plain torch, in float64."""

from __future__ import annotations

import math

import torch

from kernels.codec.unpack_spz import COLOR_SCALE, HALF_WIDTH, SMALLEST_THREE, Outputs, Packed, Turn

W = 3
"""Place of the real part in the order xyzw."""


def _positions(packed: torch.Tensor, step: float) -> torch.Tensor:
    count, width = packed.shape
    if width == HALF_WIDTH:
        return packed.contiguous().view(torch.float16).to(torch.float64)
    low, middle, high = packed.reshape(count, 3, 3).to(torch.int64).unbind(2)
    number = low + 256 * middle + 65536 * high
    return torch.where(number >= 1 << 23, number - (1 << 24), number).to(torch.float64) * step


def _first_three(packed: torch.Tensor) -> torch.Tensor:
    vector = packed.to(torch.float64) / 127.5 - 1.0
    real = (1.0 - vector.square().sum(1, keepdim=True)).clamp(min=0.0).sqrt()
    return torch.cat([vector, real], 1)


def _smallest_three(packed: torch.Tensor) -> torch.Tensor:
    shifts = torch.tensor([1, 256, 65536, 1 << 24])
    number = (packed.to(torch.int64) * shifts).sum(1)
    quats = torch.zeros(len(packed), 4, dtype=torch.float64)
    for largest in range(4):
        here = number >> 30 == largest
        rest = [component for component in range(4) if component != largest]
        for component, shift in zip(rest, (20, 10, 0), strict=True):
            field = number[here] >> shift & 1023
            magnitude = (field & 511).to(torch.float64) / 511.0 / math.sqrt(2.0)
            quats[here, component] = torch.where(field >= 512, -magnitude, magnitude)
        quats[here, largest] = (1.0 - quats[here].square().sum(1)).clamp(min=0.0).sqrt()
    return quats


def run(packed: Packed, step: float, turn: Turn, out: Outputs) -> None:
    """See :func:`kernels.codec.unpack_spz.unpack_spz`."""
    given = Packed(*(torch.as_tensor(array) for array in packed))
    targets = Outputs(*(torch.as_tensor(array) for array in out))
    axes = [int(axis) for axis in turn.axes]
    signs, twists, flips = (torch.as_tensor(factors) for factors in turn[1:])
    count, terms = targets.sh.shape[:2]
    targets.means[:] = _positions(given.positions, step)[:, axes] * signs
    targets.scales[:] = torch.exp(given.scales[:, axes].to(torch.float64) / 16.0 - 10.0)
    targets.opacities[:] = given.alphas.to(torch.float64) / 255.0
    smallest = given.rotations.shape[1] == SMALLEST_THREE
    quats = _smallest_three(given.rotations) if smallest else _first_three(given.rotations)
    targets.quats[:, 0] = quats[:, W]
    targets.quats[:, 1:] = quats[:, axes] * twists
    targets.sh[:, 0] = (given.colors.to(torch.float64) / 255.0 - 0.5) / COLOR_SCALE
    rest = (given.sh.to(torch.float64) - 128.0) / 128.0
    targets.sh[:, 1:] = rest.reshape(count, terms - 1, 3) * flips[1:, None]
