"""Rays of pixels."""

from __future__ import annotations

from typing import Any

from kernels.fields.types import Rays
from kernels.gaussians.types import View
from kernels.registry import Cost, Operation


def _cost(result: Rays, view: View, pixels: Any, lower: Any, upper: Any, seed: int) -> Cost:
    count = len(pixels)
    return Cost(nbytes=count * (8 + 36), flops=60 * count, counters={"rays": count})


OPERATION = Operation(__name__, _cost, counted=False)


def rays(backend: str, view: View, pixels: Any, lower: Any, upper: Any, seed: int = 0) -> Rays:
    """The rays through the middles of pixels, and where they are in a box.

    Slabs as in Kay and Kajiya 1986; where a ray runs along a side of the box, it is in if it
    begins between the two sides.

    Parameters
    ----------
    view
        Pinhole or orthographic; an orthographic ray begins in the plane of the eye.
    pixels
        (N,) int64, ``row * width + column``.
    lower, upper
        (3,) corners of the box, scene units.
    seed
        Of the jitter: equal for equal pixels and seeds, whatever else is asked for. -1 gives 0.5.

    Returns
    -------
    Rays
        float32 from ``cpu`` and ``cuda``, computed in float64; float64 tensors from ``reference``.
        Those of ``cuda`` are tensors on the device, where ``pixels`` may be.

    Notes
    -----
    Jitter is a hash of pixel and seed (Jarzynski and Olano 2020, pcg) in steps of 2^-24. Cost: 44
    bytes and some 60 operations a ray.
    """
    return OPERATION(backend, view, pixels, lower, upper, seed)
