"""Read and write camera paths and cameras, whatever their format."""

from __future__ import annotations

from pathlib import Path

import scenes.paths.formats
from scenes.camera import Camera
from scenes.errors import SceneError
from scenes.paths.camera_sets import CameraSet, CameraSetFormat
from scenes.paths.path import CameraPath
from scenes.registry import Format, choose, scan


def path_formats() -> list[Format]:
    """Every camera-path format that this installation knows."""
    return scan(scenes.paths.formats)


def sniff_path(file: str | Path) -> Format | None:
    """Which camera-path format a file has, or None. Raises SceneError where it cannot be read."""
    file = Path(file)
    try:
        return choose(path_formats(), file)
    except FileNotFoundError as error:
        raise SceneError(file, "a file", "nothing of that name") from error
    except OSError as error:
        raise SceneError(file, "a readable file", error.strerror or str(error)) from error


def read_path(file: str | Path) -> CameraPath:
    """Read a camera path; content decides the format. Whatever is wrong ends in SceneError."""
    file = Path(file)
    chosen = sniff_path(file)
    if chosen is None:
        known = ", ".join(format.title for format in path_formats())
        raise SceneError(file, f"a camera path ({known})", "a file of another kind")
    return chosen.read(file)


def write_path(path: CameraPath, file: str | Path) -> None:
    """Write a camera path; the longest extension that fits the file's name decides the format.

    The file appears whole or not at all. Raises SceneError for an unknown extension or a path
    without keys (which no other program could read).
    """
    file = Path(file)
    fitting = [
        (len(extension), format)
        for format in path_formats()
        for extension in format.extensions
        if format.write and file.name.lower().endswith(extension)
    ]
    if not fitting:
        known = ", ".join(e for f in path_formats() if f.write for e in f.extensions)
        raise SceneError(file, f"an extension that can be written ({known})", file.suffix or "none")
    if not path.keys:
        raise SceneError(file, "a camera path with keys to write", "none")
    write = max(fitting, key=lambda item: item[0])[1].write
    assert write is not None
    write(path, file)


def read_camera_set(file: str | Path) -> CameraSet:
    """Read a set of still cameras with their pictures; content decides the format.

    Raises SceneError for files of any other kind, camera paths among them.
    """
    file = Path(file)
    chosen = sniff_path(file)
    if not isinstance(chosen, CameraSetFormat):
        known = ", ".join(f.title for f in path_formats() if isinstance(f, CameraSetFormat))
        raise SceneError(file, f"a set of cameras ({known})", "a file of another kind")
    return chosen.read_set(file)


def read_cameras(
    file: str | Path, width: int = 1280, height: int = 720
) -> list[tuple[str, Camera]]:
    """Named still cameras: those of a camera set, or the keys of a camera path.

    Keys of a path have no size of their own; they take ``width`` x ``height``.
    """
    file = Path(file)
    chosen = sniff_path(file)
    if isinstance(chosen, CameraSetFormat):
        found = chosen.read_set(file)
        return list(zip(found.names, found.cameras, strict=True))
    return [
        (
            key.name or f"key {number}",
            Camera.from_fov(key.world_from_camera, key.fov_y, width, height),
        )
        for number, key in enumerate(read_path(file).keys, start=1)
    ]
