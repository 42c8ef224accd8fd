"""The renderer of Gaussian scenes: project, shade, sort, bin, blend, and the picture."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kernels.gaussians.bin import bin as bin_splats
from kernels.gaussians.bin import keys_at_once
from kernels.gaussians.blend import blend
from kernels.gaussians.display import display
from kernels.gaussians.pack import pack
from kernels.gaussians.project import project
from kernels.gaussians.resolve import resolve
from kernels.gaussians.shade import shade
from kernels.gaussians.sort import sort
from kernels.gaussians.types import TILE, Accumulation, Options, Splats, View
from kernels.workspace import Workspace
from render.finish import finish
from render.presets import preset_options
from render.request import Frame, RenderCancelled, RenderRequest
from render.residents import Residents
from render.views import supersampled, view_of
from scenes.gaussians import GaussianScene

if TYPE_CHECKING:
    from kernels.gaussians.recorded import RecordedGaussians

KEYS_PER_SLICE = 1 << 20
"""A launch of the blend takes tiles with about this many keys (20 ms), then cancel is looked at."""
PARTIAL_NS = 120_000_000
"""A frame that takes longer shows its finished tiles about this often."""
RESIDENT_SCENES = 3


def centre_out(view: View) -> NDArray[np.int64]:
    """All tiles, nearest the middle of the picture first."""
    y, x = np.divmod(np.arange(view.tiles_x * view.tiles_y), view.tiles_x)
    dx = (x + 0.5) * TILE - view.width / 2
    dy = (y + 0.5) * TILE - view.height / 2
    return np.argsort(dx * dx + dy * dy, kind="stable")


class GaussianRenderer:
    """Keeps the last few scenes packed, and the buffers of the frame."""

    kind = "gaussians"

    def __init__(self) -> None:
        self._packed: Residents[Any] = Residents(RESIDENT_SCENES)
        self._workspace = Workspace()
        self._recorded: RecordedGaussians | None = None

    def trial(self) -> GaussianScene:
        """A handful of splats within sight of (0, 0, -4)."""
        count = 64
        generator = np.random.default_rng(0)
        return GaussianScene(
            generator.uniform(-1, 1, (count, 3)).astype(np.float32),
            np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)),
            np.full((count, 3), 0.1, np.float32),
            np.full(count, 0.5, np.float32),
            np.zeros((count, 16, 3), np.float32),
        )

    def forget(self) -> None:
        """Release packed scenes and buffers."""
        self._packed.clear()
        self._recorded = None
        self._workspace = Workspace()

    def render(self, request: RenderRequest, backend: str) -> Frame:
        """One picture of a Gaussian scene; see :func:`render.render.render`."""
        packed = self._resident(request.scene, backend, request.settings.sh_storage)
        factor = request.supersample
        camera = request.camera if factor == 1 else supersampled(request.camera, factor)
        view = view_of(camera, request.world_from_file)
        settings = request.settings
        options = preset_options(settings.preset)
        degree = request.scene.sh_degree
        if settings.sh_degree is not None:
            degree = min(degree, settings.sh_degree)
        # A device learns with the picture whether its tables had room for what there is to see.
        settled = False
        while not settled:
            images, settled = self._draw(request, backend, packed, view, options, degree)
        return Frame(images)

    def _draw(
        self,
        request: RenderRequest,
        backend: str,
        packed: Any,
        view: View,
        options: Options,
        degree: int,
    ) -> tuple[dict[str, Any], bool]:
        """The images, and whether all splats are in them."""
        factor, settings = request.supersample, request.settings
        picture = request.display and factor == 1 and settings.output == "color"
        depth = "depth" in request.outputs or (request.display and settings.output == "depth")
        _check(request)
        workspace, limit = self._workspace, keys_at_once(backend)
        scale = settings.splat_scale
        splats: Splats
        if backend == "cuda" and packed.keys.rows <= limit:
            # A device works behind the host: between two launches there is nothing to cancel.
            splats, accumulation = self._on_device().draw(
                packed, view, options, scale, degree, depth, limit
            )
        else:
            splats = project(backend, packed, view, options, scale, workspace)
            _check(request)
            splats = shade(backend, packed, splats, view, degree)
            _check(request)
            order = sort(backend, splats, workspace)
            accumulation = self._blend(request, backend, splats, order, view, options, depth, limit)
        images: dict[str, Any] = {}
        if picture:
            images["rgba8"] = display(backend, accumulation, settings.background, workspace)
        if request.outputs or (request.display and not picture):
            found = resolve(backend, accumulation, settings.background)
            finish(images, backend, *found, request, factor)
        return images, splats.settled()

    def _on_device(self) -> RecordedGaussians:
        """The launches of a device, which are imported where there is one."""
        if self._recorded is None:
            from kernels.gaussians.recorded import RecordedGaussians

            self._recorded = RecordedGaussians(self._workspace)
        return self._recorded

    def _resident(self, scene: GaussianScene, backend: str, storage: str) -> Any:
        """The scene packed for a backend, from the last few or made now."""
        arrays = (scene.means, scene.quats, scene.scales, scene.opacities, scene.sh)
        name = f"{backend} {storage}"
        return self._packed.get(scene, name, lambda: pack(backend, *arrays, storage))

    def _blend(
        self,
        request: RenderRequest,
        backend: str,
        splats: Splats,
        order: Any,
        view: View,
        options: Options,
        depth: bool,
        limit: int,
    ) -> Accumulation:
        """Bin and blend, in portions of depth where there are too many tile keys at once."""
        accumulation: Accumulation | None = None
        tiles = centre_out(view)
        started = time.perf_counter_ns()
        first = 0
        while accumulation is None or first < len(order):
            _check(request)
            lists = bin_splats(backend, splats, order[first:], view, self._workspace, limit)
            first += lists.consumed
            slices = 1 if backend == "cuda" else 1 + lists.count // KEYS_PER_SLICE
            for part in np.array_split(tiles, slices):
                _check(request)
                accumulation = blend(
                    backend,
                    splats,
                    lists,
                    view,
                    options,
                    depth,
                    self._workspace,
                    part,
                    accumulation,
                )
                if time.perf_counter_ns() - started > PARTIAL_NS and first >= len(order):
                    started = time.perf_counter_ns()
                    _show_partial(request, backend, accumulation, self._workspace)
        return accumulation


def _show_partial(
    request: RenderRequest, backend: str, accumulation: Accumulation, workspace: Workspace
) -> None:
    """Hand out what is finished of a slow frame."""
    plain = request.supersample == 1 and request.settings.output == "color"
    if request.partial is not None and plain and accumulation.touched is not None:
        request.partial(display(backend, accumulation, request.settings.background, workspace))


def _check(request: RenderRequest) -> None:
    if request.cancelled is not None and request.cancelled():
        raise RenderCancelled


RENDERER = GaussianRenderer()
