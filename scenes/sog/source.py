"""Where the files of a SOG scene lie: in a folder, or together in a zip archive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from scenes.bounded import Archive, is_inside
from scenes.errors import SceneError
from scenes.paths.json_file import Value, parse

DESCRIPTION = "meta.json"
LEVELS = "lod-meta.json"


class Source(Protocol):
    """Files by name; ``path`` is what errors call them."""

    path: Path

    def read(self, name: str, most: int) -> bytes:
        """All bytes of a file, which must not be more than ``most``."""


class Folder:
    """Files beside each other, below ``root``."""

    def __init__(self, root: Path, path: Path) -> None:
        self.root, self.path = root, path

    def read(self, name: str, most: int) -> bytes:
        """See :class:`Source`. Raises SceneError for names that lead out of the folder."""
        file = self.root / name
        if not is_inside(name):
            raise SceneError(self.path, "names of files inside the folder", f"'{name[:100]}'")
        if not file.is_file():
            raise SceneError(self.path, f"a file {name[:100]}", "none in the folder")
        _check_size(file.stat().st_size, most, self.path, name)
        with file.open("rb") as stream:
            return stream.read(most)


class Zip:
    """Entries of an archive."""

    def __init__(self, archive: Archive, path: Path) -> None:
        self.archive, self.path = archive, path

    def read(self, name: str, most: int) -> bytes:
        """See :class:`Source`."""
        _check_size(self.archive.size(name), most, self.path, name)
        return self.archive.read(name)


def _check_size(size: int, most: int, path: Path, name: str) -> None:
    if size > most:
        raise SceneError(path, f"at most {most:,} bytes", f"{size:,}", name[:100])


@contextmanager
def opened(path: Path) -> Iterator[tuple[Source, str]]:
    """The files of a scene and the name of its description.

    ``path`` is a ``.sog``, the description itself, or the folder that holds it.
    """
    if path.is_dir():
        yield Folder(path, path), DESCRIPTION
        return
    with path.open("rb") as file:
        zipped = file.read(2) == b"PK"
    if zipped:
        # Pictures are compressed already, so the whole cannot grow much.
        with Archive(path, limit=(1 << 20) + 8 * path.stat().st_size) as archive:
            yield Zip(archive, path), DESCRIPTION
    else:
        yield Folder(path.absolute().parent, path), path.name


def description(data: bytes, path: Path, name: str) -> Value:
    """The JSON of a description. Raises SceneError where it is none."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SceneError(
            path, f"UTF-8 text in {name}", "other bytes", f"byte {error.start}"
        ) from None
    return parse(path, text)


def holds_meta(file: Path) -> bool:
    """Whether a file is the description of a SOG scene; never raises."""
    from scenes.sog.meta import MOST_BYTES, is_meta

    return is_meta(_json_of(file, MOST_BYTES))


def holds_levels(file: Path) -> bool:
    """Whether a file is the description of a scene in levels of detail; never raises."""
    from scenes.sog.lod_tree import MOST_BYTES, is_levels

    return is_levels(_json_of(file, MOST_BYTES))


def _json_of(file: Path, most: int) -> object:
    """The value of a JSON file of bounded size, None where it is none."""
    try:
        if not file.is_file() or file.stat().st_size > most:
            return None
        return json.loads(file.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None
