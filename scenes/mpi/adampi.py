"""Planes of density in a NumPy archive, as AdaMPI and its kin predict them.

The networks give colours and densities (S, 4, H, W), the nearest plane first, and the disparity of
each plane. Along a ray to the next plane, a distance d away, a density sigma hides what is behind
by ``alpha = 1 - exp(-sigma d)``; behind the last one d is 1000. Source:
``yxuhan/AdaMPI:utils/mpi/mpi_rendering.py`` (``plane_volume_rendering``) and, for the camera where
an archive has none, ``:gen_3dphoto.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenes.bounded import Archive
from scenes.camera import Camera
from scenes.errors import Cancelled, SceneError
from scenes.mpi.pictures import MOST_BYTES
from scenes.npz.arrays import StoredArray, stored_arrays
from scenes.planes import LARGEST_SIDE, MOST_LAYERS, Plane, PlaneScene
from scenes.registry import Cancel, Progress

PLANES = ("mpi", "planes", "mpi_planes", "pred_mpi_planes", "rgb_sigma", "sigma")
"""Names of colours and densities together; ``sigma`` also of densities beside colours."""
COLOURS = ("rgb", "colors", "colours")
DEPTHS = ("depth", "depths")
DISPARITIES = ("disparity", "disparities", "disp", "mpi_disp", "pred_mpi_disp")
LAST_DISTANCE = 1e3
FREE_BYTES = 256 << 20
MOST_RATIO = 200
"""How much smaller than its contents beyond :data:`FREE_BYTES` an archive may be."""
_FOCAL = 0.58
"""Of the width and of the height, where there is no camera."""


@dataclass(frozen=True)
class _Channels:
    """Where in an archive colours and densities lie, and how their axes follow each other.

    ``density`` is the array of densities where it is not the fourth channel of ``colours``;
    ``last`` is whether channels are the last axis.
    """

    colours: StoredArray
    density: StoredArray | None
    count: int
    height: int
    width: int
    last: bool


def is_planes(names: Iterable[str]) -> bool:
    """Whether arrays of these names may be planes of density."""
    found = set(names)
    return bool(found & set(PLANES)) and bool(found & {*DEPTHS, *DISPARITIES})


def read_scene(path: Path, progress: Progress, cancel: Cancel) -> PlaneScene:
    """Read an archive; colours are 0 to 1, or 0 to 255 in an array of bytes.

    Memory: four bytes a value for a moment, and the pictures.

    Raises
    ------
    SceneError, Cancelled
    """
    limit = min(4 * MOST_BYTES, FREE_BYTES + MOST_RATIO * path.stat().st_size)
    with Archive(path, limit) as archive:
        arrays = stored_arrays(archive)
        channels = _channels(arrays, path)
        total = channels.count + 1
        depths = _depths(arrays, channels.count, path)
        camera = _camera(arrays, channels, path)
        rgb = _values(channels.colours, path, cancel)
        rgb = rgb if channels.last else np.moveaxis(rgb, 1, -1)
        if channels.colours.dtype == np.uint8:
            rgb[..., :3] /= 255
        if channels.density is None:
            sigma = rgb[..., 3]
        else:
            sigma = _values(channels.density, path, cancel).reshape(rgb.shape[:3])
    progress(1, total, "planes")
    if depths[0] > depths[-1]:
        depths, rgb, sigma = depths[::-1], rgb[::-1], sigma[::-1]
    if not (np.diff(depths) > 0).all():
        raise SceneError(path, "planes in the order of their depths", "another order")

    stretch = _stretch(camera)
    layers = []
    for number, depth in enumerate(depths):
        if cancel():
            raise Cancelled
        if not (np.isfinite(rgb[number]).all() and np.isfinite(sigma[number]).all()):
            raise SceneError(path, "finite numbers", "others", f"plane {number}")
        last = number + 1 == len(depths)
        distance = LAST_DISTANCE if last else stretch * (depths[number + 1] - depth)
        image = _image(rgb[number], sigma[number], distance)
        layers.append(Plane.facing(camera, depth, image, f"plane {number}"))
        progress(number + 2, total, "planes")
    return PlaneScene(
        tuple(layers), camera, name=path.stem, source=path, format="adampi",
        warnings=() if "K" in arrays else ("The camera is a guess: the archive has no K.",),
    )  # fmt: skip


def _image(
    rgb: NDArray[np.float32], sigma: NDArray[np.float32], distance: NDArray[np.float32] | float
) -> NDArray[np.uint8]:
    image = np.empty((*sigma.shape, 4), np.uint8)
    image[..., :3] = np.rint(255 * rgb[..., :3].clip(0, 1))
    with np.errstate(over="ignore"):
        image[..., 3] = np.rint(-255 * np.expm1(-sigma.clip(0, None) * distance))
    return image


def _stretch(camera: Camera) -> NDArray[np.float32]:
    """(H, W) length of the ray through each pixel from one unit of depth to the next."""
    x = (np.arange(camera.width) + 0.5 - camera.cx) / camera.fx
    y = (np.arange(camera.height) + 0.5 - camera.cy) / camera.fy
    return np.sqrt(1 + x**2 + y[:, None] ** 2).astype(np.float32)


def _channels(arrays: dict[str, StoredArray], path: Path) -> _Channels:
    joined = [arrays[name] for name in PLANES if name in arrays]
    for array in joined:
        if found := _axes(array, 4):
            return _checked(_Channels(array, None, *found), path)
    colours = next((arrays[name] for name in COLOURS if name in arrays), None)
    if colours is not None and "sigma" in arrays and (found := _axes(colours, 3)):
        one = _Channels(colours, arrays["sigma"], *found)
        shape = tuple(length for length in arrays["sigma"].shape if length != 1)
        if shape == tuple(n for n in (one.count, one.height, one.width) if n != 1):
            return _checked(one, path)
    shapes = ", ".join(f"{name} {array.shape}" for name, array in sorted(arrays.items()))
    raise SceneError(path, "colours and densities (planes, 4, height, width)", shapes[:300])


def _axes(array: StoredArray, channels: int) -> tuple[int, int, int, bool] | None:
    """Planes, height, width, and whether channels come last; a batch of one is passed over."""
    shape = array.shape[1:] if len(array.shape) == 5 and array.shape[0] == 1 else array.shape
    if len(shape) != 4:
        return None
    if shape[1] == channels:
        return shape[0], shape[2], shape[3], False
    return (*shape[:3], True) if shape[3] == channels else None


def _checked(channels: _Channels, path: Path) -> _Channels:
    sides = channels.height, channels.width
    if not (1 <= channels.count <= MOST_LAYERS and 1 <= min(sides) <= max(sides) <= LARGEST_SIDE):
        found = f"{channels.count} of {channels.width} x {channels.height}"
        raise SceneError(path, f"1 to {MOST_LAYERS:,} planes of pixels", found)
    if 16 * channels.count * channels.height * channels.width > MOST_BYTES:
        raise SceneError(path, f"at most {MOST_BYTES:,} bytes of planes", "more")
    return channels


def _values(array: StoredArray, path: Path, cancel: Cancel) -> NDArray[np.float32]:
    """The numbers of an array, without its batch."""
    if array.dtype.kind not in "fiu":
        raise SceneError(path, f"real numbers in {array.name}", f"{array.dtype}"[:40])

    def tick(nbytes: int) -> None:
        if cancel():
            raise Cancelled

    out = np.empty(array.shape, np.float32)
    array.into(out, tick)
    return out[0] if out.ndim == 5 else out


def _depths(arrays: dict[str, StoredArray], count: int, path: Path) -> NDArray[np.float64]:
    name = next(name for name in (*DEPTHS, *DISPARITIES) if name in arrays)
    if arrays[name].shape not in ((count,), (1, count)):
        raise SceneError(path, f"{count} numbers in {name}", f"shape {arrays[name].shape}"[:60])
    values = _values(arrays[name], path, lambda: False).astype(np.float64).ravel()
    depths = values if name in DEPTHS else 1 / np.where(values > 0, values, np.nan)
    if not (np.isfinite(depths).all() and 1e-6 <= depths.min() <= depths.max() <= 1e9):
        raise SceneError(path, f"depths from 1e-06 to 1e+09 in {name}", "others")
    return depths


def _camera(arrays: dict[str, StoredArray], channels: _Channels, path: Path) -> Camera:
    """From K in pixels or, where all of it is small, in widths and heights."""
    width, height = channels.width, channels.height
    matrix = np.array([[_FOCAL, 0, 0.5], [0, _FOCAL, 0.5], [0, 0, 1]])
    if "K" in arrays:
        if arrays["K"].shape not in ((3, 3), (1, 3, 3)):
            raise SceneError(path, "K of shape (3, 3)", f"{arrays['K'].shape}"[:60])
        matrix = _values(arrays["K"], path, lambda: False).astype(np.float64).reshape(3, 3)
    focal, last = matrix[[0, 1], [0, 1]], matrix[[0, 1, 1, 2, 2, 2], [1, 0, 0, 0, 1, 2]]
    good = np.isfinite(matrix).all() and np.abs(matrix).max() < 1e9 and focal.min() > 1e-3
    if not good or np.abs(last - [0, 0, 0, 0, 0, 1]).max() > 1e-6:
        raise SceneError(path, "K with focal lengths and a principal point", "another matrix")
    if np.abs(matrix[:2]).max() < 5:
        matrix[:2] *= [[width], [height]]
    return Camera(np.eye(4), width, height, matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2])
