"""Distillation: a field of another architecture learns from one that is there.

Progressive Volume Distillation (Fang et al. 2023, AAAI; ``megvii-research/AAAI2023-PVD``) in its
two last stages: first density and colour of points, then colours of rays. Pictures and distances
have points alone.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch

from kernels.fields.model import Field
from render.fitting.distance import FLOOR, distance_field, distance_scene
from render.fitting.evaluate import density_only, evaluate
from render.fitting.fit import Fit
from render.fitting.image import BATCHES as SIDES
from render.fitting.image import cells, image_field, image_scene
from render.fitting.march import composited, sampled
from render.fitting.occupancy import OccupancyGrid
from render.fitting.radiance import (
    BUDGETS,
    FIRST_RAYS,
    HUBER,
    LEAST_RAYS,
    MOST_RAYS,
    Budget,
    radiance_field,
    radiance_scene,
)
from render.fitting.teachers import Teacher, cube_of, random_directions
from render.fitting.views import Box
from scenes.fields import FieldScene
from scenes.registry import Cancel, Progress, never, no_progress

POINTS = {"small": 1 << 13, "base": 1 << 14}
"""Of a step of the first stage."""
POINT_SHARE = 0.5
"""Of the steps, those that learn from points; the rest learn from rays."""
DENSE_SHARE = 0.75
"""Of the points, those where the teacher may have density."""
CANDIDATES = 4
"""Points of a distance among which those near its surface are chosen, for each that is kept."""
THINNEST, THICKEST = 0.1, 1e4
"""Densities are compared between these, as optical thickness of the box's diagonal: below,
nothing is seen, and above, nothing more."""
ROUNDS = 2
"""Times that a field is asked about each cell."""


def distill(
    scene: FieldScene,
    encoding: str,
    size: str = "base",
    seed: int = 0,
    device: str = "cpu",
    progress: Progress = no_progress,
    cancel: Cancel = never,
) -> Student:
    """A fit of another architecture to a scene.

    Parameters
    ----------
    scene
        The teacher: radiance or a volume (the student is a radiance field), a distance or an
        image.
    encoding, size
        Of the student; see :func:`render.fitting.architectures.architecture`.

    Raises
    ------
    ValueError
        For a light field.
    Cancelled
    """
    teacher = Teacher(scene, torch.device(device))
    match scene.model.form:
        case "image":
            return ImageStudent(teacher, encoding, size, seed)
        case "distance":
            return DistanceStudent(teacher, encoding, size, seed)
        case _:
            return RadianceStudent(teacher, encoding, size, seed, progress, cancel)


class Student(Fit):
    """What all students have in common; ``psnr`` is that to the teacher."""

    def __init__(self, teacher: Teacher, field: Field, size: str, seed: int) -> None:
        super().__init__(field, seed, str(teacher.device))
        self.teacher, self.size = teacher, size

    def _facts(self) -> dict[str, Any]:
        scene = self.teacher.scene
        return super()._facts() | {"teacher": [scene.name, scene.count], "size": self.size}


class ImageStudent(Student):
    """Squared error of colours."""

    kind: ClassVar[str] = "image student"

    def __init__(self, teacher: Teacher, encoding: str, size: str, seed: int) -> None:
        width, height = teacher.scene.size or (1, 1)
        super().__init__(teacher, image_field(width, height, encoding, size), size, seed)
        self._place = [
            torch.tensor(values, dtype=torch.float32, device=self.device)
            for values in (teacher.scene.model.lower, teacher.scene.model.upper, self.field.upper)
        ]

    def _losses(self, share: float) -> tuple[torch.Tensor, torch.Tensor]:
        spots = cells(SIDES[self.size], self.generator)
        lower, upper, extent = self._place
        wanted = self.teacher.at(lower + spots * (upper - lower))
        found = evaluate(self.field, self.weights, spots * extent)
        loss = (found - wanted).square().mean()
        return loss, loss

    def scene(self) -> FieldScene:
        """See :class:`Fit`."""
        scene = self.teacher.scene
        assert scene.size is not None
        return image_scene(self, scene.size, scene.name)


class DistanceStudent(Student):
    """Error of distances in shares of them, mostly near the teacher's surface."""

    kind: ClassVar[str] = "distance student"

    def __init__(self, teacher: Teacher, encoding: str, size: str, seed: int) -> None:
        lower, self.side = cube_of(teacher.scene)
        super().__init__(
            teacher, distance_field(lower.tolist(), self.side, encoding, size), size, seed
        )
        self._lower = lower.to(self.device)
        self._unit = teacher.scene.model.unit / self.side

    def _losses(self, share: float) -> tuple[torch.Tensor, torch.Tensor]:
        points, wanted = self._points(POINTS[self.size])
        error = evaluate(self.field, self.weights, points)[:, 0] - wanted
        return (error.abs() / (wanted.abs() + FLOOR)).mean(), error.square().mean()

    def _points(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Points and what the teacher says, a quarter of them anywhere."""
        spots = torch.rand(
            (CANDIDATES * count, 3), generator=self.generator, device=self.device
        )  # fmt: skip
        points = self._lower + spots * self.side
        values = self.teacher.at(points)[:, 0] * self._unit
        nearest = values[count // 4 :].abs().argsort(stable=True)[: count - count // 4]
        chosen = torch.cat([torch.arange(count // 4, device=self.device), nearest + count // 4])
        return points[chosen], values[chosen]

    def scene(self) -> FieldScene:
        """See :class:`Fit`."""
        scene = self.teacher.scene
        found = distance_scene(self, scene.name)
        return replace(found, cameras=scene.cameras, upward=scene.upward)


class RadianceStudent(Student):
    """First log density and colour of points, then colours of rays.

    The teacher is asked at the same places, so that nothing needs to be drawn beforehand. Rays
    come from anywhere around the box.
    """

    kind: ClassVar[str] = "radiance student"

    def __init__(
        self, teacher: Teacher, encoding: str, size: str, seed: int,
        progress: Progress = no_progress, cancel: Cancel = never, budget: Budget | None = None,
    ) -> None:  # fmt: skip
        lower, side = cube_of(teacher.scene)
        self.box = Box(np.eye(4), lower.numpy().astype(np.float64), side)
        super().__init__(teacher, radiance_field(self.box, encoding, size), size, seed)
        self.budget = budget or BUDGETS[size]
        self._lower = lower.to(self.device)
        self.stride = math.sqrt(3) * side / self.budget.steps
        self.grid = OccupancyGrid(self.budget.cells, self._lower, side, self.stride)
        looking = torch.Generator(self.device).manual_seed(seed)
        self.grid.survey(teacher.density, looking, ROUNDS, progress, cancel)
        self._cells = self.grid.cells
        self._occupied = self._cells.flatten().nonzero()[:, 0]
        self._rays = FIRST_RAYS

    def _losses(self, share: float) -> tuple[torch.Tensor, torch.Tensor]:
        return self._points_loss() if share < POINT_SHARE else self._rays_loss()

    def _points_loss(self) -> tuple[torch.Tensor, torch.Tensor]:
        points = self._points(POINTS[self.size])
        ahead = random_directions(len(points), self.generator)
        wanted = self.teacher.at(points, ahead)
        found = evaluate(self.field, self.weights, points, ahead)
        length = math.sqrt(3) * self.box.side
        low, high = math.log(THINNEST), math.log(THICKEST)
        target = (wanted[:, 0] * length).clamp_min(1e-20).log().clamp(low, high)
        guess = (found[:, 0] * length).clamp_min(1e-20).log()
        # Beyond the limits a student is right in any case, if it is on the same side.
        right = ((target <= low) & (guess <= low)) | ((target >= high) & (guess >= high))
        density = torch.where(right, torch.zeros_like(guess), guess - target)
        weight = -torch.expm1(-wanted[:, :1] * self.stride)
        error = weight * (found[:, 1:] - wanted[:, 1:]).square()
        colour = error.sum() / (3 * weight.sum() + 1e-6)
        loss = torch.nn.functional.huber_loss(density, torch.zeros_like(density)) + colour
        return loss, colour

    def _points(self, count: int) -> torch.Tensor:
        """Most of them in cells that the teacher has something in."""
        spots = torch.rand((count, 3), generator=self.generator, device=self.device)
        dense = int(DENSE_SHARE * count) if len(self._occupied) else 0
        if dense:
            chosen = torch.randint(
                len(self._occupied), (dense,), generator=self.generator, device=self.device
            )
            side = self.grid.resolution
            axes = side ** torch.arange(3, device=self.device)
            corner = (self._occupied[chosen][:, None] // axes) % side
            spots[:dense] = (corner + spots[:dense]) / side
        return self._lower + spots * self.box.side

    def _rays_loss(self) -> tuple[torch.Tensor, torch.Tensor]:
        origins, directions = self._around(self._rays)
        shifts = torch.rand(len(origins), generator=self.generator, device=self.device)
        samples = sampled(
            origins, directions, self._lower, self.box.side, self._cells, self.stride, shifts,
            self.budget.samples // 2,
        )  # fmt: skip
        points, ahead = samples.points(origins, directions)
        wanted = composited(self.teacher.at(points, ahead), samples, self.stride)
        found = composited(evaluate(self.field, self.weights, points, ahead), samples, self.stride)
        count = len(samples.counts)
        fitting = 0.45 * self.budget.samples * count / max(1, len(samples.rays))
        self._rays = int(min(max(fitting, LEAST_RAYS), MOST_RAYS))
        loss = torch.nn.functional.huber_loss(found, wanted, delta=HUBER)
        return loss, (found - wanted)[:, :3].square().mean()

    def _around(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Rays that pass through what is occupied, from outside the box."""
        ahead = random_directions(count, self.generator)
        through = self._points(count)
        return through - ahead * 2 * self.box.side, ahead

    def _state(self) -> dict[str, torch.Tensor]:
        return {"rays": torch.tensor(self._rays)}

    def _restore(self, tensors: dict[str, torch.Tensor]) -> None:
        rays = int(tensors["rays"])
        if not LEAST_RAYS <= rays <= MOST_RAYS:
            raise ValueError("another number of rays")
        self._rays = rays

    def scene(self) -> FieldScene:
        """See :class:`Fit`; where the student has density is asked of itself."""
        scene = self.teacher.scene
        own = OccupancyGrid(self.grid.resolution, self._lower, self.box.side, self.stride)
        looking = torch.Generator(self.device).manual_seed(self.seed)
        with torch.no_grad():
            own.survey(
                lambda points: density_only(self.field, self.weights, points), looking, ROUNDS
            )
        metadata = dict(scene.metadata)
        found = radiance_scene(self, own, scene.cameras, scene.name, metadata)
        return replace(found, upward=scene.upward, background=scene.background)


def likeness(student: Student, count: int = 1 << 13, seed: int = 1) -> float:
    """PSNR of a student to its teacher, dB: of pictures' colours, of rays' colours, of distances
    with the side of the box as the peak; at random places."""
    kept, generator = student.generator, torch.Generator(student.device).manual_seed(seed)
    student.generator = generator
    try:
        with torch.no_grad():
            if isinstance(student, RadianceStudent):
                rays, student._rays = student._rays, count
                error = student._rays_loss()[1]
                student._rays = rays
            else:
                error = student._losses(1.0)[1]
    finally:
        student.generator = kept
    return -10 * math.log10(max(float(error), 1e-12))
