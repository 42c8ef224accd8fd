"""Formats are found by scanning a folder: one module per format, no list to edit."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

Progress = Callable[[int, int, str], None]
"""Called as ``progress(done, total, unit)``, from the thread that works."""

Cancel = Callable[[], bool]
"""Returns True once the person pressed cancel."""


def no_progress(done: int, total: int, unit: str) -> None:
    """The default listener: nobody is watching."""


def never() -> bool:
    """The default cancel: nobody can."""
    return False


@dataclass(frozen=True)
class Format:
    """One kind of file.

    Attributes
    ----------
    name
        Short unique name (``"ply"``), also what ``info`` prints.
    title
        What a person calls it ("3D Gaussian splatting PLY").
    extensions
        Lower-case suffixes with the dot, the usual one first.
    kind
        ``"gaussians"``, later ``"planes"`` or ``"field"``; ``"path"`` for camera paths.
    sniff
        ``sniff(path, head) -> bool`` from the first 4096 bytes (empty for a folder).
    read
        ``read(path, progress, cancel) -> scene`` (camera paths: ``read(path) -> CameraPath``).
    write
        ``write(scene, path, progress, cancel)`` or None when the format is only read.
    """

    name: str
    title: str
    extensions: tuple[str, ...]
    kind: str
    sniff: Callable[[Path, bytes], bool]
    read: Callable[..., Any]
    write: Callable[..., None] | None = None


def scan(package: ModuleType) -> list[Format]:
    """All ``FORMAT`` records of the modules of a package, in order of their names."""
    found = []
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda item: item.name):
        record = getattr(
            importlib.import_module(f"{package.__name__}.{module.name}"), "FORMAT", None
        )
        if isinstance(record, Format):
            found.append(record)
    return found


def head_of(path: Path, size: int = 4096) -> bytes:
    """The first bytes of a file; empty for a folder."""
    if path.is_dir():
        return b""
    with path.open("rb") as file:
        return file.read(size)


def choose(formats: list[Format], path: Path) -> Format | None:
    """The format of a file: by content first, by extension second; None when unknown."""
    head = head_of(path)
    for candidate in formats:
        if candidate.sniff(path, head):
            return candidate
    suffix = "".join(path.suffixes[-2:]).lower(), path.suffix.lower()
    for candidate in formats:
        if any(ending in suffix for ending in candidate.extensions):
            return candidate
    return None
