"""Multiplane images of every dialect, written byte by byte for tests of the readers."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenes.camera import Camera
from scenes.open import open_scene
from scenes.planes import Plane, PlaneScene, Shell, ViewBasis

Pixels = NDArray[np.uint8]
Files = dict[str, bytes]


def noise(*shape: int, seed: int = 0) -> Pixels:
    """Random pixels."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def picture(pixels: Pixels, kind: str = "PNG", **options: Any) -> bytes:
    """The file of a picture; WebP lossless unless ``options`` say otherwise."""
    out = io.BytesIO()
    lossless = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    Image.fromarray(pixels).save(out, kind, **lossless | options)
    return out.getvalue()


def claimed_png(width: int, height: int, rows: int = 1) -> bytes:
    """A PNG that claims a size and holds only some of its rows, all zeros."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    data = zlib.compress(bytes(rows * (1 + 4 * width)))
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def claimed_webp(width: int, height: int) -> bytes:
    """The header of a lossless WebP of that size, without pixels."""
    bits = (width - 1) | (height - 1) << 14 | 1 << 28
    body = b"\x2f" + struct.pack("<I", bits) + bytes(11)
    return b"RIFF" + struct.pack("<I", 28) + b"WEBPVP8L" + struct.pack("<I", len(body)) + body


def put(folder: Path, files: Files) -> Path:
    """Write files below a folder; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def opened(path: Path, **options: Any) -> PlaneScene:
    """Open what must be a multiplane image."""
    scene = open_scene(path, **options)
    assert isinstance(scene, PlaneScene)
    return scene


def layer_files(count: int = 3, width: int = 12, height: int = 8, name: str = "layer_") -> Files:
    """A folder of PNG layers; the farthest is opaque."""
    images = [noise(height, width, 4, seed=index) for index in range(count)]
    images[0][..., 3] = 255
    return {f"{name}{index:02d}.png": picture(image) for index, image in enumerate(images)}


def some_camera(width: int = 12, height: int = 8) -> Camera:
    """Somewhere, with an uneven principal point and pixels that are not square."""
    pose = Camera.look_at((0.3, -0.2, -1.7), (0.1, 0.2, 3.0)).camera_from_world
    return Camera(pose, width, height, 11.3, 10.7, 0.48 * width, 0.53 * height)


def plane_scene(seed: int = 0, **changes: Any) -> PlaneScene:
    """Planes that face a camera, one that does not, and a shell."""
    camera = some_camera()
    layers = [
        Plane.facing(camera, depth, noise(8, 12, 4, seed=seed + number), f"plane {number}")
        for number, depth in enumerate((7.3, 2.9, 1.1))
    ]
    tilted = Plane(noise(5, 3, 4, seed=seed + 8), (1.0, 0.1, 1 / 3), (0.0, 0.2, 1.1), (0.1, 2, 0))
    shell = Shell(noise(6, 12, 4, seed=seed + 9), (0.1, 0.2, 0.3), 1e6 / 7, name="far")
    values = {"layers": (*layers, tilted, shell), "camera": camera, "name": "some"}
    return PlaneScene(**values | changes)


def basis_scene() -> PlaneScene:
    """Planes whose colour depends on the view; two of them share coefficients."""
    camera = some_camera()
    layers = tuple(Plane.facing(camera, 3.0 - z, noise(8, 12, 4, seed=z)) for z in range(3))
    maps = np.random.default_rng(5).normal(size=(2, 4, 5)).astype(np.float32)
    blocks = noise(2, 8, 12, 3, seed=1), noise(2, 8, 12, 3, seed=2)
    basis = ViewBasis(maps, (0.7, 0.6), blocks, (0, 1, 1))
    return PlaneScene(layers=layers, camera=camera, basis=basis, photo=noise(9, 13, 3))


def set_scene() -> PlaneScene:
    """Two local images that are blended."""
    members = tuple(
        plane_scene(seed, name=f"member {seed}", photo=noise(4, 6, 3)) for seed in (0, 1)
    )
    return PlaneScene(members=members, name="a set")


def llff_metadata(
    camera: Camera, count: int, far: float, near: float, old: bool = False, as_float: bool = False
) -> bytes:
    """``metadata.txt`` of one image."""
    pose = camera.world_from_camera[:3] * [1, -1, -1, 1]
    sizes = [camera.height, camera.width] + ([] if old else [count])
    words: list[Any] = [float(s) if as_float else s for s in sizes]
    lines = [[*words, camera.fx], *pose.T.tolist(), [far, near]]
    return "".join(" ".join(str(word) for word in line) + "\n" for line in lines).encode()


def square_camera(seed: int = 0, width: int = 12, height: int = 8) -> Camera:
    """Square pixels and the principal point in the middle, somewhere."""
    eye = np.random.default_rng(seed).normal(size=3)
    pose = Camera.look_at(eye, (0.1, 0.2, 9.0)).camera_from_world
    return Camera(pose, width, height, 10.5, 10.5, width / 2, height / 2)


