"""``plenoscope formats``: what can be read and written."""

from __future__ import annotations

import argparse
from typing import Any

from app.cli.arguments import add_json
from app.cli.commands import Command
from app.cli.console import print_json, print_table
from app.cli.format_options import flag
from scenes.registry import Format


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How to print."""
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """List scenes, camera paths and exports."""
    from render.export.encoders import encoders
    from scenes.open import scene_formats
    from scenes.paths.files import path_formats

    scenes = [_row(format) | _scene_facts(format) for format in scene_formats()]
    paths = [_row(format) for format in path_formats()]
    exports = [
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
        print_json([*scenes, *paths, *exports])
        return 0
    print("Scenes\n")
    print_table(
        ("name", "what it is", "extensions", "read", "write", "SH"),
        [(*_cells(row), _degree(row)) for row in scenes],
    )
    print("\nWhat a scene file keeps\n")
    print_table(
        ("name", "axes", "lossless, or its steps"),
        [(str(row["name"]), str(row["frame"]), str(row["precision"])) for row in scenes],
    )
    for title, rows in (("Camera paths", paths), ("Exports", exports)):
        print(f"\n{title}\n")
        print_table(("name", "what it is", "extensions", "read", "write"),
                    [_cells(row) for row in rows])  # fmt: skip
    return 0


def _degree(row: dict[str, Any]) -> str:
    """Of spherical harmonics, which only splats have."""
    return str(row["sh_degree"]) if row["kind"] == "gaussians" else "-"


def _row(format: Format) -> dict[str, Any]:
    return {
        "name": format.name,
        "title": format.title,
        "kind": format.kind,
        "extensions": list(format.extensions),
        "read": True,
        "write": format.write is not None,
    }


def _scene_facts(format: Format) -> dict[str, Any]:
    return {
        "sh_degree": format.sh_degree,
        "frame": format.frame,
        "precision": format.precision,
        "options": [flag(option.name) for option in (*format.read_options, *format.write_options)],
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        row["name"],
        row["title"],
        " ".join(row["extensions"]) or ("a folder" if row["kind"] == "export" else "by content"),
        "yes" if row["read"] else "-",
        "yes" if row["write"] else "-",
    )


COMMAND = Command("formats", "list what can be read and written", add_arguments, run, 5)
