"""``lod-meta.json``: a scene in levels of detail, cut into boxes.

A binary tree over space; each leaf says for every level which splats of which file are its own:
``{"0": {"file": 3, "offset": 0, "count": 500}, ...}``. Level 0 is the finest. ``filenames`` are
descriptions of SOG scenes, offsets count splats in the order of their pictures. A leaf without a
level has no splats there. Files from before version 1 have none, and ``null`` for an environment.
(Facts: PlayCanvas developer site ``formats/streamed-sog.md``.)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from scenes.bounded import is_inside
from scenes.errors import SceneError
from scenes.paths.json_file import Value

MOST_BYTES = 16 << 20
"""Longest description: some 40,000 leaves of 400 bytes."""
MOST_FILES = 65_536
MOST_LEVELS = 32
MOST_DEPTH = 256
MOST_NODES = 100_000

_KNOWN = {"version", "count", "counts", "lodLevels", "lodErrors", "environment", "filenames",
          "tree", "asset"}  # fmt: skip


class Piece(NamedTuple):
    """Splats ``offset`` to ``offset + size - 1`` of one file."""

    file: int
    offset: int
    size: int


@dataclass(frozen=True)
class Levels:
    """A checked description.

    ``pieces[level]`` are the splats of a level in the order of the leaves; those of a file are
    disjoint. ``environment`` is the name of what surrounds the scene at every level, or "".
    """

    version: int | None
    files: tuple[str, ...]
    environment: str
    pieces: tuple[tuple[Piece, ...], ...]
    ignored: tuple[str, ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """Splats of each level, without the environment."""
        return tuple(sum(piece.size for piece in pieces) for pieces in self.pieces)


def is_levels(raw: Any) -> bool:
    """Whether a JSON value looks like the description of a scene in levels."""
    return isinstance(raw, dict) and {"lodLevels", "filenames", "tree"} <= raw.keys()


def read_levels(value: Value) -> Levels:
    """Check a description. Raises SceneError for files outside of its folder, endless trees,
    splats that are used twice, and the like."""
    version = value["version"].integer(0, 2**31 - 1) if "version" in value else None
    if version not in (None, 1):
        value["version"].fail("version 1", f"{version}")
    levels = value["lodLevels"].integer(1, MOST_LEVELS)
    files = tuple(_name(entry) for entry in value["filenames"].items("file", MOST_FILES))
    if len({PurePosixPath(name) for name in files}) < len(files):
        value["filenames"].fail("every file once", "a name that is there twice")
    environment = value.get("environment", None)
    leaves = _leaves(value["tree"], levels, len(files))
    pieces = tuple(
        tuple(leaf[level] for leaf in leaves if level in leaf and leaf[level].size)
        for level in range(levels)
    )
    for level in pieces:
        _check_disjoint(level, value.file)
    return Levels(
        version,
        files,
        "" if environment.raw is None else _name(environment),
        pieces,
        tuple(f'"{name[:60]}" in the description' for name in value.raw if name not in _KNOWN),
    )


def _name(value: Value) -> str:
    name = value.text(1024)
    if not name or not is_inside(name):
        value.fail("the name of a file in the folder", f"'{name[:100]}'")
    return name


def _leaves(tree: Value, levels: int, files: int) -> list[dict[int, Piece]]:
    """The splats of all leaves, from the first to the last, by level."""
    leaves = []
    waiting = [(tree, 0)]
    nodes = 0
    while waiting:
        node, depth = waiting.pop()
        nodes += 1
        if depth > MOST_DEPTH or nodes > MOST_NODES:
            raise SceneError(
                tree.file,
                f"a tree of at most {MOST_NODES:,} boxes, {MOST_DEPTH} deep",
                "a larger one",
                "tree",
            )
        if node.get("children", None).raw:
            # Named by the root alone: a path of 200 steps helps nobody.
            children = [Value(tree.file, raw.raw, "tree") for raw in node["children"].items("c", 8)]
            waiting += [(child, depth + 1) for child in reversed(children)]
        elif node.get("lods", None).raw:
            leaves.append(_leaf(node["lods"], levels, files))
    return leaves


def _leaf(value: Value, levels: int, files: int) -> dict[int, Piece]:
    if not isinstance(value.raw, dict) or len(value.raw) > MOST_LEVELS:
        value.fail(f"an object with at most {MOST_LEVELS} levels")
    pieces = {}
    for name in value.raw:
        if not (name.isascii() and name.isdigit() and len(name) < 4 and int(name) < levels):
            value.fail(f"levels 0 to {levels - 1}", f"'{name[:40]}'")
        entry = value[name]
        pieces[int(name)] = Piece(
            entry["file"].integer(0, files - 1),
            entry["offset"].integer(0, 2**31 - 1),
            entry["count"].integer(0, 2**31 - 1),
        )
    return pieces


def _check_disjoint(pieces: tuple[Piece, ...], path: Path) -> None:
    last = Piece(-1, 0, 0)
    for piece in sorted(pieces):
        if piece.file == last.file and piece.offset < last.offset + last.size:
            raise SceneError(
                path, "every splat in one box", f"splat {piece.offset:,} in two", "tree"
            )
        last = piece
