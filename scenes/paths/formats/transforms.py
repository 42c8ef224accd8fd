"""``transforms.json`` of instant-ngp, nerfstudio and the synthetic scenes of NeRF.

An object with ``frames``, each a picture (``file_path``) and the pose it was taken from
(``transform_matrix``, camera to world, OpenGL axes: x right, y up, z backward). The lens stands
beside ``frames``, or inside each of them: focal lengths as ``fl_x`` (pixels), ``x_fov`` (degrees)
or ``camera_angle_x`` (radians), the same for y, then ``cx``, ``cy``, ``w`` and ``h``. What is not
said is square pixels, the centre, and the size of the first picture. Sources: instant-ngp
``src/nerf_loader.cu, include/neural-graphics-primitives/nerf_loader.h``; nerfstudio
``data/dataparsers/nerfstudio_dataparser.py``; NeRF ``load_blender.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenes.camera import Camera
from scenes.paths.camera_sets import (
    FOCAL_LENGTHS,
    LARGEST_IMAGE,
    MOST_CAMERAS,
    PRINCIPAL_POINTS,
    CameraSet,
    UnitCube,
    camera_from_world,
    camera_set_format,
    missing_pictures,
    natural,
    picture_in,
    stem,
)
from scenes.paths.json_file import LARGEST_LENGTH, Value, read_json

OPENCV_FROM_OPENGL = np.array([1.0, -1.0, -1.0, 1.0])
OPENCV_FROM_MITSUBA = np.array([-1.0, -1.0, 1.0, 1.0])
"""Signs of the columns of a pose."""
ENDINGS = ("", ".png", ".jpg", ".jpeg", ".webp")
"""What the path of a picture may leave out."""
SYNTHETIC_SIZE = 800, 800
"""Pixels of the synthetic scenes, whose files do not say."""
MODELS = (
    "PERSPECTIVE", "SIMPLE_PINHOLE", "PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV", "FULL_OPENCV",
    "FISHEYE", "FISHEYE624", "OPENCV_FISHEYE", "SIMPLE_RADIAL_FISHEYE", "RADIAL_FISHEYE",
    "THIN_PRISM_FISHEYE",
)  # fmt: skip
"""Lenses that are pinholes but for their distortion."""
FLAT_VIEWS = ("equirectangular", "latlong", "orthographic")
"""Flags of what is no pinhole."""
DISTORTION = ("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2")
SCALE, OFFSET = 0.33, 0.5
MITSUBA_SCALE, MITSUBA_OFFSET = 0.66, 0.25 * 0.66
"""How instant-ngp places a scene that does not say."""
SMALLEST_BOX = 1e-6
"""Scene units of the longest side."""
_CYCLE = np.array([[0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1.0]])
"""instant-ngp's axes: its x is the file's y, its y the file's z."""


class _Lens:
    """What a frame says of its lens, or else what the file says of all."""

    def __init__(self, frame: Value, file: Value) -> None:
        self.frame, self.file = frame, file

    def get(self, name: str) -> Value | None:
        """A member of the frame, or else of the file."""
        if name in self.frame:
            return self.frame[name]
        if name in self.file:
            return self.file[name]
        return None

    def number(self, name: str, default: float) -> float:
        """A principal point."""
        value = self.get(name)
        return default if value is None else value.number(*PRINCIPAL_POINTS)

    def size(self) -> tuple[int, int] | None:
        """Width and height, pixels, if both are said."""
        width, height = self.get("w"), self.get("h")
        if width is None or height is None:
            return None
        return width.integer(1, LARGEST_IMAGE), height.integer(1, LARGEST_IMAGE)

    def in_pixels(self) -> bool:
        """Whether a focal length is said in pixels, which means nothing without a size."""
        return any(self.get(name) is not None for name in ("fl_x", "fl_y"))

    def focals(self, width: int, height: int) -> tuple[float, float]:
        """Focal lengths, pixels: the frame's as a whole before the file's, one for both axes
        where the other is not said."""
        for place in (self.frame, self.file):
            x, y = _focal(place, "x", width), _focal(place, "y", height)
            if x or y:
                return x or y or 0.0, y or x or 0.0
        self.frame.fail("a focal length (camera_angle_x, fl_x or x_fov)", "none")

    def distorted(self) -> bool:
        """Whether the picture is bent; SceneError for what has no pinhole at all."""
        for name in FLAT_VIEWS:
            flag = self.get(name)
            if flag is not None and flag.flag():
                flag.fail("a pinhole camera", f"one that is {name}")
        if (ftheta := self.get("ftheta_p0")) is not None:
            ftheta.fail("a pinhole camera", "an f-theta lens")
        if (model := self.get("camera_model")) is not None and "FISHEYE" in model.choice(MODELS):
            return True
        if (fisheye := self.get("is_fisheye")) is not None and fisheye.flag():
            return True
        if (several := self.get("distortion_params")) is not None:
            return any(value.number() != 0 for value in several.items("value", most=16))
        single = (self.get(name) for name in DISTORTION)
        return any(value is not None and value.number() != 0 for value in single)


def _focal(place: Value, axis: str, size: int) -> float | None:
    """The focal length that one place says of one axis, pixels."""
    if f"{axis}_fov" in place:
        value = place[f"{axis}_fov"]
        angle = np.deg2rad(value.number(1e-3, 179.9))
    elif f"fl_{axis}" in place:
        return place[f"fl_{axis}"].number(*FOCAL_LENGTHS)
    elif f"camera_angle_{axis}" in place:
        value = place[f"camera_angle_{axis}"]
        angle = value.number(1e-5, 3.14)
    else:
        return None
    focal = float(0.5 * size / np.tan(0.5 * angle))
    if not FOCAL_LENGTHS[0] <= focal <= FOCAL_LENGTHS[1]:
        value.fail("a field of view that a camera has")
    return focal


