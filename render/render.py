"""Render a request: the one door to pixels, for the window, the export and the command line."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import cast

from kernels.backends import resolve
from kernels.ranges import ranged
from kernels.timing import Recorder
from render.renderers import renderers
from render.request import VIEWS_OF, Frame, RenderCancelled, RenderRequest, RenderSettings
from render.turns import KERNELS
from scenes.camera import Camera
from scenes.errors import Cancelled
from scenes.registry import Cancel, Progress, never, no_progress
from scenes.scene import Scene

WARM_UP_STAGES = 10
"""How often a renderer looks at the cancel while it draws the two frames of the warm-up."""


def render(request: RenderRequest) -> Frame:
    """Render one picture, on whatever thread calls.

    Raises
    ------
    RenderCancelled
        When ``request.cancelled()`` became true; nothing is returned.
    ValueError
        If the settings name a preset or a backend that does not exist or cannot run here.
    """
    backend = resolve(request.settings.backend)
    renderer = renderers()[request.scene.kind]
    draw = ranged("frame", renderer.render)
    with KERNELS:
        start = time.perf_counter_ns()
        with Recorder() as recorder, _pictures(request, backend):
            frame = draw(request, backend)
        total = time.perf_counter_ns() - start
    return replace(
        frame,
        records=tuple(recorder.records),
        start_ns=start,
        total_ns=total,
        camera=request.camera,
        backend=backend,
    )


def _pictures(request: RenderRequest, backend: str) -> AbstractContextManager[None]:
    """Where the renderer leaves its picture."""
    if not request.on_device or backend != "cuda":
        return nullcontext()
    from kernels.cuda.interop import kept_on_device

    return kept_on_device(True)


def way_of(scene: Scene) -> tuple[str, str]:
    """The kind of a scene, and which of the ways that its renderer draws that kind it needs."""
    way = getattr(renderers()[scene.kind], "way", None)
    return scene.kind, "" if way is None else way(scene)


def warm_up(
    backend: str = "auto",
    progress: Progress = no_progress,
    cancel: Cancel = never,
    kind: str = "gaussians",
    way: str = "",
) -> None:
    """Load or compile every kernel for a kind of scene by rendering a handful of pieces.

    ``kind`` and ``way`` are those of :func:`way_of`. Takes about half a second, and some twenty
    where they must be compiled. ``progress`` counts stages; ``cancel`` is looked at between them. A
    renderer without a scene to try needs none.

    Raises
    ------
    Cancelled
        When ``cancel()`` became true.
    """
    trial = getattr(renderers()[kind], "trial", None)
    if trial is None:
        return
    piece = trial(way) if way else trial()
    passed = 0

    def between_stages() -> bool:
        nonlocal passed
        passed += 1
        progress(min(passed, WARM_UP_STAGES), WARM_UP_STAGES, "stages")
        return cancel()

    camera = Camera.look_at((0, 0, -4), (0, 0, 0), width=64, height=64)
    settings = RenderSettings(backend=backend)
    try:
        for outputs in (("depth", *VIEWS_OF.get(kind, ())), ()):
            render(RenderRequest(piece, camera, settings, outputs, cancelled=between_stages))
    except RenderCancelled as stopped:
        raise Cancelled from stopped
    progress(WARM_UP_STAGES, WARM_UP_STAGES, "stages")


def prepared(
    scene: Scene,
    backend: str = "auto",
    progress: Progress = no_progress,
    cancel: Cancel = never,
) -> Scene:
    """The scene with what makes drawing it fast, if that takes a while to find out.

    A radiance field gets an occupancy grid. Scenes that need nothing come back as they are.

    Raises
    ------
    Cancelled
    """
    prepare = getattr(renderers()[scene.kind], "prepared", None)
    if prepare is None:
        return scene
    return cast(Scene, prepare(scene, resolve(backend), progress, cancel))


def release() -> None:
    """Forget every scene that was uploaded."""
    with KERNELS:
        for renderer in renderers().values():
            renderer.forget()
