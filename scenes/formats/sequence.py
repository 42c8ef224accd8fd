"""A folder or pattern of files that are frames of one moving scene; opens at one of them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from scenes.errors import SceneError
from scenes.registry import (
    Cancel,
    Format,
    Option,
    Progress,
    by_extension,
    has_wildcards,
    never,
    no_progress,
)
from scenes.scene import Scene

MOST_FILES = 100_000
_DESCRIPTIONS = ("meta.json", "lod-meta.json")


def sniff(path: Path, head: bytes) -> bool:
    """A folder with two or more scene files of one kind, or a pattern that two or more match."""
    return len(frames(path)) > 1


def frames(path: Path) -> list[Path]:
    """The files in the order of their numbers; empty for anything but a sequence."""
    if has_wildcards(path):
        found = sorted(path.parent.glob(path.name))[:MOST_FILES]
    elif path.is_dir() and not any((path / name).exists() for name in _DESCRIPTIONS):
        found = sorted(path.iterdir())[:MOST_FILES]
    else:
        return []
    from scenes.open import scene_formats

    single = [
        format
        for format in scene_formats()
        if format.kind == "gaussians" and all(e.startswith(".") for e in format.extensions)
    ]
    kinds: dict[str, list[Path]] = {}
    for file in found:
        format = by_extension(single, file)
        if format is not None and file.is_file():
            kinds.setdefault(format.name, []).append(file)
    # Two kinds beside each other are no frames: somebody keeps the same scene in both.
    return sorted(next(iter(kinds.values())), key=_numbers) if len(kinds) == 1 else []


def _numbers(path: Path) -> list[Any]:
    """Compares ``frame_2`` before ``frame_10``."""
    parts = re.split(r"(\d+)", path.name)
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]


def read(
    path: Path,
    progress: Progress = no_progress,
    cancel: Cancel = never,
    sequence_index: int = 0,
) -> Scene:
    """Read one frame.

    Raises
    ------
    SceneError
        For an index that there is no frame for, and whatever reading the frame raises.
    Cancelled
    """
    from scenes.open import open_scene

    files = frames(path)
    if not 0 <= sequence_index < len(files):
        raise SceneError(path, f"a frame from 0 to {len(files) - 1}", f"{sequence_index}")
    scene = open_scene(files[sequence_index], progress, cancel)
    told = {"count": len(files), "index": sequence_index, "file": files[sequence_index].name}
    note = (
        f"Frame {sequence_index + 1} of {len(files)} of a sequence is shown "
        f"({files[sequence_index].name}); the others are not read."
    )
    return replace(  # type: ignore[type-var]  # every scene is a frozen dataclass
        scene,
        name=path.parent.name if has_wildcards(path) else path.name,
        source=path,
        metadata=dict(scene.metadata) | {"sequence": told},
        warnings=(note, *scene.warnings),
    )


FORMAT = Format(
    name="sequence",
    title="Folder of scene files (frames)",
    extensions=(),
    kind="gaussians",
    sniff=sniff,
    read=read,
    read_options=(
        Option("sequence_index", "Frame", "Which file of a folder of frames is read.", 0),
    ),
    sh_degree=4,
    frame="that of its files",
    precision="that of its files",
)
