"""From a scene to streamed SOG: levels of detail, each cut into boxes and files.

Every level is a decimation of the one before to half of its splats. A binary tree over the
positions of the finest level is cut until a box holds at most :data:`MOST` splats; every level is
cut by the same planes. A file holds the splats of one level in one or more boxes that follow each
other. (Facts: PlayCanvas developer site ``formats/streamed-sog.md``, version 1; that bounds reach
one standard deviation along each axis of an ellipsoid was found in a real file.)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.gaussians import GaussianScene
from scenes.paths.rotations import matrices_of
from scenes.registry import Cancel, Progress
from scenes.sog.quality import Quality
from scenes.sog.writer import GENERATOR, Files, losses, make_files
from scenes.storage import empty
from scenes.writing import ROWS, blocks, new_folder

MOST = 524_288
"""Splats of a box at the finest level, and of a file."""
LEAST = 1000
"""Splats of the coarsest level: fewer show nothing."""

Leaves = NDArray[np.int32]


@dataclass(frozen=True)
class _Box:
    """A box of the tree: cut at ``value`` of an axis into halves, or else leaf ``number``."""

    number: int = -1
    axis: int = 0
    value: float = 0.0
    halves: tuple[_Box, _Box] | None = None


@dataclass
class _Leaf:
    """What is known of a leaf while levels are written: its bounds and its splats by level."""

    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]
    lods: dict[str, dict[str, int]]


def write_levels(
    scene: GaussianScene,
    path: Path,
    quality: Quality,
    levels: int,
    progress: Progress,
    cancel: Cancel,
) -> tuple[str, ...]:
    """Write ``path``, a ``lod-meta.json``, and a folder beside it for each file of each level.

    Memory beyond that of :func:`~scenes.sog.writer.make_files` for one file: the two levels under
    way, where :func:`scenes.storage.empty` puts them.

    Raises
    ------
    SceneError, Cancelled
        And what was there before is as it was.
    """
    most = level_count(scene.count, levels)
    tree, leaves = _cut(scene.means)
    files: list[str] = []
    counts: list[int] = []
    with new_folder(path.absolute().parent, path.name) as folder:
        for level, shown in enumerate(_levels(scene, most, progress, cancel)):
            told = _of_level(progress, level)
            places = _places(shown.means, tree, told, cancel)
            _measure(shown, places, leaves, told, cancel)
            sizes = np.bincount(places, minlength=len(leaves))
            for chunk, (first, last) in enumerate(_shared(sizes)):
                rows = np.flatnonzero((places >= first) & (places < last))
                part = _taken(shown, rows)
                groups = places[rows] - first
                packed = make_files(part, path, quality, told, cancel, groups)
                _save(packed, folder / f"{level}_{chunk}")
                _note(leaves[first:last], sizes[first:last], level, len(files))
                files.append(f"{level}_{chunk}/meta.json")
            counts.append(shown.count)
        meta = {
            "version": 1,
            "asset": {"generator": GENERATOR},
            "count": sum(counts),
            "counts": counts,
            "lodLevels": len(counts),
            "filenames": files,
            "tree": _described(tree, leaves),
        }
        text = json.dumps(meta, separators=(",", ":"), allow_nan=False)
        (folder / path.name).write_text(text, encoding="utf-8")
    if most < levels:
        fewer = f"{most} of {levels} levels were written: coarser ones would show nothing."
        return (*losses(scene), fewer)
    return losses(scene)


def level_count(count: int, levels: int) -> int:
    """Levels of a scene of ``count`` splats where ``levels`` are asked for."""
    while levels > 1 and count >> (levels - 1) < LEAST:
        levels -= 1
    return levels


def _levels(
    scene: GaussianScene, most: int, progress: Progress, cancel: Cancel
) -> Iterator[GaussianScene]:
    from scenes.edits import decimate

    yield scene
    for level in range(1, most):
        told = _of_level(progress, level)
        scene = decimate(scene, max(1, scene.count // 2), told, cancel)
        yield scene


def _of_level(progress: Progress, level: int) -> Progress:
    return lambda done, total, unit: progress(done, total, f"{unit} (level {level})")


def _cut(means: NDArray[np.float32]) -> tuple[_Box, list[_Leaf]]:
    """A tree whose leaves hold at most :data:`MOST` of the positions, unless they are all equal."""
    leaves: list[_Leaf] = []

    def cut(rows: NDArray[np.int64]) -> _Box:
        if len(rows) > MOST:
            here = means[rows]
            axis = int(np.argmax(np.ptp(here, axis=0)))
            values = here[:, axis]
            if values.min() < values.max():
                value = _plane(values)
                below = values < value
                halves = cut(rows[below]), cut(rows[~below])
                return _Box(axis=axis, value=value, halves=halves)
        leaves.append(_Leaf(np.full(3, np.inf), np.full(3, -np.inf), {}))
        return _Box(number=len(leaves) - 1)

    return cut(np.arange(len(means))), leaves


def _plane(values: NDArray[np.float32]) -> float:
    """The median, or the next value where so many are equal that nothing lies below it."""
    middle = np.median(values)
    return float(middle if middle > values.min() else values[values > middle].min())


def _places(means: NDArray[np.float32], tree: _Box, progress: Progress, cancel: Cancel) -> Leaves:
    """(N,) the leaf that each position lies in."""
    places = np.empty(len(means), np.int32)

    def put(box: _Box, rows: NDArray[np.int64]) -> None:
        if box.halves is None:
            places[rows] = box.number
            return
        below = means[rows, box.axis] < box.value
        put(box.halves[0], rows[below])
        put(box.halves[1], rows[~below])

    for here in blocks(len(means), progress, cancel, unit="splats placed"):
        put(tree, np.arange(here.start, here.stop))
    return places


def _measure(
    scene: GaussianScene, places: Leaves, leaves: list[_Leaf], progress: Progress, cancel: Cancel
) -> None:
    """Widen the bounds of the leaves by their splats, ellipsoids of one standard deviation."""
    for here in blocks(scene.count, progress, cancel, unit="splats placed"):
        axes = np.abs(matrices_of(scene.quats[here].astype(np.float64)))
        reach = np.einsum("nij,nj->ni", axes, scene.scales[here].astype(np.float64))
        for number in np.unique(places[here]).tolist():
            leaf, mine = leaves[number], places[here] == number
            means, reaches = scene.means[here][mine], reach[mine]
            leaf.lowest = np.minimum(leaf.lowest, (means - reaches).min(axis=0))
            leaf.highest = np.maximum(leaf.highest, (means + reaches).max(axis=0))


def _shared(sizes: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Ranges of leaves that share a file: as many as fit, at least one."""
    first = total = 0
    for number, size in enumerate(sizes.tolist()):
        if total and total + size > MOST:
            yield first, number
            first, total = number, 0
        total += size
    if total:
        yield first, len(sizes)


