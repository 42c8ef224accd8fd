"""SPZ files made splat by splat with plain arithmetic that the project does not share."""

from __future__ import annotations

import gzip
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zstandard

from tests.real_scenes import Splats

TERMS = (0, 3, 8, 15, 24)
ROOT_TWO = math.sqrt(2)

# Signs of the coefficients 1 to 24 where y and z change theirs (nianticlabs/spz ``flipSh``), but
# for the last, which the library changes and its harmonic, cos 4 phi, does not.
YZ_FLIPS = (-1, -1, 1, -1, 1, 1, -1, 1, -1, 1, -1, -1, 1, -1, 1, -1, 1, -1, 1, 1, -1, 1, -1, 1)


@dataclass(frozen=True)
class Splat:
    """One splat with the axes of the file; ``quat`` is xyzw, ``rest`` [coefficient][channel]."""

    position: tuple[float, float, float]
    opacity: float
    color: tuple[float, float, float]
    log_scales: tuple[float, float, float]
    quat: tuple[float, float, float, float]
    rest: tuple[tuple[float, float, float], ...] = ()


def random_splats(count: int, degree: int, seed: int = 0) -> list[Splat]:
    """In the range of every version."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        quat = rng.normal(size=4)
        quat /= np.linalg.norm(quat)
        found.append(
            Splat(
                tuple(rng.uniform(-50, 50, 3).tolist()),
                float(rng.uniform()),
                tuple(rng.uniform(-3, 3, 3).tolist()),
                tuple(rng.uniform(-9, 5, 3).tolist()),
                tuple(quat.tolist()),
                tuple(tuple(row) for row in rng.uniform(-0.9, 0.9, (TERMS[degree], 3)).tolist()),
            )
        )
    return found


def byte(value: float) -> int:
    return max(0, min(255, math.floor(value + 0.5)))


def smallest_three(quat: Sequence[float]) -> bytes:
    largest = max(range(4), key=lambda i: abs(quat[i]))
    flip = quat[largest] < 0
    number = largest
    for i in range(4):
        if i != largest:
            sign = (quat[i] < 0) != flip and quat[i] != 0
            number = number << 10 | sign << 9 | int(511 * abs(quat[i]) * ROOT_TWO + 0.5)
    return number.to_bytes(4, "little")


def first_three(quat: Sequence[float]) -> bytes:
    sign = -1 if quat[3] < 0 else 1
    return bytes(byte(127.5 * sign * value + 127.5) for value in quat[:3])


def arrays_of(splats: Sequence[Splat], version: int, bits: int = 12) -> list[bytes]:
    """The six planar arrays."""
    positions = alphas = colors = scales = rotations = sh = b""
    for splat in splats:
        if version == 1:
            positions += struct.pack("<3e", *splat.position)
        else:
            for value in splat.position:
                number = round(value * 2**bits)
                positions += number.to_bytes(3, "little", signed=True)
        alphas += bytes([byte(splat.opacity * 255)])
        colors += bytes(byte(value * 0.15 * 255 + 127.5) for value in splat.color)
        scales += bytes(byte((value + 10) * 16) for value in splat.log_scales)
        rotations += smallest_three(splat.quat) if version >= 3 else first_three(splat.quat)
        sh += bytes(byte(value * 128 + 128) for row in splat.rest for value in row)
    return [positions, alphas, colors, scales, rotations, sh]


def head(
    version: int, count: int, degree: int, bits: int = 12, flags: int = 0, last: int = 0
) -> bytes:
    """The first 16 bytes; ``last`` is the number of streams in version 4."""
    return struct.pack("<4sII4B", b"NGSP", version, count, degree, bits, flags, last)


def record(kind: int, payload: bytes) -> bytes:
    """One extension."""
    return struct.pack("<II", kind, len(payload)) + payload


def legacy(
    splats: Sequence[Splat],
    version: int,
    degree: int = 0,
    bits: int = 12,
    flags: int = 0,
    extensions: bytes = b"",
) -> bytes:
    """Versions 1 to 3 before gzip."""
    flags |= 2 if extensions else 0
    body = b"".join(arrays_of(splats, version, bits))
    return head(version, len(splats), degree, bits, flags) + body + extensions


def streamed(
    splats: Sequence[Splat],
    degree: int = 0,
    bits: int = 12,
    flags: int = 0,
    extensions: bytes = b"",
    table: Sequence[tuple[int, int]] | None = None,
) -> bytes:
    """Version 4; ``table`` replaces the true table of contents."""
    flags |= 2 if extensions else 0
    arrays = [data for data in arrays_of(splats, 4, bits) if data]
    streams = [zstandard.ZstdCompressor().compress(data) for data in arrays]
    true = [(len(s), len(a)) for s, a in zip(streams, arrays, strict=True)]
    table = true if table is None else table
    start = head(4, len(splats), degree, bits, flags, len(table))
    start += struct.pack("<I12x", 32 + len(extensions)) + extensions
    return start + b"".join(struct.pack("<QQ", *entry) for entry in table) + b"".join(streams)


def encoded(splats: Sequence[Splat], version: int, degree: int = 0, **options: object) -> bytes:
    """A file of any version."""
    if version == 4:
        return streamed(splats, degree, **options)  # type: ignore[arg-type]
    return gzip.compress(legacy(splats, version, degree, **options), mtime=0)  # type: ignore[arg-type]


def rotations_of(quats_wxyz: np.ndarray) -> np.ndarray:
    """(N, 3, 3), so that quaternions of either sign compare equal."""
    from scipy.spatial.transform import Rotation

    return Rotation.from_quat(np.asarray(quats_wxyz)[:, [1, 2, 3, 0]]).as_matrix()


def read_compressed_ply(path: Path) -> Splats:
    """The packed PLY of SuperSplat, without harmonics beyond the first."""
    raw = path.read_bytes()
    text, _, body = raw.partition(b"end_header\n")
    lines = text.decode().splitlines()
    counts = [int(line.split()[2]) for line in lines if line.startswith("element")]
    chunks, count = counts[:2]
    ranges = np.frombuffer(body, "<f4", chunks * 18).reshape(chunks, 18).repeat(256, 0)[:count]
    words = np.frombuffer(body, "<u4", count * 4, chunks * 72).reshape(count, 4).astype(np.int64)

    def spread(word: np.ndarray) -> np.ndarray:
        return np.stack([(word >> 21) / 2047, (word >> 11 & 1023) / 1023, (word & 2047) / 2047], 1)

    def between(part: np.ndarray, first: int) -> np.ndarray:
        low, high = ranges[:, first : first + 3], ranges[:, first + 3 : first + 6]
        return low + (high - low) * part

    means = between(spread(words[:, 0]), 0)
    scales = np.exp(between(spread(words[:, 2]), 6))
    color = np.stack([words[:, 3] >> shift & 255 for shift in (24, 16, 8)], 1) / 255
    sh = (between(color, 12) - 0.5) / 0.28209479177387814
    fields = np.stack([words[:, 1] >> shift & 1023 for shift in (20, 10, 0)], 1)
    others = (fields / 1023 - 0.5) * ROOT_TWO
    largest = words[:, 1] >> 30
    quats = np.empty((count, 4))
    for place in range(4):
        here = largest == place
        rest = others[here]
        root = np.sqrt(np.maximum(0, 1 - (rest**2).sum(1)))
        quats[here] = np.insert(rest, place, root, axis=1)
    arrays = (means, quats, scales, (words[:, 3] & 255) / 255, sh[:, None])
    return Splats(*(np.ascontiguousarray(array, np.float32) for array in arrays))
