"""From a SuperSplat project to one scene."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from scenes.bounded import CHUNK, Archive
from scenes.edits import joined, transformed
from scenes.errors import Cancelled, SceneError
from scenes.gaussians import GaussianScene
from scenes.paths.json_file import Value
from scenes.ply.reader import read_scene as read_ply
from scenes.registry import Cancel, Progress
from scenes.ssproj.document import Part, document_of, opened, parts_of


def read_scene(path: Path, progress: Progress, cancel: Cancel) -> GaussianScene:
    """All visible splats of a project, each moved to its place, as one scene.

    Corrections of colour, which the editor applies when it shows splats, are left out with a
    sentence in ``warnings``; the camera poses are read as a camera path from the same file.

    Raises
    ------
    SceneError, Cancelled
    """
    with opened(path) as archive, tempfile.TemporaryDirectory() as place:
        document = document_of(archive)
        parts = parts_of(document)
        shown = [part for part in parts if part.visible]
        if not shown:
            found = f"{len(parts)} hidden ones" if parts else "none"
            raise SceneError(path, "a splat that is visible", found)
        scenes = []
        for number, part in enumerate(shown, start=1):
            told = _of_part(progress, number, len(shown))
            file = Path(place) / "splat.ply"
            _extract(archive, part.member, file, told, cancel)
            scenes.append(_placed(_read(file, path, part, told, cancel), part, told, cancel))
            file.unlink()
    scene = scenes[0] if len(scenes) == 1 else joined(scenes, path.stem, progress, cancel)
    hidden = [part.name for part in parts if not part.visible]
    metadata = {key: value for key, value in scene.metadata.items() if key != "vertical_axis"}
    metadata |= {"camera_poses": _pose_count(document)} | ({"hidden": hidden} if hidden else {})
    return replace(
        scene,
        name=path.stem,
        source=path,
        format="ssproj",
        metadata=metadata,
        warnings=scene.warnings + _left_out(shown),
    )


def _pose_count(document: Value) -> int:
    sets = document.get("poseSets", []).items("set of poses", most=1000)
    return sum(sum(1 for _ in each.get("poses", []).items("pose")) for each in sets)


def _extract(archive: Archive, member: str, file: Path, progress: Progress, cancel: Cancel) -> None:
    """Unpack an entry into a file, block by block."""
    size = archive.size(member)
    with archive.stream(member) as source, file.open("wb") as target:
        while block := source.read(CHUNK):
            if cancel():
                raise Cancelled
            target.write(block)
            progress(target.tell(), size, "bytes unpacked")


def _read(file: Path, path: Path, part: Part, progress: Progress, cancel: Cancel) -> GaussianScene:
    """A PLY whose errors name the project."""
    try:
        return read_ply(file, progress, cancel)
    except SceneError as error:
        where = ", ".join(word for word in (part.member, error.where) if word)
        raise SceneError(path, error.expected, error.found, where) from None


def _placed(scene: GaussianScene, part: Part, progress: Progress, cancel: Cancel) -> GaussianScene:
    if not np.array_equal(part.matrix, np.eye(4)):
        scene = transformed(scene, part.matrix, progress, cancel)
    return replace(scene, name=part.name or part.member)


def _of_part(progress: Progress, number: int, of: int) -> Progress:
    if of == 1:
        return progress
    return lambda done, total, unit: progress(done, total, f"{unit} (splat {number} of {of})")


def _left_out(parts: list[Part]) -> tuple[str, ...]:
    graded = [part.name or part.member for part in parts if part.graded]
    if not graded:
        return ()
    names = ", ".join(graded[:3]) + (" and others" if len(graded) > 3 else "")
    return (f"Corrections of colour of {names} are not applied.",)
