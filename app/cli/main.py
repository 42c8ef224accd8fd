"""``plenoscope``: the entry point."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from app.cli.commands import Command, commands
from app.cli.console import UsageError

INTERRUPTED = 130


class _Version(argparse.Action):
    """``--version``: the version and what a bug report needs."""

    def __call__(self, parser: argparse.ArgumentParser, *ignored: Any) -> None:
        from app.cli.diagnosis import version_block

        print(version_block())
        parser.exit()


def _parser(known: Sequence[Command], wanted: str) -> argparse.ArgumentParser:
    """The parser of all commands, with the arguments of the one that is ``wanted``.

    Arguments of the others are not asked for: formats are scanned for some of them.
    """
    parser = argparse.ArgumentParser(
        prog="plenoscope",
        description="Open, move through, time and export radiance-field scenes. "
        "Without a command the window opens, on the scenes that are named.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="version and diagnosis")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND")
    for command in known:
        child = subparsers.add_parser(command.name, help=command.help, description=command.help)
        if command.name == wanted:
            command.add_arguments(child)
        child.set_defaults(run=command.run)
    return parser


def _with_command(argv: Sequence[str], known: Sequence[Command]) -> list[str]:
    """``plenoscope scene.ply`` means ``plenoscope view scene.ply``."""
    names = {command.name for command in known}
    if not argv:
        return ["view"]
    if argv[0] in names or argv[0] in ("-h", "--help", "--version"):
        return list(argv)
    return ["view", *argv]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns 0, 1 (failure), 2 (usage) or 130 (interrupted)."""
    known = commands()
    given = list(sys.argv[1:] if argv is None else argv)
    words = _with_command(given, known)
    try:
        arguments = _parser(known, words[0]).parse_args(words)
    except SystemExit as leaving:
        return int(leaving.code or 0)
    try:
        return arguments.run(arguments)
    except KeyboardInterrupt:
        print("plenoscope: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        return 1
    except Exception as error:
        code = _explain(error)
        if code is None:
            raise
        return code


def _explain(error: Exception) -> int | None:
    """Say an expected failure in one sentence; None for a bug, which deserves its traceback."""
    if isinstance(error, UsageError):
        print(f"plenoscope: {error}", file=sys.stderr)
        return 2
    from render.export.records import ExportError
    from scenes.errors import SceneError

    if isinstance(error, (SceneError, ExportError, ValueError, OSError, MemoryError, ImportError)):
        words = str(error) or "not enough memory"
        print(f"plenoscope: {words}", file=sys.stderr)
        return 1
    return None


if __name__ == "__main__":
    sys.exit(main())
