"""From a SOG scene, bundled or not, of either version, to splats."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.codec.outputs import Outputs
from kernels.codec.unpack_sog import Pixels, Tables, unpack_sog
from scenes.assembly import SplatArrays
from scenes.errors import Cancelled, SceneError
from scenes.gaussians import SH_COEFFICIENTS, GaussianScene
from scenes.registry import Cancel, Progress
from scenes.sog.images import LONGEST_SIDE, MOST_PIXELS, Size, decode, picture_size
from scenes.sog.meta import DEGREES, MOST_BYTES, MOST_PALETTE, Meta, Rest, read_meta
from scenes.sog.source import DESCRIPTION, Source, Zip, description, opened

QUANTISATION = (
    "positions 16 bits of a logarithm, sizes and first colours codebooks of 256, opacity 8 bits, "
    "rotations 26 bits, view-dependent colour from a palette"
)
_CHANNELS = {"quats": 4, "base": 4}
_FREE_SPLATS = 1 << 20
"""Up to as many splats, pictures may be as small as they like."""
_SPLATS_PER_BYTE = 64
"""Beyond: real positions take three bytes a splat, a regular lattice some hundredths."""


@dataclass(frozen=True)
class Checked:
    """A description whose pictures have been looked at: nothing large has been decoded yet."""

    meta: Meta
    degree: int
    raw: dict[str, bytes]


@dataclass(frozen=True)
class Decoded:
    """Pixels of ``count`` splats and the tables that they point into."""

    count: int
    degree: int
    pixels: Pixels
    tables: Tables

    def unpack(self, first: int, last: int, arrays: SplatArrays, at: int) -> int:
        """Splats ``first`` to ``last - 1`` into the rows from ``at``; returns bad labels."""
        here, there = slice(first, last), slice(at, at + last - first)
        pixels = Pixels(*(None if p is None else p[here] for p in self.pixels))
        out = Outputs(
            arrays.means[there],
            arrays.quats[there],
            arrays.scales[there],
            arrays.opacities[there],
            arrays.sh[there],
        )
        return unpack_sog("cpu", pixels, self.tables, out)


def read_scene(path: Path, progress: Progress, cancel: Cancel) -> GaussianScene:
    """Read a ``.sog``, a ``meta.json`` with its pictures beside it, or the folder of one.

    Raises
    ------
    SceneError, Cancelled
    """
    with opened(path) as (source, name):
        checked = look_at(source, name)
        meta = checked.meta
        arrays = SplatArrays(path, meta.count, checked.degree)
        decoded = decode_all(checked, source, checked.degree, progress, cancel)
    checked.raw.clear()

    def part(first: int, last: int) -> None:
        check_labels(decoded.unpack(first, last, arrays, first), path)

    arrays.fill(part, progress, cancel)
    kind = "zip archive" if isinstance(source, Zip) else "loose files"
    return arrays.scene(
        "sog",
        training=meta.training,
        metadata=metadata_of(meta, kind),
        warnings=warnings_of(meta),
        name=path.absolute().parent.name if path.name == DESCRIPTION else None,
    )


def metadata_of(meta: Meta, kind: str) -> dict[str, Any]:
    """What the scene panel shows."""
    told = {
        "dialect": f"version {meta.version}, {kind}",
        "quantisation": QUANTISATION,
        "generator": meta.generator,
        "ignored": list(meta.ignored),
    }
    return {key: value for key, value in told.items() if value}


def warnings_of(meta: Meta) -> tuple[str, ...]:
    """Sentences on what was repaired and on flat splats."""
    if meta.training == "2dgs":
        flat = "The file holds 2D Gaussians, which are shown as flat splats."
        return (*meta.repaired, flat)
    return meta.repaired


def look_at(source: Source, name: str) -> Checked:
    """Read the description ``name`` and the bytes of its pictures; hold their sizes against it."""
    path = source.path
    meta = read_meta(description(source.read(name, MOST_BYTES), path, name))
    _check_count(meta.count, MOST_PIXELS, path)
    most = 5 * _most_pixels(meta.count)
    raw = {key: source.read(file, most) for key, file in meta.files.items()}
    sizes = {key: picture_size(data, path, meta.files[key]) for key, data in raw.items()}
    degree = 0
    if meta.rest is not None:
        raw["labels"] = source.read(meta.rest.labels, most)
        sizes["labels"] = picture_size(raw["labels"], path, meta.rest.labels)
        raw["centroids"] = source.read(meta.rest.centroids, 5 * 15 * MOST_PALETTE)
        size = picture_size(raw["centroids"], path, meta.rest.centroids)
        degree = _palette_degree(meta.rest, size, path)
    _check_sizes(meta.count, sizes, path)
    positions = len(raw["means_low"]) + len(raw["means_high"])
    _check_count(meta.count, _FREE_SPLATS + _SPLATS_PER_BYTE * positions, path)
    return Checked(meta, degree, raw)


def _check_count(count: int, most: int, path: Path) -> None:
    if count > most:
        raise SceneError(path, f"at most {most:,} splats for pictures of this size", f"{count:,}")


def _most_pixels(count: int) -> int:
    """Pictures are as good as full; some writers round the sides up, even to powers of two."""
    return 4 * count + 65_536


def _check_sizes(count: int, sizes: dict[str, Size], path: Path) -> None:
    width, height = sizes["means_low"]
    for name, size in sizes.items():
        if size != (width, height):
            raise SceneError(
                path, f"pictures of {width} x {height} pixels", f"{size[0]} x {size[1]}", name
            )
    pixels = width * height
    if pixels < count:
        raise SceneError(path, f"{count:,} splats in each picture", f"{pixels:,} pixels")
    if pixels > _most_pixels(count) or max(width, height) > LONGEST_SIDE:
        raise SceneError(
            path, f"pictures for {count:,} splats", f"some of {width:,} x {height:,} pixels"
        )


def _palette_degree(rest: Rest, size: Size, path: Path) -> int:
    """The degree of the palette, held against what the description says."""
    width, height = size
    if width not in DEGREES or (rest.degree is not None and DEGREES[width] != rest.degree):
        wanted = [w for w, degree in DEGREES.items() if rest.degree in (None, degree)]
        raise SceneError(
            path,
            f"a picture of centroids {' or '.join(map(str, wanted))} pixels wide",
            f"{width}",
            rest.centroids,
        )
    if not 64 * height >= (rest.count or 1) or 64 * height > MOST_PALETTE:
        expected = f"{rest.count:,}" if rest.count else f"at most {MOST_PALETTE:,}"
        raise SceneError(
            path, f"{expected} centroids, 64 in a row", f"{height:,} rows", rest.centroids
        )
    return DEGREES[width]


def decode_all(
    checked: Checked, source: Source, degree: int, progress: Progress, cancel: Cancel
) -> Decoded:
    """Decode the pictures one by one, each releasing its bytes.

    ``degree`` is that of the scene, at least that of this part of it; the rest becomes zeros.
    """
    meta = checked.meta
    names = dict(meta.files)
    if meta.rest is not None:
        names |= {"labels": meta.rest.labels, "centroids": meta.rest.centroids}
    pixels: dict[str, NDArray[np.uint8]] = {}
    for done, (key, name) in enumerate(names.items()):
        if cancel():
            raise Cancelled
        progress(done, len(names), "pictures")
        pixels[key] = decode(checked.raw.pop(key), source.path, name, _CHANNELS.get(key, 3))
    centroids = pixels.pop("centroids", None)
    palette = _palette(meta, centroids, checked.degree, degree)
    if degree and "labels" not in pixels:
        pixels["labels"] = np.zeros((meta.count, 2), np.uint8)
        pixels["labels"].setflags(write=False)  # as decoded ones: Numba tells them apart
    columns = Pixels(**{"labels": None} | pixels)
    return Decoded(meta.count, degree, columns, _tables(meta, palette))


def _palette(
    meta: Meta, centroids: NDArray[np.uint8] | None, own: int, degree: int
) -> NDArray[np.float32]:
    """(P, 3 (K - 1)) coefficients of the scene's degree; a row of zeros where there are none."""
    columns = 3 * (SH_COEFFICIENTS[degree] - 1)
    if meta.rest is None or centroids is None:
        return np.zeros((1, columns), np.float32)
    with np.errstate(over="ignore"):
        values = meta.rest.codebook.astype(np.float32)[centroids[:, :3]]
    values = values.reshape(-1, 3 * (SH_COEFFICIENTS[own] - 1))
    if values.shape[1] == columns:
        return values
    palette = np.zeros((len(values), columns), np.float32)
    palette[:, : values.shape[1]] = values
    return palette


def _tables(meta: Meta, palette: NDArray[np.float32]) -> Tables:
    """Activated values; what is too large for float32 becomes infinite and is dropped later."""
    with np.errstate(over="ignore", invalid="ignore"):
        span = meta.highest - meta.lowest
        squeezed = meta.lowest[:, None] + span[:, None] * np.arange(65_536) / 65_535
        means = (np.sign(squeezed) * np.expm1(np.abs(squeezed))).astype(np.float32)
        scales = np.exp(meta.scales).astype(np.float32)
        base = meta.base.astype(np.float32)
    if meta.training == "2dgs":
        scales[:, 2] = 0.0
    return Tables(means, scales, base, palette)


def check_labels(lost: int, path: Path) -> None:
    if lost:
        raise SceneError(path, "labels of centroids that exist", f"{lost:,} that do not")
