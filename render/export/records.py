"""The words of an export: what is wished, how far it is, how it ended."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kernels.timing import KernelRecord
from render.request import OUTPUTS
from scenes.errors import Cancelled

LARGEST_SIDE = 16384
"""Longer sides are refused: no encoder here takes them."""


class ExportError(Exception):
    """An export that cannot be, in one sentence for the person."""


@dataclass(frozen=True)
class ExportSettings:
    """What to write.

    Attributes
    ----------
    path
        The file; its extension chooses the encoder, no extension means a folder of pictures.
    fps
        Frames per second of a video.
    quality
        0 (small) to 100 (visually lossless); ignored by formats without loss.
    outputs
        ``"color"``, ``"alpha"`` and ``"depth"``; videos and single pictures take colour alone.
    overwrite
        Whether what stands at ``path`` may be replaced.
    """

    path: Path
    fps: float = 30.0
    quality: int = 80
    outputs: tuple[str, ...] = ("color",)
    overwrite: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.fps <= 1000:
            raise ExportError(f"frames per second must be between 0 and 1000, not {self.fps:g}")
        if not 0 <= self.quality <= 100:
            raise ExportError(f"quality must be between 0 and 100, not {self.quality}")
        unknown = [name for name in self.outputs if name not in OUTPUTS]
        if unknown or not self.outputs:
            wanted = ", ".join(OUTPUTS)
            raise ExportError(f"outputs must be some of {wanted}, not {', '.join(unknown) or '-'}")


@dataclass(frozen=True)
class ExportProgress:
    """How far an export is; ``picture`` is the latest frame (H, W, 4) uint8 or None."""

    frame: int
    total: int
    seconds: float
    seconds_left: float
    picture: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class ExportResult:
    """A finished export: ``notes`` are sentences about what a person should know."""

    path: Path
    frames: int
    nbytes: int
    seconds: float
    notes: tuple[str, ...] = ()
    records: tuple[tuple[KernelRecord, ...], ...] = ()
    """The timings of every frame, in order."""
    totals_ns: tuple[int, ...] = ()
    """Render time of every frame, measured from outside."""


@dataclass(frozen=True)
class Estimate:
    """What an export will take, from a few frames."""

    seconds: float
    nbytes: int


class ExportControl:
    """Pause, resume and cancel an export from another thread."""

    def __init__(self) -> None:
        self._running = threading.Event()
        self._running.set()
        self._cancelled = False

    def pause(self) -> None:
        """Stop after the frame in work."""
        self._running.clear()

    def resume(self) -> None:
        """Go on."""
        self._running.set()

    def cancel(self) -> None:
        """End; unfinished files are removed, finished pictures of a sequence stay."""
        self._cancelled = True
        self._running.set()

    @property
    def paused(self) -> bool:
        """Whether the export waits."""
        return not self._running.is_set()

    @property
    def cancelled(self) -> bool:
        """Whether somebody pressed cancel."""
        return self._cancelled

    def check(self) -> None:
        """Wait while paused; raises Cancelled once cancelled."""
        self._running.wait()
        if self._cancelled:
            raise Cancelled
