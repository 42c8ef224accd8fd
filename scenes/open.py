"""Open and save any scene file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import scenes.formats
from scenes.errors import SceneError
from scenes.registry import (
    Cancel,
    Format,
    Progress,
    by_extension,
    choose,
    never,
    no_progress,
    scan,
)
from scenes.scene import Scene

LOSSLESS = {"gaussians": ".ply", "planes": ".mpi", "field": ".field.safetensors"}
"""Extension of the format that keeps all of a scene, by its kind.

Only Gaussians are rounded by it, once, to float32 of logarithms and logits.
"""
OPENED_WITH = "opened_with"
"""Key of ``metadata``: the read options that differ from the usual ones."""


def scene_formats() -> list[Format]:
    """Every scene format that this installation knows."""
    return scan(scenes.formats)


def sniff_scene(path: str | Path) -> Format | None:
    """Which format the file has, or None. Raises SceneError where nothing can be read."""
    path = Path(path)
    try:
        return choose(scene_formats(), path)
    except FileNotFoundError as error:
        raise SceneError(path, "a file or folder", "nothing of that name") from error
    except OSError as error:
        raise SceneError(path, "a readable file", error.strerror or str(error)) from error


def open_scene(
    path: str | Path, progress: Progress = no_progress, cancel: Cancel = never, **options: Any
) -> Scene:
    """Read a scene; content decides the format, the extension only where content does not.

    ``options`` are the ``read_options`` of formats; those of other formats are passed over, so
    that a wish ("at most a million splats") can be given with any file.

    Raises
    ------
    SceneError
        With one sentence that names the file, what was expected and what was found.
    Cancelled
        When ``cancel()`` became true.
    """
    path = Path(path)
    chosen = sniff_scene(path)
    if chosen is None:
        known = ", ".join(format.name for format in scene_formats())
        raise SceneError(path, f"a scene of one of the formats {known}", "a file of another kind")
    usual = {option.name: option.default for option in chosen.read_options}
    wanted = {name: value for name, value in options.items() if name in usual}
    try:
        scene = chosen.read(path, progress, cancel, **wanted)
    except OSError as error:
        raise SceneError(path, "a readable file", error.strerror or str(error)) from error
    unusual = {name: value for name, value in wanted.items() if value != usual[name]}
    if unusual:
        # Whoever opens the file again wants to make the same choices.
        scene = replace(scene, metadata=dict(scene.metadata) | {OPENED_WITH: unusual})
    return scene


def save_scene(
    scene: Scene,
    path: str | Path,
    progress: Progress = no_progress,
    cancel: Cancel = never,
    **options: Any,
) -> tuple[str, ...]:
    """Write a scene; the extension of ``path`` decides the format (see :func:`format_to_write`).

    ``options`` are the format's ``write_options``. Returns sentences about what the file does not
    keep.

    Raises
    ------
    SceneError, Cancelled
    """
    path = Path(path)
    chosen = format_to_write(path, scene.kind)
    assert chosen.write is not None  # format_to_write has looked
    return tuple(chosen.write(scene, path, progress, cancel, **options) or ())


def format_to_write(path: Path, kind: str) -> Format:
    """The format that a file of this name will be written in.

    ``kind`` is that of the scene; an empty one stands for any.

    Raises
    ------
    SceneError
        Where no format that can be written has the extension.
    """
    writable = [f for f in scene_formats() if f.write and kind in ("", f.kind)]
    chosen = by_extension(writable, path)
    if chosen is None:
        known = ", ".join(e for f in writable for e in f.extensions)
        found = path.suffix or "none"
        raise SceneError(path, f"an extension that can be written ({known})", found)
    return chosen
