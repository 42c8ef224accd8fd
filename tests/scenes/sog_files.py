"""SOG scenes made byte by byte, and slow decoders of their own to compare the reader with."""

from __future__ import annotations

import io
import json
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pictures = dict[str, NDArray[np.uint8]]
TERMS = (1, 4, 9, 16)


def webp(pixels: NDArray[np.uint8], **options: Any) -> bytes:
    """A lossless WebP unless ``options`` say otherwise."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "WEBP", **{"lossless": True, "exact": True} | options)
    return out.getvalue()


def random_pictures(
    count: int, degree: int, seed: int = 0, side: int | None = None, entries: int = 128
) -> Pictures:
    """Random pixels; rotations with every fourth byte that has a meaning."""
    rng = np.random.default_rng(seed)
    side = side or math.ceil(math.sqrt(count))
    names = ["means_l", "means_u", "scales", "quats", "sh0"] + ["shN_labels"] * (degree > 0)
    shapes = {name: (side, side, 4) for name in names}
    pictures = {name: rng.integers(0, 256, shape, dtype=np.uint8) for name, shape in shapes.items()}
    pictures["quats"][..., 3] = rng.integers(250, 256, (side, side))
    if degree:
        labels = rng.integers(0, entries, (side, side))
        pictures["shN_labels"][..., 0] = labels & 255
        pictures["shN_labels"][..., 1] = labels >> 8
        width = 64 * (TERMS[degree] - 1)
        pictures["shN_centroids"] = rng.integers(0, 256, (entries // 64, width, 3), dtype=np.uint8)
    return pictures


def description(count: int, degree: int, version: int = 2, entries: int = 128) -> dict[str, Any]:
    """A ``meta.json`` of either version, with values of usual size."""
    rng = np.random.default_rng(count + degree)
    means = {"mins": [-2.0, -1.5, 0.25], "maxs": [1.0, 3.0, 0.75],
             "files": ["means_l.webp", "means_u.webp"]}  # fmt: skip
    files = {name: {"files": [f"{name}.webp"]} for name in ("scales", "quats", "sh0")}
    rest: dict[str, Any] = {"files": ["shN_centroids.webp", "shN_labels.webp"]}
    if version == 1:
        meta: dict[str, Any] = {"means": means | {"shape": [count, 3], "dtype": "float32"}, **files}
        meta["scales"] |= {"mins": [-9.0, -8.0, -7.0], "maxs": [-1.0, 0.0, 0.5]}
        meta["quats"] |= {"encoding": "quaternion_packed"}
        meta["sh0"] |= {"mins": [-2.0, -2.5, -3.0, -4.0], "maxs": [3.0, 2.5, 2.0, 6.0]}
        rest |= {"mins": -0.75, "maxs": 0.5, "shape": [entries, 45], "quantization": 8}
    else:
        meta = {"version": 2, "asset": {"generator": "a test"}, "count": count, "means": means}
        meta |= files
        meta["scales"]["codebook"] = np.sort(rng.uniform(-9, 0, 256)).tolist()
        meta["sh0"]["codebook"] = np.sort(rng.normal(0, 1.5, 256)).tolist()
        rest |= {"count": entries, "bands": degree}
        rest["codebook"] = np.sort(rng.normal(0, 0.2, 256)).tolist()
    return meta | ({"shN": rest} if degree else {})


def save(folder: Path, meta: dict[str, Any], pictures: Pictures) -> Path:
    """Loose files; returns the path of the description."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, pixels in pictures.items():
        (folder / f"{name}.webp").write_bytes(webp(pixels))
    (folder / "meta.json").write_text(json.dumps(meta))
    return folder / "meta.json"


def bundle(file: Path, folder: Path) -> Path:
    """All files of a folder as a ``.sog``."""
    with zipfile.ZipFile(file, "w") as archive:
        for item in sorted(folder.iterdir()):
            archive.write(item, item.name)
    return file


def slow_splat(meta: dict[str, Any], pictures: Pictures, index: int) -> dict[str, Any]:
    """One splat by the formulas of the format, in Python numbers."""
    version = meta.get("version", 1)

    def pixel(name: str) -> list[int]:
        picture = pictures[name]
        row, column = divmod(index, picture.shape[1])
        return [int(value) for value in picture[row, column]]

    def value(part: str, channel: int, byte: int) -> float:
        entry = meta[part]
        if version == 2:
            return entry["codebook"][byte]
        low, high = entry["mins"], entry["maxs"]
        if isinstance(low, list):
            low, high = low[channel], high[channel]
        return low + (high - low) * byte / 255

    mean = []
    for axis in range(3):
        code = pixel("means_l")[axis] + 256 * pixel("means_u")[axis]
        low, high = meta["means"]["mins"][axis], meta["means"]["maxs"][axis]
        squeezed = low + (high - low) * code / 65535
        mean.append(math.copysign(math.exp(abs(squeezed)) - 1, squeezed))
    r, g, b, kind = pixel("quats")
    others = [(byte / 255 * 2 - 1) / math.sqrt(2) for byte in (r, g, b)]
    quat = [1.0, 0.0, 0.0, 0.0]
    if kind >= 252:
        largest = math.sqrt(max(0.0, 1 - sum(v * v for v in others)))
        quat = [*others[: kind - 252], largest, *others[kind - 252 :]]
        length = math.sqrt(sum(v * v for v in quat))
        quat = [v / length for v in quat]
    colour = pixel("sh0")
    opacity = colour[3] / 255 if version == 2 else 1 / (1 + math.exp(-value("sh0", 3, colour[3])))
    sh = [[value("sh0", c, colour[c]) for c in range(3)]]
    if "shN" in meta:
        label = pixel("shN_labels")[0] + 256 * pixel("shN_labels")[1]
        terms = pictures["shN_centroids"].shape[1] // 64
        for term in range(terms):
            texel = pictures["shN_centroids"][label // 64, (label % 64) * terms + term]
            sh.append([value("shN", c, int(texel[c])) for c in range(3)])
    scale = [math.exp(value("scales", c, pixel("scales")[c])) for c in range(3)]
    return {"means": mean, "quats": quat, "scales": scale, "opacities": opacity, "sh": sh}


def slow_scene(meta: dict[str, Any], pictures: Pictures, count: int) -> dict[str, NDArray[Any]]:
    """All splats of :func:`slow_splat` as arrays."""
    splats = [slow_splat(meta, pictures, index) for index in range(count)]
    return {name: np.array([splat[name] for splat in splats]) for name in splats[0]}
