"""From a scene to a compressed PLY."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kernels.codec.order import morton_order
from kernels.codec.unpack_compressed_ply import CHUNK, SH_BOUND
from kernels.gaussians.shade.basis import C0
from scenes.compressed_ply.layout import RANGES, WORDS
from scenes.gaussians import GaussianScene
from scenes.ply.writer import comments_of
from scenes.raw import harmonics_cut, logarithms
from scenes.registry import Cancel, Progress
from scenes.writing import blocks, new_file

HIGHEST_DEGREE = 3
LOG_SCALES = (-20.0, 20.0)
"""Programs clamp logarithms of scales to this."""

Array = NDArray[np.float32]
Words = NDArray[np.uint32]


def write_scene(
    scene: GaussianScene, path: Path, progress: Progress, cancel: Cancel
) -> tuple[str, ...]:
    """Write along a Morton curve, in chunks of 256, with ranges of colours.

    Raises
    ------
    SceneError, Cancelled
    """
    degree = min(scene.sh_degree, HIGHEST_DEGREE)
    rest = 3 * ((degree + 1) ** 2 - 1)
    order = morton_order(scene.means)
    clamped = np.zeros(2, np.int64)
    with new_file(path) as file:
        file.write(_header(scene, rest))
        chunks = file.tell()
        words = chunks + 4 * len(RANGES) * -(-scene.count // CHUNK)
        harmonics = words + 4 * len(WORDS) * scene.count
        for here in blocks(scene.count, progress, cancel):
            rows = order[here]
            ranges, packed, outside = _packed(scene, rows)
            clamped[0] += outside
            file.seek(chunks + here.start // CHUNK * 4 * len(RANGES))
            file.write(ranges.astype("<f4").data)
            file.seek(words + here.start * 4 * len(WORDS))
            file.write(packed.astype("<u4").data)
            if rest:
                file.seek(harmonics + here.start * rest)
                octets, outside = _rest_bytes(scene.sh[rows, 1 : 1 + rest // 3])
                file.write(octets.data)
                clamped[1] += outside
    notes = harmonics_cut(scene, HIGHEST_DEGREE, "a compressed PLY")
    if clamped[0]:
        notes += (f"{clamped[0]:,} sizes were clamped to exp(-20)..exp(20), as programs expect.",)
    if clamped[1]:
        notes += (f"{clamped[1]:,} coefficients of spherical harmonics were clamped to -4 to 4.",)
    return notes


def _header(scene: GaussianScene, rest: int) -> bytes:
    lines = ["ply", "format binary_little_endian 1.0", *comments_of(scene)]
    lines.append(f"element chunk {-(-scene.count // CHUNK)}")
    lines += [f"property float {name}" for name in RANGES]
    lines.append(f"element vertex {scene.count}")
    lines += [f"property uint {name}" for name in WORDS]
    if rest:
        lines.append(f"element sh {scene.count}")
        lines += [f"property uchar f_rest_{index}" for index in range(rest)]
    return ("\n".join([*lines, "end_header"]) + "\n").encode("ascii")


def _packed(scene: GaussianScene, rows: NDArray[np.int64]) -> tuple[Array, Words, int]:
    """Ranges (C, 18), words (R, 4), and how many scales were out of what can be kept."""
    logs = logarithms(scene.scales[rows])
    clamped = np.clip(logs, *LOG_SCALES)
    colours = scene.sh[rows, 0] * np.float32(C0) + np.float32(0.5)
    ranges, shares = [], []
    for values in (scene.means[rows], clamped, colours):
        low, high, share = _shares(values)
        ranges += [low, high]
        shares.append(share)
    position, scale, colour = shares
    opacity = _steps(scene.opacities[rows], 8)
    red, green, blue = (_steps(column, 8) for column in colour.T)
    words = np.stack(
        [
            _eleven_ten_eleven(position),
            _rotation_words(scene.quats[rows]),
            _eleven_ten_eleven(scale),
            red << 24 | green << 16 | blue << 8 | opacity,
        ],
        axis=1,
    )
    return np.concatenate(ranges, axis=1), words, int((clamped != logs).sum())


def _shares(values: Array) -> tuple[Array, Array, NDArray[np.float64]]:
    """Least and greatest of every chunk (C, 3), and where in between each value lies (R, 3).

    PlayCanvas takes a chunk narrower than 1e-5 for one without extent; readers do not need that,
    and a scene whose unit is large would lose its shape.
    """
    count = len(values)
    padded = np.concatenate([values, np.repeat(values[-1:], -count % CHUNK, axis=0)])
    chunks = padded.reshape(-1, CHUNK, 3)
    low, high = chunks.min(1), chunks.max(1)
    span = (high.astype(np.float64) - low)[:, None]
    share = (chunks.astype(np.float64) - low[:, None]) / np.where(span > 0, span, 1.0)
    return low, high, share.reshape(-1, 3)[:count]


def _steps(share: NDArray[np.floating], bits: int) -> Words:
    most = (1 << bits) - 1
    return np.floor(np.clip(share, 0, 1) * np.float64(most) + 0.5).astype(np.uint32)


def _eleven_ten_eleven(share: NDArray[np.float64]) -> Words:
    x, y, z = (_steps(share[:, axis], bits) for axis, bits in enumerate((11, 10, 11)))
    return (x << 21 | y << 11 | z).astype(np.uint32)


def _rotation_words(quats: Array) -> Words:
    largest = np.abs(quats).argmax(axis=1)
    signs = np.where(np.take_along_axis(quats, largest[:, None], 1) < 0, -1.0, 1.0)
    others = np.arange(3) + (np.arange(3) >= largest[:, None])
    rest = np.take_along_axis(quats, others, axis=1) * signs
    a, b, c = (_steps(column * np.sqrt(0.5) + 0.5, 10) for column in rest.T)
    return (largest.astype(np.uint32) << 30 | a << 20 | b << 10 | c).astype(np.uint32)


def _rest_bytes(sh: Array) -> tuple[NDArray[np.uint8], int]:
    """(R, 3 (K - 1)) channel-major bytes, and how many coefficients were out of -4..4."""
    outside = int(np.count_nonzero(np.abs(sh) > SH_BOUND))
    shares = np.clip(sh, -SH_BOUND, SH_BOUND) / np.float32(2 * SH_BOUND) + np.float32(0.5)
    steps = np.minimum(shares * 256, 255).astype(np.uint8)
    return np.ascontiguousarray(steps.transpose(0, 2, 1)).reshape(len(sh), -1), outside
