"""``plenoscope info``: what is in a scene file."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from app.cli.arguments import add_json, add_scene
from app.cli.commands import Command
from app.cli.console import print_facts, print_json, size
from app.cli.format_options import read_options

if TYPE_CHECKING:
    from scenes.scene import Scene


_NUMBERS = ("sh_degree", "training", "safe_radius")
"""What only some kinds of scenes have, for programs that read the answer."""
_OF_FILE = ("dialect", "quantisation", "stored_frame", "frame_source", "ignored")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, and how to print."""
    add_scene(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the facts."""
    from app.cli.loading import load

    scene = load(arguments.scene, **read_options(arguments))
    low, high = ([float(value) for value in corner] for corner in scene.bounds)
    facts: dict[str, Any] = {
        "path": str(arguments.scene),
        "kind": scene.kind,
        "format": scene.format,
        "count": scene.count,
        "bounds": {"min": low, "max": high},
        "bytes_in_memory": scene.nbytes,
        "metadata": dict(scene.metadata),
        "warnings": list(scene.warnings),
        "facts": dict(scene.facts()),
    }
    for name in _NUMBERS:
        if hasattr(scene, name):
            facts[name] = getattr(scene, name)
    if arguments.json:
        print_json(facts)
        return 0
    extent = " x ".join(f"{b - a:.4g}" for a, b in zip(low, high, strict=True))
    print_facts(
        [
            ("File", arguments.scene),
            ("Kind", f"{scene.kind}, format {scene.format}"),
            *_of_file(scene),
            *scene.facts().items(),
            ("Smallest corner", "  ".join(f"{value:.4g}" for value in low)),
            ("Largest corner", "  ".join(f"{value:.4g}" for value in high)),
            ("Extent", f"{extent} scene units"),
            ("Memory", size(scene.nbytes)),
            *((f"File says: {name}", value) for name, value in scene.metadata.items()
              if name not in _OF_FILE),
            *(("Note", warning) for warning in scene.warnings),
        ]
    )  # fmt: skip
    return 0


def _of_file(scene: Scene) -> list[tuple[str, str]]:
    """What every reader tells of a file, in words; leaves out what there is not."""
    told = scene.metadata
    axes = told.get("stored_frame")
    facts = {
        "Dialect": told.get("dialect"),
        "Quantisation": told.get("quantisation"),
        "Axes": f"{str(axes).upper()}, {told.get('frame_source', 'declared')}" if axes else None,
        "Not used": ", ".join(map(str, told.get("ignored", ()))),
    }
    return [(name, str(value)) for name, value in facts.items() if value]


COMMAND = Command("info", "say what is in a scene file", add_arguments, run, 1)
