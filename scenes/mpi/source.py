"""Where the pictures of a multiplane image lie: in a folder, or together in a zip archive."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from scenes.bounded import Archive, is_inside
from scenes.errors import SceneError
from scenes.mpi.pictures import HEAD, Mode, Picture, Pixels, decode, in_two_threads, looked_at
from scenes.registry import Cancel, Progress

MOST_FILES = 100_000
"""Names in a folder that are looked at."""


class Source(Protocol):
    """Files by name; ``path`` is what errors call them."""

    path: Path

    def size(self, name: str) -> int:
        """Bytes of a file; SceneError where there is none."""

    def head(self, name: str, most: int) -> bytes:
        """The first bytes of a file."""

    def read(self, name: str) -> bytes:
        """All bytes of a file; the caller has looked at its size."""


class Folder:
    """Files below a folder, which errors call ``path``."""

    def __init__(self, root: Path, path: Path) -> None:
        self.root, self.path = root, path

    def size(self, name: str) -> int:
        """See :class:`Source`. Raises SceneError for names that lead out of the folder."""
        return self._file(name).stat().st_size

    def head(self, name: str, most: int) -> bytes:
        """See :class:`Source`."""
        with self._file(name).open("rb") as file:
            return file.read(most)

    def read(self, name: str) -> bytes:
        """See :class:`Source`."""
        return self.head(name, self.size(name))

    def _file(self, name: str) -> Path:
        if not is_inside(name):
            raise SceneError(self.path, "names of files inside the folder", f"'{name[:100]}'")
        file = self.root / name
        if not file.is_file():
            raise SceneError(self.path, f"a file {name[:100]}", "none in the folder")
        return file


class Zip:
    """Entries of an archive."""

    def __init__(self, archive: Archive) -> None:
        self.archive, self.path = archive, archive.path

    def size(self, name: str) -> int:
        """See :class:`Source`."""
        return self.archive.size(name)

    def head(self, name: str, most: int) -> bytes:
        """See :class:`Source`."""
        with self.archive.stream(name) as file:
            return file.read(most)

    def read(self, name: str) -> bytes:
        """See :class:`Source`."""
        return self.archive.read(name)


def names_in(folder: Path) -> Iterator[str]:
    """Names of the first :data:`MOST_FILES` files of a folder, in no order."""
    with os.scandir(folder) as entries:
        for entry in itertools.islice(entries, MOST_FILES):
            yield entry.name


def look(source: Source, name: str) -> Picture:
    """The header of a picture; see :func:`scenes.mpi.pictures.looked_at`."""
    head = source.head(name, HEAD)
    if head.startswith(b"\xff\xd8"):  # large profiles may stand before the size of a JPEG
        head = source.head(name, 16 * HEAD)
    return looked_at(head, source.size(name), source.path, name)


def decoded(
    source: Source,
    pictures: Sequence[tuple[Picture, Mode]],
    progress: Progress,
    cancel: Cancel,
) -> Iterator[Pixels]:
    """The pixels of pictures that were looked at, in their order, decoded in two threads.

    Raises
    ------
    SceneError, Cancelled
    """
    jobs = ((source.read(picture.name), picture, mode) for picture, mode in pictures)
    return in_two_threads(
        jobs,
        len(pictures),
        lambda job: decode(job[0], job[1], source.path, job[2]),
        progress,
        cancel,
    )