def _save(files: Files, folder: Path) -> None:
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)


def _note(leaves: list[_Leaf], sizes: NDArray[np.int64], level: int, file: int) -> None:
    """Where leaves that follow each other in a file have their splats."""
    offset = 0
    for leaf, size in zip(leaves, sizes.tolist(), strict=True):
        if size:
            leaf.lods[str(level)] = {"file": file, "offset": offset, "count": size}
        offset += size


def _taken(scene: GaussianScene, rows: NDArray[np.int64]) -> GaussianScene:
    """Some splats, in their order."""
    if len(rows) == scene.count:
        return scene

    def some(source: NDArray[np.float32]) -> NDArray[np.float32]:
        target = empty((len(rows), *source.shape[1:]), np.float32)
        for first in range(0, len(rows), ROWS):
            here = slice(first, first + ROWS)
            target[here] = source[rows[here]]
        return target

    return replace(
        scene,
        means=some(scene.means),
        quats=some(scene.quats),
        scales=some(scene.scales),
        opacities=some(scene.opacities),
        sh=some(scene.sh),
    )


def _described(box: _Box, leaves: list[_Leaf]) -> dict[str, Any]:
    """The tree as the file has it; a box with halves spans both."""
    if box.halves is None:
        leaf = leaves[box.number]
        return {"bound": _bound(leaf.lowest, leaf.highest), "lods": leaf.lods}
    children = [_described(half, leaves) for half in box.halves]
    lowest = np.min([child["bound"]["min"] for child in children], axis=0)
    highest = np.max([child["bound"]["max"] for child in children], axis=0)
    return {"bound": _bound(lowest, highest), "children": children}


def _bound(lowest: NDArray[np.float64], highest: NDArray[np.float64]) -> dict[str, list[float]]:
    """Rounded to seven digits as the format wants it; an empty box is a point."""
    if not (lowest <= highest).all():
        lowest = highest = np.zeros(3)
    return {
        name: [float(f"{value:.7g}") for value in corner.tolist()]
        for name, corner in (("min", lowest), ("max", highest))
    }
