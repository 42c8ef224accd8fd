"""Parameters before the first step."""

from __future__ import annotations

import math

import torch

from kernels.fields.encodings import Composite, Encoding, TriPlane
from kernels.fields.model import Field, Weights
from kernels.fields.networks import Layer, Network, RadialBasis

GRID_RANGE = 1e-4
"""Grids start within this of 0 (Mueller et al. 2022, section 4)."""
PLANE_RANGE = 0.1, 0.5
"""Planes whose features are multiplied (K-Planes, ``kplanes:plenoxels/models/kplane_field.py``)."""


def initial_weights(field: Field, generator: torch.Generator) -> Weights:
    """Random parameters, float32 tensors on the CPU.

    Grids are uniform in +-1e-4, but in +-1 where Gaussians read them: around one point all of
    them would be alike. Layers with rectifiers are He's (He et al. 2015, uniform in
    ``+-sqrt(6 / inputs)``), others Xavier's (``+-sqrt(6 / (inputs + outputs))``), sines and what
    follows them SIREN's (``vsitzmann/siren:modules.py``: ``+-1 / inputs`` in the first layer,
    then ``+-sqrt(6 / inputs) / omega``). Biases are 0, those of sines ``+-1 / sqrt(inputs)``.
    Centres of Gaussians are uniform in +-1, and their widths such that neighbours overlap.
    """
    radial = any(isinstance(layer, RadialBasis) for layer in field.network.layers)
    encoding = _encoding(field.encoding, generator, 1.0 if radial else GRID_RANGE)
    return Weights(_network(field.network, generator), encoding, torch.zeros(0))


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> torch.Tensor:
    return torch.rand(count, generator=generator) * (high - low) + low


def _encoding(encoding: Encoding, generator: torch.Generator, reach: float) -> torch.Tensor:
    if isinstance(encoding, Composite):
        return torch.cat([_encoding(part, generator, reach) for part in encoding.parts])
    if isinstance(encoding, TriPlane):
        low, high = PLANE_RANGE if encoding.reduce == "product" else (-reach, reach)
        return _uniform(encoding.parameters, low, high, generator)
    return _uniform(encoding.parameters, -reach, reach, generator)


def _network(network: Network, generator: torch.Generator) -> torch.Tensor:
    parts = []
    after_sine = False
    for index, layer in enumerate(network.layers):
        if isinstance(layer, RadialBasis):
            parts.append(_uniform(layer.kernels * layer.inputs, -1.0, 1.0, generator))
            # Two points of a cube of side 2 are sqrt(2 inputs / 3) apart, in the mean of squares.
            parts.append(torch.full((layer.kernels,), math.sqrt(2 * layer.inputs / 3) / 2))
            continue
        bound = _bound(layer, index == 0, after_sine)
        parts.append(_uniform(layer.inputs * layer.outputs, -bound, bound, generator))
        if layer.bias:
            reach = 1 / math.sqrt(layer.inputs) if layer.activation == "sine" else 0.0
            parts.append(_uniform(layer.outputs, -reach, reach, generator))
        after_sine = layer.activation == "sine"
    return torch.cat(parts)


def _bound(layer: Layer, first: bool, after_sine: bool) -> float:
    if layer.activation == "sine":
        return 1 / layer.inputs if first else math.sqrt(6 / layer.inputs) / layer.omega
    if layer.activation == "relu":
        return math.sqrt(6 / layer.inputs)
    if after_sine:
        return math.sqrt(6 / layer.inputs) / 30
    return math.sqrt(6 / (layer.inputs + layer.outputs))
