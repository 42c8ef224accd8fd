"""``plenoscope formats``: what can be read and written."""

from __future__ import annotations

import argparse
from typing import Any

from app.cli.arguments import add_json
from app.cli.commands import Command
from app.cli.console import print_json, print_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How to print."""
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """List scenes, camera paths and exports."""
    from render.export.encoders import encoders
    from scenes.open import scene_formats
    from scenes.paths.files import path_formats

    rows: list[dict[str, Any]] = [
        {
            "name": format.name,
            "title": format.title,
            "kind": format.kind,
            "extensions": list(format.extensions),
            "read": True,
            "write": format.write is not None,
        }
        for format in (*scene_formats(), *path_formats())
    ]
    rows += [
        {
            "name": encoder.name,
            "title": encoder.title,
            "kind": "export",
            "extensions": list(encoder.extensions),
            "read": False,
            "write": True,
        }
        for encoder in encoders()
    ]
    if arguments.json:
        print_json(rows)
        return 0
    cells = [
        (
            row["name"],
            row["title"],
            row["kind"],
            " ".join(row["extensions"]) or "a folder",
            "yes" if row["read"] else "-",
            "yes" if row["write"] else "-",
        )
        for row in rows
    ]
    print_table(("name", "what it is", "kind", "extensions", "read", "write"), cells)
    return 0


COMMAND = Command("formats", "list what can be read and written", add_arguments, run, 5)
