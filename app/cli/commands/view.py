"""``plenoscope view``: the window."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path

from app.cli.commands import Command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Scenes and a camera path."""
    parser.add_argument("scenes", metavar="SCENE", nargs="*", type=Path, help="scene files")
    parser.add_argument("--path", type=Path, metavar="FILE", help="camera path to load")


def has_display() -> bool:
    """Whether a window can be shown."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def run(arguments: argparse.Namespace) -> int:
    """Open the window."""
    if not has_display():
        print(
            "plenoscope: there is no display for a window; "
            "'plenoscope render' and 'plenoscope bench' work without one",
            file=sys.stderr,
        )
        return 1
    for file in (*arguments.scenes, *([arguments.path] if arguments.path else [])):
        if not file.exists():
            print(f"plenoscope: {file} does not exist", file=sys.stderr)
            return 1
    return open_window(arguments.scenes, arguments.path)


def open_window(scenes: list[Path], path: Path | None) -> int:
    """Load Qt and show the window; the only way from the command line to it."""
    return importlib.import_module("app.ui.main").run_window(scenes, path)


COMMAND = Command("view", "open the window", add_arguments, run, 0)
