"""Run an export: render on the calling thread, encode on another, a few frames between them."""

from __future__ import annotations

import hashlib
import json
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kernels.timing import KernelRecord
from render.export.encoders import Encoder, Job, Sink, encoder_for
from render.export.records import (
    LARGEST_SIDE,
    Estimate,
    ExportControl,
    ExportError,
    ExportProgress,
    ExportResult,
    ExportSettings,
)
from render.render import render
from render.request import Frame, RenderRequest

SAMPLED_ROWS = 4096
"""Rows of each array of a scene that its fingerprint looks at."""
ESTIMATE_FRAMES = 4
WAITING_FRAMES = 3
"""Frames between renderer and encoder; more would only take memory."""

Renderer = Callable[[RenderRequest], Frame]


def _nobody(progress: ExportProgress) -> None:
    """The default listener."""


def export(
    requests: Sequence[RenderRequest],
    settings: ExportSettings,
    progress: Callable[[ExportProgress], None] = _nobody,
    control: ExportControl | None = None,
    renderer: Renderer = render,
) -> ExportResult:
    """Render every request and write the file; blocks until it is complete.

    Parameters
    ----------
    requests
        One per frame, all of one size and background; what the window previews, unchanged.
    progress
        Called after each frame, from the encoding thread.
    control
        Pause and cancel from another thread.

    Raises
    ------
    ExportError
        One sentence: nothing to export, a file in the way, no such format, a size or a
        transparency that the format cannot take, or the encoder's own reason.
    Cancelled
        After ``control.cancel()``; unfinished files are gone.
    """
    control = control or ExportControl()
    encoder = encoder_for(settings.path)
    job = _plan(requests, settings, encoder)
    started = time.monotonic()
    try:
        sink = encoder.open(job)
    except OSError as error:
        raise ExportError(f"{settings.path} cannot be written: {error.strerror}") from error
    line = _Line(sink, job.frames, progress, started)
    try:
        for index, request in enumerate(requests):
            control.check()
            line.check()
            if sink.has(index):
                line.put(index, None)
                continue
            line.put(index, renderer(_with_outputs(request, settings)))
        line.close()
        sink.finish()
    except BaseException:
        line.stop()
        sink.abort()
        raise
    seconds = time.monotonic() - started
    records, totals = line.timings()
    return ExportResult(
        settings.path, job.frames, _size_of(settings.path), seconds, tuple(sink.notes), records,
        totals,
    )  # fmt: skip


