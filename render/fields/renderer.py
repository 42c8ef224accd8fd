"""The renderer of neural fields: rays of pixels, coarse first where a picture takes its time."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kernels.fields.encodings import Composite, HashGrid, Identity, SphericalHarmonics
from kernels.fields.model import Field, Occupancy, Weights
from kernels.fields.networks import Layer, Network, Span, chain, flatten
from kernels.fields.rays import rays
from kernels.fields.types import Rays
from kernels.gaussians.types import View
from render.fields.arrays import beside, host
from render.fields.occupancy import with_occupancy
from render.fields.passes import (
    DEVICE_TILE,
    SQUARE,
    STRIDES,
    TILE,
    WIDE_TILE,
    all_pixels,
    refinement,
    stretched,
)
from render.fields.picture import Picture
from render.fields.shading import Wanted, see
from render.fields.uploads import Upload
from render.request import Frame, RenderRequest
from render.residents import Residents
from render.views import supersampled, view_of
from scenes.fields import FieldScene
from scenes.registry import Cancel, Progress, never, no_progress

RESIDENT_SCENES = 4
LAMP = np.array([-0.48, -0.64, -0.6])
"""Where the light on surfaces comes from, in axes of the camera: left, above and behind the eye."""
OVERLAP = 4
"""How many times as long as its share of the picture the first pass takes a device, which so few
rays do not fill."""
PATIENCE = 0.12
"""Seconds that a picture may take before it is shown unfinished."""


class FieldRenderer:
    """Keeps the last fields ready."""

    kind = "field"

    def __init__(self) -> None:
        self._uploads: Residents[Upload] = Residents(RESIDENT_SCENES)

    def way(self, scene: FieldScene) -> str:
        """Fields that are drawn with the same kernels: surfaces, or all others."""
        return "distance" if scene.model.form == "distance" else ""

    def trial(self, way: str = "") -> FieldScene:
        """A small field within sight of (0, 0, -4)."""
        if way == "distance":
            return _octahedron()
        encoding = HashGrid(3, 2, 2, 8, 4, 2.0)
        direction = SphericalHarmonics(2)
        layers = (
            Layer(4, 16, "relu", bias=False, reads=(Span(-1, 0, 4),)),
            Layer(16, 16, "none", bias=False),
            Layer(20, 16, "relu", bias=False, reads=(Span(1, 0, 16), Span(-1, 4, 8))),
            Layer(16, 3, "none", bias=False),
        )
        network = Network(layers, 8, (Span(1, 0, 1), Span(3, 0, 3)))
        model = Field("radiance", encoding, network, (-1.0,) * 3, (1.0,) * 3, direction)
        corner = np.ones(3)
        cells = Occupancy(np.ones((1, 4, 4, 4), bool), -corner, corner)
        return FieldScene(model, Weights.empty(model), -corner, corner, cells)

    def prepared(
        self,
        scene: FieldScene,
        backend: str,
        progress: Progress = no_progress,
        cancel: Cancel = never,
    ) -> FieldScene:
        """The scene with all that makes it fast; see :func:`with_occupancy`."""
        return with_occupancy(scene, backend, progress, cancel)

    def forget(self) -> None:
        """Release what is ready."""
        self._uploads.clear()

    def render(self, request: RenderRequest, backend: str) -> Frame:
        """One picture of a field; see :func:`render.render.render`.

        Besides the usual outputs there are ``normal`` and ``cost``; of supersampled frames they
        are means.
        """
        factor = request.supersample
        camera = request.camera if factor == 1 else supersampled(request.camera, factor)
        view = view_of(camera, request.world_from_file)
        scene = request.scene
        upload = self._uploads.get(scene, backend, lambda: Upload(scene, backend))
        shown = request.settings.output if request.display else ""
        normal = "normal" in request.outputs or shown == "normal"
        picture = Picture.of(view.width, view.height, normal, backend)

        wanted = Wanted(
            request.settings.skip_empty,
            request.settings.surface,
            request.effort,
            normal,
            (1 / view.fx, 0.0) if view.orthographic else (0.0, 1 / view.fx),
            (LAMP @ view.rotation).astype(np.float32),
            request.cancelled or never,
        )
        if request.partial is None or not request.display or factor > 1:
            for pixels in all_pixels(view.width, view.height, *_tile(upload)):
                _follow(upload, view, pixels, wanted, picture)
        else:
            _refine(upload, view, wanted, picture, request)
        return Frame(picture.images(request, backend))


def _octahedron() -> FieldScene:
    """A distance field with a surface, by a grid of which nothing is read, and the position."""
    encoding = Composite((HashGrid(3, 2, 2, 8, 4, 2.0), Identity(3)), firsts=(0, 0))
    sides = np.zeros((6, encoding.width), np.float32)
    sides[:, -3:] = np.concatenate([np.eye(3), -np.eye(3)])
    middle = np.repeat(np.array([-0.5, 0.5], np.float32), 3)
    # The sum of the distances from the planes through the middle, as far as it is sure.
    slant = np.full((1, 6), 3**-0.5, np.float32)
    network = chain([encoding.width, 6, 1], "relu")
    model = Field("distance", encoding, network, (-1.0,) * 3, (1.0,) * 3, unit=2.0)
    weights = flatten(network, [sides, middle, slant, np.full(1, -0.25, np.float32)])
    return FieldScene(
        model, replace(Weights.empty(model), network=weights), -np.ones(3), np.ones(3)
    )


def _tile(upload: Upload) -> tuple[int, int]:
    """Side of the squares that are followed together, and of those in them."""
    if upload.backend == "cuda":
        return DEVICE_TILE, SQUARE
    return TILE if upload.scene.model.form in ("radiance", "volume") else WIDE_TILE, 0


def _follow(
    upload: Upload, view: View, pixels: NDArray[np.int64], wanted: Wanted, picture: Picture
) -> None:
    scene = upload.scene
    wanted.check()
    own = beside(pixels, picture.alpha)
    found = rays(upload.backend, view, own, scene.lower, scene.upper)
    if upload.backend != "cuda":
        found = Rays(*(host(values) for values in vars(found).values()))
    seen = see(upload, found, wanted)
    picture.put(own, seen, found.directions, view)


def _refine(
    upload: Upload, view: View, wanted: Wanted, picture: Picture, request: RenderRequest
) -> None:
    """Coarse first; a picture that will be ready soon is made in one go after the first pass."""
    assert request.partial is not None  # whoever calls has looked
    begun = last = time.perf_counter()
    growth = STRIDES[0] ** 2 / (OVERLAP if upload.backend == "cuda" else 1)
    for stride, groups in refinement(view.width, view.height, *_tile(upload)):
        for pixels in groups:
            _follow(upload, view, pixels, wanted, picture)
        # A device is asked for a pixel, which it has when it has done all before.
        host(picture.alpha[:1, :1])
        now = time.perf_counter()
        if stride == STRIDES[0] and (now - begun) * growth < PATIENCE:
            break
        if stride > 1 and now - last > PATIENCE / 2:
            last = now
            known = picture.every(stride).images(request, upload.backend)["rgba8"]
            request.partial(stretched(known, stride, view.width, view.height))
    else:
        return
    for pixels in all_pixels(view.width, view.height, *_tile(upload)):
        _follow(upload, view, pixels, wanted, picture)


RENDERER = FieldRenderer()
