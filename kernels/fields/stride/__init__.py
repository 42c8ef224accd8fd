"""Samples of rays at whole steps from where each enters a cube."""

from __future__ import annotations

import math
from typing import Any

from kernels.registry import Cost, Operation


def _cost(
    result: Any, origins: Any, directions: Any, lower: Any, side: float, cells: Any, step: float,
    shifts: Any, most: int,
) -> Cost:  # fmt: skip
    samples, rays = len(result[0]), len(result[2])
    return Cost(
        nbytes=13 * samples + 36 * rays,
        flops=10 * samples + 20 * rays,
        counters={"samples": samples, "rays": rays},
    )


OPERATION = Operation(__name__, _cost, counted=False)


def stride(
    backend: str, origins: Any, directions: Any, lower: Any, side: float, cells: Any, step: float,
    shifts: Any, most: int,
) -> tuple[Any, Any, Any]:  # fmt: skip
    """Samples of whole rays through a cube, where its cells are occupied, at most ``most``.

    Sample k of a ray lies at ``enter + step (k + shift)``, where the ray enters the cube at
    ``enter`` (0 from within), as far as it is nearer than where the ray leaves. Samples in empty
    cells are left out, and empty cells are left by one jump of whole steps (Mueller et al. 2022,
    appendix E.1). Where :func:`kernels.fields.march.march` gives out the samples of a picture's
    rays little by little, on a lattice that begins at the eye, this takes random rays to their
    end, one after the other.

    Parameters
    ----------
    origins, directions
        (N, 3) float32, scene units; directions have length 1.
    lower, side
        (3,) float32 corner and side of the cube, scene units.
    cells
        (R, R, R) bool, whether something may be in a cell; the axes z, y, x.
    step
        Scene units.
    shifts
        (N,) float32 in 0..1.
    most
        Samples there is room for.

    Returns
    -------
    rays, depths, counts
        (M,) int64 and float32: the ray of each sample, in rising order, and its distance from the
        ray's origin, nearest first. (K,) int64: samples of each ray, of as many rays as were
        marched to their end; the next one would not have fitted into ``most``. NumPy from
        ``cpu``, tensors from ``reference``, which computes in float64.

    Raises
    ------
    ValueError
        If shapes do not fit each other, the cube or the step have no size, or ``most`` is
        negative.

    Notes
    -----
    A ray with a coordinate that is no finite number, or another shift, has no samples. ``cpu``
    runs on the caller's thread and releases the GIL: no parallel region of Numba is entered while
    a renderer may be inside one. Cost: 12 bytes written and one read for each sample, 36 bytes for
    each ray; jumps are not counted.
    """
    count = len(origins)
    for name, given, shape in (
        ("origins", origins, (count, 3)),
        ("directions", directions, (count, 3)),
        ("lower", lower, (3,)),
        ("shifts", shifts, (count,)),
        ("cells", cells, (max(len(cells), 1),) * 3),
    ):
        if tuple(given.shape) != shape:
            raise ValueError(f"{name} must be {shape}, got {tuple(given.shape)}")
    for name, length in (("side", side), ("step", step)):
        if not 0 < length < math.inf:
            raise ValueError(f"{name} must be a positive length, got {length}")
    if most < 0:
        raise ValueError(f"most must not be negative, got {most}")
    return OPERATION(backend, origins, directions, lower, side, cells, step, shifts, most)
