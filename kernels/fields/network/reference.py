"""Small networks in plain torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from kernels.fields.networks import INPUT, SHARPNESS, Network, RadialBasis, Span, split


def _squareplus(v: torch.Tensor) -> torch.Tensor:
    """As stated, but neither squares large numbers nor subtracts equal ones.

    ``(v + r) / 2 = c / 2 / (r - v)`` with ``r^2 = v^2 + c``, and ``r = |v|`` where c is rounded
    away.
    """
    c = 4 / SHARPNESS**2
    # Not abs: its derivative at 0 is neither of the two that would be right here.
    size = torch.where(v > 0, v, -v)
    r = torch.where(size > 1e8, size, (size.clamp_max(1e8).square() + c).sqrt())
    return torch.where(v > 0, v / 2 + r / 2, c / 2 / (r + size))


_FUNCTIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "none": lambda v: v,
    "relu": torch.relu,
    "leaky_relu": lambda v: torch.nn.functional.leaky_relu(v, 0.01),
    "silu": lambda v: v * torch.sigmoid(v),
    "exponential": torch.exp,
    "sine": torch.sin,
    "sigmoid": torch.sigmoid,
    "squareplus": _squareplus,
    # From 8 on it is v, but for e^-80; torch's own choice of 2 would be off by 2e-10.
    "softplus": lambda v: torch.nn.functional.softplus(v, SHARPNESS, 8 * SHARPNESS),
    "tanh": torch.tanh,
}


def run(description: Network, inputs: Any, parameters: Any) -> Any:
    """See :func:`kernels.fields.network.network`."""
    values = {INPUT: torch.as_tensor(inputs)}
    flat = torch.as_tensor(parameters).to(values[INPUT].dtype)

    def joined(spans: tuple[Span, ...]) -> torch.Tensor:
        return torch.cat([values[s.source][:, s.first : s.last] for s in spans], 1)

    for index, (layer, own) in enumerate(
        zip(description.layers, split(description, flat), strict=True)
    ):
        x = joined(description.reads(index))
        if isinstance(layer, RadialBasis):
            centres, widths = own
            # By differences, not by a product of matrices, and without (rows, kernels, inputs).
            distance = torch.cdist(x, centres, compute_mode="donot_use_mm_for_euclid_dist")
            values[index] = torch.exp(-distance.square() / (2 * widths.square()))
            continue
        v = x @ own[0].T
        if layer.bias:
            v = v + own[1]
        if layer.activation == "sine":
            v = layer.omega * v
        values[index] = _FUNCTIONS[layer.activation](v)
    result = joined(description.results)
    return result if isinstance(inputs, torch.Tensor) else result.numpy()
