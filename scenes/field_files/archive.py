"""Plenoscope's own files of neural fields; the specification is :mod:`scenes.formats.field`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.fields.model import Field, Occupancy, Weights
from scenes.camera import Camera, Projection
from scenes.errors import SceneError
from scenes.field_files.description import LARGEST_NUMBER, field_json, field_of
from scenes.field_files.safetensors import Container, read_container, write_container
from scenes.field_files.tell import Tell, finite
from scenes.fields import FieldScene
from scenes.paths.json_file import Value, parse
from scenes.registry import Cancel, Progress

FORMAT_NAME = "plenoscope-field"
VERSION = "1"
LONGEST_DESCRIPTION = 1 << 20
"""Characters."""
MOST_LEVELS = 16
LARGEST_SIDE = 1024
"""Cells along an axis of an occupancy grid."""
MOST_CAMERAS = 30_000
LARGEST_PICTURE = 1 << 20
"""Pixels of a side."""
_CAMERA = 23
_PARTS = ("network", "encoding", "direction")
_HALF_MAX = float(np.finfo(np.float16).max)


def write_scene(
    scene: FieldScene, path: Path, weights: str, progress: Progress, cancel: Cancel
) -> tuple[str, ...]:
    """Write a field; returns what the file does not keep.

    Raises
    ------
    SceneError, Cancelled
    """
    description, lost = _described(scene)
    text = json.dumps(description, allow_nan=False)
    if len(text) > LONGEST_DESCRIPTION:
        lost = sorted({*lost, *description["metadata"]})
        text = json.dumps(description | {"metadata": {}}, allow_nan=False)
    arrays, clamped = _arrays(scene, np.dtype(weights))
    metadata = {"format": FORMAT_NAME, "version": VERSION, "description": text}
    tell = Tell(sum(array.nbytes for array in arrays.values()), progress, cancel)
    write_container(path, metadata, arrays, tell)
    said = []
    if lost:
        said.append(f"The file does not keep {', '.join(lost)} of the metadata.")
    if clamped:
        said.append(f"{clamped:,} parameters beyond {_HALF_MAX:g} were set to that.")
    return tuple(said)


def estimate(scene: FieldScene, weights: str = "float32") -> int:
    """Bytes of the file, within some for the numbers of the description."""
    text = json.dumps(_described(scene)[0])
    cells = scene.occupancy.cells.size // 8 if scene.occupancy else 0
    transfer = 0 if scene.transfer is None else scene.transfer.nbytes
    arrays = scene.count * np.dtype(weights).itemsize + cells + transfer
    return 600 + len(json.dumps(text)) + arrays + 8 * _CAMERA * len(scene.cameras)


def _described(scene: FieldScene) -> tuple[dict[str, Any], list[str]]:
    """The description, and the keys of the metadata that JSON cannot hold."""
    kept = {key: value for key, value in scene.metadata.items() if _is_json(value)}
    grid = scene.occupancy
    described = {
        "name": scene.name,
        "field": field_json(scene.model),
        "lower": scene.lower.tolist(),
        "upper": scene.upper.tolist(),
        "step": scene.step,
        "cone": scene.cone,
        "sharpness": scene.sharpness,
        "background": scene.background,
        "size": scene.size,
        "upward": scene.upward,
        "occupancy": None if grid is None else _grid_json(grid),
        "metadata": kept,
    }
    return described, [key for key in scene.metadata if key not in kept]


def _grid_json(grid: Occupancy) -> dict[str, Any]:
    levels, side = grid.cells.shape[:2]
    return {
        "levels": levels, "side": side, "lower": grid.lower.tolist(), "upper": grid.upper.tolist()
    }  # fmt: skip


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _arrays(scene: FieldScene, dtype: np.dtype[Any]) -> tuple[dict[str, NDArray[Any]], int]:
    """What stands behind the header, and how many numbers had to be clamped."""
    arrays: dict[str, NDArray[Any]] = {}
    clamped = 0
    for name in _PARTS:
        values = np.asarray(getattr(scene.weights, name), np.float32)
        if dtype == np.float16:
            # What rounds to the largest one is near enough.
            clamped += int(np.count_nonzero(np.abs(values) >= _HALF_MAX + 16))
            values = np.clip(values, -_HALF_MAX, _HALF_MAX)
        arrays[name] = values.astype(dtype, copy=False)
    if scene.occupancy is not None:
        arrays["occupancy"] = np.packbits(scene.occupancy.cells.reshape(-1))
    if scene.transfer is not None:
        arrays["transfer"] = np.asarray(scene.transfer, np.float32)
    if scene.cameras:
        arrays["cameras"] = np.array([_camera_row(camera) for camera in scene.cameras])
    # Types of whatever size must begin where they are aligned.
    order = sorted(arrays, key=lambda name: -arrays[name].itemsize)
    return {name: arrays[name] for name in order}, clamped


def _camera_row(camera: Camera) -> list[float]:
    lens = (camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy)
    flat = float(camera.projection == "orthographic")
    return [*camera.camera_from_world.reshape(-1).tolist(), *map(float, lens), flat]


def read_scene(path: Path, progress: Progress, cancel: Cancel) -> FieldScene:
    """Read a field.

    Raises
    ------
    SceneError, Cancelled
    """
    with path.open("rb") as file:
        container = read_container(path, file)
        value = _description(path, container.metadata)
        tell = Tell(max(container.nbytes, 1), progress, cancel)
        tell.done(0)
        model = field_of(value["field"])
        weights = Weights(*(_parameters(container, name, model, tell) for name in _PARTS))
        grid = _grid(container, value["occupancy"], tell)
        transfer = None
        if "transfer" in container.entries:
            table = container.array("transfer", (256, 4), "F32", tell)
            transfer = finite(path, "transfer", table)
        cameras = _cameras(container, tell)
    tell.done(tell.total)
    scene = _scene(value, model, weights, transfer)
    return replace(scene, occupancy=grid, cameras=cameras, source=path, format="field")


def _description(path: Path, metadata: Mapping[str, str]) -> Value:
    if metadata.get("format") != FORMAT_NAME:
        raise SceneError(path, f"the format {FORMAT_NAME}", "another")
    if metadata.get("version") != VERSION:
        found = str(metadata.get("version", "none"))[:40]
        raise SceneError(path, f"version {VERSION}", found)
    text = metadata.get("description", "")
    if len(text) > LONGEST_DESCRIPTION:
        limit = f"a description of at most {LONGEST_DESCRIPTION:,} characters"
        raise SceneError(path, limit, f"{len(text):,}")
    return parse(path, text, "description")


def _parameters(container: Container, name: str, model: Field, tell: Tell) -> NDArray[np.float32]:
    count = {
        "network": model.network.parameter_count,
        "encoding": model.encoding.parameters,
        "direction": model.direction.parameters if model.direction else 0,
    }[name]
    return finite(container.path, name, container.array(name, (count,), "F32 F16", tell))


def _grid(container: Container, value: Value, tell: Tell) -> Occupancy | None:
    if value.raw is None:
        return None
    levels = value["levels"].integer(1, MOST_LEVELS)
    side = value["side"].integer(1, LARGEST_SIDE)
    count = levels * side**3
    packed = container.array("occupancy", (-(-count // 8),), "U8", tell)
    cells = np.unpackbits(packed, count=count).view(np.bool_).reshape(levels, side, side, side)
    lower, upper = _place(value["lower"]), _place(value["upper"])
    if not (lower < upper).all():
        value.fail("a box with a volume", "none")
    return Occupancy(cells, lower, upper)


def _cameras(container: Container, tell: Tell) -> tuple[Camera, ...]:
    entry = container.entries.get("cameras")
    if entry is None:
        return ()
    count = entry.shape[0] if entry.shape else 0
    if count > MOST_CAMERAS:
        container.fail(f"at most {MOST_CAMERAS:,} cameras", f"{count:,}")
    rows = container.array("cameras", (count, _CAMERA), "F64", tell)
    return tuple(_camera(container, row, number) for number, row in enumerate(rows, start=1))


def _camera(container: Container, row: NDArray[np.float64], number: int) -> Camera:
    where = f"camera {number}"
    value = Value(container.path, None, where)
    if not np.isfinite(row).all():
        value.fail("finite numbers", "others")
    pose = row[:16].reshape(4, 4)
    value.rigid(pose)  # looked at, but kept to the bit
    width, height, fx, fy, cx, cy, flat = row[16:].tolist()
    if not (1 <= width <= LARGEST_PICTURE and 1 <= height <= LARGEST_PICTURE):
        value.fail(f"a picture of 1 to {LARGEST_PICTURE:,} pixels", f"{width:g} x {height:g}")
    projection: Projection = "orthographic" if flat else "pinhole"
    try:
        return Camera(pose, int(width), int(height), fx, fy, cx, cy, projection)
    except ValueError as error:
        value.fail("a camera", str(error))


def _scene(
    value: Value, model: Field, weights: Weights, transfer: NDArray[np.float32] | None
) -> FieldScene:
    """What the description says."""
    metadata = value.get("metadata", {})
    if not isinstance(metadata.raw, dict):
        metadata.fail("an object")
    size = [side.integer(1, LARGEST_PICTURE) for side in _items(value["size"], 2)]
    background = [color.number(0.0, 1.0) for color in _items(value["background"], 3)]
    try:
        return FieldScene(
            model=model,
            weights=weights,
            lower=_place(value["lower"]),
            upper=_place(value["upper"]),
            step=value["step"].number(0.0, LARGEST_NUMBER),
            cone=value["cone"].number(0.0, 1.0),
            background=tuple(background) or None,  # type: ignore[arg-type]
            transfer=transfer,
            sharpness=value["sharpness"].number(0.0, LARGEST_NUMBER),
            size=tuple(size) or None,  # type: ignore[arg-type]
            upward=tuple(_place(value["upward"]).tolist()),
            name=value["name"].text(),
            metadata=metadata.raw,
        )
    except ValueError as error:
        value.fail("a field whose parts fit", str(error))


def _items(value: Value, count: int) -> list[Value]:
    """So many numbers, or none where there is null."""
    if value.raw is None:
        return []
    items = list(value.items("number", count))
    if len(items) != count:
        value.fail(f"a list of {count} numbers")
    return items


def _place(value: Value) -> NDArray[np.float64]:
    numbers = value.numbers(3)
    if np.abs(numbers).max() > LARGEST_NUMBER:
        value.fail(f"numbers of at most {LARGEST_NUMBER:g}")
    return numbers