def llff_files(seed: int = 0, binary: bool = True, old: bool = False, count: int = 3) -> Files:
    """One image: its planes are ``noise(8, 12, 4)`` of seeds ``10 seed``, ``10 seed + 1``, ..."""
    images = [noise(8, 12, 4, seed=10 * seed + number) for number in range(count)]
    files = {"metadata.txt": llff_metadata(square_camera(seed), count, 20.0, 2.0, old, old)}
    if binary:
        return files | {"mpi.b": b"".join(image.tobytes() for image in images)}
    return files | {f"mpi{number:02d}.png": picture(im) for number, im in enumerate(images)}


def llff_set(count: int = 2, binary: bool = True) -> Files:
    """A set of images."""
    files = {"metadata.txt": f"{count} 12 8 3\n".encode()}
    for number in range(count):
        one = llff_files(number, binary)
        files |= {f"mpi{number:02d}/{name}": data for name, data in one.items()}
    return files


def atlas(tiles: Pixels, columns: int) -> Pixels:
    """(n, h, w, ...) tiles in rows of ``columns``, the last row filled up with zeros."""
    missing = -len(tiles) % columns
    tiles = np.concatenate([tiles, np.zeros((missing, *tiles.shape[1:]), np.uint8)])
    rows = [np.concatenate(list(tiles[i : i + columns]), 1) for i in range(0, len(tiles), columns)]
    return np.concatenate(rows, 0)


NEX_SIZE = (10, 6, 2)
"""Width, height and offset of :func:`nex_files`."""


def nex_depths(count: int) -> list[float]:
    """Front to back."""
    return [1.5 * 1.3**number for number in range(count)]


def nex_config(layers: int, shared: int, columns: int, version: str, /, **changes: str) -> bytes:
    """``config.js`` as the tool writes it."""
    width, height, offset = NEX_SIZE
    camera = some_camera(width, height)
    extrinsics = camera.camera_from_world.T.ravel().tolist()
    values = {
        "w": width, "h": height, "scale": 1, "nSubPlanes": 1, "layers": layers,
        "sublayers": shared, "planes": [nex_depths(layers * shared)], "f": "9.5 * scale",
        "names": '[""]', "nMpis": "names.length", "py": "2.75 * scale", "px": "5.5 * scale",
        "invz": "true", "offset": offset, "maxcol": columns, "version": f'"{version}"',
        "extrinsics": [extrinsics], "rads": "[[0.1,0.2,0.3]]", "focal": "None",
    } | changes  # fmt: skip
    return "".join(f"  const {name} = {value};\n" for name, value in values.items()).encode()


def nex_pixels(layers: int, shared: int, basis: int = 8) -> dict[str, Pixels]:
    """Tiles (n, h, w, ...): ``colour`` of layers, ``alpha`` of planes, ``basis`` (n, layers, ...)
    and ``maps`` (n, 5, 5)."""
    width, height, offset = NEX_SIZE
    tile = height + 2 * offset, width + 2 * offset
    return {
        "colour": noise(layers, *tile, 3, seed=1),
        "alpha": noise(layers * shared, *tile, seed=2),
        "basis": noise(basis, layers, *tile, 3, seed=3),
        "maps": noise(basis, 5, 5, seed=4),
    }


def nex_files(layers: int = 3, shared: int = 2, columns: int = 2, prune: bool = False) -> Files:
    """A scene in either version; its pictures are PNG whatever they are called, so exact."""
    pixels = nex_pixels(layers, shared)
    count = layers * shared
    third = count // 3 if prune else -(-count // 3)
    alpha = pixels["alpha"]
    channels = [alpha[:third], alpha[third : 2 * third], alpha[2 * third :]]
    longest = max(map(len, channels))
    channels = [np.concatenate([c, np.zeros((longest - len(c), *c.shape[1:]), np.uint8)])
                for c in channels]  # fmt: skip
    atlases = [atlas(channel, columns) for channel in channels]
    version = "prune" if prune else "learned_basis8"
    files = {"config.js": nex_config(layers, shared, columns, version)}
    if prune:
        files |= {f"alpha_{n}.jpg": picture(im, "PNG") for n, im in enumerate(atlases)}
        four = np.moveaxis(pixels["maps"], 0, 2)
        files |= {f"mpi_b_{n + 1}.png": picture(np.ascontiguousarray(four[..., 4 * n : 4 * n + 4]))
                  for n in range(2)}  # fmt: skip
    else:
        files["mpi_a.png"] = picture(np.stack(atlases, -1))
        grey = np.concatenate(list(pixels["maps"]), 1)
        files["mpi_b.png"] = picture(np.repeat(grey[..., None], 3, 2))
    kind = "jpg" if prune else "png"
    files[f"mpi_c.{kind}"] = picture(atlas(pixels["colour"], columns))
    for n, tiles in enumerate(pixels["basis"]):
        files[f"basis_{n + 1}.{kind}"] = picture(atlas(tiles, columns))
    return files


def npz(**arrays: Any) -> bytes:
    """A NumPy archive."""
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def density_arrays() -> dict[str, NDArray[Any]]:
    """Three planes of colour and density (3, 4, 5, 6), nearest first."""
    values = np.random.default_rng(0).uniform(0, 1, (3, 4, 5, 6)).astype(np.float32)
    values[2, 3] /= 1000  # behind the last plane is a long way
    matrix = np.array([[7.0, 0, 3.5], [0, 6, 2.5], [0, 0, 1]])
    return {"mpi": values, "depth": np.array([1.0, 1.5, 4.0]), "K": matrix}
