"""Records of ``.splat`` files in plain torch."""

from __future__ import annotations

from typing import Any

import torch

from kernels.codec.outputs import Outputs
from kernels.gaussians.shade.basis import C0


def run(records: Any, out: Outputs) -> None:
    """See :func:`kernels.codec.unpack_splat.unpack_splat`."""
    raw = torch.as_tensor(records)
    floats = raw[:, :24].contiguous().view(torch.float32)
    numbers = raw[:, 24:].to(torch.float64)
    targets = Outputs(*(torch.as_tensor(array) for array in out))
    targets.means[:] = floats[:, :3]
    targets.scales[:] = floats[:, 3:]
    targets.sh[:, 0] = (numbers[:, :3] / 255.0 - 0.5) / C0
    targets.opacities[:] = numbers[:, 3] / 255.0
    targets.quats[:] = (numbers[:, 4:] - 128.0) / 128.0
