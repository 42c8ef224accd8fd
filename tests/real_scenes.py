"""Real Gaussian scenes as arrays, read by a few lines of their own so that tests of kernels do
not depend on the readers of the project."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.data import shared_data

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Splats:
    """Activated parameters: what :func:`kernels.gaussians.pack.pack` takes."""

    means: Array
    quats: Array
    scales: Array
    opacities: Array
    sh: Array

    def arrays(self) -> tuple[Array, Array, Array, Array, Array]:
        """In the order of ``pack``."""
        return self.means, self.quats, self.scales, self.opacities, self.sh


def _activated(means: Array, quats: Array, log_scales: Array, logits: Array, sh: Array) -> Splats:
    quats = quats / np.maximum(np.linalg.norm(quats, axis=1, keepdims=True), 1e-12)
    with np.errstate(over="ignore"):
        opacities = 1 / (1 + np.exp(-logits))
    arrays = (means, quats, np.exp(log_scales), opacities, sh)
    return Splats(*(np.ascontiguousarray(a, dtype=np.float32) for a in arrays))


def read_ply(path: Path) -> Splats:
    """An all-float32 binary PLY."""
    with path.open("rb") as file:
        names = []
        while (line := file.readline().decode().strip()) != "end_header":
            if line.startswith("property"):
                names.append(line.split()[2])
        rows = np.frombuffer(file.read(), "<f4").reshape(-1, len(names))
    column = {name: i for i, name in enumerate(names)}

    def take(*wanted: str) -> Array:
        return rows[:, [column[name] for name in wanted]]

    rest = sum(name.startswith("f_rest_") for name in names)
    sh = np.zeros((len(rows), 1 + rest // 3, 3), np.float32)
    sh[:, 0] = take("f_dc_0", "f_dc_1", "f_dc_2")
    if rest:
        names_rest = (f"f_rest_{i}" for i in range(rest))
        sh[:, 1:] = take(*names_rest).reshape(len(rows), 3, -1).transpose(0, 2, 1)
    return _activated(
        take("x", "y", "z"),
        take("rot_0", "rot_1", "rot_2", "rot_3"),
        take("scale_0", "scale_1", "scale_2"),
        take("opacity")[:, 0],
        sh,
    )


def read_splat(path: Path) -> Splats:
    """The 32-byte records of antimatter15/splat."""
    raw = np.frombuffer(path.read_bytes(), np.uint8).reshape(-1, 32)
    floats = raw[:, :24].copy().view("<f4")
    quats = (raw[:, 28:32].astype(np.float32) - 128) / 128
    quats /= np.maximum(np.linalg.norm(quats, axis=1, keepdims=True), 1e-6)
    sh = ((raw[:, 24:27] / 255.0 - 0.5) / 0.28209479177387814)[:, None, :]
    return Splats(
        np.ascontiguousarray(floats[:, :3]),
        quats,
        np.ascontiguousarray(floats[:, 3:]),
        raw[:, 27].astype(np.float32) / 255,
        sh.astype(np.float32),
    )


def read_gsplat_npz(path: Path) -> Splats:
    """Raw parameters as gsplat's trainer keeps them."""
    data = np.load(path)
    rest = data["features_rest"]
    return _activated(
        data["means3d"],
        data["quats"],
        data["scales"],
        data["opacities"].reshape(-1),
        np.concatenate([data["colors"].reshape(-1, 1, 3), rest], 1),
    )


def read_sog(folder: Path) -> Splats:
    """An unbundled SOG scene, version 2, with or without ``shN``."""
    meta = json.loads((folder / "meta.json").read_text())
    count = meta["count"]

    def texels(name: str) -> NDArray[np.int64]:
        picture = np.asarray(Image.open(folder / name).convert("RGBA"))
        return picture.reshape(-1, 4).astype(np.int64)

    low, high = (texels(name)[:count, :3] for name in meta["means"]["files"])
    bottom, top = np.array(meta["means"]["mins"]), np.array(meta["means"]["maxs"])
    squeezed = bottom + (top - bottom) * (low | high << 8) / 65535
    means = np.sign(squeezed) * np.expm1(np.abs(squeezed))
    scales = np.array(meta["scales"]["codebook"])[texels(meta["scales"]["files"][0])[:count, :3]]
    packed = texels(meta["quats"]["files"][0])[:count]
    rest = (packed[:, :3] / 255 * 2 - 1) / np.sqrt(2)
    largest = np.sqrt(np.maximum(0, 1 - (rest**2).sum(1)))
    quats = np.empty((count, 4))
    for place in range(4):
        chosen = packed[:, 3] - 252 == place
        quats[chosen] = np.insert(rest[chosen], place, largest[chosen], axis=1)
    base = texels(meta["sh0"]["files"][0])[:count]
    sh = np.array(meta["sh0"]["codebook"])[base[:, :3]][:, None]
    if "shN" in meta:
        centroids, labels = (texels(name) for name in meta["shN"]["files"])
        terms = (meta["shN"]["bands"] + 1) ** 2 - 1
        palette = np.array(meta["shN"]["codebook"])[centroids[:, :3]].reshape(-1, terms, 3)
        label = labels[:count, 0] | labels[:count, 1] << 8
        sh = np.concatenate([sh, palette[label]], 1)
    with np.errstate(divide="ignore"):
        logits = -np.log(1 / (base[:, 3] / 255) - 1)
    return _activated(means, quats, scales, logits, sh)


def read_safetensors(path: Path) -> dict[str, Array]:
    """All float32 tensors of a safetensors file."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    body = memoryview(raw)[8 + length :]
    tensors = {}
    for name, entry in json.loads(raw[8 : 8 + length]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            tensors[name] = np.frombuffer(body[begin:end], "<f4").reshape(entry["shape"])
    return tensors


REAL = {
    "train-1000.ply": read_ply,
    "city_lod1_tile_sh3.ply": read_ply,
    "three_points_from_train.ply": read_ply,
    "plant.splat": read_splat,
    "luma-seal.splat": read_splat,
    "semarang_5_9_sog": read_sog,
}


def real_scene(name: str) -> Splats:
    """One of :data:`REAL`; skips where the file is absent."""
    return REAL[name](shared_data(f"splats/{name}"))
