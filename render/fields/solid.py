"""What rays see of a distance field: its surface, lit from the eye."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from kernels.fields.types import Rays
from render.fields.arrays import beside, library, true_places, zeros
from render.fields.distances import Floats, NeuralDistance, in_chunks
from render.fields.shading import Seen, Wanted
from render.fields.surface import Surface, neus, shade, trace_surface
from render.fields.uploads import Upload
from scenes.fields import FieldScene

SHARPNESS = 400.0
"""Of NeuS weights for a field that does not say, times the diagonal of its box: the change from
empty to solid then takes about a hundredth of the box."""


def see_surface(upload: Upload, rays: Rays, wanted: Wanted) -> Seen:
    """Follow rays to the surface of a distance field.

    Where the box cuts through a body, its faces close it.
    """
    scene = upload.scene
    field = NeuralDistance(scene.model, scene.weights, upload.backend)
    cut = _cut(field, rays, wanted)
    open_far = library(cut).where(cut, rays.near, rays.far)
    way = (field, rays.origins, rays.directions, rays.near, open_far, wanted.footprint)
    if wanted.surface == "neus":
        diagonal = float(np.linalg.norm(scene.upper - scene.lower))
        sharpness = scene.sharpness or SHARPNESS / diagonal
        found = neus(*way, sharpness, wanted.cancelled)
    else:
        found = trace_surface(*way, upload.backend, wanted.cancelled)
    found = _closed(found, scene, rays, cut)
    color = shade(found.normal, rays.directions, wanted.lamp) * found.alpha[:, None]
    own = library(color)
    cost = own.asarray(found.evaluations, dtype=own.float32)
    return Seen(color, found.alpha, found.t, cost, found.normal)


def _cut(field: NeuralDistance, rays: Rays, wanted: Wanted) -> Any:
    """(N,) which rays enter the box where it is solid; not those of an eye that is in it."""
    entering = true_places((rays.near > 0) & (rays.far > rays.near))
    cut = zeros(rays.near, len(rays), "bool")
    if len(entering):
        part = rays.part(entering)
        points = part.origins + part.near[:, None] * part.directions
        cut[entering] = in_chunks(field.distances, points, wanted.cancelled) < 0
    return cut


def _closed(found: Surface, scene: FieldScene, rays: Rays, cut: Any) -> Surface:
    """With a face of the box where a ray enters it in a solid place."""
    if not cut.any():
        return found
    own = library(cut)
    faces = _faces(rays.origins + rays.near[:, None] * rays.directions, scene)
    return replace(
        found,
        t=own.where(cut, rays.near, found.t),
        alpha=own.where(cut, 1, found.alpha),
        normal=own.where(cut[:, None], faces, found.normal),
        evaluations=found.evaluations + cut,
    )


def _faces(points: Floats, scene: FieldScene) -> Floats:
    """(N, 3) outward normals of the faces of the box on which points (N, 3) lie."""
    middle, half = (scene.lower + scene.upper) / 2, (scene.upper - scene.lower) / 2
    place = (points - beside(middle, points)) / beside(half, points)
    own = library(points)
    is_it = abs(place).argmax(1)[:, None] == beside(np.arange(3), points)
    return own.asarray(own.where(is_it, own.sign(place), 0), dtype=own.float32)
