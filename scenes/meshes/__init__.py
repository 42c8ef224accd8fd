"""Triangle meshes: what is extracted from fields, and what fields are fitted to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from scenes.errors import SceneError
from scenes.meshes import obj, ply, stl
from scenes.meshes.mesh import Mesh
from scenes.registry import Cancel, Progress, never, no_progress

__all__ = ["EXTENSIONS", "Mesh", "read_mesh", "write_mesh"]

_WRITERS: dict[str, Callable[[Mesh, Path, Progress, Cancel], None]] = {
    ".ply": ply.write,
    ".obj": obj.write,
    ".stl": stl.write,
}
_READERS: dict[str, Callable[[Path, Progress, Cancel], Mesh]] = {
    ".ply": ply.read,
    ".obj": obj.read,
}
EXTENSIONS = tuple(_WRITERS)
"""Of files that meshes are written to."""


def write_mesh(
    mesh: Mesh, path: str | Path, progress: Progress = no_progress, cancel: Cancel = never
) -> None:
    """Write a mesh as its extension says: binary ``.ply``, ``.obj`` or binary ``.stl``.

    Raises
    ------
    SceneError
        For other extensions, and where the place cannot be written.
    Cancelled
    """
    path = Path(path)
    _of_extension(_WRITERS, path)(mesh, path, progress, cancel)


def read_mesh(path: str | Path, progress: Progress = no_progress, cancel: Cancel = never) -> Mesh:
    """Read a mesh from ``.ply`` (text or binary) or ``.obj``; polygons become triangles.

    Raises
    ------
    SceneError
        For anything that is no such file, with the line or byte.
    Cancelled
    """
    path = Path(path)
    read = _of_extension(_READERS, path)
    try:
        return read(path, progress, cancel)
    except FileNotFoundError as error:
        raise SceneError(path, "a file", "nothing of that name") from error
    except OSError as error:
        raise SceneError(path, "a readable file", error.strerror or str(error)) from error


def _of_extension(known: dict[str, Any], path: Path) -> Any:
    function = known.get(path.suffix.lower())
    if function is None:
        found = path.suffix or "none"
        raise SceneError(path, f"the extension of a mesh ({', '.join(known)})", found)
    return function
