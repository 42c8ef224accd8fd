"""Made-up glTF files for tests, written by code that shares nothing with the writer."""

from __future__ import annotations

import base64
import copy
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

KHR = "KHR_gaussian_splatting"
SIGNS = np.array([-1.0, -1.0, 1.0])
"""Between the frame of glTF and that of captures: x is left, y is up."""

CODES = {"i1": 5120, "u1": 5121, "i2": 5122, "u2": 5123, "u4": 5125, "f4": 5126}
WORDS = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}
Table = dict[str, NDArray[Any]]


def random_table(count: int, degree: int = 0, seed: int = 0) -> Table:
    """Attributes by their short names, as a file holds them (LUF, xyzw, linear)."""
    rng = np.random.default_rng(seed)
    rotation = rng.normal(size=(count, 4))
    table = {
        "POSITION": rng.normal(size=(count, 3)),
        "ROTATION": rotation / np.linalg.norm(rotation, axis=1, keepdims=True),
        "SCALE": np.exp(rng.uniform(-4, 0, (count, 3))),
        "OPACITY": rng.uniform(0.05, 1, count),
    }
    for band in range(degree + 1):
        for n in range(2 * band + 1):
            table[f"SH_DEGREE_{band}_COEF_{n}"] = rng.normal(0, 0.4, (count, 3))
    return {name: values.astype(np.float32) for name, values in table.items()}


class Builder:
    """A glTF file that grows piece by piece; ``json`` may be changed at will before it is put."""

    def __init__(self) -> None:
        self.body = bytearray()
        self.json: dict[str, Any] = {
            "asset": {"version": "2.0", "generator": "tests"},
            "extensionsUsed": [KHR],
            "scene": 0,
            "scenes": [{"nodes": []}],
            "nodes": [],
            "meshes": [],
            "accessors": [],
            "bufferViews": [],
        }

    def view(self, data: bytes, stride: int = 0) -> int:
        """A bufferView of some bytes."""
        self.body += b"\xee" * (-len(self.body) % 4)
        entry = {"buffer": 0, "byteOffset": len(self.body), "byteLength": len(data)}
        self.body += data
        self.json["bufferViews"].append(entry | ({"byteStride": stride} if stride else {}))
        return len(self.json["bufferViews"]) - 1

    def accessor(self, values: NDArray[Any], view: int, offset: int = 0, **more: Any) -> int:
        """An accessor for values that stand in a view."""
        width = 1 if values.ndim == 1 else values.shape[1]
        entry = {
            "bufferView": view, "byteOffset": offset, "count": len(values), "type": WORDS[width],
            "componentType": CODES[values.dtype.str[1:]],
        }  # fmt: skip
        self.json["accessors"].append(entry | more)
        return len(self.json["accessors"]) - 1

    def planar(self, table: Table, normalized: tuple[str, ...] = ()) -> dict[str, int]:
        """Attributes one after the other, each in a view of its own."""
        return {
            full(name): self.accessor(
                values,
                self.view(values.tobytes()),
                **({"normalized": True} if name in normalized else {}),
            )
            for name, values in table.items()
        }

    def interleaved(self, table: Table, gap: int = 4) -> dict[str, int]:
        """All attributes of a splat next to each other, with a gap behind them."""
        columns = [values.reshape(len(values), -1) for values in table.values()]
        widths = [column.shape[1] * column.itemsize for column in columns]
        rows = np.zeros((len(columns[0]), sum(widths) + gap), np.uint8)
        place = 0
        places = []
        for column, width in zip(columns, widths, strict=True):
            rows[:, place : place + width] = column.view(np.uint8).reshape(len(rows), width)
            places.append(place)
            place += width
        view = self.view(rows.tobytes()[: rows.size - gap], rows.shape[1])
        items = zip(table.items(), places, strict=True)
        return {full(name): self.accessor(v, view, place) for (name, v), place in items}

    def mesh(self, attributes: dict[str, int], **changes: Any) -> int:
        """A mesh with one primitive of splats."""
        extension = {"kernel": "ellipse", "colorSpace": "srgb_rec709_display"}
        primitive = {"attributes": attributes, "mode": 0, "extensions": {KHR: extension}}
        self.json["meshes"].append({"primitives": [primitive | changes]})
        return len(self.json["meshes"]) - 1

    def node(self, root: bool = True, **entry: Any) -> int:
        """A node, of the scene where it is a root."""
        self.json["nodes"].append(entry)
        index = len(self.json["nodes"]) - 1
        if root:
            self.json["scenes"][0]["nodes"].append(index)
        return index

    def glb(self, path: Path, body: bytes | None = None) -> Path:
        """Write a binary file."""
        document = copy.deepcopy(self.json)
        data = bytes(self.body if body is None else body)
        document.setdefault("buffers", [{"byteLength": len(data)}])
        return write_glb(path, json.dumps(document).encode(), data)

    def gltf(self, path: Path, uri: str | None = None) -> Path:
        """Write a text file that names ``uri``, or holds its bytes itself."""
        document = copy.deepcopy(self.json)
        inside = "data:application/octet-stream;base64," + base64.b64encode(self.body).decode()
        document["buffers"] = [
            {"byteLength": len(self.body), "uri": inside if uri is None else uri}
        ]
        path.write_text(json.dumps(document))
        return path


def write_glb(path: Path, text: bytes, body: bytes) -> Path:
    """Header, chunk of JSON, chunk of bytes."""
    text += b" " * (-len(text) % 4)
    body += b"\0" * (-len(body) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    chunks += struct.pack("<I4s", len(body), b"BIN\0") + body
    path.write_bytes(b"glTF" + struct.pack("<II", 2, 12 + len(chunks)) + chunks)
    return path


def full(name: str) -> str:
    """The name that an attribute has in files."""
    return name if name in ("POSITION", "COLOR_0") else f"{KHR}:{name}"


def simple(table: Table, **node: Any) -> Builder:
    """One node with splats in planar floats."""
    builder = Builder()
    builder.node(mesh=builder.mesh(builder.planar(table)), **node)
    return builder


def read_glb(path: Path) -> tuple[dict[str, Any], bytes]:
    """JSON and bytes of a binary file."""
    raw = path.read_bytes()
    magic, version, length = struct.unpack("<4sII", raw[:12])
    assert (magic, version, length) == (b"glTF", 2, len(raw))
    size, kind = struct.unpack("<I4s", raw[12:20])
    assert kind == b"JSON"
    assert size % 4 == 0
    begin = 20 + size
    if begin == len(raw):
        return json.loads(raw[20:begin]), b""
    nbytes, kind = struct.unpack("<I4s", raw[begin : begin + 8])
    assert kind == b"BIN\0"
    assert begin + 8 + nbytes == len(raw)
    return json.loads(raw[20:begin]), raw[begin + 8 :]


def read_attributes(document: dict[str, Any], body: bytes) -> Table:
    """All attributes of the only primitive, by their short names; packed views only."""
    names = {code: name for name, code in CODES.items()}
    widths = {word: width for width, word in WORDS.items()}
    table = {}
    primitive = document["meshes"][0]["primitives"][0]
    for name, index in primitive["attributes"].items():
        accessor = document["accessors"][index]
        view = document["bufferViews"][accessor["bufferView"]]
        kind = np.dtype("<" + names[accessor["componentType"]])
        width = widths[accessor["type"]]
        assert view["byteLength"] == accessor["count"] * width * kind.itemsize
        assert view["byteOffset"] % 4 == 0
        raw = body[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
        values = np.frombuffer(raw, kind).reshape(accessor["count"], width)
        table[name.removeprefix(f"{KHR}:")] = values
    return table