def estimate(
    requests: Sequence[RenderRequest], settings: ExportSettings, renderer: Renderer = render
) -> Estimate:
    """Time and size of an export, from a few neighbouring frames, really rendered and encoded.

    One frame tells what starting costs, :data:`ESTIMATE_FRAMES` what each further one does.
    """
    if not requests:
        raise ExportError("there is nothing to export: no frame was chosen")
    renderer(_with_outputs(requests[0], settings))
    middle = max(0, min(len(requests) // 2, len(requests) - ESTIMATE_FRAMES))
    sample = requests[middle : middle + ESTIMATE_FRAMES]
    with tempfile.TemporaryDirectory() as folder:
        first = _trial(sample[:1], settings, Path(folder) / "one", renderer)
        if len(sample) == 1:
            return Estimate(first.seconds, first.nbytes)
        some = _trial(sample, settings, Path(folder) / "some", renderer)
    more = (len(requests) - 1) / (len(sample) - 1)
    return Estimate(
        first.seconds + max(some.seconds - first.seconds, 0.0) * more,
        first.nbytes + int(max(some.nbytes - first.nbytes, 0) * more),
    )


def _trial(
    requests: Sequence[RenderRequest], settings: ExportSettings, path: Path, renderer: Renderer
) -> ExportResult:
    trial = replace(settings, path=path.with_suffix(settings.path.suffix), overwrite=True)
    return export(requests, trial, renderer=renderer)


def _with_outputs(request: RenderRequest, settings: ExportSettings) -> RenderRequest:
    wanted = tuple(name for name in settings.outputs if name != "color")
    return replace(request, outputs=wanted, display=True)


def _plan(requests: Sequence[RenderRequest], settings: ExportSettings, encoder: Encoder) -> Job:
    """Refuse what cannot be before anything is rendered."""
    if not requests:
        raise ExportError("there is nothing to export: no frame was chosen")
    first = requests[0]
    width, height = first.camera.width, first.camera.height
    if max(width, height) > LARGEST_SIDE:
        raise ExportError(f"{width}x{height} is too large: at most {LARGEST_SIDE} pixels a side")
    if encoder.shape == "still" and len(requests) > 1:
        raise ExportError(f"{settings.path.name} holds one picture, not {len(requests)} frames")
    extra = [name for name in settings.outputs if name != "color"]
    if extra and encoder.shape != "sequence":
        raise ExportError(f"{' and '.join(extra)} can only be written to a folder of pictures")
    background = first.settings.background
    if background is None and not encoder.can_alpha:
        raise ExportError(f"{encoder.title} has no transparency; choose a background colour")
    if encoder.shape != "sequence" and settings.path.exists() and not settings.overwrite:
        raise ExportError(f"{settings.path} exists; say to overwrite it or choose another name")
    if settings.path.exists() and settings.path.is_dir() != (encoder.shape == "sequence"):
        raise ExportError(
            f"{settings.path} is {'a folder' if settings.path.is_dir() else 'a file'}"
        )
    return Job(
        settings, width, height, len(requests), background, _farthest(requests),
        fingerprint(requests, settings),
    )  # fmt: skip


def _farthest(requests: Sequence[RenderRequest]) -> float:
    """An upper bound of every depth: from any camera to any corner of the scene."""
    low, high = (np.asarray(corner, float) for corner in requests[0].scene.bounds)
    centre, radius = (low + high) / 2, float(np.linalg.norm(high - low)) / 2
    world = requests[0].world_from_file
    if world is not None:
        centre = world[:3, :3] @ centre + world[:3, 3]
    reach = (np.linalg.norm(request.camera.position - centre) for request in requests)
    return max(float(max(reach)) + radius, 1e-6)


def fingerprint(requests: Sequence[RenderRequest], settings: ExportSettings) -> str:
    """Tells whether two exports would write the same pictures."""
    digest = hashlib.sha256()
    scene = requests[0].scene
    digest.update(json.dumps([scene.kind, scene.name, scene.count, settings.outputs]).encode())
    digest.update(np.asarray(scene.bounds).tobytes())
    for name, array in sorted(vars(scene).items()):
        if isinstance(array, np.ndarray):
            digest.update(name.encode())
            digest.update(array[:: max(1, len(array) // SAMPLED_ROWS)].tobytes())
    for request in requests:
        camera = request.camera
        digest.update(np.asarray(camera.camera_from_world).tobytes())
        numbers = (camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy)
        digest.update(repr((numbers, camera.projection, request.supersample)).encode())
        digest.update(repr(request.settings).encode())
        if request.world_from_file is not None:
            digest.update(request.world_from_file.tobytes())
    return digest.hexdigest()


def _size_of(path: Path) -> int:
    files = path.iterdir() if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


class _Line:
    """The belt between renderer and encoder: a bounded queue and the thread that empties it."""

    def __init__(
        self,
        sink: Sink,
        total: int,
        progress: Callable[[ExportProgress], None],
        started: float,
    ) -> None:
        self._sink = sink
        self._total = total
        self._progress = progress
        self._started = started
        self._queue: queue.Queue[tuple[int, Frame | None] | None] = queue.Queue(WAITING_FRAMES)
        self._error: BaseException | None = None
        self._stopped = False
        self._records: list[tuple[KernelRecord, ...]] = []
        self._totals: list[int] = []
        self._thread = threading.Thread(target=self._run, name="export encoder", daemon=True)
        self._thread.start()

    def put(self, index: int, frame: Frame | None) -> None:
        """Hand over a frame (None: it was there already); waits while the belt is full."""
        if frame is not None:
            self._totals.append(frame.total_ns)
            self._records.append(frame.records)
        self._queue.put((index, frame))

    def check(self) -> None:
        """Raise what went wrong on the other thread."""
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Wait until every frame is encoded."""
        self._queue.put(None)
        self._thread.join()
        self.check()

    def stop(self) -> None:
        """Throw away what waits and end the thread."""
        self._stopped = True
        self._queue.put(None)
        self._thread.join()

    def timings(self) -> tuple[tuple[tuple[KernelRecord, ...], ...], tuple[int, ...]]:
        """Records and totals of the frames that were rendered."""
        return tuple(self._records), tuple(self._totals)

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._stopped or self._error is not None:
                continue  # keep emptying, so that the renderer never waits for ever
            try:
                self._encode(*item)
            except OSError as error:
                reason = error.strerror or str(error)
                self._error = ExportError(f"a frame could not be written: {reason}")
            except Exception as error:  # raised again on the thread that waits for it
                self._error = error

    def _encode(self, index: int, frame: Frame | None) -> None:
        picture: Any = None
        if frame is not None:
            self._sink.write(index, dict(frame.images))
            picture = frame.images["rgba8"]
        seconds = time.monotonic() - self._started
        done = index + 1
        left = seconds / done * (self._total - done)
        self._progress(ExportProgress(done, self._total, seconds, left, picture))
