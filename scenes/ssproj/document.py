"""``document.json`` of a SuperSplat project, checked.

The editor's world has y up. It turns every PLY that it loads by 180 degrees about z, and the
rotation that a project stores contains that turn. The scenes made of a project are therefore
turned by 180 degrees about z once more: a PLY that nobody moved comes out as it was, and camera
poses follow. (Facts: supersplat ``src/doc.ts, timeline.ts, camera-poses.ts``.)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenes.bounded import Archive
from scenes.errors import SceneError
from scenes.paths.json_file import LARGEST_FILE, Value, parse
from scenes.paths.rotations import matrices_of

DOCUMENT = "document.json"
SCENE_FROM_EDITOR = np.diag([-1.0, -1.0, 1.0, 1.0])
MOST_SPLATS = 1000
GROWTH = 64
"""Bytes that a byte of the archive may unpack to; PLY of splats shrinks to a third at best."""
LARGEST = 1e9
"""Scene units, and factors of scale."""
_NEUTRAL = {
    "tintClr": [1, 1, 1, 1], "temperature": 0, "saturation": 1, "brightness": 0,
    "blackPoint": 0, "whitePoint": 1, "transparency": 1,
}  # fmt: skip
"""Corrections of colour that do nothing."""


@dataclass(frozen=True)
class Part:
    """One splat file of a project.

    Attributes
    ----------
    member
        Its name in the archive.
    name
        What the person called it.
    matrix
        (4, 4) float64, from the coordinates of the file to those of the scene.
    visible
        Whether the editor shows it.
    graded
        Names of corrections of colour that are set.
    """

    member: str
    name: str
    matrix: NDArray[np.float64]
    visible: bool
    graded: tuple[str, ...]


def opened(path: Path) -> Archive:
    """The archive of a project."""
    return Archive(path, limit=(1 << 20) + GROWTH * path.stat().st_size)


def document_of(archive: Archive) -> Value:
    """The description of a project. Raises SceneError where it is none."""
    size = archive.size(DOCUMENT)
    if size > LARGEST_FILE:
        raise SceneError(archive.path, "at most 100 MiB of JSON", f"{size:,} bytes", DOCUMENT)
    try:
        text = archive.read(DOCUMENT).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = f"{DOCUMENT}, byte {error.start}"
        raise SceneError(archive.path, "UTF-8 text", "other bytes", where) from None
    value = parse(archive.path, text)
    value.get("version", 0).integer(0, 0)
    return value


def parts_of(document: Value) -> list[Part]:
    """The splat files of a project, in its order."""
    listed = document["splats"].items("splat", most=MOST_SPLATS)
    return [_part(item, index) for index, item in enumerate(listed)]


def _part(item: Value, index: int) -> Part:
    graded = tuple(
        name for name, neutral in _NEUTRAL.items() if item.get(name, neutral).raw != neutral
    )
    return Part(
        f"splat_{index}.ply",
        item.get("name", "").text(),
        SCENE_FROM_EDITOR @ _matrix(item),
        item.get("visible", True).flag(),
        graded,
    )


def _matrix(item: Value) -> NDArray[np.float64]:
    """Scale, then turn, then move."""
    position = item.get("position", [0, 0, 0])
    scale = item.get("scale", [1, 1, 1])
    rotation = item.get("rotation", [0, 0, 0, 1])
    x, y, z, w = rotation.numbers(4)
    largest = np.abs([w, x, y, z]).max()
    if largest == 0:
        rotation.fail("a quaternion", "zeros")
    quat = np.array([w, x, y, z]) / largest
    factors, offset = scale.numbers(3), position.numbers(3)
    if np.abs(factors).min() < 1 / LARGEST or np.abs(factors).max() > LARGEST:
        scale.fail("factors that are neither zero nor huge")
    if np.abs(offset).max() > LARGEST:
        position.fail(f"numbers up to {LARGEST:g}")
    matrix = np.eye(4)
    matrix[:3, :3] = matrices_of(quat / np.linalg.norm(quat)) * factors
    matrix[:3, 3] = offset
    return matrix
