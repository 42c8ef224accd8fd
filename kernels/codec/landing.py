"""Where unpacking operations of the ``cuda`` backend put splats, and the way from there."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from kernels.codec.outputs import Outputs
from kernels.cuda.device import device, to_device, to_host


def brought(array: Any) -> torch.Tensor:
    """Bytes or words of a file on the device; unsigned numbers are taken for signed ones."""
    if isinstance(array, torch.Tensor):
        return array.to(device()).contiguous()
    array = np.ascontiguousarray(array)
    signed = {np.dtype(np.uint32): np.int32, np.dtype(np.uint64): np.int64}
    return to_device(array.view(signed.get(array.dtype, array.dtype)))


class Landing:
    """Outputs on the device: those asked for where they are tensors of it, else temporary ones.

    Unpacking for arrays of the host is worth its two copies only where these are page-locked or
    much is computed; for tensors of the device only what was packed travels.
    """

    def __init__(self, out: Outputs) -> None:
        self.out = out
        self.tensors = Outputs(*(self._on_device(array) for array in out))

    @staticmethod
    def _on_device(array: Any) -> torch.Tensor:
        if isinstance(array, torch.Tensor):
            return array
        return torch.empty(array.shape, dtype=torch.float32, device=device())

    def finish(self) -> None:
        """Bring to the host what belongs there; waits for the device in that case alone."""
        pairs = [
            (array, tensor)
            for array, tensor in zip(self.out, self.tensors, strict=True)
            if array is not tensor
        ]
        if pairs:
            copies = to_host(*(tensor for _, tensor in pairs))
            for (array, _), copy in zip(pairs, copies, strict=True):
                np.copyto(array, copy)
