"""From a glTF file to a scene.

Frame: glTF is right-handed with +y up, +z the front of what is shown and +x its left (LUF). The
map between that and RDF negates x and y: a half turn about z, which is also what splat-transform
does to PLY data before it writes a GLB (``playcanvas/splat-transform:src/lib/writers/
write-glb.ts``, ``convertToSpace(..., Transform.IDENTITY)`` from ``Transform.PLY``).

SPZ blobs inside: the drafts tell the packer to name LUF as the frame that it packs from, and the
unpacker as the one that it unpacks to. Stored in between is what SPZ always stores, RUB, or what
a blob of version 4 declares. So a blob is read as any SPZ file is, and then turned to LUF.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from scenes.assembly import SplatArrays
from scenes.errors import SceneError
from scenes.frames import matrix_between
from scenes.gaussians import GaussianScene
from scenes.gltf.container import LARGEST, Document, read_document
from scenes.gltf.gather import (
    DEFAULTS,
    FRAME,
    MODES,
    Finder,
    Findings,
    check_size,
    with_logarithms,
)
from scenes.gltf.splats import EXTENSION, PackedSplats, PlainSplats
from scenes.placement import Placement
from scenes.registry import Cancel, Progress

_VIEW = "default_view"
_IGNORED = ("animations", "cameras", "skins", "textures")


def read_scene(path: Path, progress: Progress, cancel: Cancel) -> GaussianScene:
    """Read all Gaussian splats of the default scene of a ``.glb`` or ``.gltf`` file.

    Raises
    ------
    SceneError, Cancelled
    """
    document = read_document(path)
    found = Finder(document, progress, cancel).findings()
    if not found.placed and not _is_empty(document):
        meshes = f"{found.others:,} other primitives" if found.others else "none"
        raise SceneError(path, f"Gaussian splats ({EXTENSION})", meshes)
    check_size(document, found.placed)
    found.placed = with_logarithms(found.placed, cancel)
    degree = max((item.splats.degree for item in found.placed), default=0)
    to_rdf = np.eye(4)
    to_rdf[:3, :3] = matrix_between(FRAME, "rdf")
    moved = [Placement(to_rdf @ item.matrix, degree) for item in found.placed]
    splats = [item.splats for item in found.placed]
    arrays = SplatArrays(path, sum(item.count for item in splats), degree)
    starts = list(accumulate((item.count for item in splats), initial=0))

    def part(first: int, last: int) -> None:
        while first < last:
            index = bisect_right(starts, first) - 1
            end = min(last, starts[index + 1])
            begin = starts[index]
            splats[index].decode(first - begin, end - begin, arrays, first, moved[index])
            first = end

    arrays.fill(part, progress, cancel)
    return arrays.scene(
        "gltf",
        training=_training(splats),
        metadata=_metadata(document, found),
        warnings=_warnings(found, moved),
    )


def _is_empty(document: Document) -> bool:
    """Whether the file is meant to hold splats, and holds none: what writing no splats makes."""
    used = document.root.get("extensionsUsed", []).raw
    return isinstance(used, list) and EXTENSION in used and not document.count("meshes")


def _training(splats: list[PlainSplats | PackedSplats]) -> str:
    """Only SPZ blobs tell; a mixture counts as plain."""
    told = {item.scene.training if isinstance(item, PackedSplats) else "3dgs" for item in splats}
    return told.pop() if len(told) == 1 else "3dgs"


def _metadata(document: Document, found: Findings) -> dict[str, Any]:
    splats = [item.splats for item in found.placed]
    shape = "binary" if document.is_binary else "text"
    words = ["packed as SPZ" if found.packed else "plain attributes"]
    if any(isinstance(item, PlainSplats) and item.log_scales for item in splats):
        words.append("scales as logarithms")
    if len(splats) > 1:
        words.append(f"{len(splats):,} sets of splats")
    metadata: dict[str, Any] = {
        "dialect": f"{shape} glTF, {', '.join(words)}",
        "quantisation": splats[0].quantisation if splats else "",
        "stored_frame": FRAME,
        "frame_source": "declared",
        "ignored": _ignored(document, found.others),
    }
    metadata |= _meaning(found.extensions)
    metadata |= _first_view(document)
    asset = document.root["asset"]
    for name in ("generator", "copyright"):
        if isinstance(asset.get(name, None).raw, str):
            metadata[name] = _printable(asset[name].raw)
    return {name: value for name, value in metadata.items() if value != ""}


def _meaning(extensions: list[dict[str, str]]) -> dict[str, str]:
    """The colour space of the first splats, and what else is not as usual."""
    told = {name: value for item in extensions[:1] for name, value in item.items()}
    names = {"colorSpace": "color_space", "sortingMethod": "sorting_method"}
    return {
        names.get(name, name): _printable(value)
        for name, value in told.items()
        if name == "colorSpace" or value != DEFAULTS[name]
    }


def _first_view(document: Document) -> dict[str, Any]:
    """The view that this project's writer keeps among the scene's extras; nothing for any other."""
    turn = matrix_between(FRAME, "rdf")
    try:
        chosen = document.root.get("scene", 0).integer(0, LARGEST)
        value = document.item("scenes", chosen)["extras"][_VIEW]
        view = {name: turn @ value[name].numbers(3) for name in ("eye", "target", "up")}
        far = max(np.abs(vector).max() for vector in view.values())
        if far > 1e9 or (view["eye"] == view["target"]).all() or not view["up"].any():
            return {}
        told: dict[str, Any] = {name: vector.tolist() for name, vector in view.items()}
        return {_VIEW: told | {"fov_y": value["fov_y"].number(1, 170)}}
    except SceneError:
        return {}


def _ignored(document: Document, others: int) -> list[str]:
    phrases = [f"{others:,} meshes"] if others else []
    phrases += [f"{n:,} {kind}" for kind in _IGNORED if (n := document.count(kind))]
    used = document.root.get("extensionsUsed", []).raw
    for name in used if isinstance(used, list) else []:
        if isinstance(name, str) and "gaussian" not in name and "spz" not in name:
            phrases.append(f"extension {_printable(name)[:60]}")
    return phrases[:30]


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text[:500])


def _warnings(found: Findings, moved: list[Placement]) -> tuple[str, ...]:
    said = []
    told = Counter((name, value[name]) for value in found.extensions for name in value)
    if ("colorSpace", "lin_rec709_display") in told:
        said.append("The colours are linear light; they are shown as they are, which is too dark.")
    for name, expected in MODES.items():
        other = sorted(value for key, value in told if key == name and value != expected)
        if other:
            said.append(f"The {name} {_printable(other[0])[:60]} is not known; {expected} is used.")
    stretched = sum(not place.is_similar for place in moved)
    if stretched:
        said.append(
            "Splats are stretched by a node that scales axes differently; their view-dependent "
            "colour is only turned."
        )
    if any(
        isinstance(item.splats, PlainSplats) and item.splats.log_scales for item in found.placed
    ):
        said.append("Sizes are negative in places, so they were read as logarithms, as an older "
                    "draft of the format keeps them.")  # fmt: skip
    blobs = {id(item.splats): item.splats for item in found.placed}
    inner = [b.scene.warnings for b in blobs.values() if isinstance(b, PackedSplats)]
    return (*said, *(sentence for sentences in inner for sentence in sentences))
