"""Sets of still cameras: the views that a data set was photographed from.

A format of camera sets is a module of :mod:`scenes.paths.formats` whose ``FORMAT`` is made by
:func:`camera_set_format`. Everything that reads paths reads it too, as a path from view to view.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.bounded import is_inside
from scenes.camera import Camera
from scenes.paths.path import CameraPath, Keyframe
from scenes.registry import Format
from scenes.scene import Scene

MOST_CAMERAS = 30_000
"""Cameras of a set at most; a file that has as many and a fault in its last is refused in 5 s."""
LARGEST_IMAGE = 65_536
"""Pixels a side."""
FOCAL_LENGTHS = 1e-2, 1e7
"""Limits of a focal length, pixels."""
PRINCIPAL_POINTS = -float(LARGEST_IMAGE), 2.0 * LARGEST_IMAGE
"""Limits of a principal point, pixels."""
DIGITS = "0123456789"


@dataclass(frozen=True, eq=False)
class UnitCube:
    """How instant-ngp places a scene in its unit cube.

    Attributes
    ----------
    cube_from_world
        (4, 4) float64, a similarity: the frame of the file to the one where the cube is 0..1.
    aabb_scale
        Side of the box around the centre of the cube that holds the scene, in sides of the cube.
    """

    cube_from_world: NDArray[np.float64]
    aabb_scale: float


@dataclass(frozen=True, eq=False)
class CameraSet:
    """Views of one scene, in the frame of their file.

    Attributes
    ----------
    cameras
        One for each view; the lens is a pinhole, whatever the file says of its distortion.
    names
        As many; of the pictures, without folders and endings.
    pictures
        As many; where the picture lies, None for one that is not there.
    warnings
        Sentences on what the cameras do not keep.
    cube
        Where the scene lies for instant-ngp; None for files that it does not read.
    depths
        (N, 2) float64: the nearest and the farthest depth that each view sees, scene units; None
        where the file says nothing.
    """

    cameras: tuple[Camera, ...]
    names: tuple[str, ...]
    pictures: tuple[Path | None, ...]
    warnings: tuple[str, ...] = ()
    cube: UnitCube | None = None
    depths: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        if not len(self.cameras) == len(self.names) == len(self.pictures):
            raise ValueError("cameras, names and pictures must be as many")

    def ordered(self, order: Iterable[int]) -> CameraSet:
        """The views of these indices, in this order."""
        order = list(order)
        return replace(
            self,
            cameras=tuple(self.cameras[i] for i in order),
            names=tuple(self.names[i] for i in order),
            pictures=tuple(self.pictures[i] for i in order),
            depths=None if self.depths is None else self.depths[order],
        )

    def as_path(self) -> CameraPath:
        """The views as a path: one key a second, in their order."""
        keys = tuple(
            Keyframe(float(index), camera.world_from_camera, camera.fov_y, name)
            for index, (camera, name) in enumerate(zip(self.cameras, self.names, strict=True))
        )
        return CameraPath(keys, duration=max(1.0, len(keys) - 1.0))


@dataclass(frozen=True, kw_only=True)
class CameraSetFormat(Format):
    """A format whose files are camera sets; ``read`` gives them as a path.

    Attributes
    ----------
    read_set
        ``read_set(path) -> CameraSet``.
    """

    read_set: Callable[[Path], CameraSet]


def placed_in(cameras: CameraSet, scene: Scene) -> tuple[Camera, ...]:
    """The cameras in the frame of a scene that was fitted to their pictures.

    A field says how it lies (``scene_from_file`` of its metadata, a (4, 4) similarity); snapshots
    of instant-ngp lie in its unit cube. All other scenes have the frame of the cameras.
    """
    matrix: Any = scene.metadata.get("scene_from_file")
    if matrix is None and scene.format == "ingp" and cameras.cube is not None:
        matrix = cameras.cube.cube_from_world
    if matrix is None:
        return cameras.cameras
    turn = np.asarray(matrix, np.float64)
    # The file may come from a stranger.
    if turn.shape != (4, 4) or not np.isfinite(turn).all() or np.linalg.det(turn) <= 1e-12:
        return cameras.cameras
    return tuple(camera.transformed(turn) for camera in cameras.cameras)


def camera_set_format(
    name: str,
    title: str,
    extensions: tuple[str, ...],
    sniff: Callable[[Path, bytes], bool],
    read_set: Callable[[Path], CameraSet],
) -> CameraSetFormat:
    """The record of a format of camera sets."""

    def read(path: Path) -> CameraPath:
        return read_set(Path(path)).as_path()

    return CameraSetFormat(
        name=name,
        title=title,
        extensions=extensions,
        kind="path",
        sniff=sniff,
        read=read,
        read_set=read_set,
    )


def natural(name: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """A key to sort names by as people do: ``r_2`` before ``r_10``."""
    parts = re.split(f"([{DIGITS}]{{1,18}})", name)
    return tuple((0, int(p), "") if p[0] in DIGITS else (1, 0, p) for p in parts if p), name


def stem(name: str) -> str:
    """The name of a picture without folders and ending; never empty."""
    return PurePosixPath(name.replace("\\", "/")).stem or "view"


def picture_in(folders: Iterable[Path], name: str, endings: tuple[str, ...] = ("",)) -> Path | None:
    """The first file of that name and one of ``endings`` below a folder; None for names that lead
    out, and where there is none."""
    if not name or not is_inside(name):
        return None
    suffix = PurePosixPath(name).suffix.lower()
    if suffix and suffix in endings:
        endings = ("",)
    for folder in folders:
        for ending in endings:
            file = folder / (name + ending)
            try:
                if file.is_file():
                    return file
            except (OSError, ValueError):  # a name that the system does not have
                continue
    return None


def missing_pictures(pictures: Iterable[Path | None]) -> tuple[str, ...]:
    """The sentence on views without a picture, where there are some."""
    pictures = list(pictures)
    count = sum(picture is None for picture in pictures)
    return (f"{count} of {len(pictures)} pictures are not beside the file.",) if count else ()


def camera_from_world(world_from_camera: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse of a rigid (4, 4) pose."""
    inverse = np.eye(4)
    inverse[:3, :3] = world_from_camera[:3, :3].T
    inverse[:3, 3] = -world_from_camera[:3, :3].T @ world_from_camera[:3, 3]
    return inverse
