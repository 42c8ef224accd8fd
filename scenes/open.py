"""Open and save any scene file."""

from __future__ import annotations

from pathlib import Path

import scenes.formats
from scenes.errors import SceneError
from scenes.gaussians import GaussianScene
from scenes.registry import Cancel, Format, Progress, choose, never, no_progress, scan

Scene = GaussianScene


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


def open_scene(path: str | Path, progress: Progress = no_progress, cancel: Cancel = never) -> Scene:
    """Read a scene; content decides the format, the extension only where content does not.

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
        known = ", ".join(format.title for format in scene_formats())
        raise SceneError(path, f"a scene ({known})", "a file of another kind")
    try:
        return chosen.read(path, progress, cancel)
    except OSError as error:
        raise SceneError(path, "a readable file", error.strerror or str(error)) from error


def save_scene(
    scene: Scene, path: str | Path, progress: Progress = no_progress, cancel: Cancel = never
) -> None:
    """Write a scene; the extension of ``path`` decides the format."""
    path = Path(path)
    for format in scene_formats():
        if (
            format.kind == scene.kind
            and format.write
            and path.name.lower().endswith(format.extensions)
        ):
            format.write(scene, path, progress, cancel)
            return
    known = ", ".join(e for f in scene_formats() if f.write for e in f.extensions)
    raise SceneError(path, f"an extension that can be written ({known})", path.suffix or "none")
