"""Makes previews, and pictures of them, on a thread of its own. Knows nothing of Qt."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.ui.making.recipe import Recipe
from render.priority import give_way
from scenes.camera import Camera
from scenes.errors import Cancelled, SceneError
from scenes.planes import PlaneScene

LONGEST = 480
"""Pixels of the pictures that previews are made from."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Preview:
    """A small multiplane image.

    Attributes
    ----------
    scene, camera
        It, and its reference camera.
    psnr
        How like the photo it is from there, decibels.
    """

    scene: PlaneScene
    camera: Camera
    psnr: float


@dataclass(frozen=True, eq=False)
class State:
    """What the worker has come to.

    Attributes
    ----------
    busy
        Whether a preview is being made.
    fraction
        How much of it is done, 0..1.
    preview, picture
        The last preview, and the last picture of it, (H, W, 3) uint8.
    error
        Why there is no preview.
    """

    busy: bool = False
    fraction: float = 0.0
    preview: Preview | None = None
    picture: NDArray[np.uint8] | None = None
    error: Exception | None = None


class Worker:
    """Works on the latest wish only; look at :attr:`state` to see what came of it.

    A wish that is replaced is dropped, or cancelled where it was begun. Views that come while
    something is drawn replace each other.
    """

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._state = State()
        self._wish: Recipe | None = None
        self._view: Camera | None = None
        self._turn = 0
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def state(self) -> State:
        """What there is now."""
        return self._state

    def ask(self, recipe: Recipe) -> None:
        """Make another preview; the last one stays until it is there."""
        with self._change:
            self._turn += 1
            self._wish, self._view = recipe, None
            self._state = replace(self._state, busy=True, fraction=0.0, error=None)
            self._start()

    def look(self, camera: Camera) -> None:
        """Draw the preview from another view; not while another one is made."""
        with self._change:
            if not self._state.busy:
                self._view = camera
                self._start()

    def drop(self) -> None:
        """Make no other preview; keep the one that is there."""
        with self._change:
            self._turn += 1
            self._wish = None
            self._state = replace(self._state, busy=False)

    def forget(self) -> None:
        """Stop, and have no preview."""
        with self._change:
            self._turn += 1
            self._wish = self._view = None
            self._state = State()

    def close(self) -> None:
        """Stop for good. Does not wait: the thread ends at its next look at the cancel."""
        with self._change:
            self._closed = True
            self._turn += 1
            self._change.notify()

    def _start(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._run, name="preview", daemon=True)
            self._thread.start()
        self._change.notify()

    def _run(self) -> None:
        give_way()
        while (work := self._next()) is not None:
            wish, view, turn = work
            try:
                if wish is not None:
                    self._make(wish, turn)
                elif view is not None:
                    self._draw(view, turn)
            except Cancelled:
                continue
            except Exception as error:
                if not isinstance(error, SceneError | ValueError):
                    _log.warning("no preview", exc_info=error)
                self._tell(turn, State(error=error))

    def _next(self) -> tuple[Recipe | None, Camera | None, int] | None:
        with self._change:
            while not (self._closed or self._wish or self._view):
                self._change.wait()
            if self._closed:
                return None
            wish, self._wish = self._wish, None
            view, self._view = self._view, None
            return wish, view, self._turn

    def _tell(self, turn: int, state: State) -> None:
        with self._change:
            if turn == self._turn:
                self._state = state

    def _make(self, recipe: Recipe, turn: int) -> None:
        from kernels.image.psnr import psnr

        def progress(done: int, total: int, unit: str) -> None:
            if turn == self._turn:
                self._tell(turn, replace(self._state, fraction=done / max(total, 1)))

        scene = recipe.make(LONGEST, progress, lambda: turn != self._turn)
        camera, truth = scene.camera, scene.photo
        assert camera is not None
        assert truth is not None
        picture = self._drawn(scene, camera, turn)
        quality = psnr("cpu", np.float32(picture) / 255, np.float32(truth) / 255)
        self._tell(turn, State(preview=Preview(scene, camera, float(quality)), picture=picture))

    def _draw(self, camera: Camera, turn: int) -> None:
        preview = self._state.preview
        if preview is not None:
            picture = self._drawn(preview.scene, camera, turn)
            self._tell(turn, replace(self._state, picture=picture))

    def _drawn(self, scene: PlaneScene, camera: Camera, turn: int) -> NDArray[np.uint8]:
        from render.render import render
        from render.request import RenderCancelled, RenderRequest

        request = RenderRequest(scene, camera, cancelled=lambda: turn != self._turn)
        try:
            return np.ascontiguousarray(render(request).rgba8[..., :3])
        except RenderCancelled as stopped:
            raise Cancelled from stopped
