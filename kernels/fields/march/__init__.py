"""The next samples on rays, where a field may have density."""

from __future__ import annotations

from typing import Any

from kernels.fields.types import Grid, March, Rays, Samples
from kernels.registry import Cost, Operation


def _cost(
    result: Samples, rays: Rays, live: Any, cursor: Any, march: March, grid: Grid | None
) -> Cost:
    count = len(result.distances)
    return Cost(
        nbytes=count * 24 + len(live) * 64,
        flops=count * 30,
        counters={"samples": count, "rays": len(live)},
    )


OPERATION = Operation(__name__, _cost, counted=False)


def march(
    backend: str, rays: Rays, live: Any, cursor: Any, march: March, grid: Grid | None = None
) -> Samples:
    """Up to ``march.most`` samples of each live ray, packed without gaps.

    Samples lie on the lattice of the ray (:class:`kernels.fields.types.Lattice`), between its near
    and far distance, and in cells of the grid with clearance 0; cells are looked up in the smallest
    level that holds the point, and points outside of all levels count as occupied. Skipping is that
    of Mueller et al. 2022 (appendix E.1) with cubes of empty cells in place of single ones.

    Parameters
    ----------
    rays
        NumPy arrays; of ``cuda`` tensors on the device, like the following.
    live
        (L,) int32 rays to march along; with ``cuda`` -1 may follow behind them.
    cursor
        (N,) int64, the step that each ray continues from; -1 for the beginning. Set, in place, to
        behind the last sample, and to 2^62 where the ray has ended.
    march, grid
        Where samples lie; without a grid everywhere.

    Returns
    -------
    Samples
        NumPy from ``cpu``, tensors on the device from ``cuda``, and tensors from ``reference``,
        which computes in float64. The samples of a ray follow each other; rays come in any order.
        What follows the rays in ``live`` has no spans.

    Notes
    -----
    ``cuda`` finds cells and the way out of empty ones in float32, everything else in float64 as
    ``cpu`` does; it waits once for the device, to know how many samples and live rays there are.
    Cost: 24 bytes a sample and a cache line for each ray; looking for cells is not counted.
    """
    return OPERATION(backend, rays, live, cursor, march, grid)


ENDED = 2**62
"""The cursor of a ray without further samples."""
