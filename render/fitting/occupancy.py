"""Where a field has density, learnt while it is fitted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from kernels.fields.model import Occupancy
from scenes.errors import Cancelled
from scenes.registry import Cancel, Progress, never, no_progress

EVERY = 16
"""Steps between two looks."""
WARM_STEPS = 256
"""Steps in which looks go everywhere."""
DECAY = 0.95
THRESHOLD = 0.01
"""Optical thickness of a step from which on a cell is kept."""
MOST_POINTS = 1 << 18
"""Densities of one look."""
SURVEYED = 1 << 15
"""Cells that are asked about together."""


class OccupancyGrid:
    """Decayed maxima of optical thickness in the cells of a cube.

    A look multiplies what a cell has by 0.95 and takes the larger of that and the thickness that a
    step has at a random point of the cell. A cell is occupied above the mean of all, or above
    0.01 where the mean is more (instant-ngp ``src/testbed_nerf.cu``: update_density_grid_nerf;
    ``nerfacc/estimators/occ_grid.py``).

    Parameters
    ----------
    resolution
        Cells along an axis.
    lower, side
        (3,) corner and side of the cube.
    step
        Length of a step.
    """

    def __init__(self, resolution: int, lower: torch.Tensor, side: float, step: float) -> None:
        self.resolution, self.lower, self.side, self.step = resolution, lower, side, step
        self.values = torch.zeros(resolution**3, device=lower.device)

    @property
    def cells(self) -> torch.Tensor:
        """(R, R, R) bool, the axes z, y, x; all before the first look."""
        mean = self.values.mean(dtype=torch.float64).item()
        side = self.resolution
        above = self.values > min(mean, THRESHOLD) if mean > 0 else self.values >= 0
        return above.reshape(side, side, side)

    def look(
        self,
        density: Callable[[torch.Tensor], torch.Tensor],
        generator: torch.Generator,
        everywhere: bool,
    ) -> None:
        """Take ``density`` ((N, 3) points to (N,)) into account; see the class.

        ``everywhere`` looks at all cells, as far as :data:`MOST_POINTS` go; otherwise a quarter
        of all cells and a quarter of as many of the occupied ones are looked at.
        """
        count = len(self.values)
        device = self.values.device
        wanted = torch.zeros(count, dtype=torch.bool, device=device)
        stride = max(1 if everywhere else 4, -(-count // MOST_POINTS))
        wanted[self._any(stride, generator) :: stride] = True
        if not everywhere:
            occupied = self.cells.flatten().nonzero()[:, 0]
            most = min(count // 4, MOST_POINTS)
            stride = max(1, -(-len(occupied) // most))
            wanted[occupied[self._any(stride, generator) :: stride]] = True
        self._take(wanted.nonzero()[:, 0], density, generator)

    def survey(
        self,
        density: Callable[[torch.Tensor], torch.Tensor],
        generator: torch.Generator,
        rounds: int,
        progress: Progress = no_progress,
        cancel: Cancel = never,
    ) -> None:
        """Look at each cell ``rounds`` times. Raises Cancelled when ``cancel()`` became true."""
        every = torch.arange(len(self.values), device=self.values.device).split(SURVEYED)
        for number in range(rounds * len(every)):
            if cancel():
                raise Cancelled
            progress(number, rounds * len(every), "blocks of cells")
            self._take(every[number % len(every)], density, generator)

    def _take(
        self,
        chosen: torch.Tensor,
        density: Callable[[torch.Tensor], torch.Tensor],
        generator: torch.Generator,
    ) -> None:
        device = self.values.device
        axes = self.resolution ** torch.arange(3, device=device)
        corner = (chosen[:, None] // axes) % self.resolution
        shift = torch.rand(corner.shape, generator=generator, device=device)
        points = self.lower + (corner + shift) * (self.side / self.resolution)
        found = torch.cat([density(part) for part in points.split(SURVEYED)]) * self.step
        self.values[chosen] = torch.maximum(self.values[chosen] * DECAY, found)

    def _any(self, stride: int, generator: torch.Generator) -> int:
        device = generator.device
        return int(torch.randint(stride, (1,), generator=generator, device=device).item())

    def frozen(self) -> Occupancy:
        """For a scene."""
        lower = self.lower.cpu().numpy().astype(np.float64)
        cells = self.cells[None].cpu().numpy()
        return Occupancy(cells, lower, lower + self.side)
