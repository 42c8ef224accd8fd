"""Pictures of a scene from many sides, and the rays through their pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from scenes.camera import Camera
from scenes.errors import Cancelled, SceneError
from scenes.paths.camera_sets import CameraSet
from scenes.registry import Cancel, Progress, never, no_progress

MOST_BYTES = 4 << 30
"""Of all pictures together, 4 bytes a pixel."""
LARGEST_SIDE = 16_384


@dataclass(frozen=True, eq=False)
class Box:
    """The cube in which a radiance field lies.

    Attributes
    ----------
    scene_from_file
        (4, 4) float64, a similarity: from the frame of the cameras' file to that of the field,
        where one unit is the side of instant-ngp's cube.
    lower, side
        Corner and side of the cube, in the frame of the field.
    """

    scene_from_file: NDArray[np.float64]
    lower: NDArray[np.float64]
    side: float


def box_of(cameras: CameraSet) -> Box:
    """The cube of a set of cameras: the file's own, or one around what they look at.

    Then its middle is the point nearest to all axes of view, in the sense of least squares, and
    it reaches to the nearest camera. Cameras that look at no common point have the cube around
    what is before them: its side is four times the spread of their places, or what their depths
    say.
    """
    if cameras.cube is not None:
        side = float(cameras.cube.aabb_scale)
        return Box(cameras.cube.cube_from_world, np.full(3, 0.5 - side / 2), side)
    places = np.array([camera.position for camera in cameras.cameras])
    ahead = np.array([camera.camera_from_world[2, :3] for camera in cameras.cameras])
    across = np.eye(3) - ahead[:, :, None] * ahead[:, None, :]
    total = across.sum(0) + 1e-6 * len(places) * np.eye(3)
    middle = np.linalg.solve(
        total, (across @ places[:, :, None]).sum(0)[:, 0] + 1e-6 * places.sum(0)
    )
    depths = ((middle - places) * ahead).sum(1)
    reach = float(np.linalg.norm(places - middle, axis=1).min())
    if np.median(depths) <= 0 or reach <= 0:
        spread = float(np.linalg.norm(places - places.mean(0), axis=1).max()) or 1.0
        reach = 2 * spread
        middle = places.mean(0) + ahead.mean(0) * reach
    if cameras.depths is not None:
        far = float(np.median(cameras.depths[:, 1]))
        reach = max(reach, far / 2)
        middle = places.mean(0) + ahead.mean(0) * far / 2
    matrix = np.eye(4)
    matrix[:3, :3] /= 2 * reach
    matrix[:3, 3] = 0.5 - middle / (2 * reach)
    return Box(matrix, np.zeros(3), 1.0)


def upward_of(cameras: Sequence[Camera]) -> tuple[float, float, float]:
    """What points up in most pictures: an axis if one nearly does."""
    up = -np.mean([camera.camera_from_world[1, :3] for camera in cameras], 0)
    length = float(np.linalg.norm(up))
    if length < 1e-6:
        return 0.0, 0.0, 1.0
    up /= length
    axis = int(np.abs(up).argmax())
    if abs(up[axis]) > 0.9:
        up = np.sign(up[axis]) * np.eye(3)[axis]
    x, y, z = (float(value) for value in up)
    return x, y, z


@dataclass(frozen=True, eq=False)
class Views:
    """All pixels of all pictures.

    Attributes
    ----------
    pixels
        (P, 4) uint8 red, green, blue (straight) and alpha, picture after picture by rows.
    sizes
        (V, 2) int64 width and height.
    firsts
        (V,) int64, where each picture's pixels begin.
    lenses
        (V, 4) float32 fx, fy, cx, cy, pixels of the pictures as they are here.
    poses
        (V, 3, 4) float32 world_from_camera.
    cameras
        Those of the pictures.
    """

    pixels: torch.Tensor
    sizes: torch.Tensor
    firsts: torch.Tensor
    lenses: torch.Tensor
    poses: torch.Tensor
    cameras: tuple[Camera, ...]

    def to(self, device: torch.device) -> Views:
        """The same on another device."""
        names = ("pixels", "sizes", "firsts", "lenses", "poses")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})

    def rays(
        self, count: int, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Origins and directions (N, 3) through the centres of random pixels, and (N, 4) those
        pixels, 0..1; every pixel is as likely as any other."""
        device = self.pixels.device
        chosen = torch.randint(len(self.pixels), (count,), generator=generator, device=device)
        view = torch.searchsorted(self.firsts, chosen, right=True) - 1
        place = chosen - self.firsts[view]
        width = self.sizes[view, 0]
        column, row = place % width, place // width
        origins, directions = through(self.lenses[view], self.poses[view], column, row)
        return origins, directions, self.pixels[chosen].float() / 255


