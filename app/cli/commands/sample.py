"""``plenoscope sample``: write a sample scene."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.cli.arguments import positive
from app.cli.commands import Command
from app.cli.console import ProgressBar, UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to write, which sample, how many splats."""
    parser.add_argument("output", metavar="OUT", type=Path, help="scene file to write, like a.ply")
    parser.add_argument(
        "--name",
        default="garden",
        help="garden, room, spheres, or a field: field-spheres, field-knot, field-garden",
    )
    parser.add_argument("--count", type=positive, default=100_000, metavar="N", help="splats")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="default 0")
    parser.add_argument("--overwrite", action="store_true", help="replace what stands at OUT")


def run(arguments: argparse.Namespace) -> int:
    """Make and save."""
    from render.export.records import ExportError
    from scenes.open import save_scene
    from scenes.samples import make_sample, sample_names

    if arguments.name not in sample_names():
        raise UsageError(f"--name must be one of {', '.join(sample_names())}")
    if arguments.output.exists() and not arguments.overwrite:
        raise ExportError(f"{arguments.output} exists; --overwrite replaces it")
    with ProgressBar(f"Making {arguments.name}") as bar:
        scene = make_sample(arguments.name, arguments.count, arguments.seed, bar)
    with ProgressBar(f"Writing {arguments.output.name}") as bar:
        save_scene(scene, arguments.output, bar)
    return 0


COMMAND = Command("sample", "write a sample scene", add_arguments, run, 4)
