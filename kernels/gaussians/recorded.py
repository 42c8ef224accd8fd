"""The launches of a frame of Gaussians on a device, recorded when they repeat."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from kernels.cuda.graphs import Recordings
from kernels.cuda.tables import FrameTables
from kernels.gaussians.bin import bin as bin_splats
from kernels.gaussians.blend import blend
from kernels.gaussians.pack.cuda import DeviceGaussians
from kernels.gaussians.project import project
from kernels.gaussians.project.cuda import DeviceSplats, numbers_of
from kernels.gaussians.shade import shade
from kernels.gaussians.sort import sort
from kernels.gaussians.types import Accumulation, Options, View
from kernels.workspace import Workspace

Drawn = tuple[DeviceSplats, Accumulation]


def _same(one: Drawn, other: Drawn) -> bool:
    """Whether two pictures are equal; waits for the device."""
    planes = (drawn[1].planes.view(torch.int32) for drawn in (one, other))
    return torch.equal(*planes)


class RecordedGaussians:
    """Draws frames whose tables have room for all keys at once.

    ``recordings`` and ``workspace`` live as long as the renderer: what a recording reads and writes
    stays where it is.
    """

    def __init__(self, workspace: Workspace, recordings: Any = None) -> None:
        self._workspace = workspace
        self._recordings = recordings or Recordings[Drawn](_same)

    def draw(
        self,
        packed: DeviceGaussians,
        view: View,
        options: Options,
        splat_scale: float,
        degree: int,
        depth: bool,
        limit: int,
    ) -> Drawn:
        """From projection to blending; not waited for."""
        workspace, tiles = self._workspace, np.arange(view.tiles_x * view.tiles_y)

        def launch() -> Drawn:
            splats = project("cuda", packed, view, options, splat_scale, workspace)
            shade("cuda", packed, splats, view, degree)
            order = sort("cuda", splats, workspace)
            lists = bin_splats("cuda", splats, order, view, workspace, limit)
            found = blend("cuda", splats, lists, view, options, depth, workspace, tiles)
            return splats, found  # type: ignore[return-value]

        def refill() -> None:
            tables = workspace.keep("frame tables", FrameTables.new)
            tables.fill(numbers_of(view, options, splat_scale))

        sizes = (view.width, view.height, packed.visible.rows, packed.keys.rows)
        key = (id(packed), *sizes, view.orthographic, options, degree, depth)
        return self._recordings.run(key, launch, refill)
