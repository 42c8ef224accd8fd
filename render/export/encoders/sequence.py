"""A folder of PNG pictures, one per frame and output, that can be interrupted and resumed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from render.export.encoders import Encoder, Job
from render.export.ffmpeg import part_of
from render.export.pictures import write_png
from render.export.records import ExportError

LEDGER = ".plenoscope-export.json"
"""Tells which export the folder belongs to, so that a resumed one does not mix two."""


class SequenceSink:
    """``frame_00000.png``, and ``alpha_`` and ``depth_`` beside it where wished.

    Depth is 16-bit gray; ``depth.json`` states the scene units of one step.
    """

    def __init__(self, job: Job) -> None:
        self.notes: list[str] = []
        self._folder = job.settings.path
        self._outputs = job.settings.outputs
        self._channels = 4 if job.background is None else 3
        self._depth_step = job.farthest / 65535
        self._folder.mkdir(parents=True, exist_ok=True)
        self._claim(job)
        if "depth" in self._outputs:
            self._write_depth_scale()

    def _claim(self, job: Job) -> None:
        ledger = self._folder / LEDGER
        known = _fingerprint_in(ledger)
        frames = list(self._frames())
        if known == job.fingerprint and not job.settings.overwrite:
            there = sum(self.has(index) for index in range(job.frames))
            if there:
                self.notes.append(f"{there} finished frames were kept from before.")
        elif frames and not job.settings.overwrite:
            raise ExportError(
                f"{self._folder} holds frames of another export; choose another folder or overwrite"
            )
        else:
            for frame in frames:
                frame.unlink()
        part = part_of(ledger)
        part.write_text(json.dumps({"fingerprint": job.fingerprint, "frames": job.frames}))
        os.replace(part, ledger)

    def _frames(self) -> list[Path]:
        patterns = ("frame_[0-9]*.png", "alpha_[0-9]*.png", "depth_[0-9]*.png")
        return [path for pattern in patterns for path in self._folder.glob(pattern)]

    def _write_depth_scale(self) -> None:
        words = {"scene_units_per_step": self._depth_step, "zero": "nothing is there"}
        (self._folder / "depth.json").write_text(json.dumps(words, indent=1))

    def _path(self, output: str, index: int) -> Path:
        name = "frame" if output == "color" else output
        return self._folder / f"{name}_{index:05d}.png"

    def has(self, index: int) -> bool:
        """Whether every picture of the frame is complete."""
        return all(self._path(output, index).exists() for output in self._outputs)

    def write(self, index: int, images: dict[str, Any]) -> None:
        """Write the pictures of one frame."""
        if "color" in self._outputs:
            write_png(self._path("color", index), images["rgba8"][..., : self._channels])
        if "alpha" in self._outputs:
            alpha = np.floor(np.clip(images["alpha"], 0, 1) * 255 + 0.5).astype(np.uint8)
            write_png(self._path("alpha", index), alpha)
        if "depth" in self._outputs:
            steps = np.clip(np.round(images["depth"] / self._depth_step), 0, 65535)
            write_png(self._path("depth", index), steps.astype(np.uint16))

    def finish(self) -> None:
        """Nothing is left to do."""

    def abort(self) -> None:
        """Finished frames stay, for the next try."""


def _fingerprint_in(ledger: Path) -> str:
    try:
        return str(json.loads(ledger.read_text())["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


ENCODER = Encoder(
    "sequence",
    "PNG sequence",
    (),
    "No loss, transparency, depth and alpha; can be resumed.",
    "sequence",
    True,
    None,
    SequenceSink,
)
