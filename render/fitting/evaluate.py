"""Fields as functions of tensors."""

from __future__ import annotations

import torch

from kernels.fields.composite.reference import activated
from kernels.fields.model import Field, Weights
from kernels.fields.network import network
from render.fitting.grids import encoded


def evaluate(
    field: Field, weights: Weights, positions: torch.Tensor, directions: torch.Tensor | None = None
) -> torch.Tensor:
    """(N, outputs) what the field says, activated: density and colour, distance, or colour.

    Parameters
    ----------
    field, weights
        The weights are tensors; gradients flow to them.
    positions
        (N, D) float32, scene units.
    directions
        (N, 3) unit vectors away from the eye, where the field has a direction.
    """
    raw = raw_outputs(field, weights, positions, directions)
    if field.form in ("radiance", "volume"):
        density = activated(field.density, raw[:, :1])
        return torch.cat([density, activated(field.color, raw[:, 1:])], 1)
    return raw if field.form == "distance" else activated(field.color, raw)


def raw_outputs(
    field: Field, weights: Weights, positions: torch.Tensor, directions: torch.Tensor | None = None
) -> torch.Tensor:
    """(N, outputs) of the network, before :func:`evaluate` makes density and colour of them."""
    lower = positions.new_tensor(field.lower)
    upper = positions.new_tensor(field.upper)
    inputs = encoded(field.encoding, (positions - lower) / (upper - lower), weights.encoding)
    if field.direction is not None:
        assert directions is not None
        low, high = field.toward
        more = encoded(field.direction, (directions - low) / (high - low), weights.direction)
        inputs = torch.cat([inputs, more], 1)
    return network("reference", field.network, inputs, weights.network)


def density_only(field: Field, weights: Weights, positions: torch.Tensor) -> torch.Tensor:
    """(N,) density at (N, 3) positions: any direction will do."""
    directions = torch.zeros_like(positions)
    directions[:, 2] = 1
    return evaluate(field, weights, positions, directions)[:, 0]
