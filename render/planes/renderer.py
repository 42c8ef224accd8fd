"""The renderer of multiplane images: warp and composite, and blend sets of local ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.gaussians.types import View
from kernels.planes.basis import basis
from kernels.planes.blend import blend
from kernels.planes.composite import composite
from kernels.planes.types import Coefficients, Composite, Options, Wanted
from kernels.workspace import Workspace
from render.finish import finish
from render.layer_view import layer_picture
from render.planes.uploads import Upload
from render.request import Frame, RenderCancelled, RenderRequest
from render.residents import Residents
from render.views import supersampled, view_of
from scenes.planes import Plane, PlaneScene

RESIDENT_SCENES = 12
"""Scenes of layers that stay packed: a few whole ones, or the members of a set around the eye."""
NEIGHBOURS = 5
"""Local images that are blended (Mildenhall et al. 2019, section 5)."""
FARTHEST = 30.0
"""Exponents beyond have no weight in float32."""


class PlaneRenderer:
    """Keeps the last scenes packed, and the buffers of the frame."""

    kind = "planes"

    def __init__(self) -> None:
        self._uploads: Residents[Upload] = Residents(RESIDENT_SCENES)
        self._workspace = Workspace()

    def trial(self) -> PlaneScene:
        """A plane within sight of (0, 0, -4), smaller than its picture."""
        image = np.full((256, 256, 4), 128, np.uint8)
        sides = np.array([[-1.0, -1, 0], [2, 0, 0], [0, 2, 0]])
        return PlaneScene((Plane(image, *sides),))

    def forget(self) -> None:
        """Release packed scenes and buffers."""
        self._uploads.clear()
        self._workspace = Workspace()

    def render(self, request: RenderRequest, backend: str) -> Frame:
        """One picture of a plane scene; see :func:`render.render.render`.

        Besides the usual outputs there is ``layer``: (H, W) int32, the layer that shows most, -1
        where there is none; not for sets, and taken from every n-th pixel of supersampled frames.
        """
        factor = request.supersample
        camera = request.camera if factor == 1 else supersampled(request.camera, factor)
        view = view_of(camera, request.world_from_file)
        if request.scene.members:
            return self._set(request, backend, view)
        settings = request.settings
        shows = request.display
        plain = shows and factor == 1 and settings.output == "color"
        layer = "layer" in request.outputs or (shows and settings.output == "layer")
        wanted = Wanted(
            plain,
            settings.background,
            bool(request.outputs) or (shows and not plain),
            "depth" in request.outputs or (shows and settings.output == "depth"),
            layer,
        )
        found = self._composite(request, request.scene, backend, view, wanted)
        images: dict[str, Any] = {}
        if layer:
            index = np.ascontiguousarray(found.index[factor // 2 :: factor, factor // 2 :: factor])
            if "layer" in request.outputs:
                images["layer"] = index
            if shows and settings.output == "layer":
                images["rgba8"] = layer_picture(index, request.scene.count)
        if plain:
            images["rgba8"] = found.rgba8
        if request.outputs or (shows and not plain):
            _finish(images, backend, found.color, found.depth, request)
        return Frame(images)

    def _composite(
        self,
        request: RenderRequest,
        scene: PlaneScene,
        backend: str,
        view: View,
        wanted: Wanted,
    ) -> Composite:
        """A scene of layers."""
        _check(request)
        upload = self._uploads.get(scene, backend, lambda: Upload.of(scene, backend))
        options = Options(request.settings.back_faces)
        _check(request)
        geometry = upload.seen_from(view, options)
        coefficients = None
        if scene.basis is not None:
            assert scene.camera is not None  # a scene with a basis has one
            turn = scene.camera.camera_from_world[:3, :3] @ view.rotation.T
            values = basis(
                backend, scene.basis.maps, scene.basis.reach, turn, view, self._workspace
            )
            coefficients = Coefficients(*upload.coefficients, values)
        _check(request)
        return composite(
            backend,
            upload.textures,
            geometry,
            view,
            options,
            wanted,
            coefficients,
            self._workspace,
        )

    def _set(self, request: RenderRequest, backend: str, view: View) -> Frame:
        """The nearest members of a set, blended."""
        settings = request.settings
        depth = "depth" in request.outputs or (request.display and settings.output == "depth")
        wanted = Wanted(False, None, True, depth)
        chosen, weights = nearest_members(request.scene, view.position)
        found = [self._composite(request, member, backend, view, wanted) for member in chosen]
        _check(request)
        depths = [each.depth for each in found] if depth else []
        color, mean = blend(backend, [each.color for each in found], depths, weights)
        images: dict[str, Any] = {}
        _finish(images, backend, color, mean, request)
        return Frame(images)


def nearest_members(
    scene: PlaneScene, eye: NDArray[np.float64]
) -> tuple[list[PlaneScene], list[float]]:
    """The local images to blend for an eye (3,), and their weights.

    Weights are ``exp(-k distance)`` with ``k = f / (z D)``, f the focal length in pixels, z the
    depth of the nearest of D planes (Mildenhall et al. 2019, LLFF, appendix B): a move by which the
    nearest plane shifts by as many pixels as there are planes takes a factor e. Only ratios count:
    the nearest image has weight 1.
    """
    exponents = []
    for member in scene.members:
        camera = member.camera
        assert camera is not None  # members have one
        depths = [float((camera.camera_from_world @ [*layer.corners.mean(0), 1])[2])
                  for layer in member.layers]  # fmt: skip
        near = min((depth for depth in depths if depth > 0), default=1.0)
        fall = camera.fx / (near * max(len(member.layers), 1))
        exponents.append(fall * float(np.linalg.norm(camera.position - eye)))
    order = np.argsort(exponents, kind="stable")[:NEIGHBOURS]
    least = exponents[order[0]]
    kept = [index for index in order if exponents[index] - least < FARTHEST]
    return (
        [scene.members[index] for index in kept],
        [float(np.exp(least - exponents[index])) for index in kept],
    )


def _finish(
    images: dict[str, Any], backend: str, color: Any, depth: Any, request: RenderRequest
) -> None:
    """Put the background behind premultiplied colour, in place, and make what is asked."""
    alpha = color[..., 3]
    background = request.settings.background
    if background is not None:
        for channel, value in enumerate(background):
            color[..., channel] += (1 - alpha) * value
    rgb = color[..., :3]
    if isinstance(color, np.ndarray):
        rgb, alpha = np.ascontiguousarray(rgb), np.ascontiguousarray(alpha)
    finish(images, backend, rgb, alpha, depth, request, request.supersample)


def _check(request: RenderRequest) -> None:
    if request.cancelled is not None and request.cancelled():
        raise RenderCancelled


RENDERER = PlaneRenderer()
