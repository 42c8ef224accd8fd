"""A multiplane image from two photos of a rectified pair."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernels.backends import resolve
from kernels.planes.sweep import sweep
from render.making.fill import fill_behind
from render.making.photo import checked_photo, from_depth
from scenes.camera import Camera
from scenes.errors import Cancelled
from scenes.planes import PlaneScene
from scenes.registry import Cancel, Progress, never, no_progress

OVERLAP = 24
"""Rows beyond its own that each band sees: costs travel along paths that far and more."""
ROWS = 64
"""Rows of a band: about 0.3 s at the most cells, so that a cancel is heard."""
ROW_CELLS = 1 << 18
"""Most pixels times disparities of a row; larger pictures are matched at half their size."""
COARSE_WIDTH = 256
"""The search for the range of disparities happens at most this wide."""
AGREEMENT = 1.0
"""Pixels by which the two directions of matching may differ."""
LEAST_SHIFT = 0.25
"""Pixels: what has moved less is put as far away as this would be."""


@dataclass(frozen=True)
class Matches:
    """What matching a pair gave.

    Attributes
    ----------
    disparity
        (H, W) float64 pixels: x of the left picture is x - disparity of the right one.
    known
        (H, W) where both directions agreed; elsewhere the disparity is filled in.
    """

    disparity: NDArray[np.float64]
    known: NDArray[np.bool_]


def from_stereo(
    left: NDArray[np.uint8],
    right: NDArray[np.uint8],
    camera: Camera,
    baseline: float | None = None,
    offset: float | None = None,
    count: int = 64,
    disparities: tuple[int, int] | None = None,
    backend: str = "auto",
    name: str = "stereo pair",
    progress: Progress = no_progress,
    cancel: Cancel = never,
) -> PlaneScene:
    """Planes that show the left photo of a pair, at depths found by matching it with the right.

    Parameters
    ----------
    left, right
        (H, W, 3) uint8, rectified: what they share lies in the same row, in the right one farther
        left.
    camera
        What took the left photo.
    baseline
        Distance of the two, scene units, > 0; None makes it the unit.
    offset
        How far the right principal point lies right of the left one, pixels, so that
        ``depth = fx * baseline / (disparity + offset)``. None: 0, or without a baseline as much
        as keeps all but the lowest hundredth a pixel in front of infinity.
    count
        The most planes.
    disparities
        Smallest and largest to look for, pixels; None finds the range on small copies.
    backend
        Of the plane sweep.
    progress, cancel
        Count bands of rows, then planes.

    Raises
    ------
    ValueError
        If the sizes disagree, the pair is no picture, or a number is out of range.
    Cancelled
        When ``cancel()`` became true.
    """
    left = checked_photo(left, camera)
    if baseline is not None and not (np.isfinite(baseline) and baseline > 0):
        raise ValueError(f"baseline must be above 0, got {baseline}")
    found = match(left, right, disparities, backend, progress, cancel)
    if offset is None:
        lowest = float(np.quantile(found.disparity, 0.01))
        offset = max(0.0, 1 - lowest) if baseline is None else 0.0
    shift = np.maximum(found.disparity + offset, LEAST_SHIFT)
    depth = camera.fx * (1.0 if baseline is None else baseline) / shift
    return from_depth(left, depth, camera, count, name, progress, cancel)


def match(
    left: NDArray[np.uint8],
    right: NDArray[np.uint8],
    disparities: tuple[int, int] | None = None,
    backend: str = "auto",
    progress: Progress = no_progress,
    cancel: Cancel = never,
) -> Matches:
    """Disparities of the left picture, checked against those of the right, without holes.

    A pixel where the two directions differ by more than a pixel was not seen by both: it gets the
    smaller disparity of its row's neighbours. At last a median of 5 by 5 takes out what stands
    alone. Parameters as of :func:`from_stereo`.
    """
    shapes = np.shape(left), np.shape(right)
    if shapes[0] != shapes[1] or len(shapes[0]) != 3:
        raise ValueError(f"both photos must be (H, W, 3) alike, got {shapes[0]} and {shapes[1]}")
    backend = resolve(backend)
    pair = _grey(left), _grey(right)
    if disparities is None:
        disparities = _range(*pair, backend)
    first, last = disparities
    if not (first <= last and max(abs(first), abs(last)) <= left.shape[1]):
        raise ValueError(f"disparities must be within the width of the photo, got {disparities}")
    factor = 1
    while left.shape[1] * (last - first + 1) / factor**2 > ROW_CELLS:
        factor *= 2
    small = _shrunk(pair[0], factor), _shrunk(pair[1], factor)
    low, high = first // factor, -(-last // factor)
    forth, back = _by_bands(*small, low, high - low + 1, backend, progress, cancel)
    known = _agreeing(forth, back)
    if not known.any():
        raise ValueError("the two photos have nothing in common: are they a rectified pair?")
    disparity = _median(fill_behind(forth, known), cancel)
    if factor > 1:
        rows, columns = (np.arange(side) // factor for side in left.shape[:2])
        rows, columns = np.minimum(rows, len(known) - 1), np.minimum(columns, known.shape[1] - 1)
        disparity = factor * disparity[rows][:, columns]
        known = known[rows][:, columns]
    return Matches(disparity, known)


def _grey(photo: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Luma of Rec. 601."""
    return np.asarray(photo, np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)