def through(
    lenses: torch.Tensor, poses: torch.Tensor, columns: torch.Tensor, rows: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Origins and unit directions (N, 3) of pixel centres; (N, 4) lenses, (N, 3, 4) poses."""
    x = (columns + 0.5 - lenses[:, 2]) / lenses[:, 0]
    y = (rows + 0.5 - lenses[:, 3]) / lenses[:, 1]
    local = torch.stack([x, y, torch.ones_like(x)], 1)
    directions = (poses[:, :, :3] @ local[:, :, None])[:, :, 0]
    return poses[:, :, 3], torch.nn.functional.normalize(directions, dim=1)


def camera_rays(camera: Camera) -> tuple[torch.Tensor, torch.Tensor]:
    """Origins and directions (H W, 3) of all pixels of a pinhole camera, by rows."""
    columns = torch.arange(camera.width).repeat(camera.height)
    rows = torch.arange(camera.height).repeat_interleave(camera.width)
    lens = torch.tensor([[camera.fx, camera.fy, camera.cx, camera.cy]], dtype=torch.float32)
    pose = torch.tensor(camera.world_from_camera[None, :3], dtype=torch.float32)
    count = len(rows)
    return through(lens.expand(count, 4), pose.expand(count, 3, 4), columns, rows)


def read_views(
    path: Path,
    cameras: CameraSet,
    box: Box,
    scale: int = 1,
    progress: Progress = no_progress,
    cancel: Cancel = never,
) -> Views:
    """Read the pictures that are there, ``scale`` times smaller, and place their cameras.

    Parameters
    ----------
    path
        The file of the cameras, which errors name.

    Raises
    ------
    SceneError
        Where there are no pictures, one cannot be read, or all would take more than 4 GiB.
    Cancelled
    """
    present = [
        (camera, picture)
        for camera, picture in zip(cameras.cameras, cameras.pictures, strict=True)
        if picture is not None
    ]
    if not present:
        raise SceneError(path, "pictures beside the file", f"none of {len(cameras.pictures):,}")
    sizes = [_size_of(picture, scale) for _, picture in present]
    total = sum(width * height for width, height in sizes)
    if 4 * total > MOST_BYTES:
        raise SceneError(
            path, f"pictures of at most {MOST_BYTES >> 30} GiB (scale makes them smaller)",
            f"{4 * total / 2**30:.1f} GiB",
        )  # fmt: skip
    pixels = np.empty((total, 4), np.uint8)
    placed = []
    first = 0
    for number, ((camera, picture), (width, height)) in enumerate(zip(present, sizes, strict=True)):
        if cancel():
            raise Cancelled
        progress(number, len(present), "pictures")
        pixels[first : first + width * height] = _read(picture, scale, width, height)
        first += width * height
        placed.append(camera.stretched(width, height).transformed(box.scene_from_file))
    progress(len(present), len(present), "pictures")
    counts = np.array([width * height for width, height in sizes])
    return Views(
        torch.from_numpy(pixels),
        torch.tensor(sizes),
        torch.from_numpy(np.concatenate([[0], counts.cumsum()[:-1]])),
        torch.tensor([[c.fx, c.fy, c.cx, c.cy] for c in placed], dtype=torch.float32),
        torch.tensor(np.array([c.world_from_camera[:3] for c in placed]), dtype=torch.float32),
        tuple(placed),
    )


def _size_of(picture: Path, scale: int) -> tuple[int, int]:
    from PIL import Image

    try:
        with Image.open(picture) as image:
            width, height = image.size
    except Exception as error:  # Pillow's plugins raise what they like
        raise SceneError(picture, "a picture", _words(error)) from error
    if max(width, height) > LARGEST_SIDE:
        raise SceneError(picture, f"at most {LARGEST_SIDE:,} pixels a side", f"{width} x {height}")
    return max(1, width // scale), max(1, height // scale)


def _read(picture: Path, scale: int, width: int, height: int) -> NDArray[np.uint8]:
    """(width height, 4) pixels; means over ``scale`` by ``scale`` of them."""
    from PIL import Image

    try:
        with Image.open(picture) as image:
            whole = image.convert("RGBA")
            if scale > 1:
                # With colours times alpha, so that what cannot be seen does not colour the rest.
                crop = (0, 0, width * scale, height * scale)
                if min(whole.size) < scale:
                    crop = (0, 0, *whole.size)
                small = whole.convert("RGBa").resize((width, height), Image.Resampling.BOX, crop)
                whole = small.convert("RGBA")
            return np.asarray(whole).reshape(-1, 4)
    except Exception as error:  # Pillow's plugins raise what they like
        raise SceneError(picture, "a whole picture", _words(error)) from error


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:100] or type(error).__name__
