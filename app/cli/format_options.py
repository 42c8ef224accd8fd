"""Flags for what formats let a person choose, found where the formats say so."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from app.cli.console import UsageError
from scenes.registry import Format, Option

FRAME = "stored_frame"
"""Both the axes that a file is taken to have, and those that it is written with."""


def flag(name: str) -> str:
    """``spz_version`` as ``--spz-version``."""
    return "--" + name.replace("_", "-")


def add_read_options(parser: argparse.ArgumentParser) -> None:
    """Flags of all formats that let one choose what is read."""
    from scenes.open import scene_formats

    _add(parser, [option for format in scene_formats() for option in format.read_options])


def add_write_options(parser: argparse.ArgumentParser) -> None:
    """Flags of all formats that let one choose how they are written; not the frame."""
    from scenes.open import scene_formats

    options = [option for format in scene_formats() for option in format.write_options]
    _add(parser, [option for option in options if option.name != FRAME])


def _add(parser: argparse.ArgumentParser, options: Iterable[Option]) -> None:
    added = set()
    for option in options:
        if option.name in added:
            continue
        added.add(option.name)
        kind = _whole if option.default is None else type(option.default)
        default = "" if option.default is None else f" Default {option.default}."
        text = (option.help + default).replace("%", "%%")
        choices = option.choices or None
        parser.add_argument(
            flag(option.name),
            type=kind,
            choices=choices,
            metavar=None if choices and len(choices) <= 4 else option.name.upper().split("_")[-1],
            help=text,
        )


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number, got {text!r}")
    return int(text)


def read_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """The flags of :func:`add_read_options` that were given."""
    from scenes.open import scene_formats

    options = [option for format in scene_formats() for option in format.read_options]
    return _given(arguments, options)


def write_options(arguments: argparse.Namespace, chosen: Format) -> dict[str, Any]:
    """The flags of :func:`add_write_options` that were given.

    Raises
    ------
    UsageError
        For one that the chosen format does not have.
    """
    from scenes.open import scene_formats

    formats = scene_formats()
    options = [o for format in formats for o in format.write_options if o.name != FRAME]
    given = _given(arguments, options)
    known = {option.name for option in chosen.write_options}
    for name in given:
        if name not in known:
            having = [f.title for f in formats if name in {o.name for o in f.write_options}]
            raise UsageError(
                f"{flag(name)} is for {' and '.join(having)}, and the output is {chosen.title}"
            )
    return given


def _given(arguments: argparse.Namespace, options: Iterable[Option]) -> dict[str, Any]:
    values = {option.name: getattr(arguments, option.name, None) for option in options}
    return {name: value for name, value in values.items() if value is not None}
