"""Where the tensors of the ``cuda`` backend live, and the ways to and from there.

The same kernels run in Triton's interpreter, on tensors of the processor: that is chosen here and
nowhere else.
"""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kernels.backends import interpreted

# Kernels are written for fused multiply-adds; Triton 3.9 warns of a default that will change.
os.environ.setdefault("TRITON_DEFAULT_FP_FUSION", "1")


def device() -> torch.device:
    """The device of the backend: the processor where Triton interprets."""
    return torch.device("cpu" if interpreted() else "cuda")


def to_device(array: Any) -> torch.Tensor:
    """A NumPy array or a tensor as a contiguous tensor on the device; not waited for."""
    if isinstance(array, torch.Tensor):
        tensor = array.detach()
    else:
        with warnings.catch_warnings():
            # Scenes are read-only, which tensors cannot be; nothing is written here.
            warnings.filterwarnings("ignore", message=".*not writable.*")
            tensor = torch.from_numpy(array)
    return tensor.to(device(), non_blocking=True).contiguous()


def on_its_way(tensor: torch.Tensor) -> torch.Tensor:
    """A copy in page-locked memory of the processor that is complete once the stream is."""
    if tensor.device.type == "cpu":
        return tensor
    host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    return host.copy_(tensor, non_blocking=True)


def to_host(*tensors: torch.Tensor) -> tuple[NDArray[Any], ...]:
    """Copies as NumPy arrays; waits once for all of them, and so for all work before.

    Page-locked memory is kept by torch and used again when the array has been let go of, so the
    arrays are the receiver's own.
    """
    copies = [on_its_way(tensor) for tensor in tensors]
    if tensors[0].device.type != "cpu":
        torch.cuda.current_stream().synchronize()
    return tuple(np.asarray(copy) for copy in copies)
