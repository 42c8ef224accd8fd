"""NeX: multiplane images whose colour depends on the direction of view, as its web viewer has them.

``config.js`` has the sizes, the depths of the planes, front to back, and the reference camera.
Pictures are atlases of tiles, ``maxcol`` in a row, each as large as the view and ``offset`` pixels
more on every side. Groups of ``sublayers`` planes share a tile of colour (``mpi_c``) and of
coefficients (``basis_1`` to ``basis_8``); the alphas of all planes lie in three channels
(``mpi_a.png``) or three pictures (``alpha_0.jpg``), a third of the planes in each. The functions of
the direction of view lie side by side (``mpi_b.png``), or four each in the channels of
``mpi_b_1.png`` and ``mpi_b_2.png``. Sources: ``nex-mpi/nex-code:utils/mpi_utils.py``
(``outputCompactMPI``), ``nex-mpi/nex-mpi.github.io:viewer/js/scene_learned_basis8.js`` and
``:viewer/js/scene_prune.js``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.camera import Camera
from scenes.errors import Cancelled, SceneError
from scenes.mpi.constants import MOST_BYTES as MOST_TEXT
from scenes.mpi.constants import constants
from scenes.mpi.pictures import MOST_BYTES, Mode, Picture, Pixels, check_total
from scenes.mpi.source import Folder, decoded, look
from scenes.paths.json_file import Value
from scenes.planes import LARGEST_SIDE, MOST_LAYERS, Plane, PlaneScene, ViewBasis
from scenes.registry import Cancel, Progress

DESCRIPTION = "config.js"
REACH = (0.7, 0.6)
"""Largest x and y of a direction that the viewer looks up."""
MOST_BASIS = 64
_KINDS = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True)
class Config:
    """What ``config.js`` says.

    ``columns`` are tiles in a row of an atlas, ``colours`` tiles of colour, each for ``shared``
    planes; ``least_alpha`` is where the viewer begins to draw.
    """

    camera: Camera
    padded: Camera
    depths: tuple[float, ...]
    columns: int
    colours: int
    shared: int
    prefix: str
    least_alpha: float
    version: str
    several: bool


@dataclass(frozen=True)
class Atlases:
    """The pictures of a scene; ``alphas`` are one or three, ``maps`` and ``basis`` may be none."""

    colour: Picture
    alphas: tuple[Picture, ...]
    basis: tuple[Picture, ...]
    maps: tuple[Picture, ...]

    @property
    def all(self) -> list[tuple[Picture, Mode]]:
        """In the order in which they are read, and what of them is."""
        alpha: Mode = "RGB" if len(self.alphas) == 1 else "L"
        maps: Mode = "L" if len(self.maps) == 1 else "RGBA"
        found: list[tuple[Picture, Mode]] = [(self.colour, "RGB")]
        found += [(picture, alpha) for picture in self.alphas]
        found += [(picture, maps) for picture in self.maps]
        return found + [(picture, "RGB") for picture in self.basis]


def is_nex(path: Path) -> bool:
    """Whether a file, or the one of that name in a folder, is the description of a scene."""
    try:
        with (path / DESCRIPTION if path.is_dir() else path).open("rb") as file:
            head = file.read(1 << 16)
    except OSError:
        return False
    return b"sublayers" in head and b"planes" in head


def read_scene(path: Path, progress: Progress, cancel: Cancel) -> PlaneScene:
    """Read a scene from its folder or its ``config.js``.

    Raises
    ------
    SceneError, Cancelled
    """
    root, name = (path, DESCRIPTION) if path.is_dir() else (path.absolute().parent, path.name)
    source = Folder(root, path)
    if source.size(name) > MOST_TEXT:
        raise SceneError(path, f"at most {MOST_TEXT:,} bytes", "more", name)
    config = config_of(Value(path, constants(source.read(name), path, name), name))
    atlases = _atlases(source, config)
    check_total([picture for picture, _ in atlases.all], path)
    tile = _check_tiles(config, atlases, path)
    _check_memory(config, atlases, tile, path)

    pictures = decoded(source, atlases.all, progress, cancel)
    colour = next(pictures)
    alphas = (next(pictures) for _ in atlases.alphas)
    layers = _layers(config, tile, colour, alphas, len(atlases.alphas) == 1, cancel)
    maps = [next(pictures) for _ in atlases.maps]
    basis = _basis(config, tile, maps, pictures, len(atlases.basis), cancel)
    for _ in pictures:  # which tells of the end
        pass
    return PlaneScene(
        layers=layers,
        camera=config.camera,
        basis=basis,
        name=root.resolve().name,
        source=path,
        format="nex",
        metadata={"version": config.version, "colour tiles": config.colours},
        warnings=("Only the first of several images is read.",) if config.several else (),
    )


def config_of(value: Value) -> Config:
    """Check the constants of ``config.js``.

    Raises
    ------
    SceneError
    """
    width, height = (value[name].integer(1, LARGEST_SIDE) for name in ("w", "h"))
    offset = value.get("offset", 0).integer(0, LARGEST_SIDE)
    planes = value["planes"]
    if isinstance(planes.raw, list) and planes.raw and isinstance(planes.raw[0], list):
        planes = next(planes.items("image"))
    depths = tuple(plane.number(1e-6, 1e9) for plane in planes.items("plane", MOST_LAYERS))
    if not depths:
        planes.fail("depths of planes")
    shared = value.get("sublayers", 1).integer(1, MOST_LAYERS)
    colours = value.get("layers", len(depths)).integer(1, MOST_LAYERS)
    if colours * shared < len(depths):
        value["layers"].fail(f"colours for {len(depths)} planes", f"{colours} x {shared}")
    focal = value["f"].number(1e-3, 1e9)
    px, py = (value[name].number(-1e9, 1e9) for name in ("px", "py"))
    pose = _pose(value)
    names = value.get("names", [""])
    return Config(
        camera=Camera(pose, width, height, focal, focal, px, py),
        padded=Camera(pose, width + 2 * offset, height + 2 * offset, focal, focal,
                      px + offset, py + offset),
        depths=depths,
        columns=value.get("maxcol", 0).integer(0, MOST_LAYERS) or len(depths),
        colours=colours,
        shared=shared,
        prefix=next((name.text(100) for name in names.items("name")), ""),
        least_alpha=value.get("thres_alpha", 0.0).number(0.0, 1.0),
        version=value.get("version", "").text(100),
        several=isinstance(names.raw, list) and len(names.raw) > 1,
    )  # fmt: skip


def _pose(value: Value) -> NDArray[np.float64]:
    """``camera_from_world``: 16 numbers by columns, or 9 by rows and the translation."""
    extrinsics = value.get("extrinsics", None)
    raw: Any = extrinsics.raw
    if raw is None:
        return np.eye(4)
    if isinstance(raw, list) and raw and isinstance(raw[0], list):
        extrinsics = next(extrinsics.items("image"))
        raw = extrinsics.raw
    pose = np.eye(4)
    if isinstance(raw, list) and len(raw) == 12:
        numbers = extrinsics.numbers(12)
        pose[:3, :3], pose[:3, 3] = numbers[:9].reshape(3, 3), numbers[9:]
    else:
        pose = extrinsics.numbers(16).reshape(4, 4).T
    return extrinsics.rigid(pose)


def _atlases(source: Folder, config: Config) -> Atlases:
    mpi, alpha = f"mpi{config.prefix}", f"alpha{config.prefix}"
    alphas = [name for n in range(3) if (name := _there(source, f"{alpha}_{n}"))]
    if len(alphas) != 3:
        alphas = [_there(source, f"{mpi}_a") or f"{mpi}_a.png"]
    basis: list[str] = []
    while len(basis) < MOST_BASIS and (name := _there(source, f"basis_{len(basis) + 1}")):
        basis.append(name)
    maps = [name for n in (1, 2) if (name := _there(source, f"{mpi}_b_{n}"))]
    if basis and not maps:
        maps = [_there(source, f"{mpi}_b") or f"{mpi}_b.png"]
    if len(maps) == 2 and len(basis) > 8:
        raise SceneError(source.path, "at most 8 coefficients for 8 functions", f"{len(basis)}")
    if len(maps) == 1 and maps[0].startswith(f"{mpi}_b_"):
        raise SceneError(source.path, f"{mpi}_b_1.png and {mpi}_b_2.png", "one of them")
    return Atlases(
        look(source, _there(source, f"{mpi}_c") or f"{mpi}_c.png"),
        tuple(look(source, name) for name in alphas),
        tuple(look(source, name) for name in basis),
        tuple(look(source, name) for name in maps) if basis else (),
    )


def _there(source: Folder, stem: str) -> str:
    return next((stem + kind for kind in _KINDS if (source.root / (stem + kind)).is_file()), "")


def _check_tiles(config: Config, atlases: Atlases, path: Path) -> tuple[int, int]:
    """Height and width of a tile, which all atlases agree on; they may be scaled together."""
    rows = -(-config.colours // config.columns)
    tile = _tile(atlases.colour, rows, config.columns, path)
    for picture in atlases.basis:
        if _tile(picture, rows, config.columns, path) != tile:
            raise SceneError(path, f"{tile[1]} x {tile[0]} pixels a tile", "others", picture.name)
    _check_maps(atlases, path)
    alpha_rows = -(-max(map(len, _thirds(config, len(atlases.alphas) == 1))) // config.columns)
    for picture in atlases.alphas:
        if _tile(picture, alpha_rows, config.columns, path) != tile:
            raise SceneError(path, f"{tile[1]} x {tile[0]} pixels a tile", "others", picture.name)
    return tile


def _check_maps(atlases: Atlases, path: Path) -> None:
    for picture in atlases.maps:
        first = atlases.maps[0]
        if (picture.width, picture.height) != (first.width, first.height):
            raise SceneError(path, "functions of one size", "others", picture.name)
        if len(atlases.maps) == 1 and picture.width % len(atlases.basis):
            found = f"{picture.width} pixels"
            raise SceneError(path, f"{len(atlases.basis)} functions abreast", found, picture.name)


def _tile(picture: Picture, rows: int, columns: int, path: Path) -> tuple[int, int]:
    if picture.width % columns or picture.height % rows:
        found = f"{picture.width} x {picture.height} pixels"
        raise SceneError(path, f"{columns} x {rows} tiles of one size", found, picture.name)
    return picture.height // rows, picture.width // columns


def _check_memory(config: Config, atlases: Atlases, tile: tuple[int, int], path: Path) -> None:
    area = tile[0] * tile[1]
    total = area * (4 * len(config.depths) + 3 * config.colours * len(atlases.basis))
    if total > MOST_BYTES:
        raise SceneError(path, f"at most {MOST_BYTES:,} bytes of planes", f"{total:,}")


def _thirds(config: Config, padded: bool) -> list[range]:
    """Which planes each channel of alphas holds.

    The writer of one picture fills up to a multiple of three; the viewer of three rounds down.
    """
    count = len(config.depths)
    third = -(-count // 3) if padded else count // 3
    edges = [0, min(third, count), min(2 * third, count), count]
    return [range(edges[n], edges[n + 1]) for n in range(3)]


def _cut(atlas: NDArray[np.uint8], number: int, columns: int, tile: tuple[int, int]) -> Pixels:
    """A view of one tile."""
    (row, column), (height, width) = divmod(number, columns), tile
    return atlas[row * height : (row + 1) * height, column * width : (column + 1) * width]


def _layers(
    config: Config,
    tile: tuple[int, int],
    colour: Pixels,
    alphas: Iterator[Pixels],
    one_picture: bool,
    cancel: Cancel,
) -> tuple[Plane, ...]:
    layers = []
    least = int(np.ceil(config.least_alpha * 255))
    channels: Sequence[Pixels] | Iterator[Pixels] = alphas
    if one_picture:
        channels = list(np.moveaxis(next(alphas), 2, 0))
    for planes, alpha in zip(_thirds(config, one_picture), channels, strict=True):
        for index, plane in enumerate(planes):
            if cancel():
                raise Cancelled
            image = np.empty((*tile, 4), np.uint8)
            image[..., :3] = _cut(colour, plane // config.shared, config.columns, tile)
            image[..., 3] = _cut(alpha, index, config.columns, tile)
            image[..., 3][image[..., 3] < least] = 0
            depth = config.depths[plane]
            layers.append(Plane.facing(config.padded, depth, image, f"plane {plane}"))
    return tuple(layers)


def _basis(
    config: Config,
    tile: tuple[int, int],
    maps: list[Pixels],
    pictures: Iterator[Pixels],
    count: int,
    cancel: Cancel,
) -> ViewBasis | None:
    """The functions of the direction, and the coefficients of each tile of colour."""
    if count == 0:
        return None
    blocks = [np.empty((count, *tile, 3), np.uint8) for _ in range(config.colours)]
    for n in range(count):
        atlas = next(pictures)
        for number, block in enumerate(blocks):
            if cancel():
                raise Cancelled
            block[n] = _cut(atlas, number, config.columns, tile)
    if len(maps) > 1:
        functions = np.concatenate([np.moveaxis(four, 2, 0) for four in maps])[:count]
    else:
        functions = np.stack(np.split(maps[0], count, axis=1))
    return ViewBasis(
        functions.astype(np.float32) * np.float32(2 / 255) - np.float32(1),
        REACH,
        tuple(blocks),
        tuple(plane // config.shared for plane in range(len(config.depths))),
    )
