"""From a scene to a glTF file with ``KHR_gaussian_splatting``."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from kernels.gaussians.shade.basis import C0
from scenes.errors import SceneError
from scenes.frames import frame_of, matrix_between
from scenes.gaussians import SH_COEFFICIENTS, GaussianScene
from scenes.gltf.container import MAGIC
from scenes.gltf.gather import FRAME
from scenes.gltf.splats import EXTENSION, PREFIX
from scenes.placement import Placement
from scenes.registry import Cancel, Progress
from scenes.writing import blocks, new_file, training_lost

HIGHEST_DEGREE = 3
LARGEST_BINARY = (1 << 32) - 1
"""Bytes of a ``.glb`` file, whose length is a number of 32 bits."""

_FLOAT, _BYTE = 5126, 5121
_TYPES = {1: "SCALAR", 3: "VEC3", 4: "VEC4"}


@dataclass(frozen=True)
class Attribute:
    """One array of the file: name, numbers of a row, code of their type, first byte."""

    name: str
    width: int
    code: int
    start: int

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return self.width * (4 if self.code == _FLOAT else 1)


def attributes_of(count: int, degree: int) -> list[Attribute]:
    """The arrays of a file, one after the other in its bytes; all rows are whole words."""
    shapes = [("POSITION", 3, _FLOAT), ("COLOR_0", 4, _BYTE), (f"{PREFIX}ROTATION", 4, _FLOAT),
              (f"{PREFIX}SCALE", 3, _FLOAT), (f"{PREFIX}OPACITY", 1, _FLOAT)]  # fmt: skip
    for band in range(degree + 1):
        shapes += [(f"{PREFIX}SH_DEGREE_{band}_COEF_{n}", 3, _FLOAT) for n in range(2 * band + 1)]
    attributes: list[Attribute] = []
    start = 0
    for name, width, code in shapes:
        attributes.append(Attribute(name, width, code, start))
        start += count * attributes[-1].row_bytes
    return attributes


def write_scene(
    scene: GaussianScene, path: Path, progress: Progress, cancel: Cancel
) -> tuple[str, ...]:
    """Write ``.glb``, or ``.gltf`` with a ``.bin`` file of the same name beside it.

    The numbers are turned to the frame of glTF (:mod:`scenes.gltf.reader`); there is one node,
    which does not move them. ``COLOR_0`` is what programs that know no splats show as points.

    Raises
    ------
    SceneError
        Where the place cannot be written, or the scene is too large for one file.
    Cancelled
        And no file is left.
    """
    degree = min(scene.sh_degree, HIGHEST_DEGREE)
    turn = np.eye(4)
    turn[:3, :3] = matrix_between(frame_of(scene), FRAME)
    place = Placement(turn, degree)
    attributes = attributes_of(scene.count, degree)
    size = attributes[-1].start + scene.count * attributes[-1].row_bytes
    if path.suffix.lower() == ".gltf":
        bytes_path = path.with_suffix(".bin")
        text = _json(scene, attributes, size, place, quote(bytes_path.name))
        # The bytes take their name first: the text never names what is not there.
        with new_file(path) as file, new_file(bytes_path) as binary:
            file.write(text)
            _write_rows(scene, binary, 0, attributes, place, progress, cancel)
    else:
        text = _json(scene, attributes, size, place, None)
        text += b" " * (-len(text) % 4)
        total = 28 + len(text) + size
        if total > LARGEST_BINARY:
            raise SceneError(
                path,
                "a scene of at most 4 GiB in a .glb file",
                f"one of {total / 2**30:.1f} GiB; a .gltf file holds it",
            )
        with new_file(path) as file:
            file.write(MAGIC + struct.pack("<II", 2, total))
            file.write(struct.pack("<I4s", len(text), b"JSON") + text)
            file.write(struct.pack("<I4s", size, b"BIN\0"))
            _write_rows(scene, file, file.tell(), attributes, place, progress, cancel)
    return _lost(scene)


def _json(
    scene: GaussianScene,
    attributes: list[Attribute],
    size: int,
    place: Placement,
    uri: str | None,
) -> bytes:
    asset = {"version": "2.0", "generator": "Plenoscope"}
    if isinstance(scene.metadata.get("copyright"), str):
        asset["copyright"] = scene.metadata["copyright"]
    top: dict[str, Any] = {"asset": asset, "extensionsUsed": [EXTENSION], "scene": 0}
    # An array of glTF has a row at least, so a scene without splats is one without nodes.
    top["scenes"] = [{"nodes": [0]} if scene.count else {}]
    view = scene.metadata.get("default_view")
    if view is not None:
        turned = {n: (place.turn @ np.asarray(view[n], float)).tolist() for n in _VIEW_VECTORS}
        top["scenes"][0]["extras"] = {"default_view": turned | {"fov_y": float(view["fov_y"])}}
    if scene.count:
        top["nodes"] = [{"mesh": 0, "name": scene.name}]
        top["meshes"] = [{"primitives": [_primitive(scene, attributes)]}]
        top["accessors"] = [_accessor(scene, item, n, place) for n, item in enumerate(attributes)]
        top["bufferViews"] = [
            {"buffer": 0, "byteOffset": item.start, "byteLength": scene.count * item.row_bytes,
             "target": 34962} for item in attributes
        ]  # fmt: skip
        top["buffers"] = [{"byteLength": size} | ({"uri": uri} if uri else {})]
    return json.dumps(top, separators=(",", ":")).encode()


_VIEW_VECTORS = ("eye", "target", "up")


def _primitive(scene: GaussianScene, attributes: list[Attribute]) -> dict[str, Any]:
    linear = scene.metadata.get("color_space") == "lin_rec709_display"
    return {
        "attributes": {item.name: index for index, item in enumerate(attributes)},
        "mode": 0,
        "extensions": {
            EXTENSION: {
                "kernel": "ellipse",
                "colorSpace": "lin_rec709_display" if linear else "srgb_rec709_display",
                "projection": "perspective",
                "sortingMethod": "cameraDistance",
            }
        },
    }


def _accessor(scene: GaussianScene, item: Attribute, view: int, place: Placement) -> dict[str, Any]:
    told: dict[str, Any] = {
        "bufferView": view,
        "componentType": item.code,
        "count": scene.count,
        "type": _TYPES[item.width],
    }
    if item.code == _BYTE:
        told["normalized"] = True
    if item.name == "POSITION":
        corners = np.stack(scene.bounds) @ place.turn.T
        told |= {"min": corners.min(0).tolist(), "max": corners.max(0).tolist()}
    return told


def _write_rows(
    scene: GaussianScene,
    file: BinaryIO,
    start: int,
    attributes: list[Attribute],
    place: Placement,
    progress: Progress,
    cancel: Cancel,
) -> None:
    """All arrays side by side, block by block, from byte ``start`` on."""
    for here in blocks(scene.count, progress, cancel):
        for item, rows in zip(attributes, _block(scene, here, place), strict=True):
            file.seek(start + item.start + here.start * item.row_bytes)
            file.write(np.ascontiguousarray(rows).data)


def _block(scene: GaussianScene, here: slice, place: Placement) -> list[NDArray[Any]]:
    """Rows of all attributes, in their order."""
    arrays = (scene.means, scene.quats, scene.scales)
    means, quats, scales = (array[here].copy() for array in arrays)
    sh = scene.sh[here, : SH_COEFFICIENTS[HIGHEST_DEGREE]].copy()
    opacities = scene.opacities[here]
    colours = _colours(sh[:, 0], opacities)
    place.apply(means, quats, scales, sh)
    rows = [means, quats[:, [1, 2, 3, 0]], scales, opacities, *sh.transpose(1, 0, 2)]
    floats = [item.astype("<f4", copy=False) for item in rows]
    return [floats[0], colours, *floats[1:]]


def _colours(base: NDArray[np.float32], opacities: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(n, 4) COLOR_0: the colour of degree 0 as linear light, and the opacity, of 255.

    The curve is that of sRGB (IEC 61966-2-1).
    """
    shown = np.clip(0.5 + C0 * base, 0, 1)
    linear = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
    return (np.column_stack([linear, opacities]) * 255 + 0.5).astype(np.uint8)


def _lost(scene: GaussianScene) -> tuple[str, ...]:
    lost = training_lost(scene.training)
    if scene.sh_degree <= HIGHEST_DEGREE:
        return lost
    return (
        f"Spherical harmonics of degree {scene.sh_degree} were cut to {HIGHEST_DEGREE}, the most "
        "that glTF holds.",
        *lost,
    )
