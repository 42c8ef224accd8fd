"""What the rays of a field see, by its form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.fields.composite import composite
from kernels.fields.follow import follow, fusable
from kernels.fields.march import march
from kernels.fields.types import Grid, Lattice, Light, March, Rays
from render.fields.arrays import beside, host, library, true_places, zeros
from render.fields.distances import NeuralDistance, in_chunks
from render.fields.surface import unit
from render.fields.uploads import Upload
from render.request import RenderCancelled

BATCH = 1 << 13
"""Samples that are evaluated at a time, unless there are more rays: few of the last ones of a ray
are wasted behind its end, and features take no fresh memory and stay in the caches."""
DEVICE_BATCH = 1 << 20
"""The same of a device, for which a round of fewer samples takes hardly less time."""
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
    """What N rays see: NumPy, or tensors of the device of ``cuda``.

    Attributes
    ----------
    color
        (N, 3) float32, premultiplied.
    alpha, distance, cost
        (N,) float32: opacity, mean distance along the ray (0 where there is nothing), samples.
    normal
        (N, 3) float32 in scene axes, away from what is dense; None where not asked for.
    """

    color: Any
    alpha: Any
    distance: Any
    cost: Any
    normal: Any = None


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
    scene = upload.scene
    lattice = Lattice(scene.stride / wanted.effort, scene.cone / wanted.effort)
    stop = STOP if wanted.effort >= 1 else STOP_MOVING
    grid = upload.grid if wanted.skip_empty else None
    light: Light
    if upload.backend == "cuda" and fusable(scene.model):
        light = follow(
            upload.backend, scene.model, scene.weights, rays, lattice, grid, stop, scene.transfer
        )  # fmt: skip
        wanted.check()
    else:
        light = _in_rounds(upload, rays, lattice, grid, stop, wanted)
    alpha = 1 - light.transmittance
    distance = light.distance / alpha.clip(1e-12)
    normal = None
    if wanted.normal:
        normal = zeros(alpha, (len(rays), 3))
        hit = true_places(alpha > 0.5)
        points = rays.origins[hit] + distance[hit, None] * rays.directions[hit]
        dense = NeuralDistance(scene.model, scene.weights, upload.backend, ANY_DENSITY)
        normal[hit] = unit(in_chunks(dense.slopes, points, wanted.cancelled)[1])
    own = library(alpha)
    cost = own.asarray(light.samples, dtype=own.float32)
    return Seen(light.color, alpha, distance, cost, normal)


def _in_rounds(
    upload: Upload, rays: Rays, lattice: Lattice, grid: Grid | None, stop: float, wanted: Wanted
) -> Light:
    """A few samples of each ray at a time, until none goes on."""
    scene, backend = upload.scene, upload.backend
    batch = DEVICE_BATCH if backend == "cuda" else BATCH
    light = Light.dark(len(rays), rays.near)
    own = library(rays.near)
    live = own.asarray(true_places(rays.far > rays.near), dtype=own.int32)
    cursor = zeros(rays.near, len(rays), "int64") - 1
    while len(live):
        most = min(max(batch // len(live), LEAST), MOST)
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
    return light


def _image(upload: Upload, rays: Rays, wanted: Wanted) -> Seen:
    """Where rays meet the plane of the picture."""
    scene = upload.scene
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = (float(scene.lower[2]) - rays.origins[:, 2]) / rays.directions[:, 2]
        places = (rays.origins + distance[:, None] * rays.directions)[:, :2]
        x, y = places[:, 0], places[:, 1]
        (left, top), (right, bottom) = (
            c[:2].astype(np.float32).tolist() for c in (scene.lower, scene.upper)
        )
        inside = (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
        hit = true_places((distance > 0) & inside)
    return _colored(upload, hit, places[hit], distance, wanted)


def _light(upload: Upload, rays: Rays, wanted: Wanted) -> Seen:
    """From where rays enter the box to where they leave it."""
    hit = true_places(rays.far > rays.near)
    part = rays.part(hit)
    ends = [part.origins + t[:, None] * part.directions for t in (part.near, part.far)]
    return _colored(upload, hit, library(rays.near).concatenate(ends, 1), rays.near, wanted)


def _colored(
    upload: Upload, hit: Any, places: Any, distance: Any, wanted: Wanted
) -> Seen:  # fmt: skip
    """One call of the network for each ray in ``hit``, at ``places`` of the scene."""
    model, is_device = upload.scene.model, upload.backend == "cuda"
    count, batch = len(distance), DEVICE_BATCH if is_device else BATCH
    color, (alpha, cost) = zeros(distance, (count, 3)), zeros(distance, (2, count))
    lower = beside(np.array(model.lower, np.float32), distance)
    extent = np.subtract(model.upper, model.lower)
    scale = beside((1 / extent).astype(np.float32), distance)
    for first in range(0, len(hit), batch):
        chosen = hit[first : first + batch]
        positions = (places[first : first + batch] - lower) * scale
        found = upload.outputs(positions)
        outputs = found if is_device else host(found)
        wanted.check()
        # Of one output all three channels.
        rgb = activated(model.color, outputs[:, -3:])
        if outputs.shape[1] == 4:
            opacity = activated(model.density, outputs[:, :1])
            color[chosen], alpha[chosen] = rgb * opacity, opacity[:, 0]
        else:
            color[chosen], alpha[chosen] = rgb, 1
        cost[chosen] = 1
    return Seen(color, alpha, library(alpha).where(alpha > 0, distance, 0), cost)


def activated(name: str, values: Any) -> Any:
    """One of :data:`kernels.fields.model.ACTIVATIONS` of float32."""
    own = library(values)
    match name:
        case "relu":
            return values.clip(0)
        case "exponential":
            return own.exp(values.clip(max=15))
        case "sigmoid":
            return 1 / (1 + own.exp(-values))
        case "softplus":
            return values.clip(0) + own.log1p(own.exp(-abs(values)))
        case _:
            return values
