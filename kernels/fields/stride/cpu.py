"""Strides for the ``cpu`` backend: one ray after the other, on one thread."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(nogil=True, cache=True, error_model="numpy")
def _stride(origins, directions, lower, side, cells, step, shifts, rays, depths, counts):
    """Rays that were marched to their end, and the samples they have."""
    resolution = cells.shape[0]
    scale = np.float32(resolution / side)
    filled = 0
    counts[:] = 0
    for ray in range(origins.shape[0]):
        enter, leave = np.float32(0), np.float32(np.inf)
        for axis in range(3):
            o, d = origins[ray, axis] - lower[axis], directions[ray, axis]
            if not (abs(o) < np.inf and abs(d) < np.inf):
                leave = np.float32(-1)
                continue
            if abs(d) < np.float32(1e-9):
                if o < 0 or o > side:
                    leave = np.float32(-1)
                continue
            a, b = -o / d, (np.float32(side) - o) / d
            enter, leave = max(enter, min(a, b)), min(leave, max(a, b))
        # A direction without a length would never leave.
        if not enter < leave or leave == np.inf or not 0 <= shifts[ray] <= 1:
            continue
        start, first = enter + np.float32(step) * shifts[ray], filled
        k = 0
        while True:
            depth = start + np.float32(step) * k
            if not depth < leave:
                break
            x = (origins[ray, 0] - lower[0] + directions[ray, 0] * depth) * scale
            y = (origins[ray, 1] - lower[1] + directions[ray, 1] * depth) * scale
            z = (origins[ray, 2] - lower[2] + directions[ray, 2] * depth) * scale
            i = min(max(int(x), 0), resolution - 1)
            j = min(max(int(y), 0), resolution - 1)
            h = min(max(int(z), 0), resolution - 1)
            if cells[h, j, i]:
                if filled == len(rays):
                    return ray, first
                rays[filled], depths[filled] = ray, depth
                filled += 1
                k += 1
                continue
            ahead = leave - depth
            for axis, place, cell in ((0, x, i), (1, y, j), (2, z, h)):
                d = directions[ray, axis]
                if d > np.float32(1e-9):
                    ahead = min(ahead, (cell + 1 - place) / (d * scale))
                elif d < np.float32(-1e-9):
                    ahead = min(ahead, (cell - place) / (d * scale))
            k += max(1, int(np.ceil(ahead / np.float32(step))))
        counts[ray] = filled - first
    return origins.shape[0], filled


def run(
    origins: Any, directions: Any, lower: Any, side: float, cells: Any, step: float, shifts: Any,
    most: int,
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:  # fmt: skip
    """See :func:`kernels.fields.stride.stride`."""
    rays, depths = np.empty(most, np.int64), np.empty(most, np.float32)
    counts = np.empty(len(origins), np.int64)
    begins, aheads, corner, moved = (
        np.ascontiguousarray(part, np.float32) for part in (origins, directions, lower, shifts)
    )
    whole, filled = _stride(
        begins, aheads, corner, float(side), np.ascontiguousarray(cells), float(step), moved, rays,
        depths, counts,
    )  # fmt: skip
    return rays[:filled], depths[:filled], counts[:whole]
