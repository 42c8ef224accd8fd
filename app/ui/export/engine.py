"""Between the export panel and :mod:`render.export`: orders in, work for a thread out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.document import Document
from app.ui.export.choices import Source, cameras_for
from render.export import (
    Estimate,
    ExportControl,
    ExportProgress,
    ExportSettings,
    estimate,
    export,
)
from render.render import render
from render.request import Frame, RenderCancelled, RenderRequest
from scenes.errors import Cancelled
from scenes.registry import Cancel, Progress
from scenes.transforms import ORIENTATIONS

Renderer = Callable[[RenderRequest], Frame]


@dataclass(frozen=True)
class Choices:
    """What the form says."""

    source: Source
    size: tuple[int, int]
    fps: float
    frames: range
    quality: int
    background: tuple[float, float, float] | None
    supersample: int
    outputs: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Order:
    """Everything about an export but where it goes; nothing in it changes any more."""

    requests: tuple[RenderRequest, ...]
    fps: float
    quality: int
    outputs: tuple[str, ...]

    def settings(self, target: Path) -> ExportSettings:
        """What to write, to ``target``.

        The file dialog has already asked whether a file may be replaced; a folder is gone on
        with, and refused where it holds another export's pictures.
        """
        return ExportSettings(
            target, self.fps, self.quality, self.outputs, overwrite=bool(target.suffix)
        )


@dataclass(frozen=True)
class Watch:
    """How work on a thread and the person hear of each other.

    ``hold`` waits while the export is paused and tells whether it was cancelled; ``stopped`` tells
    the latter at once; ``show`` takes finished pictures, (H, W, 4) uint8.
    """

    progress: Progress
    hold: Cancel
    stopped: Cancel
    show: Callable[[NDArray[np.uint8]], None]


class _Control(ExportControl):
    """Asks the watch instead of keeping a state of its own."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def check(self) -> None:
        """Wait while paused; raises Cancelled once cancelled."""
        if self._watch.hold():
            raise Cancelled


def order_of(document: Document, choices: Choices) -> Order | None:
    """The order for what is open now; None where there is nothing to export.

    The settings are those of the preview but for the background and that colour is written as
    colour, whatever the canvas shows.
    """
    if document.scene is None or not choices.outputs or not len(choices.frames):
        return None
    cameras = cameras_for(document, choices.source, choices.size, choices.fps, choices.frames)
    settings = replace(document.render_settings, background=choices.background, output="color")
    orientation = document.orientation
    transform = ORIENTATIONS[orientation].world_from_file if orientation != "none" else None
    requests = tuple(
        RenderRequest(
            document.scene,
            camera,
            settings,
            supersample=choices.supersample,
            world_from_file=transform,
        )
        for camera in cameras
    )
    return Order(requests, choices.fps, choices.quality, choices.outputs) if requests else None


def run_of(
    order: Order, target: Path, renderer: Renderer = render
) -> Callable[[Watch], tuple[Path, tuple[str, ...]]]:
    """The work of an export; it returns what was written and sentences about it."""

    def run(watch: Watch) -> tuple[Path, tuple[str, ...]]:
        def heard(done: ExportProgress) -> None:
            watch.progress(done.frame, done.total, "frames")
            if done.picture is not None:
                watch.show(done.picture)

        result = export(
            order.requests,
            order.settings(target),
            heard,
            _Control(watch),
            _stoppable(renderer, watch.stopped),
        )
        return result.path, result.notes

    return run


def measure_of(
    order: Order, suffix: str, renderer: Renderer = render
) -> Callable[[Progress, Cancel], Estimate]:
    """The work of an estimate: a few frames are really rendered and encoded."""

    def measure(progress: Progress, cancel: Cancel) -> Estimate:
        settings = order.settings(Path(f"sample{suffix}"))
        return estimate(order.requests, settings, _stoppable(renderer, cancel))

    return measure


def _stoppable(renderer: Renderer, stopped: Cancel) -> Renderer:
    """A renderer that gives up in the middle of a frame once ``stopped`` tells so."""

    def stoppable(request: RenderRequest) -> Frame:
        try:
            return renderer(replace(request, cancelled=stopped))
        except RenderCancelled as error:
            raise Cancelled from error

    return stoppable


def suggested_name(scene: Any, choices: Choices) -> str:
    """A file name without extension that tells what it will hold."""
    return f"{Path(scene.name).stem or 'scene'}-{choices.source}"
