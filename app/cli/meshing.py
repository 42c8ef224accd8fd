"""``plenoscope convert FIELD OUT.ply``: the surface of a field as triangles."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from app.cli.console import ProgressBar, UsageError
from app.cli.format_options import read_options

OPTIONS = ("resolution", "threshold")


def add_mesh_options(parser: argparse.ArgumentParser) -> None:
    """What there is to choose about a mesh."""
    parser.add_argument(
        "--resolution", type=_cells, metavar="N",
        help="cells along the longest side of a field's box, to .ply, .obj, .stl. Default 256.",
    )  # fmt: skip
    parser.add_argument(
        "--threshold", type=_density, metavar="D",
        help="density of the surface of a radiance field or volume, per scene unit",
    )  # fmt: skip


def _cells(text: str) -> int:
    from render.fields.mesh import MOST

    if not (text.isdecimal() and 2 <= int(text) <= MOST):
        raise argparse.ArgumentTypeError(f"must be 2 to {MOST}, got {text!r}")
    return int(text)


def _density(text: str) -> float:
    try:
        density = float(text)
    except ValueError:
        density = 0.0
    if not (density > 0 and math.isfinite(density)):
        raise argparse.ArgumentTypeError(f"must be above 0, got {text!r}")
    return density


def becomes_mesh(source: Path, target: Path) -> bool:
    """Whether that is what a field and this extension mean: ``.ply`` has splats too."""
    from scenes.meshes import EXTENSIONS
    from scenes.open import sniff_scene

    if target.suffix.lower() not in EXTENSIONS:
        return False
    found = sniff_scene(source)
    return found is not None and found.kind == "field"


def refuse_mesh_options(arguments: argparse.Namespace) -> None:
    """Raise UsageError where one is given and no mesh is made."""
    for name in OPTIONS:
        if getattr(arguments, name) is not None:
            raise UsageError(f"--{name} is for meshes of fields (.ply, .obj, .stl)")


def write(arguments: argparse.Namespace) -> None:
    """Read the field, extract its surface, write it."""
    from app.cli.loading import load
    from render.fields.mesh import RESOLUTION, extract
    from scenes.fields import FieldScene
    from scenes.meshes import write_mesh

    scene = load(arguments.input, **read_options(arguments))
    assert isinstance(scene, FieldScene)  # its format says so
    if arguments.threshold is not None and scene.model.form == "distance":
        raise UsageError("--threshold is for densities; the surface of distances is where they end")
    with ProgressBar("Extracting the surface") as bar:
        mesh = extract(
            scene, arguments.resolution or RESOLUTION, arguments.threshold, progress=bar
        )  # fmt: skip
    if not len(mesh.faces):
        raise ValueError(f"{arguments.input.name} has no surface inside its box")
    with ProgressBar(f"Writing {arguments.output.name}") as bar:
        write_mesh(mesh, arguments.output, bar)
    print(f"{arguments.output}: {len(mesh.vertices):,} vertices, {len(mesh.faces):,} triangles")
