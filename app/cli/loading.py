"""Open a scene with a progress bar, and find the cameras that a command was given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.cli.console import ProgressBar, UsageError
from scenes.camera import Camera
from scenes.open import open_scene
from scenes.scene import Scene


def load(path: Path, **options: Any) -> Scene:
    """The scene, read with a progress bar; ``options`` are read options of formats."""
    with ProgressBar(f"Opening {path.name}") as bar:
        return open_scene(path, bar, **options)


def ready(scene: Scene, backend: str) -> Scene:
    """The scene with what makes drawing it fast, found out with a progress bar."""
    from render.render import prepared

    with ProgressBar(f"Preparing {scene.name}") as bar:
        return prepared(scene, backend, bar)


def named_cameras(file: Path) -> list[tuple[str, Camera]]:
    """The still cameras of a file."""
    from scenes.paths.files import read_cameras

    return list(read_cameras(file))


def one_camera(scene: Scene, file: Path | None, index: int, size: tuple[int, int] | None) -> Camera:
    """The camera of a file, exactly as it says unless a size is wished; else the default view."""
    if file is None:
        return scene.default_camera(*(size or (1280, 720)))
    cameras = named_cameras(file)
    if not 0 <= index < len(cameras):
        raise UsageError(f"--index must be 0 to {len(cameras) - 1}: {file.name} has "
                         f"{len(cameras)} cameras")  # fmt: skip
    camera = cameras[index][1]
    return camera if size is None else camera.resized(*size)
