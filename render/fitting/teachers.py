"""Fields to learn from."""

from __future__ import annotations

import math

import numpy as np
import torch

from kernels.fields.composite.reference import looked_up
from kernels.fields.model import Weights
from render.fitting.evaluate import evaluate
from scenes.fields import FieldScene

BLOCK = 1 << 14
"""Points asked for together; a network of Gaussians or of NeRF's width takes much for each."""


class Teacher:
    """A scene's field as a function of tensors, without gradients.

    Parameters
    ----------
    scene
        A field of radiance, a volume, a distance or an image.
    device

    Raises
    ------
    ValueError
        For light fields, which say nothing of points.
    """

    def __init__(self, scene: FieldScene, device: torch.device) -> None:
        if scene.model.form == "light":
            raise ValueError("a light field says nothing of points, of which others learn")
        self.scene, self.device = scene, device
        parts = (scene.weights.network, scene.weights.encoding, scene.weights.direction)
        self.weights = Weights(
            *(torch.tensor(np.asarray(part, np.float32), device=device) for part in parts)
        )
        self._transfer = None
        if scene.transfer is not None:
            self._transfer = torch.tensor(scene.transfer, device=device)

    def at(self, points: torch.Tensor, directions: torch.Tensor | None = None) -> torch.Tensor:
        """(N, outputs) what it says; of a volume always density and colour."""
        ahead = directions if self.scene.model.direction is not None else None
        with torch.no_grad():
            found = [
                self._block(part, None if ahead is None else ahead[first : first + BLOCK])
                for first, part in zip(
                    range(0, len(points), BLOCK), points.split(BLOCK), strict=True
                )
            ]
        return torch.cat(found)

    def _block(self, points: torch.Tensor, directions: torch.Tensor | None) -> torch.Tensor:
        values = evaluate(self.scene.model, self.weights, points, directions)
        if self._transfer is None:
            return values
        color, density = looked_up(self._transfer, values[:, 0])
        return torch.cat([density[:, None], color], 1)

    def density(self, points: torch.Tensor) -> torch.Tensor:
        """(N,) density."""
        ahead = torch.zeros_like(points)
        ahead[:, 2] = 1
        return self.at(points, ahead)[:, 0]


def cube_of(scene: FieldScene) -> tuple[torch.Tensor, float]:
    """Corner and side of the cube around a scene's box."""
    side = float((scene.upper - scene.lower).max())
    middle = (scene.lower + scene.upper) / 2
    return torch.tensor(middle - side / 2, dtype=torch.float32), side


def random_directions(count: int, generator: torch.Generator) -> torch.Tensor:
    """(count, 3) unit vectors, evenly spread."""
    device = generator.device
    z = 2 * torch.rand(count, generator=generator, device=device) - 1
    angle = 2 * math.pi * torch.rand(count, generator=generator, device=device)
    ring = (1 - z * z).clamp_min(0).sqrt()
    return torch.stack([ring * angle.cos(), ring * angle.sin(), z], 1)
