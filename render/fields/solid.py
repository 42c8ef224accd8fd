"""What rays see of a distance field: its surface, lit from the eye."""

from __future__ import annotations

import numpy as np

from kernels.fields.types import Rays
from render.fields.distances import NeuralDistance
from render.fields.shading import Seen, Wanted
from render.fields.surface import neus, shade, trace_surface
from render.fields.uploads import Upload

SHARPNESS = 400.0
"""Of NeuS weights for a field that does not say, times the diagonal of its box: the change from
empty to solid then takes about a hundredth of the box."""


def see_surface(upload: Upload, rays: Rays, wanted: Wanted) -> Seen:
    """Follow rays to the surface of a distance field."""
    scene = upload.scene
    field = NeuralDistance(scene.model, scene.weights, upload.backend)
    way = (field, rays.origins, rays.directions, rays.near, rays.far, wanted.footprint)
    if wanted.surface == "neus":
        diagonal = float(np.linalg.norm(scene.upper - scene.lower))
        found = neus(*way, scene.sharpness or SHARPNESS / diagonal, wanted.cancelled)
    else:
        found = trace_surface(*way, upload.backend, wanted.cancelled)
    color = shade(found.normal, rays.directions, wanted.lamp) * found.alpha[:, None]
    return Seen(color, found.alpha, found.t, found.evaluations.astype(np.float32), found.normal)
