"""Writing files so that a half-written one never takes the place of a good one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from scenes.errors import Cancelled, SceneError
from scenes.registry import Cancel, Progress

ROWS = 65_536
"""Splats made ready and written together; a bound on the memory that writing takes."""


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file beside ``path`` named ``.part`` that takes its name when the block ends well.

    Raises
    ------
    SceneError
        Where the place cannot be written; whatever else the block raises. No file is left.
    """
    part = path.with_name(path.name + ".part")
    with _told(path):
        try:
            with part.open("w+b") as file:
                yield file
            os.replace(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


@contextmanager
def new_folder(path: Path, marker: str) -> Iterator[Path]:
    """A folder beside ``path`` named ``.part`` whose files move into ``path`` when all is well.

    ``path`` may exist; only files of the same names are replaced. The file ``marker`` moves last,
    so that it names only files that are there.
    """
    part = path.with_name(path.name + ".part")
    with _told(path):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        try:
            yield part
            path.mkdir(exist_ok=True)
            files = [file for file in sorted(part.rglob("*")) if file.is_file()]
            for file in sorted(files, key=lambda file: file == part / marker):
                target = path / file.relative_to(part)
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(file, target)
        finally:
            shutil.rmtree(part, ignore_errors=True)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise SceneError(path, "a place that can be written", reason) from error


def blocks(
    count: int, progress: Progress, cancel: Cancel, rows: int = ROWS, unit: str = "splats"
) -> Iterator[slice]:
    """Slices of ``rows`` that cover ``count``; tells how far the caller is before each.

    Raises
    ------
    Cancelled
    """
    for first in range(0, count, rows):
        if cancel():
            raise Cancelled
        progress(first, count, unit)
        yield slice(first, min(first + rows, count))
    progress(count, count, unit)


def training_lost(training: str) -> tuple[str, ...]:
    """What to tell who writes splats of that training to a file that has no mark for it."""
    marks = {"mip": "were trained with antialiasing", "2dgs": "are 2D Gaussians"}
    if training not in marks:
        return ()
    return (f"The file does not keep that the splats {marks[training]}.",)


def view_lost(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """What to tell who writes to a file that says neither what points up nor where to look."""
    said = []
    if metadata.get("vertical_axis"):
        said.append("The file does not keep which axis points up.")
    if metadata.get("default_view"):
        said.append("The file does not keep the first view.")
    return tuple(said)
