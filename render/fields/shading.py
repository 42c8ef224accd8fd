"""What the rays of a field see, by its form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.fields.composite import composite
from kernels.fields.march import march
from kernels.fields.types import Lattice, Light, March, Rays
from render.fields.distances import NeuralDistance, in_chunks
from render.fields.surface import unit
from render.fields.uploads import Upload
from render.request import RenderCancelled

BATCH = 1 << 13
"""Samples that are evaluated at a time, unless there are more rays: few of the last ones of a ray
are wasted behind its end, and features take no fresh memory and stay in the caches."""
LEAST, MOST = 4, 64
"""Samples of a ray at a time."""
STOP, STOP_MOVING = 1 / 512, 1e-2
"""Transmittance at which a ray ends: half a step of an 8-bit colour is left; with less effort the
hundredth at which instant-ngp ends (Mueller et al. 2022, appendix E.1)."""

ANY_DENSITY = 0.5
"""Where a field of density is cut to have a surface: which density does not change its gradient."""


@dataclass(frozen=True, eq=False)
class Wanted:
    """What is asked of the rays.

    Attributes
    ----------
    skip_empty, surface
        See :class:`render.request.RenderSettings`.
    effort
        Steps are longer by its inverse.
    normal
        Whether normals are wanted.
    footprint
        Width of a pixel at distance t is ``footprint[0] + footprint[1] t``, scene units.
    lamp
        (3,) float32 of length 1, where the lamp that lights surfaces is, scene axes.
    cancelled
        Asked between stages.
    """

    skip_empty: bool
    surface: str
    effort: float
    normal: bool
    footprint: tuple[float, float]
    lamp: NDArray[np.float32]
    cancelled: Callable[[], bool]

    def check(self) -> None:
        """Raises RenderCancelled where the frame is."""
        if self.cancelled():
            raise RenderCancelled


@dataclass(frozen=True, eq=False)
class Seen:
    """What N rays see.

    Attributes
    ----------
    color
        (N, 3) float32, premultiplied.
    alpha, distance, cost
        (N,) float32: opacity, mean distance along the ray (0 where there is nothing), samples.
    normal
        (N, 3) float32 in scene axes, away from what is dense; None where not asked for.
    """

    color: NDArray[np.float32]
    alpha: NDArray[np.float32]
    distance: NDArray[np.float32]
    cost: NDArray[np.float32]
    normal: NDArray[np.float32] | None = None


def see(upload: Upload, rays: Rays, wanted: Wanted) -> Seen:
    """Follow rays through a field."""
    form = upload.scene.model.form
    if form in ("radiance", "volume"):
        return _volume(upload, rays, wanted)
    if form == "image":
        return _image(upload, rays, wanted)
    if form == "light":
        return _light(upload, rays, wanted)
    from render.fields.solid import see_surface

    return see_surface(upload, rays, wanted)


def _volume(upload: Upload, rays: Rays, wanted: Wanted) -> Seen:
    scene, backend = upload.scene, upload.backend
    grid = upload.grid if wanted.skip_empty else None
    lattice = Lattice(scene.stride / wanted.effort, scene.cone / wanted.effort)
    stop = STOP if wanted.effort >= 1 else STOP_MOVING
    light = Light.dark(len(rays))
    live = np.flatnonzero(rays.far > rays.near).astype(np.int32)
    cursor = np.full(len(rays), -1, np.int64)
    while len(live):
        most = min(max(BATCH // len(live), LEAST), MOST)
        samples = march(
            backend, rays, live, cursor, March.of(scene.model, lattice, most), grid
        )  # fmt: skip
        if len(samples.distances) == 0:
            break
        wanted.check()
        outputs = upload.outputs(samples.positions)
        live = composite(
            backend, scene.model, outputs, samples, live, light, stop, scene.transfer
        )  # fmt: skip
        wanted.check()
    alpha = 1 - light.transmittance
    distance = light.distance / np.maximum(alpha, 1e-12)
    normal = None
    if wanted.normal:
        normal = np.zeros((len(rays), 3), np.float32)
        hit = np.flatnonzero(alpha > 0.5)
        points = rays.origins[hit] + distance[hit, None] * rays.directions[hit]
        dense = NeuralDistance(scene.model, scene.weights, backend, ANY_DENSITY)
        normal[hit] = unit(in_chunks(dense.slopes, points, wanted.cancelled)[1])
    return Seen(light.color, alpha, distance, light.samples.astype(np.float32), normal)


def _image(upload: Upload, rays: Rays, wanted: Wanted) -> Seen:
    """Where rays meet the plane of the picture."""
    scene = upload.scene
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = (np.float32(scene.lower[2]) - rays.origins[:, 2]) / rays.directions[:, 2]
        places = (rays.origins + distance[:, None] * rays.directions)[:, :2]
        x, y = places.T
        (left, top), (right, bottom) = (
            c[:2].astype(np.float32) for c in (scene.lower, scene.upper)
        )
        inside = (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
        hit = np.flatnonzero((distance > 0) & inside)
    return _colored(upload, hit, places[hit], distance, wanted)


def _light(upload: Upload, rays: Rays, wanted: Wanted) -> Seen:
    """From where rays enter the box to where they leave it."""
    hit = np.flatnonzero(rays.far > rays.near)
    part = rays.part(hit)
    ends = [part.origins + t[:, None] * part.directions for t in (part.near, part.far)]
    return _colored(upload, hit, np.concatenate(ends, 1), rays.near, wanted)


def _colored(
    upload: Upload, hit: Any, places: Any, distance: NDArray[np.float32], wanted: Wanted
) -> Seen:
    """One call of the network for each ray in ``hit``, at ``places`` of the scene."""
    model = upload.scene.model
    count = len(distance)
    color, alpha, cost = np.zeros((count, 3), np.float32), *np.zeros((2, count), np.float32)
    lower = np.array(model.lower, np.float32)
    scale = (1 / np.subtract(model.upper, model.lower)).astype(np.float32)
    for first in range(0, len(hit), BATCH):
        chosen = hit[first : first + BATCH]
        positions = (places[first : first + BATCH] - lower) * scale
        outputs = np.asarray(upload.outputs(positions), np.float32)
        wanted.check()
        rgb = activated(model.color, outputs[:, -3:] if outputs.shape[1] > 1 else
                        outputs.repeat(3, 1))  # fmt: skip
        opacity = activated(model.density, outputs[:, :1]) if outputs.shape[1] == 4 else 1.0
        color[chosen], alpha[chosen] = rgb * opacity, np.ravel(opacity)
        cost[chosen] = 1
    return Seen(color, alpha, np.where(alpha > 0, distance, 0).astype(np.float32), cost)


def activated(name: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """One of :data:`kernels.fields.model.ACTIVATIONS`; NumPy in, NumPy out."""
    match name:
        case "relu":
            return np.maximum(values, 0)
        case "exponential":
            return np.exp(np.minimum(values, 15))
        case "sigmoid":
            return (1 / (1 + np.exp(-values))).astype(np.float32)
        case "softplus":
            return np.logaddexp(values, 0).astype(np.float32)
        case _:
            return values
