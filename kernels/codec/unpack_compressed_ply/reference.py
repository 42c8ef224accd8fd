"""Words of a compressed PLY in plain torch, in float64."""

from __future__ import annotations

import math

import numpy as np
import torch

from kernels.codec.outputs import Outputs
from kernels.codec.unpack_compressed_ply import CHUNK, SH_BOUND, Packed
from kernels.gaussians.shade.basis import C0


def _fractions(word: torch.Tensor) -> torch.Tensor:
    """(R, 3) fields of 11, 10 and 11 bits, 0 to 1."""
    fields = torch.stack([word >> 21 & 2047, word >> 11 & 1023, word & 2047], 1)
    return fields.to(torch.float64) / torch.tensor([2047.0, 1023.0, 2047.0], dtype=torch.float64)


def _rotations(word: torch.Tensor) -> torch.Tensor:
    quats = torch.zeros(len(word), 4, dtype=torch.float64)
    for largest in range(4):
        here = word >> 30 == largest
        rest = [component for component in range(4) if component != largest]
        for component, shift in zip(rest, (20, 10, 0), strict=True):
            field = (word[here] >> shift & 1023).to(torch.float64)
            quats[here, component] = (field / 1023.0 - 0.5) * math.sqrt(2.0)
        quats[here, largest] = (1.0 - quats[here].square().sum(1)).clamp(min=0.0).sqrt()
    return quats


def run(packed: Packed, out: Outputs) -> None:
    """See :func:`kernels.codec.unpack_compressed_ply.unpack_compressed_ply`."""
    words = torch.as_tensor(np.asarray(packed.words).astype(np.int64))
    ranges = torch.as_tensor(packed.ranges).to(torch.float64)
    ranges = ranges.repeat_interleave(CHUNK, 0)[: len(words)]
    targets = Outputs(*(torch.as_tensor(array) for array in out))

    def between(fractions: torch.Tensor, first: int) -> torch.Tensor:
        low, high = ranges[:, first : first + 3], ranges[:, first + 3 : first + 6]
        return low * (1.0 - fractions) + high * fractions

    targets.means[:] = between(_fractions(words[:, 0]), 0)
    targets.quats[:] = _rotations(words[:, 1])
    targets.scales[:] = torch.exp(between(_fractions(words[:, 2]), 6))
    channels = torch.stack([words[:, 3] >> shift & 255 for shift in (24, 16, 8, 0)], 1)
    rgba = channels.to(torch.float64) / 255.0
    targets.sh[:, 0] = (between(rgba[:, :3], 12) - 0.5) / C0
    targets.opacities[:] = rgba[:, 3]
    count, terms = targets.sh.shape[:2]
    octets = torch.as_tensor(packed.sh).to(torch.float64).reshape(count, 3, terms - 1)
    parts = torch.where(octets == 0, 0.0, torch.where(octets == 255, 1.0, (octets + 0.5) / 256.0))
    targets.sh[:, 1:] = ((parts - 0.5) * 2.0 * SH_BOUND).transpose(1, 2)
