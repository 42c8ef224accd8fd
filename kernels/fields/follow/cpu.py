"""Rays followed for the ``cpu`` backend."""

from __future__ import annotations

from typing import Any

from kernels.fields.composite import cpu as composite
from kernels.fields.encode import cpu as encode
from kernels.fields.follow import Followed
from kernels.fields.follow.chain import chained
from kernels.fields.march import cpu as march
from kernels.fields.model import Field, Weights
from kernels.fields.network import cpu as network
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
    return chained(
        march, encode, network, composite, Light.dark(len(rays)), model, weights, rays, lattice,
        grid, stop, transfer,
    )  # fmt: skip
