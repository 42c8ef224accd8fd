"""``plenoscope info``: what is in a scene file."""

from __future__ import annotations

import argparse
from typing import Any

from app.cli.arguments import add_json, add_scene
from app.cli.commands import Command
from app.cli.console import print_facts, print_json, size


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, and how to print."""
    add_scene(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the facts."""
    from app.cli.loading import load

    scene = load(arguments.scene)
    low, high = ([float(value) for value in corner] for corner in scene.bounds)
    facts: dict[str, Any] = {
        "path": str(arguments.scene),
        "kind": scene.kind,
        "format": scene.format,
        "count": scene.count,
        "sh_degree": scene.sh_degree,
        "bounds": {"min": low, "max": high},
        "bytes_in_memory": scene.nbytes,
        "training": scene.training,
        "metadata": dict(scene.metadata),
        "warnings": list(scene.warnings),
    }
    if arguments.json:
        print_json(facts)
        return 0
    extent = " x ".join(f"{b - a:.4g}" for a, b in zip(low, high, strict=True))
    print_facts(
        [
            ("File", arguments.scene),
            ("Kind", f"{scene.kind}, format {scene.format}, trained as {scene.training}"),
            ("Splats", f"{scene.count:,}"),
            ("View dependence", f"spherical harmonics of degree {scene.sh_degree}"),
            ("Smallest corner", "  ".join(f"{value:.4g}" for value in low)),
            ("Largest corner", "  ".join(f"{value:.4g}" for value in high)),
            ("Extent", f"{extent} scene units"),
            ("Memory", size(scene.nbytes)),
            *((f"File says: {name}", value) for name, value in scene.metadata.items()),
            *(("Note", warning) for warning in scene.warnings),
        ]
    )
    return 0


COMMAND = Command("info", "say what is in a scene file", add_arguments, run, 1)
