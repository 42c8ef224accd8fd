"""From a scene to a ``.ksplat`` file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kernels.codec.unpack_ksplat import Coding, rest_order
from scenes.gaussians import SH_COEFFICIENTS, GaussianScene
from scenes.ksplat.layout import (
    DEFAULT_RANGE,
    DEFAULT_SH,
    HEADER,
    HIGHEST_DEGREE,
    MAIN,
    PART,
    SECTION,
)
from scenes.raw import color_bytes, harmonics_cut
from scenes.registry import Cancel, Progress
from scenes.writing import blocks, new_file, training_lost, view_lost

BUCKET = 256
BLOCK = 5.0
"""Edge of the cubes that buckets lie in, scene units."""
LARGEST_HALF = 65_504.0
SMALLEST_HALF = 2.0**-24


def write_scene(
    scene: GaussianScene, path: Path, progress: Progress, cancel: Cancel, level: int
) -> tuple[str, ...]:
    """Write one section; levels 1 and 2 in buckets of 256 splats of a cube.

    Raises
    ------
    SceneError, Cancelled
    """
    degree = min(scene.sh_degree, HIGHEST_DEGREE)
    steps = DEFAULT_RANGE[level]
    low, high = _extent(scene, SH_COEFFICIENTS[degree]) if level == 2 else (0.0, 0.0)
    coding = Coding(level, SH_COEFFICIENTS[degree], 0.5 * BLOCK / steps, steps, low, high)
    order, centres, lengths, full = _buckets(scene.means) if level else _plain(scene.count)
    sizes = np.concatenate([np.full(full, BUCKET), lengths]).astype(np.int64)
    bucket_of = np.repeat(np.arange(len(sizes)), sizes)
    storage = 4 * len(lengths) + 12 * len(centres) + scene.count * coding.nbytes
    main = MAIN.pack(0, 1, 1, 1, scene.count, scene.count, level, 0, 0, 0, low, high)
    section = PART.pack(
        scene.count, scene.count, BUCKET if level else 0, len(centres), BLOCK if level else 0.0,
        12 if level else 0, steps if level else 0, min(storage, 2**32 - 1), full, len(lengths),
        degree,
    )  # fmt: skip
    clamped = dict.fromkeys(_CLAMPED, 0)
    with new_file(path) as file:
        file.write(main.ljust(HEADER, b"\0"))
        file.write(section.ljust(SECTION, b"\0"))
        file.write(lengths.astype("<u4").data)
        file.write(centres.astype("<f4").data)
        for here in blocks(scene.count, progress, cancel):
            rows = order[here]
            middle = centres[bucket_of[here]] if level else np.zeros((len(rows), 3))
            file.write(_records(scene, rows, middle, coding, clamped).data)
    return (
        *harmonics_cut(scene, HIGHEST_DEGREE, ".ksplat"),
        *(_CLAMPED[what].format(count) for what, count in clamped.items() if count),
        *training_lost(scene.training),
        *view_lost(scene.metadata),
    )


_CLAMPED = {
    "large": f"{{:,}} sizes were clamped to {LARGEST_HALF:,.0f}, the most that fits.",
    "small": "{:,} sizes below 0.00000003 became 0.",
    "colours": "{:,} colour values were clamped to 0 to 1.",
    "harmonics": f"{{:,}} coefficients of spherical harmonics were clamped to {LARGEST_HALF:,.0f}.",
}
"""What to tell who writes, by what was counted."""


def _extent(scene: GaussianScene, terms: int) -> tuple[float, float]:
    """Least and greatest coefficient of the harmonics, as float32."""
    rest = scene.sh[:, 1:terms]
    if rest.size == 0:
        return -DEFAULT_SH, DEFAULT_SH
    low, high = float(rest.min()), float(rest.max())
    if low == high:
        low, high = low - 1e-6 * (abs(low) or 1.0), high + 1e-6 * (abs(high) or 1.0)
    # Zero stands for "not said".
    return low or -1e-6, high or 1e-6


def _plain(count: int) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64], int]:
    return np.arange(count), np.zeros((0, 3), np.float32), np.zeros(0, np.int64), 0


def _buckets(
    means: NDArray[np.float32],
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64], int]:
    """Splats in the order of buckets, centres (B, 3), lengths of the partly filled, full ones.

    Full buckets come first, as the format wants. Cubes are counted from the origin and not from
    the least position, so that one splat far outside does not take digits from all others; they
    stay float64, because there may be more than whole numbers can count.
    """
    if len(means) == 0:
        return _plain(0)
    cubes = np.floor(means / np.float64(BLOCK))
    order = np.lexsort(cubes.T[::-1])
    cubes = cubes[order]
    fresh = np.concatenate([[True], (cubes[1:] != cubes[:-1]).any(1)])
    starts = np.flatnonzero(fresh)
    counts = np.diff(np.append(starts, len(order)))
    whole, left = np.divmod(counts, BUCKET)
    # Each splat's place within its cube says whether it lies in a full bucket.
    place = np.arange(len(order)) - np.repeat(starts, counts)
    in_full = place < np.repeat(whole * BUCKET, counts)
    centres = (cubes[starts] + 0.5) * BLOCK
    order = np.concatenate([order[in_full], order[~in_full]])
    kept = left > 0
    all_centres = np.concatenate([np.repeat(centres, whole, axis=0), centres[kept]])
    return order, all_centres.astype(np.float32), left[kept], int(whole.sum())


def _records(
    scene: GaussianScene,
    rows: NDArray[np.int64],
    centres: NDArray[np.floating],
    coding: Coding,
    clamped: dict[str, int],
) -> NDArray[np.uint8]:
    """(R, coding.nbytes) bytes; adds to ``clamped`` (see :data:`_CLAMPED`)."""
    kind = "<f4" if coding.level == 0 else "<f2"
    means = scene.means[rows]
    if coding.level:
        steps = np.rint((means.astype(np.float64) - centres) / coding.step) + coding.middle
        positions = np.clip(steps, 0, 65_535).astype("<u2")
    else:
        positions = means.astype("<f4")
    scales = scene.scales[rows]
    if coding.level:
        clamped["large"] += int(np.count_nonzero(scales > LARGEST_HALF))
        clamped["small"] += int(np.count_nonzero((scales > 0) & (scales <= SMALLEST_HALF / 2)))
        scales = np.minimum(scales, np.float32(LARGEST_HALF))
    colours, outside = color_bytes(scene.sh[rows, :1], scene.opacities[rows])
    clamped["colours"] += outside
    columns = [positions, scales.astype(kind), scene.quats[rows].astype(kind), colours]
    if coding.terms > 1:
        k, channel = (list(index) for index in zip(*rest_order(coding.terms), strict=True))
        rest = scene.sh[rows][:, k, channel]
        if coding.level == 2:
            shares = (rest.astype(np.float64) - coding.low) / (coding.high - coding.low)
            columns.append(np.clip(np.rint(shares * 255), 0, 255).astype(np.uint8))
        else:
            if coding.level:
                clamped["harmonics"] += int(np.count_nonzero(np.abs(rest) > LARGEST_HALF))
                rest = np.clip(rest, -np.float32(LARGEST_HALF), np.float32(LARGEST_HALF))
            columns.append(rest.astype(kind))
    return np.concatenate(
        [np.ascontiguousarray(column).view(np.uint8).reshape(len(rows), -1) for column in columns],
        axis=1,
    )
