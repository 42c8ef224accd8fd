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
class Option:
    """One thing that a person can choose when a file is read or written.

    Attributes
    ----------
    name
        Keyword argument of ``read`` or ``write``; with dashes it is the flag of the command line.
    title, help
        What the dialog calls it, and one sentence on what it is good for.
    default
        The value of who does not choose; its type is the option's type (None: a whole number that
        may be left open).
    choices
        The allowed values; empty for any number in ``low`` to ``high``.
    """

    name: str
    title: str
    help: str
    default: Any
    choices: tuple[Any, ...] = ()
    low: int = 0
    high: int = 2**31 - 1


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
        ``write(scene, path, progress, cancel, **options)`` returns sentences about what the file
        does not keep; None when the format is only read.
    read_options, write_options
        What ``read`` and ``write`` take as keywords.
    estimate
        ``estimate(scene, **options)`` bytes that writing would make, without writing.
    sh_degree
        The highest degree of spherical harmonics that the format holds.
    frame
        Which way the axes of its files point, in words.
    axes
        The frame of all its files (see :mod:`scenes.frames`) where there is no choice; else empty.
    precision
        ``"lossless"``, or the step of each attribute, in words.
    """

    name: str
    title: str
    extensions: tuple[str, ...]
    kind: str
    sniff: Callable[[Path, bytes], bool]
    read: Callable[..., Any]
    write: Callable[..., Any] | None = None
    read_options: tuple[Option, ...] = ()
    write_options: tuple[Option, ...] = ()
    estimate: Callable[..., int] | None = None
    sh_degree: int = 0
    frame: str = ""
    axes: str = ""
    precision: str = ""


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


def has_wildcards(path: Path) -> bool:
    """Whether a path that does not exist is a pattern for several."""
    return any(sign in path.name for sign in "*?[") and not path.exists()


def head_of(path: Path, size: int = 4096) -> bytes:
    """The first bytes of a file; empty for a folder or a pattern."""
    if path.is_dir() or has_wildcards(path):
        return b""
    with path.open("rb") as file:
        return file.read(size)


def choose(formats: list[Format], path: Path) -> Format | None:
    """The format of a file: by content first, by extension second; None when unknown."""
    head = head_of(path)
    for candidate in formats:
        if candidate.sniff(path, head):
            return candidate
    return by_extension(formats, path)


def by_extension(formats: list[Format], path: Path) -> Format | None:
    """The format with the longest extension that the name of the file ends in."""
    name = path.name.lower()
    endings = {e: f for f in formats for e in f.extensions if name.endswith(e)}
    return endings[max(endings, key=len)] if endings else None
