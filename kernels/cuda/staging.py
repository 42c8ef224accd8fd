"""Blocks of arrays on their way to the device, and knowing when the device is done with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from kernels.cuda.device import device, to_device


def bring(array: Any) -> torch.Tensor:
    """Rows of a float32 array, which may stand apart, on the device; nobody waits for them.

    A NumPy array is copied to page-locked memory first, which the device reads while the host
    goes on. A tensor of the device comes back as it is if its rows have neighbouring numbers.
    """
    if isinstance(array, torch.Tensor):
        moved = array.to(device()).float()
        return moved if moved.ndim < 2 or moved.stride(-1) == 1 else moved.contiguous()
    if device().type == "cpu":
        return to_device(np.ascontiguousarray(array, np.float32))
    staged = torch.empty(array.shape, dtype=torch.float32, pin_memory=True)
    np.copyto(staged.numpy(), array, casting="same_kind")
    return staged.to(device(), non_blocking=True)


class _Over:
    """Of work that was done on the host, and so is."""

    def synchronize(self) -> None:
        """There is nothing to wait for."""


def event() -> Any:
    """Something whose ``synchronize()`` returns when all work that was launched so far is done."""
    if device().type == "cpu":
        return _Over()
    happened = torch.cuda.Event()
    happened.record()
    return happened
