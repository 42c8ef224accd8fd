"""The photo of a camera, read for a comparison: bounded, and shaped like its camera."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scenes.camera import Camera
from scenes.errors import SceneError
from scenes.registry import Cancel, no_progress

if TYPE_CHECKING:
    from scenes.mpi.pictures import Picture

LONGEST = 2048
"""Pixels of the longer side at which a scene is compared; larger photos are averaged down."""
SMALLEST = 11
"""Pixels a side that the window of the structural similarity needs."""
SAME_SHAPE = 0.02
"""How far width over height may be from the camera's: pictures made smaller are rounded."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo as it is compared, (H, W, 3) uint8, and the (width, height) of its file."""

    pixels: Pixels
    full: tuple[int, int]


def read_photo(
    path: Path, camera: Camera, background: tuple[float, float, float], cancel: Cancel
) -> Photo:
    """Read the PNG, JPEG or WebP that a camera took; call it on a worker.

    Transparent pixels are laid over ``background`` (RGB in 0..1, as displayed). The picture may
    have another resolution than the camera, but not another shape. Memory: 10 bytes a pixel of
    the file, for a moment.

    Raises
    ------
    SceneError
        For a file that is not there, is no whole picture, is absurdly large or has another shape.
    Cancelled
    """
    from scenes.mpi.pictures import decode, in_two_threads

    picture, data = _looked_at(path)
    _check_shape(path, picture.width, picture.height, camera)
    # A thread of its own, so that a cancel is heard while the picture is unpacked.
    (pixels,) = in_two_threads(
        [data], 1, lambda data: decode(data, picture, path, "RGBA"), no_progress, cancel
    )
    return Photo(_reduced(over(pixels, background), LONGEST), (picture.width, picture.height))


def over(rgba: Pixels, background: tuple[float, float, float]) -> Pixels:
    """A picture of straight alpha laid over a colour: (H, W, 4) to (H, W, 3) uint8."""
    color = rgba[..., :3]
    alpha = rgba[..., 3:].astype(np.uint16)
    if alpha.size and alpha.min() == 255:
        return np.ascontiguousarray(color)
    ground = np.round(255 * np.asarray(background)).astype(np.uint16)
    return ((color * alpha + ground * (255 - alpha) + 127) // 255).astype(np.uint8)


def _looked_at(path: Path) -> tuple[Picture, bytes]:
    """What the header says, and the file, read only once that is found reasonable."""
    from scenes.mpi.pictures import HEAD, check_total, looked_at

    try:
        if not path.is_file():
            raise SceneError(path, "the photo of this camera", "no file of that name")
        with path.open("rb") as file:
            head = file.read(HEAD)
            picture = looked_at(head, path.stat().st_size, path, "photo")
            check_total([picture], path)
            return picture, head + file.read(picture.most)
    except (OSError, ValueError) as error:  # ValueError: a name that the system does not have
        found = getattr(error, "strerror", None) or str(error)
        raise SceneError(path, "a photo that can be read", found) from None


def _check_shape(path: Path, width: int, height: int, camera: Camera) -> None:
    if min(width, height) < SMALLEST:
        found = f"{width} × {height}"
        raise SceneError(path, f"a photo of at least {SMALLEST} pixels a side", found)
    # Rounding to whole pixels changes the shape of small pictures by more than that.
    allowed = SAME_SHAPE + 1.0 / min(width, height)
    if abs(width * camera.height / (height * camera.width) - 1.0) > allowed:
        wanted = f"a photo in the shape of its camera, {camera.width} × {camera.height}"
        raise SceneError(path, wanted, f"{width} × {height}")


def _reduced(pixels: Pixels, longest: int) -> Pixels:
    """Averaged down until no side is longer than ``longest``."""
    from PIL import Image

    height, width = pixels.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return pixels
    size = max(round(width * scale), SMALLEST), max(round(height * scale), SMALLEST)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))
