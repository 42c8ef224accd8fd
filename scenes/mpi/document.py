"""The description inside a ``.mpi`` archive: geometry as JSON, pictures and maps by their names.

Numbers are written with as many digits as bring every float64 back to the bit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from scenes.camera import Camera, Projection
from scenes.errors import SceneError
from scenes.mpi.pictures import Mode, Pixels
from scenes.paths.json_file import Value, parse
from scenes.planes import MOST_LAYERS, Layer, Plane, PlaneScene, Shell, ViewBasis

DESCRIPTION = "scene.json"
FORMAT_NAME = "plenoscope-mpi"
VERSION = 1
MOST_MEMBERS = 1024
MOST_MAPS = 64
LARGEST_MAP = 4096
LARGEST_PICTURE = 1 << 20
"""Pixels of a side of the camera's."""
LARGEST_NUMBER = 1e30
"""Of positions; their products still fit into float64."""


class Names(Protocol):
    """Gives names to what is stored beside the description."""

    def picture(self, stem: str, pixels: Pixels) -> str:
        """Where a picture will lie."""

    def map(self, stem: str, values: NDArray[np.float32]) -> str:
        """Where numbers will lie."""


def described(scene: PlaneScene, names: Names) -> tuple[dict[str, Any], list[str]]:
    """The JSON of a scene, and the keys of its metadata that JSON cannot hold."""
    lost: list[str] = []
    head = {"format": FORMAT_NAME, "version": VERSION, "units": "scene"}
    value = head | _one(scene, names, "", lost)
    value["members"] = [
        _one(member, names, f"members/{number:03d}/", lost)
        for number, member in enumerate(scene.members)
    ]
    return value, sorted(set(lost))


def _one(scene: PlaneScene, names: Names, folder: str, lost: list[str]) -> dict[str, Any]:
    value: dict[str, Any] = {"name": scene.name}
    if scene.camera is not None:
        value["camera"] = camera_json(scene.camera)
    value["layers"] = [
        _layer(layer, names.picture(f"{folder}layers/{number:03d}", layer.image))
        for number, layer in enumerate(scene.layers)
    ]
    if scene.photo is not None:
        value["photo"] = names.picture(f"{folder}photo", scene.photo)
    if scene.basis is not None:
        value["basis"] = _basis(scene.basis, names, f"{folder}basis/")
    kept = {key: item for key, item in scene.metadata.items() if _is_json(item)}
    lost.extend(key for key in scene.metadata if key not in kept)
    if kept:
        value["metadata"] = kept
    return value


def camera_json(camera: Camera) -> dict[str, Any]:
    """A camera, every number to the bit."""
    return {
        "camera_from_world": camera.camera_from_world.tolist(),
        "size": [camera.width, camera.height],
        "focal": [float(camera.fx), float(camera.fy)],
        "principal": [float(camera.cx), float(camera.cy)],
        "projection": camera.projection,
    }


def _layer(layer: Layer, image: str) -> dict[str, Any]:
    value: dict[str, Any] = {"image": image}
    if isinstance(layer, Plane):
        arrays = {"corner": layer.corner, "across": layer.across, "down": layer.down}
    else:
        arrays = {"centre": layer.centre, "rotation": layer.rotation}
        value["radius"] = float(layer.radius)
    value |= {key: array.tolist() for key, array in arrays.items()}
    return value | ({"name": layer.name} if layer.name else {})


def _basis(basis: ViewBasis, names: Names, folder: str) -> dict[str, Any]:
    return {
        "reach": [float(reach) for reach in basis.reach],
        "maps": names.map(f"{folder}maps", basis.maps),
        "shape": list(basis.maps.shape),
        "coefficients": [
            [names.picture(f"{folder}{tile:03d}_{n}", picture) for n, picture in enumerate(block)]
            for tile, block in enumerate(basis.coefficients)
        ],
        "tile_of": list(basis.tile_of),
    }


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


@dataclass
class Document:
    """A description that was read, and the files that it names."""

    value: Value
    pictures: dict[str, Mode] = field(default_factory=dict)
    maps: list[str] = field(default_factory=list)


