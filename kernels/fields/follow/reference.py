"""Rays followed in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.fields.composite import reference as composite
from kernels.fields.encode import reference as encode
from kernels.fields.follow import Followed
from kernels.fields.follow.chain import chained
from kernels.fields.march import reference as march
from kernels.fields.model import Field, Weights
from kernels.fields.network import reference as network
from kernels.fields.types import Grid, Lattice, Light, Rays


def run(
    model: Field,
    weights: Weights,
    rays: Rays,
    lattice: Lattice,
    grid: Grid | None,
    stop: float,
    transfer: Any,
) -> Followed:
    """See :func:`kernels.fields.follow.follow`."""
    count = len(rays)
    light = Light(np.zeros((count, 3)), np.ones(count), np.zeros(count), np.zeros(count, np.int32))
    return chained(
        march, encode, network, composite, light, model, weights, rays, lattice, grid, stop,
        transfer,
    )  # fmt: skip