def read_set(path: Path) -> CameraSet:
    """Read the cameras of a file, in natural order of their pictures.

    Raises
    ------
    SceneError
    """
    path = Path(path)
    value = read_json(path)
    frames = list(value["frames"].items("frame", most=MOST_CAMERAS))
    if not frames:
        value["frames"].fail("frames", "none")
    mitsuba = value.get("from_mitsuba", False).flag()
    names = [frame["file_path"].text() for frame in frames]
    pictures = [picture_in([path.parent], name, ENDINGS) for name in names]
    lenses = [_Lens(frame, value) for frame in frames]
    usual = _usual_size(path, lenses, pictures)
    signs = OPENCV_FROM_MITSUBA if mitsuba else OPENCV_FROM_OPENGL
    cameras = [_camera(lens, usual, signs) for lens in lenses]
    return CameraSet(
        cameras=tuple(cameras),
        names=tuple(stem(name) for name in names),
        pictures=tuple(pictures),
        warnings=(*_warnings(lenses), *missing_pictures(pictures)),
        cube=_cube(value, mitsuba),
    ).ordered(sorted(range(len(frames)), key=lambda index: natural(names[index])))


def _usual_size(path: Path, lenses: list[_Lens], pictures: list[Path | None]) -> tuple[int, int]:
    """The size of frames that do not say theirs: that of the first picture that is there."""
    unsaid = next((lens for lens in lenses if lens.size() is None), None)
    if unsaid is None:
        return SYNTHETIC_SIZE
    found = next((picture for picture in pictures if picture is not None), None)
    if found is not None:
        from scenes.mpi.source import Folder, look

        picture = look(Folder(found.parent, path), found.name)
        return picture.width, picture.height
    if unsaid.in_pixels():
        unsaid.frame.fail('the size of the pictures ("w" and "h")', "neither that nor a picture")
    return SYNTHETIC_SIZE


def _camera(lens: _Lens, usual: tuple[int, int], signs: NDArray[np.float64]) -> Camera:
    width, height = lens.size() or usual
    focal_x, focal_y = lens.focals(width, height)
    return Camera(
        camera_from_world(_pose(lens.frame) * signs),
        width,
        height,
        focal_x,
        focal_y,
        lens.number("cx", width / 2),
        lens.number("cy", height / 2),
    )


def _pose(frame: Value) -> NDArray[np.float64]:
    """The matrix of a frame, (4, 4); of a rolling shutter, the one at its start."""
    started = "transform_matrix_start" in frame
    matrix = frame["transform_matrix_start" if started else "transform_matrix"]
    pose = np.eye(4)
    if isinstance(matrix.raw, list) and len(matrix.raw) == 3:
        pose[:3] = [Value(matrix.file, row, matrix.where).numbers(4) for row in matrix.raw]
    else:
        pose = matrix.rows(4)
    return matrix.rigid(pose)


def _warnings(lenses: list[_Lens]) -> Iterator[str]:
    bent = sum(lens.distorted() for lens in lenses)
    if bent:
        yield f"The lens of {bent} of {len(lenses)} cameras is distorted; it is read as a pinhole."
    rolling = sum("transform_matrix_end" in lens.frame for lens in lenses)
    if rolling:
        yield f"{rolling} of {len(lenses)} cameras move while they expose; their start is read."


def _cube(value: Value, mitsuba: bool) -> UnitCube:
    """Where instant-ngp puts the scene: ``cube = cycled axes (scale * world + offset)``."""
    scale = value.get("scale", MITSUBA_SCALE if mitsuba else SCALE).number(1e-9, 1e9)
    shift = value.get("offset", MITSUBA_OFFSET if mitsuba else OFFSET)
    offset = shift.numbers(3) if isinstance(shift.raw, list) else np.full(3, shift.number())
    if "aabb" in value:
        box = value["aabb"]
        corners = [corner.numbers(3) for corner in box.items("corner", most=2)]
        if len(corners) != 2 or np.abs(corners).max() > LARGEST_LENGTH:
            box.fail(f"two corners within {LARGEST_LENGTH:g}")
        size = float(np.ptp(corners, axis=0).max())
        if size < SMALLEST_BOX:
            box.fail("two corners of a box with a volume")
        scale = 1.0 / size
        offset = 0.5 - np.mean(corners, axis=0) * scale
    elif np.abs(offset).max() > LARGEST_LENGTH:
        shift.fail(f"an offset within {LARGEST_LENGTH:g}")
    matrix = np.diag([scale, scale, scale, 1.0])
    matrix[:3, 3] = offset
    return UnitCube(
        matrix if mitsuba else _CYCLE @ matrix, value.get("aabb_scale", 1).number(1e-3, 1e6)
    )


def sniff(path: Path, head: bytes) -> bool:
    """An object whose beginning speaks of frames with matrices, or that is named like one."""
    listed = head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
    named = path.name.lower().startswith("transforms") and path.suffix.lower() == ".json"
    known = b'"frames"' in head and b'"transform_matrix' in head
    return listed and (named or known)


FORMAT = camera_set_format(
    name="transforms",
    title="Cameras of instant-ngp, nerfstudio or NeRF (transforms.json)",
    extensions=("transforms.json",),
    sniff=sniff,
    read_set=read_set,
)
