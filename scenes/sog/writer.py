"""From a scene to the files of a SOG, version 2: a zip archive, or loose files in a folder."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.errors import Cancelled, SceneError
from scenes.gaussians import GaussianScene
from scenes.registry import Cancel, Progress
from scenes.sog.codebook import make_codebook
from scenes.sog.images import MOST_PIXELS, encode
from scenes.sog.order import grid_size, orders_of
from scenes.sog.pack import (
    least_turned,
    log_scales,
    mean_codes,
    nearest,
    opacity_bytes,
    rotation_bytes,
    squeezed,
)
from scenes.sog.palette import ROW, Palette, make_palette
from scenes.sog.quality import Quality
from scenes.writing import blocks, new_file, new_folder

GENERATOR = "Plenoscope"
HIGHEST_DEGREE = 3
_MODELS = {"mip": "antialiased", "2dgs": "2dgs"}
_ENCODER_PIXELS = 24_000_000
"""Pixels that are encoded at a time: the encoder takes some 40 bytes each."""

Files = dict[str, bytes]


def write_scene(
    scene: GaussianScene, path: Path, quality: Quality, progress: Progress, cancel: Cancel
) -> tuple[str, ...]:
    """Write ``path``: a ``.sog`` archive, or a description with its pictures beside it.

    Raises
    ------
    SceneError, Cancelled
        And no file is left.
    """
    files = make_files(scene, path, quality, progress, cancel)
    if path.name.endswith("meta.json"):
        description = files.pop("meta.json")
        with new_folder(path.absolute().parent, path.name) as folder:
            for name, data in files.items():
                (folder / name).write_bytes(data)
            (folder / path.name).write_bytes(description)
    else:
        with new_file(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name, data in files.items():
                # A fixed time, so that the same scene gives the same file.
                archive.writestr(zipfile.ZipInfo(name), data)
    return losses(scene)


def losses(scene: GaussianScene) -> tuple[str, ...]:
    """Sentences on what SOG cannot keep."""
    if scene.sh_degree <= HIGHEST_DEGREE:
        return ()
    return (
        f"Spherical harmonics of degree {scene.sh_degree} were cut to {HIGHEST_DEGREE}, the most "
        "that SOG holds.",
    )


def make_files(
    scene: GaussianScene,
    path: Path,
    quality: Quality,
    progress: Progress,
    cancel: Cancel,
    groups: NDArray[np.int32] | None = None,
) -> Files:
    """The files by name, the pictures first. ``path`` is named in errors.

    Splats of equal ``groups`` (N,) lie together in the pictures, in rising order.
    """
    if scene.count > MOST_PIXELS:
        raise SceneError(path, f"at most {MOST_PIXELS:,} splats", f"{scene.count:,}")
    degree = min(scene.sh_degree, HIGHEST_DEGREE)
    palette = make_palette(scene, degree, quality, progress, cancel) if degree else None
    books = _codebooks(scene, quality, progress, cancel)
    codes = _codes(scene, books, progress, cancel)
    candidates = (
        _encoded(
            _pictures(scene, codes, order, books, palette, progress, cancel),
            quality,
            progress,
            cancel,
        )
        for order in orders_of(scene, codes, quality, progress, cancel, groups)
    )
    packed = min(candidates, key=lambda files: sum(map(len, files.values())))
    meta = _description(scene, books, palette, degree)
    text = json.dumps(meta, separators=(",", ":"), allow_nan=False)
    return packed | {"meta.json": text.encode()}


@dataclass(frozen=True)
class _Books:
    """What the bytes of the pictures mean."""

    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]
    scales: NDArray[np.float64]
    base: NDArray[np.float64]


def _codebooks(
    scene: GaussianScene, quality: Quality, progress: Progress, cancel: Cancel
) -> _Books:
    lowest, highest = np.full(3, np.inf), np.full(3, -np.inf)
    for here in blocks(scene.count, progress, cancel, unit="splats measured"):
        means = squeezed(scene.means[here])
        lowest = np.minimum(lowest, means.min(axis=0))
        highest = np.maximum(highest, means.max(axis=0))
    if scene.count == 0:
        lowest = highest = np.zeros(3)

    def sizes() -> Iterator[NDArray[np.float32]]:
        for here in blocks(scene.count, progress, cancel, unit="splats measured"):
            yield log_scales(scene.scales[here])

    colours = (
        scene.sh[here, 0] for here in blocks(scene.count, progress, cancel, unit="splats measured")
    )
    return _Books(
        lowest,
        highest,
        make_codebook(sizes(), quality.log_scale),
        make_codebook(colours, quality.base),
    )


def _codes(
    scene: GaussianScene, books: _Books, progress: Progress, cancel: Cancel
) -> NDArray[np.uint16]:
    """(N, 3) positions as they are stored."""
    codes = np.empty((scene.count, 3), np.uint16)
    for here in blocks(scene.count, progress, cancel, unit="splats measured"):
        codes[here] = mean_codes(scene.means[here], books.lowest, books.highest)
    return codes


def _pictures(
    scene: GaussianScene,
    codes: NDArray[np.uint16],
    order: NDArray[np.int64],
    books: _Books,
    palette: Palette | None,
    progress: Progress,
    cancel: Cancel,
) -> dict[str, NDArray[np.uint8]]:
    """(H, W, C) of each name; the splats lie in ``order``, the last one repeats to the end."""
    width, height = grid_size(scene.count)
    channels = {"means_l": 3, "means_u": 3, "scales": 3, "quats": 4, "sh0": 4}
    if palette is not None:
        channels["shN_labels"] = 3
    flat = {name: np.zeros((width * height, n), np.uint8) for name, n in channels.items()}
    for here in blocks(scene.count, progress, cancel, unit="splats packed"):
        rows = order[here]
        flat["means_l"][here] = codes[rows] & 255
        flat["means_u"][here] = codes[rows] >> 8
        quats, scales = least_turned(
            scene.quats[rows], scene.scales[rows], scene.training == "2dgs"
        )
        flat["quats"][here] = rotation_bytes(quats)
        flat["scales"][here] = nearest(log_scales(scales), books.scales)
        flat["sh0"][here, :3] = nearest(scene.sh[rows, 0], books.base)
        flat["sh0"][here, 3] = opacity_bytes(scene.opacities[rows])
        if palette is not None:
            labels = palette.labels[rows]
            flat["shN_labels"][here, 0] = labels & 255
            flat["shN_labels"][here, 1] = labels >> 8
    for pixels in flat.values():
        pixels[scene.count :] = pixels[max(scene.count - 1, 0)]
    pictures = {name: pixels.reshape(height, width, -1) for name, pixels in flat.items()}
    if palette is not None:
        pictures["shN_centroids"] = _centroid_picture(palette.codes)
    return pictures


def _centroid_picture(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """64 entries in a row, each as wide as it has coefficients; the last one repeats."""
    rows = -(-len(codes) // ROW)
    filled = np.concatenate([codes, np.repeat(codes[-1:], rows * ROW - len(codes), axis=0)])
    return filled.reshape(rows, -1, 3)


def _encoded(
    pictures: dict[str, NDArray[np.uint8]], quality: Quality, progress: Progress, cancel: Cancel
) -> Files:
    """WebP files, made on threads; who cancels need not wait for a picture that is under way."""
    pixels = max(picture.shape[0] * picture.shape[1] for picture in pictures.values())
    pool = ThreadPoolExecutor(max(1, min(8, os.cpu_count() or 1, _ENCODER_PIXELS // pixels)))
    try:
        futures: dict[str, Future[bytes]] = {
            f"{name}.webp": pool.submit(encode, picture, quality.method, quality.effort)
            for name, picture in pictures.items()
        }
        waiting: set[Future[bytes]] = set(futures.values())
        while waiting:
            if cancel():
                raise Cancelled
            progress(len(futures) - len(waiting), len(futures), "pictures packed")
            _, waiting = wait(waiting, timeout=0.1)
        progress(len(futures), len(futures), "pictures packed")
        return {name: future.result() for name, future in futures.items()}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _description(
    scene: GaussianScene, books: _Books, palette: Palette | None, degree: int
) -> dict[str, Any]:
    meta: dict[str, Any] = {
        "version": 2,
        "asset": {"generator": GENERATOR},
        "count": scene.count,
        "means": {
            "mins": books.lowest.tolist(),
            "maxs": books.highest.tolist(),
            "files": ["means_l.webp", "means_u.webp"],
        },
        "scales": {"codebook": books.scales.tolist(), "files": ["scales.webp"]},
        "quats": {"files": ["quats.webp"]},
        "sh0": {"codebook": books.base.tolist(), "files": ["sh0.webp"]},
    }
    if scene.training in _MODELS:
        meta["model"] = _MODELS[scene.training]
    if scene.training == "mip":
        meta["antialias"] = True  # what readers before the models look for
    if palette is not None:
        meta["shN"] = {
            "count": len(palette.codes),
            "bands": degree,
            "codebook": palette.codebook.tolist(),
            "files": ["shN_centroids.webp", "shN_labels.webp"],
        }
    return meta
