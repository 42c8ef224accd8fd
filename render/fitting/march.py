"""Where samples of rays lie, and what they add up to."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from kernels.fields.stride import stride


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
    """At most ``most`` samples of the first rays of (N, 3).

    The result has as many rays as could be marched to their end: see
    :func:`kernels.fields.stride.stride`.
    """
    begins, aheads, corner, grid, moved = (
        part.cpu().numpy() for part in (origins, directions, lower, cells, shifts)
    )
    found = stride("cpu", begins, aheads, corner, side, grid, step, moved, most)
    rays, depths, counts = (torch.from_numpy(part).to(origins.device) for part in found)
    return Samples(rays, depths, counts.cumsum(0) - counts, counts)


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
