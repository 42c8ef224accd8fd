"""The size of the picture that a network was trained on, which checkpoints do not say."""

from __future__ import annotations

from pathlib import Path

from scenes.errors import SceneError

USUAL_SIZE = 512
"""Pixels of a side of a picture of which nothing is known."""
_ENDINGS = (".jpg", ".jpeg", ".png", ".webp")


def picture_size(
    path: Path, width: int | None, height: int | None
) -> tuple[tuple[int, int], tuple[str, ...]]:
    """Width and height, and what to tell about them.

    What is not given is that of the only picture in the folder of ``path``.
    """
    beside = None if width and height else _beside(path)
    if beside is None and not (width and height):
        side = width or height or USUAL_SIZE
        said = f"The file does not say how large its picture is; {side} × {side} is assumed."
        return (side, side), (said,)
    known = beside or (0, 0)
    return (width or known[0], height or known[1]), ()


def _beside(path: Path) -> tuple[int, int] | None:
    """The size of the only picture in the folder."""
    from scenes.mpi.source import Folder, look, names_in

    try:
        names = [name for name in names_in(path.parent) if name.lower().endswith(_ENDINGS)]
        if len(names) != 1:
            return None
        picture = look(Folder(path.parent, path), names[0])
    except (OSError, SceneError):  # it was only asked
        return None
    return picture.width, picture.height
