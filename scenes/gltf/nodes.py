"""Which meshes the scene of a glTF file shows, and where its nodes put them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from scenes.gltf.container import LARGEST, Document
from scenes.paths.json_file import Value
from scenes.paths.rotations import matrices_of

DEEPEST = 256
"""Nodes below each other at most; skeletons have some 30."""

_FARTHEST = 1e30
"""Largest number of a transform: products of a few stay finite."""


def placed_meshes(document: Document) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Mesh and (4, 4) scene_from_mesh for every node of the default scene that has one.

    Without a default scene it is the first, without scenes all nodes, and without nodes every
    mesh as it is.

    Raises
    ------
    SceneError
        For nodes that have two parents or are below themselves, and transforms that are none.
    """
    if not document.count("nodes"):
        for mesh in range(document.count("meshes")):
            yield mesh, np.eye(4)
        return
    seen: set[int] = set()
    waiting = [(root, np.eye(4), 1) for root in reversed(_roots(document))]
    while waiting:
        index, above, depth = waiting.pop()
        node = document.item("nodes", index)
        if index in seen:
            node.fail("a node with one parent", "a second one, or a circle")
        if depth > DEEPEST:
            node.fail(f"at most {DEEPEST} nodes below each other", "more")
        seen.add(index)
        matrix = above @ _matrix(node)
        if not np.isfinite(matrix).all() or np.abs(matrix).max() > _FARTHEST:
            node.fail("a transform of reasonable size", "a huge one")
        if "mesh" in node:
            yield node["mesh"].integer(0, LARGEST), matrix
        children = _indices(node.get("children", []))
        waiting += [(child, matrix, depth + 1) for child in reversed(children)]


def _indices(value: Value) -> list[int]:
    return [item.integer(0, LARGEST) for item in value.items("entry")]


def _roots(document: Document) -> list[int]:
    if document.count("scenes"):
        chosen = document.root.get("scene", 0).integer(0, LARGEST)
        return _indices(document.item("scenes", chosen).get("nodes", []))
    count = document.count("nodes")
    below = {
        child
        for index in range(count)
        for child in _indices(document.item("nodes", index).get("children", []))
    }
    return [index for index in range(count) if index not in below]


def _matrix(node: Value) -> NDArray[np.float64]:
    """(4, 4) parent_from_node: 16 numbers column by column, or translation, rotation, scale."""
    if "matrix" in node:
        matrix = node["matrix"].numbers(16).reshape(4, 4).T
        if np.abs(matrix[3] - [0, 0, 0, 1]).max() > 1e-6:
            node.fail("a matrix with the last row 0 0 0 1", "another")
    else:
        x, y, z, w = node.get("rotation", [0, 0, 0, 1]).numbers(4)
        length = np.sqrt(np.square([x, y, z, w]).sum()) if max(map(abs, (x, y, z, w))) < 2 else 0.0
        if length < 0.5:
            node.fail("a rotation of length 1", "another")
        matrix = np.eye(4)
        matrix[:3, :3] = matrices_of(np.array([w, x, y, z]) / length)
        matrix[:3, :3] *= node.get("scale", [1, 1, 1]).numbers(3)
        matrix[:3, 3] = node.get("translation", [0, 0, 0]).numbers(3)
    if np.abs(matrix).max() > _FARTHEST:
        node.fail("a transform of reasonable size", "a huge one")
    return matrix
