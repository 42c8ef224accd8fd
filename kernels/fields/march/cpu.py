"""Marching for the ``cpu`` backend: one ray after the other, cubes of empty cells in one go."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import get_num_threads, njit, prange

from kernels.fields.march import ENDED
from kernels.fields.types import Grid, March, Rays, Samples
from kernels.simd import fetch_add, pointer

BLOCK = 32
"""Rays that a thread takes at a time, and whose samples it puts in a row."""
_CLOSE = 1e-3
"""Steps by which a jump falls short, so that rounding never skips a sample of an occupied cell."""


@njit(inline="always")
def _distance(step, cone, index):
    if cone * index <= 1.0:
        return step * index
    return step / cone * (1.0 + cone) ** (index - 1.0 / cone)


@njit(inline="always")
def _index(step, cone, distance):
    near = distance / step
    if cone * near <= 1.0:
        return near
    return 1.0 / cone + np.log(near * cone) / np.log1p(cone)


@njit(inline="always")
def _leave(clear, levels, side, middle, half, ox, oy, oz, dx, dy, dz, t):
    """0 where a sample is wanted at ``t``, else the distance at which the empty cube ends.

    ``clear``, ``middle`` and ``half`` are pointers.
    """
    px, py, pz = ox + t * dx - middle[0], oy + t * dy - middle[1], oz + t * dz - middle[2]
    reach = max(abs(px) / half[0], max(abs(py) / half[1], abs(pz) / half[2]))
    level, scale = 0, 1.0
    while level < levels and reach > scale:
        level += 1
        scale *= 2.0
    if level == levels:
        return 0.0
    edge = 2 * scale / side
    edge_x, edge_y, edge_z = edge * half[0], edge * half[1], edge * half[2]
    fx, fy, fz = px / edge_x + 0.5 * side, py / edge_y + 0.5 * side, pz / edge_z + 0.5 * side
    x = min(max(int(np.floor(fx)), 0), side - 1)
    y = min(max(int(np.floor(fy)), 0), side - 1)
    z = min(max(int(np.floor(fz)), 0), side - 1)
    clearance = clear[((level * side + z) * side + y) * side + x]
    if clearance == 0:
        return 0.0
    free = int(clearance)
    ahead = np.inf
    if dx > 0:
        ahead = min(ahead, (min(x + free, side) - fx) * edge_x / dx)
    elif dx < 0:
        ahead = min(ahead, (max(x + 1 - free, 0) - fx) * edge_x / dx)
    if dy > 0:
        ahead = min(ahead, (min(y + free, side) - fy) * edge_y / dy)
    elif dy < 0:
        ahead = min(ahead, (max(y + 1 - free, 0) - fy) * edge_y / dy)
    if dz > 0:
        ahead = min(ahead, (min(z + free, side) - fz) * edge_z / dz)
    elif dz < 0:
        ahead = min(ahead, (max(z + 1 - free, 0) - fz) * edge_z / dz)
    return max(t + ahead, 1e-30)


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _march(
    origins, directions, near, far, jitter, live, cursor, lower, scale, step, cone, most, clear,
    middle, half, workers, kept, ticket, used, toward_zero, toward_scale, positions, distances,
    lengths, rays, spans,
):  # fmt: skip
    count = len(live)
    levels, side = clear.shape[0], clear.shape[1]
    origin, toward = pointer(origins), pointer(directions)
    clearances, centre, reach = pointer(clear), pointer(middle), pointer(half)
    for worker in prange(workers):
        mine = kept[worker]
        first = fetch_add(ticket, 0, BLOCK)
        while first < count:
            last = min(first + BLOCK, count)
            total = 0
            for item in range(first, last):
                ray = live[item]
                offset, end = float(jitter[ray]), float(far[ray])
                ox, oy, oz = (
                    float(origin[3 * ray]),
                    float(origin[3 * ray + 1]),
                    float(origin[3 * ray + 2]),
                )
                dx, dy, dz = (
                    float(toward[3 * ray]),
                    float(toward[3 * ray + 1]),
                    float(toward[3 * ray + 2]),
                )
                index = cursor[ray]
                if index < 0:
                    index = max(int(np.ceil(_index(step, cone, float(near[ray])) - offset)), 0)
                found = 0
                while found < most and index < ENDED:
                    t = _distance(step, cone, index + offset)
                    if not t < end:
                        index = ENDED
                        break
                    leave = 0.0
                    if levels > 0:
                        leave = _leave(
                            clearances, levels, side, centre, reach, ox, oy, oz, dx, dy, dz, t
                        )
                    if leave == 0.0:
                        mine[total + found] = t
                        found += 1
                        index += 1
                    elif leave >= end:
                        index = ENDED
                    else:
                        jump = _index(step, cone, leave) - offset - _CLOSE
                        index = max(index + 1, int(np.ceil(jump)))
                cursor[ray] = index
                spans[item, 1] = found
                total += found
            start = fetch_add(used, 0, total)
            place = 0
            for item in range(first, last):
                ray = live[item]
                spans[item, 0] = start + place
                for number in range(place, place + spans[item, 1]):
                    t, to = mine[number], start + number
                    for axis in range(3):
                        point = float(origins[ray, axis]) + t * float(directions[ray, axis])
                        positions[to, axis] = (point - lower[axis]) * scale[axis]
                    if positions.shape[1] == 6:
                        for axis in range(3):
                            along = directions[ray, axis] - toward_zero
                            positions[to, 3 + axis] = along * toward_scale
                    distances[to] = t
                    lengths[to] = max(step, cone * t)
                    rays[to] = ray
                place += spans[item, 1]
            first = fetch_add(ticket, 0, BLOCK)


_EVERYWHERE = np.zeros((0, 1, 1, 1), np.uint8)


def run(rays: Rays, live: Any, cursor: Any, march: March, grid: Grid | None) -> Samples:
    """See :func:`kernels.fields.march.march`."""
    most, lattice = march.most, march.lattice
    zero, one = march.toward or (0.0, 1.0)
    positions = np.empty((len(live) * most, 6 if march.toward else 3), np.float32)
    distances, lengths = np.empty((2, len(live) * most), np.float32)
    owners = np.empty(len(live) * most, np.int32)
    spans = np.zeros((len(live), 2), np.int64)
    used = np.zeros(1, np.int64)
    clear, middle, half = _EVERYWHERE, np.zeros(3), np.ones(3)
    if grid is not None:
        clear = np.ascontiguousarray(grid.clearance)
        middle, half = (grid.lower + grid.upper) / 2, (grid.upper - grid.lower) / 2
    lower = np.array(march.lower, np.float64)
    workers = max(1, min(get_num_threads(), -(-len(live) // BLOCK)))
    _march(
        np.ascontiguousarray(rays.origins), np.ascontiguousarray(rays.directions), rays.near,
        rays.far, rays.jitter, live, cursor, lower,
        1 / (np.array(march.upper, np.float64) - lower), lattice.step, lattice.cone, most, clear,
        middle, half, workers, np.empty((workers, BLOCK * most)), np.zeros(1, np.int64), used,
        zero, 1 / (one - zero), positions, distances, lengths, owners, spans,
    )  # fmt: skip
    end = int(used[0])
    return Samples(positions[:end], distances[:end], lengths[:end], owners[:end], spans)
