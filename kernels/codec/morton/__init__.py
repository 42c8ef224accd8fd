"""Places of points along a space-filling Z-curve."""

from __future__ import annotations

from typing import Any

from kernels.registry import Cost, Operation

BITS = 21
"""Bits of an axis: three axes fill 63 bits of a code."""
STEPS = (1 << BITS) - 1


def _cost(result: Any, points: Any) -> Cost:
    return Cost(nbytes=20 * len(points), flops=6 * len(points))


OPERATION = Operation(__name__, _cost)


def morton(backend: str, points: Any) -> Any:
    """Morton codes of points: sorting by them lays near points near to each other.

    Each axis of the bounding box is cut in 2^21 steps, and the bits of the three numbers are
    interleaved (Morton 1966, "A computer oriented geodetic data base"): bit 3 b of the code is
    bit b of x, bit 3 b + 1 that of y, bit 3 b + 2 that of z. An axis along which all points are
    equal gives zeros.

    Parameters
    ----------
    points
        (N, 3) float32, finite.

    Returns
    -------
    (N,) uint64 from ``cpu``, int64 from ``reference``, and an int64 tensor on the device from
    ``cuda``; always below 2^63.

    Raises
    ------
    ValueError
        If the shape is wrong.

    Notes
    -----
    Steps are computed in float64, so no bounding box overflows and backends agree to the bit.
    Cost: 12 bytes read and 8 written a point.
    """
    if len(points.shape) != 2 or points.shape[1] != 3:
        raise ValueError(f"points must be (N, 3), got {tuple(points.shape)}")
    return OPERATION(backend, points)
