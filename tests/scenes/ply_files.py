"""Made-up PLY files for tests: any dialect, written by code that shares nothing with the writer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenes.gaussians import GaussianScene

PLY_NAMES = {
    "i1": "char", "u1": "uchar", "i2": "short", "u2": "ushort",
    "i4": "int", "u4": "uint", "f4": "float", "f8": "double",
}  # fmt: skip

GEOMETRY = ["x", "y", "z", "rot_0", "rot_1", "rot_2", "rot_3", "scale_0", "scale_1", "scale_2"]
REST = {0: 0, 1: 9, 2: 24, 3: 45, 4: 72}


def names_of(degree: int) -> list[str]:
    """The properties of a plain file."""
    rest = [f"f_rest_{i}" for i in range(REST[degree])]
    return [*GEOMETRY, "opacity", "f_dc_0", "f_dc_1", "f_dc_2", *rest]


def random_table(names: list[str], count: int, seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Raw columns, float32."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=count).astype(np.float32) for name in names}


def header_of(
    encoding: str,
    count: int,
    properties: list[tuple[str, str]],
    before: str = "",
    after: str = "",
    comments: tuple[str, ...] = (),
    newline: str = "\n",
) -> bytes:
    """Header text; ``before`` and ``after`` are element declarations, lines joined by ``\\n``."""
    lines = ["ply", f"format {encoding} 1.0", *(f"comment {text}" for text in comments)]
    lines += before.splitlines()
    lines.append(f"element vertex {count}")
    lines += [f"property {kind} {name}" for name, kind in properties]
    lines += [*after.splitlines(), "end_header"]
    return (newline.join(lines) + newline).encode()


def write_table(
    path: Path,
    table: dict[str, NDArray[np.float32]],
    encoding: str = "binary_little_endian",
    types: dict[str, str] | None = None,
    lead: bytes = b"",
    tail: bytes = b"",
    **header: object,
) -> Path:
    """A PLY file of these columns; ``types`` overrides float by column; ``lead`` are the bytes of
    the elements before ``vertex``."""
    types = types or {}
    kinds = {name: types.get(name, "f4") for name in table}
    count = len(next(iter(table.values())))
    properties = [(name, PLY_NAMES[kind]) for name, kind in kinds.items()]
    text = header_of(encoding, count, properties, **header)  # type: ignore[arg-type]
    if encoding == "ascii":
        rows = zip(*(column.tolist() for column in table.values()), strict=True)
        body = "".join(" ".join(repr(value) for value in row) + "\n" for row in rows).encode()
    else:
        order = "<" if encoding == "binary_little_endian" else ">"
        record = np.zeros(count, [(name, order + kind) for name, kind in kinds.items()])
        for name, column in table.items():
            record[name] = column
        body = record.tobytes()
    path.write_bytes(text + lead + body + tail)
    return path


def activated(table: dict[str, NDArray[np.float32]], degree: int) -> GaussianScene:
    """What a reader must make of these columns, in float64 and one splat at a time."""
    raw = {name: column.astype(np.float64) for name, column in table.items()}
    count = len(raw["x"])
    per_channel = REST[degree] // 3
    sh = np.empty((count, 1 + per_channel, 3))
    for channel in range(3):
        sh[:, 0, channel] = raw[f"f_dc_{channel}"]
        for k in range(per_channel):
            sh[:, 1 + k, channel] = raw[f"f_rest_{channel * per_channel + k}"]
    quats = np.stack([raw[f"rot_{i}"] for i in range(4)], 1)
    scales = [
        np.exp(raw[f"scale_{i}"]) if f"scale_{i}" in raw else np.zeros(count) for i in range(3)
    ]
    return GaussianScene(
        means=np.stack([raw["x"], raw["y"], raw["z"]], 1),
        quats=quats / np.linalg.norm(quats, axis=1, keepdims=True),
        scales=np.stack(scales, 1),
        opacities=1 / (1 + np.exp(-raw["opacity"])),
        sh=sh,
    )


def assert_same(a: GaussianScene, b: GaussianScene, rtol: float = 2e-6) -> None:
    """Equal up to the rounding of float32 through a logarithm."""
    np.testing.assert_array_equal(a.means, b.means)
    np.testing.assert_array_equal(a.sh, b.sh)
    np.testing.assert_allclose(a.quats, b.quats, rtol=0, atol=3e-7)
    np.testing.assert_allclose(a.scales, b.scales, rtol=rtol)
    np.testing.assert_allclose(a.opacities, b.opacities, rtol=rtol, atol=1e-7)
