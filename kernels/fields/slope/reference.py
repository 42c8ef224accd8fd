"""Gradients by automatic differentiation of the encoding and the network."""

from __future__ import annotations

from typing import Any

import torch

from kernels.fields.encode import reference as encode
from kernels.fields.encodings import Encoding
from kernels.fields.network import reference as network
from kernels.fields.networks import Network


def run(
    encoding: Encoding,
    description: Network,
    positions: Any,
    encoding_parameters: Any,
    network_parameters: Any,
    column: int = 0,
    extra: Any = None,
) -> tuple[Any, Any]:
    """See :func:`kernels.fields.slope.slope`."""
    with torch.enable_grad():
        points = torch.as_tensor(positions)[:, : encoding.inputs].detach().requires_grad_()
        inputs = encode.run(encoding, points, torch.as_tensor(encoding_parameters))
        if extra is not None:
            inputs = torch.cat([inputs, torch.as_tensor(extra).to(inputs)], 1)
        results = network.run(description, inputs, network_parameters)[:, column]
        if results.requires_grad:
            gradients = torch.autograd.grad(results.sum(), points, allow_unused=True)[0]
        else:
            gradients = None
    values = results.detach()
    if gradients is None:
        gradients = torch.zeros_like(points)
    if isinstance(positions, torch.Tensor):
        return values, gradients.detach()
    return values.numpy(), gradients.detach().numpy()
