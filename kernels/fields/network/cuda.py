"""Small networks for the ``cuda`` backend: one launch that keeps a tile in registers.

Its kernel is written for the network (see ``blocks``). Wide layers, and radial bases, are computed
layer by layer (see ``layers``).
"""

from __future__ import annotations

from typing import Any

import torch
import triton

from kernels.cuda.device import to_device
from kernels.cuda.generated import module_of
from kernels.cuda.residents import derived, resident
from kernels.fields.network.blocks import Padded, in_registers, written
from kernels.fields.network.layers import rows_at_a_time, through
from kernels.fields.networks import Network

ROWS = 64
"""Samples of a program."""


def padded(parameters: Any, weights: Padded) -> torch.Tensor:
    """Padded weights from the flat parameters."""
    flat = resident(parameters).float()
    take, put = to_device(weights.places)
    out = torch.zeros(weights.size, dtype=torch.float32, device=flat.device)
    return out.index_add_(0, put, flat[take])


def run(description: Network, inputs: Any, parameters: Any) -> torch.Tensor:
    """See :func:`kernels.fields.network.network`; a tensor on the device."""
    given = to_device(inputs).float()
    count = len(given)
    out = torch.empty((count, description.outputs), dtype=torch.float32, device=given.device)
    if not count:
        return out
    if in_registers(description):
        text, weights = written(description)
        packed = derived(parameters, text, lambda array: padded(array, weights))
        module_of(text).forward[(triton.cdiv(count, ROWS),)](
            given, packed, out, count, given.stride(0), ROWS=ROWS
        )
        return out
    rows = rows_at_a_time(description)
    for first in range(0, count, rows):
        part = slice(first, first + rows)
        out[part] = through(description, given[part], parameters)
    return out
