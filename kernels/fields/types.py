"""What operations on fields hand to each other: rays, steps, samples and light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.fields.model import Field


@dataclass(frozen=True, eq=False)
class Rays:
    """Where rays begin and where they run, scene units.

    Attributes
    ----------
    origins, directions
        (N, 3) float32; directions have length 1.
    near, far
        (N,) float32 distances between which a ray is in the box; ``far <= near`` where it misses.
    jitter
        (N,) float32 in 0..1, by how much of a step the samples of a ray are moved.
    """

    origins: Any
    directions: Any
    near: Any
    far: Any
    jitter: Any

    def __len__(self) -> int:
        return len(self.near)

    def part(self, chosen: Any) -> Rays:
        """Some of them, by index or slice."""
        return Rays(
            self.origins[chosen],
            self.directions[chosen],
            self.near[chosen],
            self.far[chosen],
            self.jitter[chosen],
        )


@dataclass(frozen=True)
class Lattice:
    """Where samples lie on a ray: ``t_k = step (k + jitter)``, and farther apart far away.

    From ``t = step / cone`` on, where a step would be shorter than ``cone t``, each distance is
    the one before times ``1 + cone`` (exponential stepping, Mueller et al. 2022, appendix E.1).
    Samples lie at the same distances whatever is skipped between them.
    """

    step: float
    cone: float = 0.0


@dataclass(frozen=True, eq=False)
class Grid:
    """Where a march samples: ``clearance`` (levels, R, R, R) uint8, axes z, y, x.

    0 where something may be, else how many cells away (in the largest of the three axes) the
    nearest such cell of the level is. ``lower`` and ``upper`` (3,) are the corners of the first
    level, scene units; each following one is twice as large around the same middle.
    """

    clearance: Any
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]


@dataclass(frozen=True)
class March:
    """What a march needs to know of a field.

    Attributes
    ----------
    lower, upper
        Positions of the scene that become 0 and 1 in samples.
    lattice
        Where samples lie.
    most
        Samples of a ray at a time.
    toward
        Values of a direction that become 0 and 1 in samples; None where samples have none.
    """

    lower: tuple[float, ...]
    upper: tuple[float, ...]
    lattice: Lattice
    most: int
    toward: tuple[float, float] | None = None

    @classmethod
    def of(cls, field: Field, lattice: Lattice, most: int) -> March:
        """Through a field, in units of its encodings."""
        toward = field.toward if field.direction else None
        return cls(field.lower, field.upper, lattice, most, toward)


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples of several rays without gaps.

    Attributes
    ----------
    positions
        (M, 3) float32, units of the encoding; (M, 6) with the direction of the ray behind, in units
        of its encoding, where that was asked for.
    distances, lengths
        (M,) float32: along the ray, and how much of it a sample stands for; scene units.
    rays
        (M,) int32, the ray of each.
    spans
        (L, 2) int64: for each ray that was asked for, its first sample and how many it has.
    """

    positions: Any
    distances: Any
    lengths: Any
    rays: Any
    spans: Any


@dataclass(frozen=True, eq=False)
class Light:
    """What rays have gathered; changed in place by compositing.

    Attributes
    ----------
    color
        (N, 3) float32, premultiplied.
    transmittance
        (N,) float32, 1 at first.
    distance
        (N,) float32, sum of weight times distance along the ray.
    samples
        (N,) int32, how many were evaluated.
    """

    color: Any
    transmittance: Any
    distance: Any
    samples: Any

    @classmethod
    def dark(cls, count: int, like: Any = None) -> Light:
        """Of rays that have met nothing yet: tensors where ``like`` is one, else NumPy."""
        if hasattr(like, "new_zeros"):
            none = like.new_zeros(count)
            return cls(like.new_zeros((count, 3)), none + 1, none, none.int())
        return cls(
            np.zeros((count, 3), np.float32),
            np.ones(count, np.float32),
            np.zeros(count, np.float32),
            np.zeros(count, np.int32),
        )