def _shrunk(image: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Means of squares; rows and columns that fill none are left out."""
    height, width = (max(side // factor, 1) for side in image.shape)
    tall, wide = min(factor, image.shape[0]), min(factor, image.shape[1])
    cut = image[: height * tall, : width * wide]
    return np.asarray(cut.reshape(height, tall, width, wide).mean((1, 3)), np.float32)


def _range(left: NDArray[np.float32], right: NDArray[np.float32], backend: str) -> tuple[int, int]:
    """Smallest and largest disparity that matter, from copies at most 256 pixels wide."""
    factor = -(-max(left.shape) // COARSE_WIDTH)
    small = _shrunk(left, factor), _shrunk(right, factor)
    width = small[0].shape[1]
    first, count = -(width // 8), width // 8 + width // 2 + 1
    forth, back = sweep(backend, *small, first, count)
    forth, back = np.asarray(forth), np.asarray(back)
    known = _agreeing(forth, back)
    values = forth[known] if known.any() else forth
    low, high = np.quantile(values, [0.005, 0.995])
    limit = left.shape[1]
    return (
        max(int(np.floor((low - 1.5) * factor)), -limit),
        min(int(np.ceil((high + 1.5) * factor)), limit),
    )


def _by_bands(
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    first: int,
    count: int,
    backend: str,
    progress: Progress,
    cancel: Cancel,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Both directions of matching, band by band on all cores."""
    height = len(left)
    starts = range(0, height, ROWS)
    found = np.empty(left.shape, np.float32), np.empty(left.shape, np.float32)

    def work(start: int) -> None:
        if cancel():
            raise Cancelled
        stop = min(start + ROWS, height)
        top, bottom = max(start - OVERLAP, 0), min(stop + OVERLAP, height)
        band = np.s_[top:bottom]
        for whole, part in zip(
            found, sweep(backend, left[band], right[band], first, count), strict=True
        ):
            whole[start:stop] = np.asarray(part)[start - top : stop - top]

    progress(0, len(starts), "bands")
    with ThreadPoolExecutor(min(os.cpu_count() or 1, len(starts))) as pool:
        futures: list[Future[None]] = [pool.submit(work, start) for start in starts]
        try:
            for done, future in enumerate(futures):
                future.result()
                progress(done + 1, len(starts), "bands")
        except BaseException:
            for future in futures:
                future.cancel()
            raise
    return found


def _agreeing(forth: NDArray[np.float32], back: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where the pixel that one finds on the other side finds its way back."""
    height, width = forth.shape
    target = np.rint(np.arange(width) - forth).astype(np.int64)
    inside = (target >= 0) & (target < width)
    there = back[np.arange(height)[:, None], np.clip(target, 0, width - 1)]
    return inside & (np.abs(there - forth) <= AGREEMENT)


def _median(values: NDArray[np.float64], cancel: Cancel) -> NDArray[np.float64]:
    """Of 5 by 5 pixels around each; the border is repeated."""
    padded = np.pad(values, 2, mode="edge")
    result = np.empty_like(values)
    for start in range(0, len(values), ROWS):
        if cancel():
            raise Cancelled
        part = padded[start : start + ROWS + 4]
        windows = np.lib.stride_tricks.sliding_window_view(part, (5, 5))
        flat = windows.reshape(*windows.shape[:2], 25)
        result[start : start + ROWS] = np.partition(flat, 12, axis=2)[..., 12]
    return result
