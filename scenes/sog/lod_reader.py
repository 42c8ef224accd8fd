"""One level of a scene in levels of detail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from scenes.assembly import SplatArrays, in_parts
from scenes.errors import Cancelled, SceneError
from scenes.gaussians import SH_COEFFICIENTS, GaussianScene
from scenes.registry import Cancel, Progress, no_progress
from scenes.sog.lod_tree import MOST_BYTES, Levels, Piece, read_levels
from scenes.sog.meta import Meta
from scenes.sog.reader import QUANTISATION, check_labels, decode_all, look_at, warnings_of
from scenes.sog.source import LEVELS, Folder, description, opened


@dataclass(frozen=True)
class _Chunk:
    """One file of the level: what it says, and which of its splats are wanted, in order."""

    name: str
    meta: Meta
    degree: int
    pieces: tuple[Piece, ...]

    @property
    def count(self) -> int:
        return sum(piece.size for piece in self.pieces)


def read_level(
    path: Path, progress: Progress, cancel: Cancel, lod: int | None, budget: int
) -> GaussianScene:
    """Read level ``lod`` of a ``lod-meta.json`` or its folder, or the finest within ``budget``.

    Each file is decoded and released before the next; memory is that of the level and of one file.

    Raises
    ------
    SceneError, Cancelled
    """
    file = path / LEVELS if path.is_dir() else path
    folder = Folder(file.absolute().parent, path)
    levels = read_levels(description(folder.read(file.name, MOST_BYTES), path, file.name))
    around = _surroundings(folder, levels)
    chosen, sentences = _choose(levels, around.count if around else 0, lod, budget, path)
    chunks = _chunks(folder, levels, chosen, cancel) + ([around] if around else [])
    arrays = SplatArrays(
        path,
        sum(chunk.count for chunk in chunks),
        max((chunk.degree for chunk in chunks), default=0),
    )
    row = 0
    for chunk in chunks:
        _fill(folder, chunk, arrays, row, progress, cancel)
        row += chunk.count
    arrays.tidy(progress, cancel)
    metas = [chunk.meta for chunk in chunks]
    return arrays.scene(
        "sog-lod",
        training=metas[0].training if metas else "3dgs",
        metadata=_metadata(levels, chosen, around, metas),
        warnings=(*dict.fromkeys(s for meta in metas for s in warnings_of(meta)), *sentences),
        name=folder.root.name,
    )


def _choose(
    levels: Levels, around: int, lod: int | None, budget: int, path: Path
) -> tuple[int, tuple[str, ...]]:
    """The level to read, and a sentence where it is not the finest one."""
    counts = [count + around for count in levels.counts]
    if lod is not None:
        if lod >= len(counts):
            raise SceneError(path, f"a wish for level 0 to {len(counts) - 1}", f"level {lod}")
        return lod, ()
    fitting = [level for level, count in enumerate(counts) if count <= budget]
    if not fitting:
        level = int(np.argmin(counts))
        return level, (
            f"Level {level} of {len(counts)} was read, the coarsest: its {counts[level]:,} splats "
            f"are more than the {budget:,} asked for.",
        )
    if fitting[0] == 0:
        return 0, ()
    return fitting[0], (
        f"Level {fitting[0]} of {len(counts)} was read, {counts[fitting[0]]:,} splats: finer ones "
        f"(up to {max(counts):,}) exceed the {budget:,} asked for.",
    )


def _metadata(
    levels: Levels, level: int, around: _Chunk | None, metas: list[Meta]
) -> dict[str, Any]:
    ignored = [*levels.ignored, *(phrase for meta in metas for phrase in meta.ignored)]
    told = {
        "dialect": f"{len(levels.counts)} levels of detail in {len(levels.files)} files",
        "quantisation": QUANTISATION,
        "generator": next((meta.generator for meta in metas if meta.generator), ""),
        "environment": f"{around.count:,} splats" if around else "",
        "ignored": list(dict.fromkeys(ignored)),
    }
    shown = {key: value for key, value in told.items() if value}
    return shown | {"levels": list(levels.counts), "level": level}


@contextmanager
def _named(folder: Folder, name: str) -> Iterator[None]:
    """Errors in a file of the scene name the scene and that file."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise SceneError(folder.path, f"a readable file {name[:100]}", reason) from error
    except SceneError as error:
        if error.path == folder.path:
            raise
        where = f"{name[:100]}: {error.where}" if error.where else name[:100]
        raise SceneError(folder.path, error.expected, error.found, where) from error


def _chunks(folder: Folder, levels: Levels, level: int, cancel: Cancel) -> list[_Chunk]:
    """The files of a level, in the order in which its leaves name them; all are looked at."""
    by_file: dict[int, list[Piece]] = {}
    for piece in levels.pieces[level]:
        by_file.setdefault(piece.file, []).append(piece)
    chunks = []
    for file, pieces in by_file.items():
        if cancel():
            raise Cancelled
        chunks.append(_looked_at(folder, levels.files[file], tuple(pieces)))
    return chunks


def _surroundings(folder: Folder, levels: Levels) -> _Chunk | None:
    return _looked_at(folder, levels.environment, None) if levels.environment else None


def _looked_at(folder: Folder, name: str, pieces: tuple[Piece, ...] | None) -> _Chunk:
    """Hold the wanted splats (None: all) against the file; nothing is decoded."""
    with _named(folder, name), opened(folder.root / name) as (source, file):
        checked = look_at(source, file)
    count = checked.meta.count
    if pieces is None:
        pieces = (Piece(0, 0, count),)
    end = max(piece.offset + piece.size for piece in pieces)
    if end > count:
        raise SceneError(folder.path, f"{end:,} splats in {name}", f"{count:,}")
    return _Chunk(name, checked.meta, checked.degree, pieces)


def _fill(
    folder: Folder, chunk: _Chunk, arrays: SplatArrays, row: int, progress: Progress, cancel: Cancel
) -> None:
    """Decode one file and put its wanted splats into the rows from ``row``."""
    path = folder.root / chunk.name
    with _named(folder, chunk.name), opened(path) as (source, file):
        checked = look_at(source, file)
        if (checked.meta.count, checked.degree) != (chunk.meta.count, chunk.degree):
            raise SceneError(path, "a file that stays the same", "another one")
        degree = SH_COEFFICIENTS.index(arrays.sh.shape[1])
        decoded = decode_all(checked, source, degree, no_progress, cancel)
    starts = [0, *accumulate(piece.size for piece in chunk.pieces)]

    def part(first: int, last: int) -> None:
        lost = 0
        index = int(np.searchsorted(starts, first, side="right")) - 1
        while first < last:
            piece = chunk.pieces[index]
            stop = min(last, starts[index + 1])
            begin = piece.offset + first - starts[index]
            lost += decoded.unpack(begin, begin + stop - first, arrays, row + first)
            first, index = stop, index + 1
        check_labels(lost, folder.path)

    def told(done: int, total: int, unit: str) -> None:
        progress(row + done, arrays.count, unit)

    in_parts(chunk.count, part, lambda nothing: None, told, cancel)
