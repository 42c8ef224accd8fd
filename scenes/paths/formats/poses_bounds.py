"""``poses_bounds.npy`` of local light field fusion (LLFF): the cameras of a forward-facing set.

(N, 17) numbers: fifteen are (3, 5) by rows, whose columns are the camera's down, right and
backward axes and its position in the world, then height, width and focal length in pixels; two
are the nearest and the farthest depth. The pictures are those of the folder ``images``, in plain
order of their names. Source: ``Fyusion/LLFF:llff/poses/pose_utils.py``.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.camera import Camera
from scenes.errors import SceneError
from scenes.paths.camera_sets import (
    FOCAL_LENGTHS,
    LARGEST_IMAGE,
    MOST_CAMERAS,
    CameraSet,
    camera_from_world,
    camera_set_format,
    missing_pictures,
    stem,
)
from scenes.paths.json_file import Value

COLUMNS = 17
PICTURES = (".jpg", ".jpeg", ".png")
_LONGEST_HEADER = 10_000
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_set(path: Path) -> CameraSet:
    """Read the cameras of a file, in its order.

    Raises
    ------
    SceneError
    """
    path = Path(path)
    rows = _rows(path)
    cameras = tuple(_camera(path, row, f"row {at}") for at, row in enumerate(rows, start=1))
    depths = rows[:, 15:]
    wrong = np.flatnonzero(~((depths[:, 0] > 0) & (depths[:, 0] <= depths[:, 1])))
    if len(wrong):
        found = " and ".join(f"{depth:g}" for depth in depths[wrong[0]])
        raise SceneError(path, "the nearest and the farthest depth", found, f"row {wrong[0] + 1}")
    pictures = _pictures(path.parent / "images", len(rows))
    numbers = range(1, len(rows) + 1)
    return CameraSet(
        cameras=cameras,
        names=tuple(
            stem(picture.name) if picture else f"view {number}"
            for number, picture in zip(numbers, pictures, strict=True)
        ),
        pictures=pictures,
        warnings=missing_pictures(pictures),
        depths=depths,
    )


def _rows(path: Path) -> NDArray[np.float64]:
    """The array of a file, (N, 17) finite float64; its claims are held against its size."""
    try:
        with path.open("rb") as stream:
            head = io.BytesIO(stream.read(_LONGEST_HEADER + 12))
            shape, by_columns, dtype = _header(path, head)
            need = shape[0] * COLUMNS * dtype.itemsize
            if path.stat().st_size - head.tell() < need:
                raise SceneError(path, f"{need:,} bytes of numbers", "an end too early")
            stream.seek(head.tell())
            raw = stream.read(need)
    except OSError as error:
        raise SceneError(path, "a readable file", error.strerror or str(error)) from error
    with np.errstate(over="ignore", invalid="ignore"):
        rows = np.frombuffer(raw, dtype).reshape(shape, order="F" if by_columns else "C")
        rows = rows.astype(np.float64)
    if not np.isfinite(rows).all():
        at = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
        raise SceneError(path, "finite numbers", "others", f"row {at + 1}")
    return rows


def _header(path: Path, head: io.BytesIO) -> tuple[tuple[int, int], bool, np.dtype[Any]]:
    """Shape, order and type of a NumPy array that can be cameras (NumPy enhancement proposal 1)."""
    try:
        read = _HEADERS[np.lib.format.read_magic(head)]
        shape, by_columns, dtype = read(head, max_header_size=_LONGEST_HEADER)
    except Exception as error:  # whatever a parser of Python literals makes of a stranger's bytes
        shown = " ".join(str(error).split())[:100] or "another file"
        raise SceneError(path, "a NumPy array", shown) from None
    if len(shape) != 2 or shape[1] != COLUMNS or dtype.kind not in "fiu":
        found = f"{dtype.name[:20]} {shape}"[:100]
        raise SceneError(path, f"numbers of shape (N, {COLUMNS})", found)
    if not 1 <= shape[0] <= MOST_CAMERAS:
        raise SceneError(path, f"numbers of shape (1 to {MOST_CAMERAS}, 17)", f"{shape}"[:100])
    return shape, by_columns, dtype


def _camera(path: Path, row: NDArray[np.float64], where: str) -> Camera:
    columns = row[:15].reshape(3, 5).T
    down, right, backward, position, sizes = columns
    pose = np.eye(4)
    pose[:3] = np.stack([right, down, -backward, position], axis=1)
    value = Value(path, None, where)
    height, width, focal = (float(size) for size in sizes)
    if not all(1 <= side <= LARGEST_IMAGE and side == int(side) for side in (width, height)):
        value.fail(f"a picture of 1 to {LARGEST_IMAGE} pixels a side", f"{width:g} x {height:g}")
    if not FOCAL_LENGTHS[0] <= focal <= FOCAL_LENGTHS[1]:
        value.fail("a focal length in pixels", f"{focal:g}")
    return Camera(
        camera_from_world(value.rigid(pose)),
        int(width),
        int(height),
        focal,
        focal,
        width / 2,
        height / 2,
    )


def _pictures(folder: Path, count: int) -> tuple[Path | None, ...]:
    """The pictures of a folder in order, if they are as many as the cameras."""
    from scenes.mpi.source import names_in

    try:
        names = sorted(name for name in names_in(folder) if name.lower().endswith(PICTURES))
    except OSError:
        names = []
    if len(names) != count:
        return (None,) * count
    return tuple(folder / name for name in names)


def sniff(path: Path, head: bytes) -> bool:
    """A NumPy array whose header speaks of rows of seventeen."""
    return head.startswith(b"\x93NUMPY") and b", 17)" in head[:256]


FORMAT = camera_set_format(
    name="poses_bounds",
    title="Cameras of local light field fusion (poses_bounds.npy)",
    extensions=("poses_bounds.npy",),
    sniff=sniff,
    read_set=read_set,
)