def document_of(data: bytes, path: Path) -> Document:
    """Parse a description and gather the files that it names.

    Raises
    ------
    SceneError
        For another format or version, and for a picture that is named in two roles.
    """
    try:
        value = parse(path, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SceneError(path, f"UTF-8 text in {DESCRIPTION}", "other bytes") from error
    value["format"].choice([FORMAT_NAME])
    value["version"].integer(VERSION, VERSION)
    document = Document(value)
    for one in (value, *_members(value)):
        for layer in one.get("layers", []).items("layer", MOST_LAYERS):
            _name_picture(document, layer["image"], "RGBA")
        if "photo" in one:
            _name_picture(document, one["photo"], "RGB")
        if "basis" in one:
            document.maps.append(one["basis"]["maps"].text())
            for block in one["basis"]["coefficients"].items("tile", MOST_LAYERS):
                for name in block.items("coefficient", MOST_MAPS):
                    _name_picture(document, name, "RGB")
    return document


def _members(value: Value) -> Iterable[Value]:
    return value.get("members", []).items("member", MOST_MEMBERS)


def _name_picture(document: Document, name: Value, mode: Mode) -> None:
    if document.pictures.setdefault(name.text(), mode) != mode:
        name.fail("a layer or a photo", "both in one picture")


def scene_in(
    document: Document, pictures: Mapping[str, Pixels], maps: Mapping[str, bytes]
) -> PlaneScene:
    """The scene of a description whose pictures were decoded.

    Raises
    ------
    SceneError
        For whatever is wrong with its numbers.
    """
    path = document.value.file
    members = []
    for member in _members(document.value):
        if member.get("members", []).raw:
            member.fail("a member without members", "some")
        members.append(_scene(member, pictures, maps, (), path))
    return _scene(document.value, pictures, maps, tuple(members), path)


def _scene(
    value: Value,
    pictures: Mapping[str, Pixels],
    maps: Mapping[str, bytes],
    members: tuple[PlaneScene, ...],
    path: Path,
) -> PlaneScene:
    layers = value.get("layers", []).items("layer", MOST_LAYERS)
    metadata = value.get("metadata", {})
    if not isinstance(metadata.raw, dict):
        metadata.fail("an object")
    try:
        return PlaneScene(
            layers=tuple(_layer_in(layer, pictures) for layer in layers),
            camera=camera_in(value["camera"]) if "camera" in value else None,
            photo=pictures[value["photo"].text()] if "photo" in value else None,
            basis=_basis_in(value["basis"], pictures, maps) if "basis" in value else None,
            members=members,
            name=value.get("name", "untitled").text(),
            source=path,
            format="mpi",
            metadata=metadata.raw,
        )
    except ValueError as error:
        value.fail("a scene whose parts fit", str(error))


def camera_in(value: Value) -> Camera:
    """The camera that :func:`camera_json` described; SceneError where it is none."""
    pose = value["camera_from_world"].rows(4)
    value["camera_from_world"].rigid(pose)  # looked at, but kept to the bit
    width, height = _whole_numbers(value["size"], 2, LARGEST_PICTURE)
    fx, fy = value["focal"].numbers(2)
    cx, cy = value["principal"].numbers(2)
    projection: Projection = value["projection"].choice(get_args(Projection))  # type: ignore[assignment]
    try:
        return Camera(pose, width, height, float(fx), float(fy), float(cx), float(cy), projection)
    except ValueError as error:
        value.fail("a camera", str(error))


def _layer_in(value: Value, pictures: Mapping[str, Pixels]) -> Layer:
    image = pictures[value["image"].text()]
    name = value.get("name", "").text()
    try:
        if "radius" not in value:
            corner, across, down = (_place(value[key]) for key in ("corner", "across", "down"))
            return Plane(image, corner, across, down, name)
        rotation = value["rotation"].rows(3)
        _check_turn(value["rotation"], rotation)
        radius = value["radius"].number(0.0, LARGEST_NUMBER)
        return Shell(image, _place(value["centre"]), radius, rotation, name)
    except ValueError as error:
        value.fail("a layer", str(error))


def _place(value: Value) -> NDArray[np.float64]:
    numbers = value.numbers(3)
    if np.abs(numbers).max() > LARGEST_NUMBER:
        value.fail(f"numbers of at most {LARGEST_NUMBER:g}")
    return numbers


def _check_turn(value: Value, rotation: NDArray[np.float64]) -> None:
    pose = np.eye(4)
    pose[:3, :3] = rotation
    value.rigid(pose)


def _basis_in(value: Value, pictures: Mapping[str, Pixels], maps: Mapping[str, bytes]) -> ViewBasis:
    n, rows, columns = _whole_numbers(value["shape"], 3, LARGEST_MAP)
    data = maps[value["maps"].text()]
    if len(data) != 4 * n * rows * columns:
        value["maps"].fail(f"{4 * n * rows * columns:,} bytes", f"{len(data):,}")
    numbers = np.frombuffer(data, "<f4").reshape(n, rows, columns)
    if not np.isfinite(numbers).all():
        value["maps"].fail("finite numbers", "others")
    blocks = [_block(block, pictures) for block in value["coefficients"].items("tile", MOST_LAYERS)]
    tiles = value["tile_of"].items("layer", MOST_LAYERS)
    reach = [_above_zero(value["reach"], number) for number in value["reach"].numbers(2)]
    try:
        return ViewBasis(
            numbers,
            (reach[0], reach[1]),
            tuple(blocks),
            tuple(tile.integer(0, MOST_LAYERS) for tile in tiles),
        )
    except ValueError as error:
        value.fail("a basis whose parts fit", str(error))


def _block(value: Value, pictures: Mapping[str, Pixels]) -> Pixels:
    images = [pictures[name.text()] for name in value.items("coefficient", MOST_MAPS)]
    if not images or len({image.shape for image in images}) > 1:
        value.fail("coefficients of one size")
    return np.stack(images)


def _whole_numbers(value: Value, count: int, most: int) -> list[int]:
    numbers = [number.integer(1, most) for number in value.items("number", count)]
    if len(numbers) != count:
        value.fail(f"a list of {count} whole numbers")
    return numbers


def _above_zero(value: Value, number: float) -> float:
    if not number > 0:
        value.fail("numbers above 0", f"{number:g}")
    return float(number)
