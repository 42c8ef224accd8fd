"""Fitting a radiance field to pictures from many sides."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from kernels.fields.model import Field
from render.fitting.architectures import architecture
from render.fitting.evaluate import density_only, evaluate
from render.fitting.fit import Fit
from render.fitting.march import composited, sampled
from render.fitting.occupancy import EVERY, WARM_STEPS, OccupancyGrid
from render.fitting.views import Box, Views, box_of, camera_rays, read_views, upward_of
from scenes.camera import Camera
from scenes.errors import SceneError
from scenes.fields import FieldScene
from scenes.paths.files import read_camera_set
from scenes.registry import Cancel, Progress, never, no_progress


@dataclass(frozen=True)
class Budget:
    """What steps of a fit of radiance may take.

    Attributes
    ----------
    samples
        Of a step; there are as many rays as have about so many together.
    cells
        Of the occupancy grid along an axis.
    steps
        Along the diagonal of the box.
    """

    samples: int
    cells: int
    steps: int


BUDGETS = {"small": Budget(1 << 15, 64, 512), "base": Budget(1 << 16, 128, 1024)}
FIRST_RAYS, LEAST_RAYS, MOST_RAYS = 256, 64, 1 << 15
HUBER = 0.1
"""Errors from which on the loss is linear (instant-ngp's ``configs/nerf/base.json``)."""
FINEST = 2048.0
"""Vertices along the box on the finest level, for each unit of its side (instant-ngp)."""


class RadianceFit(Fit):
    """Density and colour: Huber loss of the colours of rays, before random backgrounds.

    Colours are composited sRGB-coded. Rays are not ended early where nothing more is seen.

    Parameters
    ----------
    views
        The pictures, in the frame of the field.
    box
        Where the field lies.
    budget
        How much a step takes.
    """

    kind: ClassVar[str] = "radiance"

    def __init__(
        self, field: Field, views: Views, box: Box, seed: int = 0, device: str = "cpu",
        budget: Budget = BUDGETS["base"], name: str = "untitled",
    ) -> None:  # fmt: skip
        super().__init__(field, seed, device)
        self.views, self.box, self.name = views.to(self.device), box, name
        self.stride = math.sqrt(3) * box.side / budget.steps
        self.most = budget.samples
        lower = torch.tensor(box.lower, dtype=torch.float32, device=self.device)
        self.grid = OccupancyGrid(budget.cells, lower, box.side, self.stride)
        self._cells = self.grid.cells
        self._rays = FIRST_RAYS

    @classmethod
    def of_file(
        cls, path: str | Path, encoding: str = "hash", size: str = "base", seed: int = 0,
        device: str = "cpu", scale: int = 1, progress: Progress = no_progress,
        cancel: Cancel = never,
    ) -> RadianceFit:  # fmt: skip
        """A fit of the pictures of a set of cameras.

        ``scale`` makes them that many times smaller. Raises SceneError for a file of another
        kind, and where there are no pictures.
        """
        path = Path(path)
        cameras = read_camera_set(path)
        if any(camera.projection != "pinhole" for camera in cameras.cameras):
            raise SceneError(path, "pinhole cameras", "others")
        box = box_of(cameras)
        views = read_views(path, cameras, box, scale, progress, cancel)
        field = radiance_field(box, encoding, size)
        return cls(field, views, box, seed, device, BUDGETS[size], path.stem)

    def _losses(self, share: float) -> tuple[torch.Tensor, torch.Tensor]:
        if self.steps_done % EVERY == 0 and self.steps_done:
            self._look()
        origins, directions, pixels = self.views.rays(self._rays, self.generator)
        shifts = torch.rand(len(origins), generator=self.generator, device=self.device)
        samples = sampled(
            origins, directions, self.grid.lower, self.box.side, self._cells, self.stride,
            shifts, self.most,
        )  # fmt: skip
        count = len(samples.counts)
        background = torch.rand((count, 3), generator=self.generator, device=self.device)
        values = evaluate(self.field, self.weights, *samples.points(origins, directions))
        found = composited(values, samples, self.stride)
        colour = found[:, :3] + (1 - found[:, 3:]) * background
        alpha = pixels[:count, 3:]
        wanted = pixels[:count, :3] * alpha + (1 - alpha) * background
        self._adapt(len(samples.rays) / count)
        loss = torch.nn.functional.huber_loss(colour, wanted, delta=HUBER)
        return loss, (colour - wanted).square().mean()

    def _adapt(self, samples_per_ray: float) -> None:
        fitting = 0.9 * self.most / max(samples_per_ray, 1.0)
        self._rays = int(min(max(fitting, LEAST_RAYS), MOST_RAYS))

    def _look(self) -> None:
        with torch.no_grad():
            self.grid.look(
                lambda points: density_only(self.field, self.weights, points),
                self.generator,
                self.steps_done <= WARM_STEPS,
            )
        self._cells = self.grid.cells

    def _state(self) -> dict[str, torch.Tensor]:
        return {"grid": self.grid.values, "rays": torch.tensor(self._rays)}

    def _restore(self, tensors: dict[str, torch.Tensor]) -> None:
        values, rays = tensors["grid"], int(tensors["rays"])
        if values.shape != self.grid.values.shape or not LEAST_RAYS <= rays <= MOST_RAYS:
            raise ValueError("an occupancy grid of another size")
        self.grid.values = values.to(self.device)
        self._cells, self._rays = self.grid.cells, rays

    def _facts(self) -> dict[str, Any]:
        pictures = [len(self.views.cameras), len(self.views.pixels)]
        return super()._facts() | {"pictures": pictures, "samples": self.most}

    def scene(self) -> FieldScene:
        """See :class:`Fit`; the frame is that of the box, ``metadata`` has the way to it."""
        metadata = {"scene_from_file": self.box.scene_from_file.tolist()}
        return radiance_scene(self, self.grid, self.views.cameras, self.name, metadata)

    def drawn(self, camera: Camera) -> NDArray[np.float32]:
        """(H, W, 4) colour before black, and opacity, as the field is now."""
        return drawn(self, self.grid, self._cells, camera)


def radiance_field(box: Box, encoding: str, size: str) -> Field:
    """An architecture for radiance in a box."""
    low = tuple(float(value) for value in box.lower)
    high = tuple(value + box.side for value in low)
    return architecture("radiance", encoding, size, low, high, FINEST * max(1.0, box.side))


def radiance_scene(
    fit: Fit, grid: OccupancyGrid, cameras: tuple[Camera, ...], name: str, metadata: dict[str, Any]
) -> FieldScene:
    """A fitted radiance field as a scene."""
    lower = np.array(fit.field.lower)
    upward = upward_of(cameras) if cameras else (0.0, -1.0, 0.0)
    return FieldScene(
        fit.field, fit.arrays(), lower, np.array(fit.field.upper), occupancy=grid.frozen(),
        step=grid.step, cameras=cameras, upward=upward, name=name, metadata=metadata,
    )  # fmt: skip


def drawn(
    fit: Fit, grid: OccupancyGrid, cells: torch.Tensor, camera: Camera
) -> NDArray[np.float32]:
    """(H, W, 4) of what ``fit`` shows; samples lie in the middle of steps."""
    parts = [colours.cpu().numpy() for colours in _drawn(fit, grid, cells, *camera_rays(camera))]
    return np.concatenate(parts).reshape(camera.height, camera.width, 4)


def _drawn(
    fit: Fit, grid: OccupancyGrid, cells: torch.Tensor, origins: torch.Tensor,
    directions: torch.Tensor,
) -> Iterator[torch.Tensor]:  # fmt: skip
    device = grid.lower.device
    first = 0
    with torch.no_grad():
        while first < len(origins):
            part = slice(first, first + 4096)
            o, d = origins[part].to(device), directions[part].to(device)
            samples = sampled(
                o, d, grid.lower, grid.side, cells, grid.step, torch.full((len(o),), 0.5), 1 << 17
            )
            values = evaluate(fit.field, fit.weights, *samples.points(o, d))
            yield composited(values, samples, grid.step)
            first += len(samples.counts)


def psnr_of_views(fit: RadianceFit, views: Views, every: int = 1) -> float:
    """Mean PSNR, dB, over the pictures of ``views`` before white, each ``every``-th pixel."""
    found = []
    for number, camera in enumerate(views.cameras):
        width, height = views.sizes[number].tolist()
        first = int(views.firsts[number])
        whole = views.pixels[first : first + width * height].reshape(height, width, 4)
        wanted = whole[::every, ::every].cpu().numpy().astype(np.float32) / 255
        small = camera.stretched(width, height)
        origins, directions = (
            part.reshape(height, width, 3)[::every, ::every].reshape(-1, 3)
            for part in camera_rays(small)
        )
        seen = torch.cat(list(_drawn(fit, fit.grid, fit._cells, origins, directions)))
        values = seen.cpu().numpy()
        values = values[:, :3] + 1 - values[:, 3:]
        alpha = wanted[..., 3:].reshape(-1, 1)
        error = values - (wanted[..., :3].reshape(-1, 3) * alpha + 1 - alpha)
        found.append(-10 * math.log10(max(float(np.square(error).mean()), 1e-12)))
    return float(np.mean(found))
