"""``plenoscope convert``: from one scene format to another, and from fields to meshes."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.commands import Command
from app.cli.console import ProgressBar, UsageError, size
from app.cli.format_options import FRAME, add_read_options, add_write_options, read_options
from app.cli.format_options import write_options as given_write_options
from app.cli.meshing import add_mesh_options, becomes_mesh, refuse_mesh_options
from app.cli.meshing import write as write_mesh

if TYPE_CHECKING:
    from scenes.registry import Format
    from scenes.scene import Scene

LARGE = 256 << 20
"""Bytes of input from which on arrays lie in files beside the output instead of in memory."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Input, output, what to change on the way, and what the formats offer."""
    from scenes.frames import FRAMES

    parser.add_argument("input", metavar="IN", type=Path, help="scene file or folder")
    parser.add_argument("output", metavar="OUT", type=Path, help="its extension names the format")
    parser.add_argument("--sh-degree", type=int, choices=range(5), help="keep at most this degree")
    parser.add_argument(
        "--decimate", type=amount, metavar="N", help="merge splats until N, or N%%, are left"
    )
    parser.add_argument(
        "--frame", choices=FRAMES, metavar="FRAME",
        help="where x, y and z of the output point: rdf (captures), rub (SPZ), luf (glTF), ...",
    )  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="replace what stands at OUT")
    add_mesh_options(parser)
    add_read_options(parser.add_argument_group("reading"))  # type: ignore[arg-type]
    add_write_options(parser.add_argument_group("writing"))  # type: ignore[arg-type]


def amount(text: str) -> tuple[float, bool]:
    """``250000`` or ``25%`` as (number, whether it is a percentage)."""
    share = text.endswith("%")
    try:
        number = float(text.rstrip("%").replace("_", ""))
    except ValueError:
        number = 0.0
    if not (0 < number <= 100 if share else number >= 1):
        raise argparse.ArgumentTypeError(f"must be a count or like 25%, got {text!r}")
    return number, share


def run(arguments: argparse.Namespace) -> int:
    """Read, change, write; says on stderr what the output does not keep."""
    from app.cli.loading import load
    from scenes.open import format_to_write, save_scene
    from scenes.storage import on_disk

    source, target = arguments.input, arguments.output
    if becomes_mesh(source, target):
        _refuse_splat_options(arguments, arguments.frame)
        _check_place(target, arguments.overwrite)
        write_mesh(arguments)
        return 0
    refuse_mesh_options(arguments)
    chosen = format_to_write(target, "")
    options = given_write_options(arguments, chosen)
    turn = _frame(arguments.frame, chosen, options)
    _check_place(target, arguments.overwrite)
    before = _bytes_of(source)
    large = on_disk(target.parent) if before > LARGE else contextlib.nullcontext()
    with large:
        scene = _changed(load(source, **read_options(arguments)), arguments, turn)
        scene = _of_kind(scene, chosen)
        with ProgressBar(f"Writing {target.name}") as bar:
            notes = save_scene(scene, target, bar, **options)
    for note in (*scene.warnings, *notes):
        print(f"plenoscope: {note}", file=sys.stderr)
    _report(scene, target, before)
    return 0


def _check_place(target: Path, overwrite: bool) -> None:
    from render.export.records import ExportError

    if target.exists() and not overwrite:
        raise ExportError(f"{target} exists; --overwrite replaces it")
    if not target.parent.is_dir():
        raise ExportError(f"{target} cannot be written: there is no folder {target.parent}")


def _frame(frame: str | None, chosen: Format, options: dict[str, Any]) -> str | None:
    """What is left to be turned before writing; formats that choose their frame turn themselves."""
    if frame is None or frame == chosen.axes:
        return None
    if chosen.axes:
        raise UsageError(f"{chosen.title} always has the axes {chosen.axes}")
    if FRAME in {option.name for option in chosen.write_options}:
        options[FRAME] = frame
        return None
    return frame


def _changed(scene: Scene, arguments: argparse.Namespace, frame: str | None) -> Scene:
    from scenes.edits import decimate, with_sh_degree
    from scenes.frames import in_frame
    from scenes.gaussians import GaussianScene

    if not isinstance(scene, GaussianScene):
        _refuse_splat_options(arguments, frame)
        return scene
    if arguments.sh_degree is not None:
        scene = with_sh_degree(scene, arguments.sh_degree)
    if arguments.decimate is not None:
        number, share = arguments.decimate
        count = max(1, round(scene.count * number / 100 if share else number))
        with ProgressBar("Merging splats") as bar:
            scene = decimate(scene, count, bar)
    return scene if frame is None else in_frame(scene, frame)


def _refuse_splat_options(arguments: argparse.Namespace, frame: str | None) -> None:
    given = {"--sh-degree": arguments.sh_degree, "--decimate": arguments.decimate, "--frame": frame}
    wrong = [name for name, value in given.items() if value is not None]
    if wrong:
        raise UsageError(f"{wrong[0]} is for splats; {arguments.input.name} has none")


def _of_kind(scene: Scene, chosen: Format) -> Scene:
    """The scene as the kind that a format holds; only planes can be made of something else."""
    if scene.kind == chosen.kind:
        return scene
    if chosen.kind != "planes":
        raise UsageError(f"{chosen.title} holds {chosen.kind}, and the input is {scene.kind}")
    from render.making import from_scene

    with ProgressBar("Making planes") as bar:
        return from_scene(scene, scene.default_camera(), progress=bar)


def _bytes_of(path: Path) -> int:
    """Of a file, with those beside it that belong to it; 0 where that is not known."""
    if path.is_dir() or path.suffix.lower() == ".json":
        folder = path if path.is_dir() else path.parent
        return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return path.stat().st_size if path.is_file() else 0


def _report(scene: Scene, target: Path, before: int) -> None:
    after = _bytes_of(target)
    ratio = f", {before / after:.1f} times smaller" if 0 < after < before else ""
    made_of = next(iter(scene.facts())).lower()
    print(f"{target}: {scene.count:,} {made_of}, {size(before)} -> {size(after)}{ratio}")


COMMAND = Command("convert", "write a scene in another format", add_arguments, run, 3)
