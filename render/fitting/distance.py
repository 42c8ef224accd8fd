"""Fitting the signed distance to a mesh."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from kernels.fields.model import Field
from render.fitting.architectures import architecture
from render.fitting.evaluate import evaluate
from render.fitting.fit import Fit
from render.fitting.surfaces import Surface
from scenes.fields import FieldScene
from scenes.registry import Cancel, Progress, never, no_progress

BATCHES = {"small": 1 << 13, "base": 1 << 14}
SAMPLES = 1 << 19
"""Points whose exact distances are found before the first step."""
FLOOR = 0.01
"""Added to the distance that an error is measured by (instant-ngp's MAPE), sides of the box."""
FINEST = {"small": 256.0, "base": 1024.0}


class DistanceFit(Fit):
    """A signed distance: mean of ``|d - t| / (|t| + 0.01)``, all in sides of the cube.

    Parameters
    ----------
    surface
        What the distance is that to.
    samples
        How many points are made ready; steps draw from them.
    batch
        Points of a step.
    """

    kind: ClassVar[str] = "distance"

    def __init__(
        self, field: Field, surface: Surface, seed: int = 0, device: str = "cpu",
        samples: int = SAMPLES, batch: int = BATCHES["base"], progress: Progress = no_progress,
        cancel: Cancel = never,
    ) -> None:  # fmt: skip
        super().__init__(field, seed, device)
        self.surface, self.batch = surface, batch
        points, values = surface.samples(samples, seed, progress, cancel)
        self._points = torch.from_numpy(points).to(self.device)
        self._values = torch.from_numpy(values / np.float32(field.unit)).to(self.device)

    @classmethod
    def of_file(
        cls, path: str | Path, encoding: str = "hash", size: str = "base", seed: int = 0,
        device: str = "cpu", samples: int = SAMPLES, progress: Progress = no_progress,
        cancel: Cancel = never,
    ) -> DistanceFit:  # fmt: skip
        """A fit of the mesh in a file. Raises SceneError for what is none."""
        surface = Surface.of_file(path, progress, cancel)
        field = distance_field(surface.lower, surface.side, encoding, size)
        return cls(field, surface, seed, device, samples, BATCHES[size], progress, cancel)

    def _losses(self, share: float) -> tuple[torch.Tensor, torch.Tensor]:
        count = len(self._points)
        chosen = torch.randint(
            count, (min(self.batch, count),), generator=self.generator, device=self.device
        )
        wanted = self._values[chosen]
        found = evaluate(self.field, self.weights, self._points[chosen])[:, 0]
        error = found - wanted
        return (error.abs() / (wanted.abs() + FLOOR)).mean(), error.square().mean()

    def _facts(self) -> dict[str, Any]:
        surface = self.surface
        mesh = [len(surface.vertices), len(surface.faces), len(self._points), self.batch]
        return super()._facts() | {"mesh": mesh}

    def scene(self) -> FieldScene:
        """See :class:`Fit`."""
        return distance_scene(self, self.surface.name)


def distance_field(lower: Any, side: float, encoding: str, size: str) -> Field:
    """An architecture for distances in a cube, whose side is the unit."""
    low = tuple(float(value) for value in lower)
    high = tuple(value + side for value in low)
    return architecture("distance", encoding, size, low, high, FINEST[size], side)


def distance_scene(fit: Fit, name: str) -> FieldScene:
    """A fitted distance as a scene."""
    lower, upper = np.array(fit.field.lower), np.array(fit.field.upper)
    return FieldScene(fit.field, fit.arrays(), lower, upper, name=name, upward=(0.0, 1.0, 0.0))


def overlap(fit: DistanceFit, count: int = 1 << 16, seed: int = 1) -> float:
    """Intersection over union of the insides, at ``count`` random points of the mesh's box."""
    surface = fit.surface
    used = surface.vertices[np.unique(surface.faces)]
    low, high = used.min(0), used.max(0)
    points = low + (high - low) * np.random.default_rng(seed).random((count, 3))
    points = points.astype(np.float32)
    inside = surface.distances(points.astype(np.float64)) < 0
    with torch.no_grad():
        spots = torch.from_numpy(points).to(fit.device)
        found = evaluate(fit.field, fit.weights, spots)[:, 0].cpu().numpy() < 0
    return float((inside & found).sum() / max(1, (inside | found).sum()))
