"""Rays followed by the operations of a backend, one after the other."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from kernels.fields.encodings import Composite
from kernels.fields.follow import Followed
from kernels.fields.model import Field, Weights
from kernels.fields.types import Grid, Lattice, Light, March, Rays

MOST = 64
"""Samples of a ray at a time."""


def chained(
    march: ModuleType,
    encode: ModuleType,
    network: ModuleType,
    composite: ModuleType,
    light: Light,
    model: Field,
    weights: Weights,
    rays: Rays,
    lattice: Lattice,
    grid: Grid | None,
    stop: float,
    transfer: Any,
) -> Followed:
    """``light`` with what the rays have gathered; the modules are a backend's."""
    encoding, parameters = model.encoding, weights.encoding
    if model.direction is not None:
        encoding = Composite((encoding, model.direction))
        parameters = np.concatenate([parameters, weights.direction])
    how = March.of(model, lattice, MOST)
    live = np.flatnonzero(rays.far > rays.near).astype(np.int32)
    cursor = np.full(len(rays), -1, np.int64)
    while len(live):
        samples = march.run(rays, live, cursor, how, grid)
        if len(samples.distances) == 0:
            break
        features = encode.run(encoding, samples.positions, parameters)
        outputs = network.run(model.network, features, weights.network)
        live = composite.run(model, outputs, samples, live, light, stop, transfer)
    return Followed(**vars(light), evaluated=int(light.samples.sum()))
