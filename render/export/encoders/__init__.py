"""Encoders, found by scanning: one module per kind of file, each with an ``ENCODER`` record."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol

from render.export.records import ExportError, ExportSettings


class Sink(Protocol):
    """Where frames of one export go, from one thread, in order."""

    notes: list[str]

    def has(self, index: int) -> bool:
        """Whether frame ``index`` is already there and need not be rendered."""

    def write(self, index: int, images: dict[str, Any]) -> None:
        """Take ``rgba8`` (H, W, 4) uint8 and, where wished, ``alpha`` and ``depth`` float32."""

    def finish(self) -> None:
        """Complete the file under its own name."""

    def abort(self) -> None:
        """Remove what is unfinished."""


@dataclass(frozen=True)
class Job:
    """What a sink must know of the export: size, frame count, transparency, depth range."""

    settings: ExportSettings
    width: int
    height: int
    frames: int
    background: tuple[float, float, float] | None
    farthest: float
    fingerprint: str


@dataclass(frozen=True)
class Encoder:
    """One kind of file.

    Attributes
    ----------
    name, title, extensions
        ``"mp4"``, "MP4 (H.264)", (".mp4",); a folder of pictures has no extension.
    good_for
        One line that helps a person to choose.
    shape
        ``"video"``, ``"sequence"`` (a folder) or ``"still"``.
    can_alpha
        Whether transparency survives.
    quality_note
        The encoder's own number for a quality of 0..100, or None where nothing is lost.
    open
        Start a sink.
    """

    name: str
    title: str
    extensions: tuple[str, ...]
    good_for: str
    shape: Literal["video", "sequence", "still"]
    can_alpha: bool
    quality_note: Callable[[int], str] | None
    open: Callable[[Job], Sink]


@cache
def encoders() -> tuple[Encoder, ...]:
    """Every encoder, videos first."""
    found = []
    for module in pkgutil.iter_modules(__path__):
        record = getattr(importlib.import_module(f"{__name__}.{module.name}"), "ENCODER", None)
        if isinstance(record, Encoder):
            found.append(record)
    order = ("video", "sequence", "still")
    return tuple(sorted(found, key=lambda encoder: (order.index(encoder.shape), encoder.name)))


def encoder_for(path: Path) -> Encoder:
    """The encoder that the extension chooses; no extension is a folder of pictures.

    Raises
    ------
    ExportError
        For an extension that nothing writes.
    """
    suffix = path.suffix.lower()
    for encoder in encoders():
        if suffix in encoder.extensions or (not suffix and encoder.shape == "sequence"):
            return encoder
    known = ", ".join(extension for encoder in encoders() for extension in encoder.extensions)
    raise ExportError(f"{path.name} has no extension that can be written ({known}, or a folder)")
