"""Sparse models of COLMAP: ``cameras`` and ``images``, both ``.bin`` or both ``.txt``, in a folder.

``cameras`` are lenses: a number, a model, a size in pixels and the parameters of the model, first
the focal length (one or two), then the principal point, then distortion. ``images`` are views:
quaternion (w x y z) and translation from world to camera (OpenCV axes), the number of a lens, the
name of the picture, and the points seen, which are passed over. Opened by the folder, a folder
above (``sparse/0``), or one of the files. Sources: COLMAP ``src/colmap/scene/reconstruction_io.cc,
src/colmap/sensor/models/base.h`` and its documentation, "Output format".
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from scenes.camera import Camera
from scenes.errors import SceneError
from scenes.paths.camera_sets import (
    FOCAL_LENGTHS,
    LARGEST_IMAGE,
    MOST_CAMERAS,
    PRINCIPAL_POINTS,
    CameraSet,
    camera_set_format,
    missing_pictures,
    natural,
    picture_in,
    stem,
)
from scenes.paths.json_file import LARGEST_LENGTH, LONGEST_TEXT
from scenes.paths.rotations import matrices_of

FILES = ("cameras.bin", "images.bin", "cameras.txt", "images.txt")
PLACES = ("", "sparse/0", "sparse", "0")
"""Where a model may lie below the folder that was opened."""
LONGEST_LINE = 2 * LONGEST_TEXT
_POINT = 24
"""Bytes of a point in ``images.bin``: x, y and the number of a point in space."""
_SMALLEST_IMAGE = 64 + 1 + 8
"""Bytes of an image without a name and without points."""


@dataclass(frozen=True)
class _Kind:
    """A kind of lens: how many focal lengths its parameters begin with, and how many it has."""

    name: str
    focals: int
    count: int


MODELS = dict(
    enumerate(
        (
            _Kind("SIMPLE_PINHOLE", 1, 3),
            _Kind("PINHOLE", 2, 4),
            _Kind("SIMPLE_RADIAL", 1, 4),
            _Kind("RADIAL", 1, 5),
            _Kind("OPENCV", 2, 8),
            _Kind("OPENCV_FISHEYE", 2, 8),
            _Kind("FULL_OPENCV", 2, 12),
            _Kind("FOV", 2, 5),
            _Kind("SIMPLE_RADIAL_FISHEYE", 1, 4),
            _Kind("RADIAL_FISHEYE", 1, 5),
            _Kind("THIN_PRISM_FISHEYE", 2, 12),
            _Kind("RAD_TAN_THIN_PRISM_FISHEYE", 2, 16),
            _Kind("SIMPLE_DIVISION", 1, 4),
            _Kind("DIVISION", 2, 5),
            _Kind("SIMPLE_FISHEYE", 1, 3),
            _Kind("FISHEYE", 2, 4),
            _Kind("EUCM", 2, 6),
        )
    )
)
"""By their numbers in binary files; 17, equirectangular, is no pinhole."""
_BY_NAME = {model.name: model for model in MODELS.values()}


@dataclass(frozen=True)
class _Lens:
    model: _Kind
    width: int
    height: int
    focal: tuple[float, float]
    centre: tuple[float, float]
    distorted: bool


@dataclass(frozen=True)
class _View:
    quaternion: list[float]
    translation: list[float]
    lens: int
    name: str


def _model(path: Path) -> tuple[Path, Path] | None:
    """The two files of the model that a folder or a file belongs to; None where there is none.

    Where a folder has a model of both kinds, it is the one of the file that was opened.
    """
    folders = [path / place for place in PLACES] if path.is_dir() else [path.parent]
    for folder in folders:
        for ending in (".txt", ".bin") if path.suffix == ".txt" else (".bin", ".txt"):
            cameras, images = folder / f"cameras{ending}", folder / f"images{ending}"
            if cameras.is_file() and images.is_file():
                return cameras, images
    return None


def read_set(path: Path) -> CameraSet:
    """Read the cameras of a model, in natural order of their pictures.

    Raises
    ------
    SceneError
    """
    path = Path(path)
    model = _model(path)
    if model is None:
        expected = "cameras and images of a sparse model, both .bin or both .txt"
        raise SceneError(path, expected, "not both in the folder")
    cameras, images = model
    binary = cameras.suffix == ".bin"
    try:
        lenses = _lenses_of_bytes(cameras) if binary else _lenses_of_text(cameras)
        views = list(_views_of_bytes(images) if binary else _views_of_text(images))
    except OSError as error:
        raise SceneError(path, "readable files", error.strerror or str(error)) from error
    if not views:
        raise SceneError(images, "images", "none")
    for view in views:
        if view.lens not in lenses:
            raise SceneError(images, f"a camera {view.lens} in {cameras.name}", "none", view.name)
    return _as_set(images.parent, lenses, sorted(views, key=lambda view: natural(view.name)))


def _as_set(folder: Path, lenses: dict[int, _Lens], views: list[_View]) -> CameraSet:
    roots = [root / "images" for root in (folder, *folder.absolute().parents[:2])]
    pictures = tuple(picture_in(roots, view.name) for view in views)
    poses = np.tile(np.eye(4), (len(views), 1, 1))
    poses[:, :3, :3] = matrices_of(np.array([view.quaternion for view in views]))
    poses[:, :3, 3] = [view.translation for view in views]
    bent = [lenses[view.lens].model.name for view in views if lenses[view.lens].distorted]
    warnings = []
    if bent:
        kinds = ", ".join(sorted(set(bent)))
        warnings.append(
            f"The lens of {len(bent)} of {len(views)} cameras is distorted ({kinds}); "
            "it is read as a pinhole."
        )
    return CameraSet(
        cameras=tuple(
            _camera(pose, lenses[view.lens]) for pose, view in zip(poses, views, strict=True)
        ),
        names=tuple(stem(view.name) for view in views),
        pictures=pictures,
        warnings=(*warnings, *missing_pictures(pictures)),
    )


def _camera(pose: NDArray[np.float64], lens: _Lens) -> Camera:
    return Camera(pose, lens.width, lens.height, *lens.focal, *lens.centre)


def _lens(
    file: Path, model: _Kind | None, size: tuple[int, int], parameters: list[float], where: str
) -> _Lens:
    """A lens whose numbers were checked."""
    if model is None:
        raise SceneError(file, "a camera model with a pinhole", "another one", where)
    if len(parameters) != model.count:
        raise SceneError(file, f"{model.count} parameters", f"{len(parameters)}", where)
    if not all(1 <= side <= LARGEST_IMAGE for side in size):
        expected = f"a picture of 1 to {LARGEST_IMAGE} pixels a side"
        raise SceneError(file, expected, f"{size[0]} x {size[1]}"[:60], where)
    focals, rest = parameters[: model.focals], parameters[model.focals :]
    for value, (low, high) in itertools.chain(
        zip(focals, itertools.repeat(FOCAL_LENGTHS)),
        zip(rest[:2], itertools.repeat(PRINCIPAL_POINTS)),
    ):
        if not low <= value <= high:
            raise SceneError(file, f"a number from {low:g} to {high:g}", f"{value:g}", where)
    return _Lens(
        model,
        *size,
        focal=(focals[0], focals[-1]),
        centre=(rest[0], rest[1]),
        distorted="FISHEYE" in model.name or any(value != 0 for value in rest[2:]),
    )


def _view(file: Path, numbers: list[float], lens: int, name: str, where: str) -> _View:
    """A view of seven numbers: quaternion, translation."""
    if not all(math.isfinite(value) for value in numbers):
        raise SceneError(file, "finite numbers", "others", where)
    length = math.hypot(*numbers[:4])
    if not 1e-6 <= length <= 1e6:
        raise SceneError(file, "a quaternion", f"one of length {length:g}", where)
    translation = numbers[4:]
    farthest = max(map(abs, translation))
    if farthest > LARGEST_LENGTH:
        raise SceneError(file, "a camera near the scene", f"one at {farthest:g}", where)
    return _View([value / length for value in numbers[:4]], translation, lens, name)


# Binary ---------------------------------------------------------------------------------------


class _Bytes:
    """A binary file whose claims are held against its size."""

    def __init__(self, file: Path, stream: BinaryIO) -> None:
        self.file, self.stream = file, stream
        self.size = file.stat().st_size
        self.at = 0

    def take(self, format: str) -> tuple[int | float, ...]:
        """Values at the place that was reached."""
        raw = self.stream.read(struct.calcsize(format))
        if len(raw) < struct.calcsize(format):
            raise SceneError(self.file, "more data", "the end of the file", f"byte {self.at}")
        self.at += len(raw)
        return struct.unpack(format, raw)

    def count(self, smallest: int) -> int:
        """How many entries follow, at least ``smallest`` bytes each."""
        place = f"byte {self.at}"
        count = int(self.take("<Q")[0])
        if count * smallest > self.size - self.at:
            found = f"a claim of {count:,} entries" if count < 1 << 53 else "an absurd claim"
            raise SceneError(
                self.file, f"as many entries as {self.size:,} bytes hold", found, place
            )
        return count

    def entries(self, smallest: int) -> range:
        """One for each of the cameras or images."""
        count = self.count(smallest)
        if count > MOST_CAMERAS:
            raise SceneError(self.file, f"at most {MOST_CAMERAS} entries", f"{count}")
        return range(1, count + 1)

    def name(self) -> str:
        """A text that ends in a zero."""
        raw = self.stream.read(LONGEST_TEXT + 1)
        length = raw.find(b"\0")
        if length < 0:
            raise SceneError(self.file, "a name that ends", "none", f"byte {self.at}")
        self.at += length + 1
        self.stream.seek(self.at)
        return raw[:length].decode("utf-8", "replace")

    def skip(self, nbytes: int) -> None:
        """Pass over bytes that are known to be there."""
        self.at += nbytes
        self.stream.seek(self.at)


def _lenses_of_bytes(file: Path) -> dict[int, _Lens]:
    lenses = {}
    with file.open("rb") as stream:
        data = _Bytes(file, stream)
        for number in data.entries(smallest=24 + 3 * 8):
            key, kind, width, height = (int(value) for value in data.take("<IiQQ"))
            model = MODELS.get(kind)
            parameters = [] if model is None else list(data.take(f"<{model.count}d"))
            lenses[key] = _lens(file, model, (width, height), parameters, f"camera {number}")
    return lenses


def _views_of_bytes(file: Path) -> Iterator[_View]:
    with file.open("rb") as stream:
        data = _Bytes(file, stream)
        for number in data.entries(_SMALLEST_IMAGE):
            _, *numbers, lens = data.take("<I7dI")
            name = data.name()
            data.skip(_POINT * data.count(_POINT))
            yield _view(file, numbers, int(lens), name, f"image {number}")


# Text -----------------------------------------------------------------------------------------


def _lenses_of_text(file: Path) -> dict[int, _Lens]:
    lenses = {}
    with file.open("rb") as stream:
        for where, line in _told(file, stream):
            words = line.split()
            if len(words) < 5:
                raise SceneError(file, "ID MODEL WIDTH HEIGHT PARAMETERS", line[:60], where)
            parameters = _numbers(file, words[4:], where)
            key, width, height = (_whole(file, words[at], where) for at in (0, 2, 3))
            model = _BY_NAME.get(words[1])
            lenses[key] = _lens(file, model, (width, height), parameters, where)
            if len(lenses) > MOST_CAMERAS:
                raise SceneError(file, f"at most {MOST_CAMERAS} cameras", "more")
    return lenses


def _views_of_text(file: Path) -> Iterator[_View]:
    with file.open("rb") as stream:
        for count, (where, line) in enumerate(_told(file, stream)):
            if count == MOST_CAMERAS:
                raise SceneError(file, f"at most {MOST_CAMERAS} images", "more")
            words = line.split(maxsplit=9)
            if len(words) < 10:
                raise SceneError(file, "ID QW QX QY QZ TX TY TZ CAMERA NAME", line[:60], where)
            numbers = _numbers(file, words[1:8], where)
            yield _view(file, numbers, _whole(file, words[8], where), words[9].strip(), where)
            _pass_line(stream)  # the points, which may be an empty line


def _told(file: Path, stream: BinaryIO) -> Iterator[tuple[str, str]]:
    """Lines that say something, and where they are."""
    while True:
        at = stream.tell()
        raw = stream.readline(LONGEST_LINE + 1)
        if not raw:
            return
        if raw.startswith(b"#"):
            if not raw.endswith(b"\n"):
                _pass_line(stream)
        elif len(raw) > LONGEST_LINE:
            raise SceneError(file, f"lines of at most {LONGEST_LINE} bytes", "more", f"byte {at}")
        elif raw.strip():
            yield f"byte {at}", raw.decode("utf-8", "replace").strip()


def _pass_line(stream: BinaryIO) -> None:
    while (raw := stream.readline(1 << 16)) and not raw.endswith(b"\n"):
        pass


def _numbers(file: Path, words: list[str], where: str) -> list[float]:
    try:
        return [float(word) for word in words]
    except ValueError:
        raise SceneError(file, "numbers", " ".join(words)[:60], where) from None


def _whole(file: Path, word: str, where: str) -> int:
    if not (word.isascii() and word.isdecimal() and len(word) <= 18):
        raise SceneError(file, "a whole number", f"'{word[:40]}'", where)
    return int(word)


def sniff(path: Path, head: bytes) -> bool:
    """A folder with a model, or a file that is named like one of its."""
    return _model(path) is not None if path.is_dir() else path.name in FILES


FORMAT = camera_set_format(
    name="colmap",
    title="Sparse model of COLMAP",
    extensions=("images.bin", "images.txt"),
    sniff=sniff,
    read_set=read_set,
)
