"""Small pictures of a fit on its way. Knows nothing of Qt."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from render.request import RenderRequest, RenderSettings
from scenes.camera import Camera
from scenes.fields import FieldScene

if TYPE_CHECKING:
    from render.fitting import Fit

SMALLEST, FIRST, LARGEST = 64, 96, 320
"""Pixels of the longer side."""
SECONDS = 0.3
"""What a picture should take; slower machines and fields get smaller ones."""
REST = 3.0
"""After a picture nothing is drawn for so many times what it took: a quarter of the time at most
goes into pictures."""
EVERY = 1.0
"""Seconds between two pictures where they are quick."""

CLOSER = 1.3
"""Overviews leave room around what is there; small pictures have none to spare."""


class Painter:
    """Draws a fit as large as it can be drawn quickly, and says when the next picture is due.

    Attributes
    ----------
    view
        Where fields in space are looked at from, in the frame of the field; None for the view
        that a scene is opened with.
    """

    def __init__(self, settings: RenderSettings) -> None:
        self.view: Camera | None = None
        self._settings = settings
        self._side = float(FIRST)
        self._due = 0.0

    @property
    def due(self) -> bool:
        """Whether it is time for another picture."""
        return time.perf_counter() >= self._due

    def paint(self, fit: Fit) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 of the fit as it is."""
        begun = time.perf_counter()
        picture = self._flat(fit) if fit.field.form == "image" else self._seen(fit)
        ended = time.perf_counter()
        took = ended - begun
        side = self._side * math.sqrt(SECONDS / max(took, 1e-3))
        # At most doubled: the first picture may have loaded kernels, or seen nothing but fog.
        self._side = min(max(side, SMALLEST), 2 * self._side, LARGEST)
        self._due = ended + max(EVERY - took, REST * took)
        return picture

    def _size(self, width: float, height: float) -> tuple[int, int]:
        scale = self._side / max(width, height)
        return max(1, round(width * scale)), max(1, round(height * scale))

    def _flat(self, fit: Fit) -> NDArray[np.uint8]:
        from render.fitting.image import picture_of

        width, height = (
            high - low for low, high in zip(fit.field.lower, fit.field.upper, strict=True)
        )
        values = picture_of(fit, *self._size(width, height))
        return (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)

    def _seen(self, fit: Fit) -> NDArray[np.uint8]:
        from render.render import render

        scene = _present(fit)
        view = self.view or next(iter(scene.cameras), None)
        if view is None:
            camera = scene.default_camera(*self._size(4, 3))
            camera = replace(camera, fx=CLOSER * camera.fx, fy=CLOSER * camera.fy)
        else:
            camera = view.stretched(*self._size(view.width, view.height))
        frame = render(RenderRequest(scene, camera, self._settings))
        return np.ascontiguousarray(frame.rgba8[..., :3])


def _present(fit: Fit) -> FieldScene:
    """The scene of the moment, without looking anew for where it is empty."""
    from render.fitting.distill import RadianceStudent
    from render.fitting.radiance import radiance_scene

    if isinstance(fit, RadianceStudent):
        # Where its teacher is empty it learns to be.
        return radiance_scene(fit, fit.grid, fit.teacher.scene.cameras, "", {})
    return fit.scene()
