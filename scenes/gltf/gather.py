"""All splats that the default scene of a glTF file shows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from scenes.assembly import PART
from scenes.errors import Cancelled, SceneError
from scenes.frames import frame_of, matrix_between
from scenes.gltf.container import Document
from scenes.gltf.nodes import placed_meshes
from scenes.gltf.splats import (
    EXTENSION,
    PackedSplats,
    PlainSplats,
    blob_view,
    is_splats,
    plain_splats,
)
from scenes.paths.json_file import Value
from scenes.registry import Cancel, Progress

FRAME = "luf"
BLOB_FRAME: str | None = None
"""What SPZ blobs are taken for; None: what they declare, and RUB where they do not."""

LEAST_BUDGET = 256 << 20
MOST_COPIES = 4
"""Attributes of all that is shown may take :data:`LEAST_BUDGET` bytes, and beyond that so many
times what the file has: nodes and accessors can show the same bytes again and again."""

MOST_SETS = 1000
"""Primitives of splats, each as often as it is shown."""

LOGARITHMS_FROM = 0.01
"""Share of negative scales from which all are taken for logarithms: of those some half are."""

MODES = {"kernel": "ellipse", "projection": "perspective", "sortingMethod": "cameraDistance"}
DEFAULTS = {**MODES, "colorSpace": "srgb_rec709_display"}
"""What the extension says of splats that are shown as this project shows them."""


@dataclass(frozen=True)
class Placed:
    """Splats and the (4, 4) matrix that puts them into the glTF scene."""

    splats: PlainSplats | PackedSplats
    matrix: np.ndarray


@dataclass
class Findings:
    """What a file has, gathered node by node."""

    placed: list[Placed] = field(default_factory=list)
    extensions: list[dict[str, str]] = field(default_factory=list)
    others: int = 0
    packed: bool = False


class Finder:
    """Walks the nodes; reads each mesh once, however many nodes show it."""

    def __init__(self, document: Document, progress: Progress, cancel: Cancel) -> None:
        self.document = document
        self.progress = progress
        self.cancel = cancel
        self.found = Findings()
        self.blobs: dict[int, PackedSplats] = {}
        self.blob_bytes = 0

    def findings(self) -> Findings:
        meshes: dict[int, tuple[list[PlainSplats | PackedSplats], int]] = {}
        for mesh, matrix in placed_meshes(self.document):
            if mesh not in meshes:
                meshes[mesh] = self._mesh(mesh)
            splats, others = meshes[mesh]
            self.found.placed += [_placed(item, matrix) for item in splats]
            self.found.others += others
            self._check_count(len(self.found.placed))
        self.found.packed = bool(self.blobs)
        return self.found

    def _check_count(self, sets: int) -> None:
        if sets > MOST_SETS:
            raise SceneError(self.document.path, f"at most {MOST_SETS:,} sets of splats", "more")

    def _mesh(self, mesh: int) -> tuple[list[PlainSplats | PackedSplats], int]:
        """The splats of a mesh, and how many of its primitives are something else."""
        splats, others = [], 0
        for primitive in self.document.item("meshes", mesh)["primitives"].items("primitive"):
            if self.cancel():
                raise Cancelled
            item = self._splats(primitive)
            if item is None:
                others += 1
                continue
            splats.append(item)
            self._check_count(len(splats))
            extension = primitive["extensions"].get(EXTENSION, {})
            told = {name: extension.get(name, usual) for name, usual in DEFAULTS.items()}
            self.found.extensions.append({name: value.text(200) for name, value in told.items()})
        return splats, others

    def _splats(self, primitive: Value) -> PlainSplats | PackedSplats | None:
        if not is_splats(primitive):
            return None
        view = blob_view(primitive)
        if view is not None:
            return self._unpacked(view)
        return plain_splats(self.document, primitive)

    def _unpacked(self, index: int) -> PackedSplats:
        from scenes.spz.reader import read_blob

        if index not in self.blobs:
            view = self.document.view(index)
            self.blob_bytes += view.size
            if self.blob_bytes > self.document.nbytes:
                raise SceneError(self.document.path, "SPZ blobs beside each other",
                                 "some that overlap", f"bufferViews {index}")  # fmt: skip
            data = view.buffer.read(view.offset, view.size)
            path = self.document.path
            scene = read_blob(path, data, self.progress, self.cancel, BLOB_FRAME)
            self.blobs[index] = PackedSplats(scene)
        return self.blobs[index]


def _placed(splats: PlainSplats | PackedSplats, matrix: np.ndarray) -> Placed:
    """With what takes a blob's frame to that of the file."""
    if isinstance(splats, PackedSplats):
        to_file = np.eye(4)
        to_file[:3, :3] = matrix_between(frame_of(splats.scene), FRAME)
        matrix = matrix @ to_file
    return Placed(splats, matrix)


def check_size(document: Document, placed: list[Placed]) -> None:
    """Refuse splats that are shown more often than memory is good for."""
    blobs = {
        id(item.splats): item.splats for item in placed if isinstance(item.splats, PackedSplats)
    }
    stored = document.nbytes + sum(item.nbytes for item in blobs.values())
    shown = sum(item.splats.nbytes for item in placed)
    if shown > max(LEAST_BUDGET, MOST_COPIES * stored):
        raise SceneError(
            document.path,
            f"splats shown at most {MOST_COPIES} times",
            f"{shown / stored:.0f} times the bytes of the file",
        )


def with_logarithms(placed: list[Placed], cancel: Cancel) -> list[Placed]:
    """The same, told which splats keep their scales as logarithms; reads all scales once."""
    told: dict[int, PlainSplats | PackedSplats] = {}
    for item in placed:
        splats = item.splats
        if id(splats) not in told and isinstance(splats, PlainSplats):
            told[id(splats)] = replace(splats, log_scales=_are_logarithms(splats, cancel))
        told.setdefault(id(splats), splats)
    return [Placed(told[id(item.splats)], item.matrix) for item in placed]


def _are_logarithms(splats: PlainSplats, cancel: Cancel) -> bool:
    negative = 0
    for first in range(0, splats.count, PART):
        if cancel():
            raise Cancelled
        rows = splats.geometry[2].rows(first, min(first + PART, splats.count), {})
        negative += int(np.count_nonzero(rows < 0))
    return negative > LOGARITHMS_FROM * 3 * splats.count
