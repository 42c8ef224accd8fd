"""Where samples of rays lie, and what they add up to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numba import njit


@njit(nogil=True, cache=True, error_model="numpy")
def march(
    origins: Any, directions: Any, lower: Any, side: float, cells: Any, step: float,
    shifts: Any, rays: Any, depths: Any, counts: Any,
) -> tuple[int, int]:  # fmt: skip
    """Samples of rays through a cube, where its cells are occupied.

    A ray's samples lie ``step`` apart from where it enters the cube, shifted by a share of a step;
    those in empty cells are left out, and empty cells are left by one jump of whole steps
    (Mueller et al. 2022, appendix E.1). This runs on one thread and releases the GIL: no parallel
    region of Numba is entered while a renderer may be inside one.

    Parameters
    ----------
    origins, directions
        (N, 3) float32, directions of length 1.
    lower, side
        (3,) float32 corner and side of the cube, scene units.
    cells
        (R, R, R) bool, the axes z, y, x.
    step
        Scene units.
    shifts
        (N,) float32 in 0..1.
    rays, depths
        Outputs, (M,) int64 and float32: the ray and the distance from its origin of each sample.
    counts
        Output, (N,) int64: samples of each ray; 0 for those after the last that fitted.

    Returns
    -------
    How many rays were marched to their end, and how many samples they have; the next ray would
    not have fitted into M.

    Cost: one byte read for each sample and each empty cell.
    """
    resolution = cells.shape[0]
    scale = np.float32(resolution / side)
    filled = 0
    counts[:] = 0
    for ray in range(origins.shape[0]):
        enter, leave = np.float32(0), np.float32(np.inf)
        for axis in range(3):
            o, d = origins[ray, axis] - lower[axis], directions[ray, axis]
            if abs(d) < np.float32(1e-9):
                if o < 0 or o > side:
                    leave = np.float32(-1)
                continue
            a, b = -o / d, (np.float32(side) - o) / d
            enter, leave = max(enter, min(a, b)), min(leave, max(a, b))
        if not enter < leave:
            continue
        start, first = enter + np.float32(step) * shifts[ray], filled
        k = 0
        while True:
            depth = start + np.float32(step) * k
            if depth >= leave:
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


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples of N rays, ray after ray, nearest first.

    Attributes
    ----------
    rays, depths
        (M,) int64 and float32: of which ray, and how far from its origin.
    firsts, counts
        (N,) int64: where the samples of each ray begin, and how many they are.
    """

    rays: torch.Tensor
    depths: torch.Tensor
    firsts: torch.Tensor
    counts: torch.Tensor

    def points(
        self, origins: torch.Tensor, directions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(M, 3) places and directions of the samples, from those (N, 3) of the rays."""
        ahead = directions[self.rays]
        return origins[self.rays] + ahead * self.depths[:, None], ahead


def sampled(
    origins: torch.Tensor,
    directions: torch.Tensor,
    lower: torch.Tensor,
    side: float,
    cells: torch.Tensor,
    step: float,
    shifts: torch.Tensor,
    most: int,
) -> Samples:
    """At most ``most`` samples of the first rays of (N, 3); see :func:`march`.

    The result has as many rays as could be marched to their end.
    """
    rays, depths = np.empty(most, np.int64), np.empty(most, np.float32)
    counts = np.empty(len(origins), np.int64)
    given = [part.cpu().contiguous().numpy() for part in (origins, directions, lower)]
    whole, filled = march(
        given[0], given[1], given[2], side, cells.cpu().numpy(), step, shifts.cpu().numpy(),
        rays, depths, counts,
    )  # fmt: skip
    counts = counts[:whole]
    firsts = np.concatenate([[0], counts.cumsum()[:-1]]).astype(np.int64)[:whole]
    found = (rays[:filled], depths[:filled], firsts, counts)
    return Samples(*(torch.from_numpy(part).to(origins.device) for part in found))


def composited(values: torch.Tensor, samples: Samples, step: float) -> torch.Tensor:
    """(N, 4) colour before black, and opacity, of (M, 4) densities and colours of samples."""
    shares = shares_of(values[:, 0], step, samples.firsts, samples.rays)[:, None]
    colours = torch.cat([values[:, 1:], torch.ones_like(shares)], 1)
    return sums_of(shares * colours, samples.firsts, samples.counts)


def shares_of(
    density: torch.Tensor, step: float, firsts: torch.Tensor, rays: torch.Tensor
) -> torch.Tensor:
    """(M,) what each sample adds to its ray: ``T (1 - exp(-density step))``.

    T is the light that passes all samples before it (Mildenhall et al. 2020, eq. 3). Samples of
    a ray follow each other, nearest first; ``rays`` (M,) numbers them and ``firsts`` (N,) says
    where each ray's begin.
    """
    thickness = density * step
    # In float64, since the sums run on through all rays.
    before = thickness.double().cumsum(0) - thickness
    if len(before):
        before = before - before[firsts.clamp_max(len(before) - 1)][rays]
    return (torch.exp(-before.clamp_min(0)).float()) * -torch.expm1(-thickness)


def sums_of(values: torch.Tensor, firsts: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """(N, C) sums of (M, C) values over the samples of each ray.

    By differences of running sums in float64, which are the same on every run.
    """
    running = torch.cat(
        [values.new_zeros((1, values.shape[1])).double(), values.double().cumsum(0)]
    )
    return (running[firsts + counts] - running[firsts]).float()
