"""What a person chose to export, and what follows from it; no Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from app.document import Document
from app.ui.timeline.playback import frame_count
from app.ui.timeline.turntable import turntable_of
from scenes.camera import Camera
from scenes.paths.interpolate import cameras_of
from scenes.paths.path import CameraPath

Source = Literal["path", "view", "turntable"]

SOURCES: tuple[tuple[Source, str, str], ...] = (
    ("path", "Camera path", "All frames of the timeline"),
    ("view", "Current view", "One picture of what the canvas shows"),
    ("turntable", "Turntable", "Once around the scene, from the current view"),
)
"""Name, what it is called, what it means."""


@dataclass(frozen=True)
class Size:
    """A size with a name; None stands for what the canvas or the fields say."""

    name: str
    title: str
    pixels: tuple[int, int] | None


SIZES = (
    Size("720p", "HD 720p", (1280, 720)),
    Size("1080p", "Full HD 1080p", (1920, 1080)),
    Size("1440p", "QHD 1440p", (2560, 1440)),
    Size("4k", "4K UHD", (3840, 2160)),
    Size("square", "Square", (1080, 1080)),
    Size("vertical", "Vertical", (1080, 1920)),
    Size("canvas", "Like the canvas", None),
    Size("custom", "Custom", None),
)


def source_path(document: Document, source: Source, fps: float) -> CameraPath | None:
    """The path that a source follows at a frame rate; None for a still or without keys."""
    path = document.path if source == "path" else None
    if source == "turntable":
        path = turntable_of(document)
    return replace(path, fps=fps) if path is not None and path.keys else None


def frames_of(document: Document, source: Source, fps: float) -> int:
    """How many frames a source has; 0 where there is nothing to follow."""
    if source == "view":
        return 1 if document.view is not None else 0
    if source == "turntable":
        return frame_count(replace(document.path, fps=fps)) if document.view is not None else 0
    path = source_path(document, source, fps)
    return frame_count(path) if path is not None else 0


def cameras_for(
    document: Document, source: Source, size: tuple[int, int], fps: float, frames: range
) -> list[Camera]:
    """The cameras of an export, in order: ``frames`` of the source in ``size`` pixels."""
    if source == "view":
        return [document.view.resized(*size)] if document.view is not None else []
    path = source_path(document, source, fps)
    return cameras_of(path, *size)[frames.start : frames.stop] if path is not None else []


def quality_words(quality: int) -> str:
    """A quality of 0..100 in words."""
    for least, words in ((95, "Visually lossless"), (75, "High"), (50, "Good"), (25, "Small")):
        if quality >= least:
            return words
    return "Draft"


def span_text(seconds: float) -> str:
    """A length of time as a person would say it, from seconds to hours."""
    if seconds < 1:
        return "under a second"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = math.ceil(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def bytes_text(count: float) -> str:
    """An amount of data with two or three significant digits, not to be broken over lines."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            whole = count >= 10 or unit == "B"
            return f"{count:.0f}\u00a0{unit}" if whole else f"{count:.1f}\u00a0{unit}"
        count /= 1000
    return f"{count:.1f}\u00a0TB"
