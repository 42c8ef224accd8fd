"""Local light field fusion: a multiplane image in a folder, or a set of those.

``metadata.txt`` of an image: ``H W D focal`` (or, older, ``H W focal``), then the columns right,
up, back and position of its camera in the world, three numbers a line, then the depths of the
farthest and of the nearest plane. The planes, farthest first and linear in disparity, are bytes
(D, H, W, 4) of straight alpha in ``mpi.b``, or ``mpi00.png``, ``mpi01.png``, ... The description of
a set begins with the number of its images, which are folders ``mpi00``, ``mpi01``, ... Sources:
``Fyusion/LLFF:llff/inference/mpi_utils.py``, ``:imgs2mpis.py``, ``:opengl_viewer/viewer.cpp``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenes.camera import Camera
from scenes.errors import Cancelled, SceneError
from scenes.mpi.depths import linear_in_disparity
from scenes.mpi.pictures import MOST_BYTES, Picture, Pixels, check_total
from scenes.mpi.source import Folder, decoded, look, names_in
from scenes.paths.json_file import Value
from scenes.planes import LARGEST_SIDE, MOST_LAYERS, Plane, PlaneScene
from scenes.registry import Cancel, Progress

DESCRIPTION = "metadata.txt"
PLANES = "mpi.b"
MOST_TEXT = 1 << 16
MOST_MEMBERS = 1024
_PICTURE = re.compile(r"mpi_?(\d{1,6})\.png", re.IGNORECASE)


@dataclass(frozen=True)
class _Image:
    """One multiplane image before its pixels are read.

    ``pictures`` is empty where the planes lie in ``mpi.b``.
    """

    folder: str
    camera: Camera
    depths: NDArray[np.float64]
    pictures: tuple[Picture, ...]


def is_llff(folder: Path) -> bool:
    """Whether a folder has a description of numbers, and planes or folders of images beside."""
    try:
        with (folder / DESCRIPTION).open("rb") as file:
            head = file.read(256).split(b"\n")[0].split()
        numbers = [float(word) for word in head]
    except (OSError, ValueError):
        return False
    if not 1 <= len(numbers) <= 5:
        return False
    return any(
        name == PLANES or _PICTURE.fullmatch(name) or (folder / name / DESCRIPTION).is_file()
        for name in names_in(folder)
        if name.startswith("mpi")
    )


def read_scene(path: Path, progress: Progress, cancel: Cancel) -> PlaneScene:
    """Read a folder of either kind; a set becomes a scene of members.

    Raises
    ------
    SceneError, Cancelled
    """
    if not path.is_dir():
        raise SceneError(path, "a folder", "a file")
    source = Folder(path, path)
    alone = (path / PLANES).is_file() or any(_PICTURE.fullmatch(name) for name in names_in(path))
    folders = [""] if alone else _members(source)
    images = [_looked_at(source, folder) for folder in folders]
    check_total([picture for image in images for picture in image.pictures], path)
    if sum(_nbytes(image) for image in images) > MOST_BYTES:
        raise SceneError(path, f"at most {MOST_BYTES:,} bytes of planes", "more")

    planes = _all_planes(source, images, progress, cancel)
    scenes = [_scene(image, planes, path) for image in images]
    for _ in planes:  # which tells of the end
        pass
    if alone:
        return scenes[0]
    name = path.resolve().name
    return PlaneScene(members=tuple(scenes), name=name, source=path, format="llff")


def _members(source: Folder) -> list[str]:
    """The folders of a set, as many as its description says."""
    words = _lines(source, DESCRIPTION)[0]
    count = _whole(source.path, words[0] if words else "", 1, MOST_MEMBERS, DESCRIPTION)
    return [f"mpi{number:02d}/" for number in range(count)]


def _looked_at(source: Folder, folder: str) -> _Image:
    """Everything about an image but its pixels."""
    name = f"{folder}{DESCRIPTION}"
    lines = _lines(source, name)
    if len(lines) < 6:
        raise SceneError(source.path, "six lines", f"{len(lines)}", name)
    sizes, focal = lines[0][:-1], lines[0][-1]
    if len(sizes) not in (2, 3):
        raise SceneError(source.path, "H W D focal", " ".join(lines[0])[:60] or "nothing", name)
    height, width = (_whole(source.path, word, 1, LARGEST_SIDE, name) for word in sizes[:2])
    pictures, count = _planes_of(source, folder, width, height)
    if len(sizes) == 3 and _whole(source.path, sizes[2], 1, MOST_LAYERS, name) != count:
        raise SceneError(source.path, f"{sizes[2]} planes", f"{count}", name)
    value = Value(source.path, None, name)
    pose = np.eye(4)
    pose[:3] = np.stack([_numbers(line, 3, value) for line in lines[1:5]], axis=1)
    far, near = _numbers(lines[5], 2, value)
    if not 0 < near < far:
        value.fail("the depths of the farthest and of the nearest plane", f"{far:g} and {near:g}")
    camera = _camera(value, pose, width, height, float(_numbers([focal], 1, value)[0]))
    return _Image(folder, camera, linear_in_disparity(far, near, count), pictures)


def _planes_of(
    source: Folder, folder: str, width: int, height: int
) -> tuple[tuple[Picture, ...], int]:
    """The pictures of an image (none for ``mpi.b``), and how many planes it has."""
    path = source.path
    place = source.root / folder
    if (place / PLANES).is_file():
        size, plane = source.size(f"{folder}{PLANES}"), 4 * width * height
        if size == 0 or size % plane or size // plane > MOST_LAYERS:
            expected = f"a multiple of {plane:,} bytes ({width} x {height} pixels)"
            raise SceneError(path, expected, f"{size:,}", f"{folder}{PLANES}")
        return (), size // plane
    numbered = {int(m[1]): m[0] for name in names_in(place) if (m := _PICTURE.fullmatch(name))}
    if not numbered or len(numbered) > MOST_LAYERS or sorted(numbered) != [*range(len(numbered))]:
        expected = f"{PLANES}, or pictures mpi00.png, mpi01.png, ... without a gap"
        raise SceneError(path, expected, f"{len(numbered)} pictures", folder)
    pictures = tuple(look(source, f"{folder}{numbered[n]}") for n in sorted(numbered))
    for picture in pictures:
        if (picture.width, picture.height) != (width, height):
            found = f"{picture.width} x {picture.height}"
            raise SceneError(path, f"{width} x {height} pixels", found, picture.name)
    return pictures, len(pictures)


def _camera(
    value: Value, pose: NDArray[np.float64], width: int, height: int, focal: float
) -> Camera:
    """From columns right, up, back (OpenGL) of a camera in the world to OpenCV."""
    pose[:3, 1:3] *= -1
    pose = value.rigid(pose)
    if not 0 < focal < 1e9:
        value.fail("a focal length above 0", f"{focal:g}")
    inverse = np.eye(4)
    inverse[:3, :3] = pose[:3, :3].T
    inverse[:3, 3] = -pose[:3, :3].T @ pose[:3, 3]
    return Camera(inverse, width, height, focal, focal, width / 2, height / 2)


def _all_planes(
    source: Folder, images: list[_Image], progress: Progress, cancel: Cancel
) -> Iterator[Pixels]:
    """The planes of all images one after another, with one count for all."""
    total = sum(len(image.depths) for image in images)
    done = 0
    for image in images:

        def told(now: int, of: int, unit: str, before: int = done) -> None:
            progress(before + now, total, unit)

        if image.pictures:
            wanted = [(picture, "RGBA") for picture in image.pictures]
            yield from decoded(source, wanted, told, cancel)  # type: ignore[arg-type]
        else:
            yield from _bytes_of(source, image, told, cancel)
        done += len(image.depths)


def _bytes_of(
    source: Folder, image: _Image, progress: Progress, cancel: Cancel
) -> Iterator[Pixels]:
    width, height = image.camera.width, image.camera.height
    count = len(image.depths)
    with (source.root / image.folder / PLANES).open("rb") as file:
        for number in range(count):
            if cancel():
                raise Cancelled
            progress(number, count, "pictures")
            data = file.read(4 * width * height)
            if len(data) < 4 * width * height:
                raise SceneError(source.path, "whole planes", "an end too early", PLANES)
            yield np.frombuffer(data, np.uint8).reshape(height, width, 4)
    progress(count, count, "pictures")


def _scene(image: _Image, planes: Iterator[Pixels], path: Path) -> PlaneScene:
    layers = [
        Plane.facing(image.camera, depth, next(planes), f"plane {number}")
        for number, depth in enumerate(image.depths)
    ]
    name = image.folder.rstrip("/") or path.resolve().name
    return PlaneScene(tuple(layers), image.camera, name=name, source=path, format="llff")


def _nbytes(image: _Image) -> int:
    return 4 * image.camera.width * image.camera.height * len(image.depths)


def _lines(source: Folder, name: str) -> list[list[str]]:
    """The words of the lines of a text; empty lines are passed over."""
    if source.size(name) > MOST_TEXT:
        raise SceneError(source.path, f"at most {MOST_TEXT:,} bytes", "more", name)
    text = source.read(name).decode("ascii", "replace")
    return [words for line in text.splitlines() if (words := line.split())] or [[]]


def _numbers(words: list[str], count: int, value: Value) -> NDArray[np.float64]:
    try:
        numbers = np.array([float(word) for word in words[:count]])
    except ValueError:
        value.fail(f"{count} numbers", " ".join(words)[:60])
    if len(numbers) != count or not np.isfinite(numbers).all():
        value.fail(f"{count} finite numbers", " ".join(words)[:60])
    return numbers


def _whole(path: Path, word: str, low: int, high: int, where: str) -> int:
    """A whole number, which may be written with a point (``378.0``)."""
    try:
        number = float(word)
    except ValueError:
        number = float("nan")
    if not low <= number <= high or number != int(number):
        raise SceneError(path, f"a whole number from {low} to {high}", f"'{word[:40]}'", where)
    return int(number)
