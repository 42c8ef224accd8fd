"""One PNG picture."""

from __future__ import annotations

from typing import Any

from render.export.encoders import Encoder, Job
from render.export.pictures import write_png


class PngSink:
    """A single picture; frames after the first are an error of the caller."""

    def __init__(self, job: Job) -> None:
        self.notes: list[str] = []
        self._path = job.settings.path
        self._channels = 4 if job.background is None else 3

    def has(self, index: int) -> bool:
        """A single picture is always written anew."""
        return False

    def write(self, index: int, images: dict[str, Any]) -> None:
        """Write the file."""
        write_png(self._path, images["rgba8"][..., : self._channels])

    def finish(self) -> None:
        """Nothing is left to do."""

    def abort(self) -> None:
        """Nothing is unfinished: the file is renamed when complete."""


ENCODER = Encoder(
    "png",
    "PNG picture",
    (".png",),
    "One picture without loss; keeps transparency.",
    "still",
    True,
    None,
    PngSink,
)
