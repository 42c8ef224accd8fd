"""``plenoscope fit``: neural fields from pictures, meshes, views and other fields."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.arguments import positive
from app.cli.commands import Command
from app.cli.console import ProgressBar, UsageError, duration
from app.cli.console import size as size_text

if TYPE_CHECKING:
    from render.fitting.fit import Fit
    from render.fitting.loop import Report

DEFAULT_SECONDS = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to fit to, what is fitted and for how long."""
    kinds = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    image = _kind(kinds, "image", "to a picture", "PICTURE", _image)
    sdf = _kind(kinds, "sdf", "to the signed distance of a mesh", "MESH", _distance)
    radiance = _kind(kinds, "radiance", "to pictures from many sides", "CAMERAS", _radiance)
    radiance.add_argument(
        "--scale", type=positive, default=1, metavar="N", help="pictures N times smaller; default 1"
    )
    distill = _kind(kinds, "distill", "to another field", "FIELD", _distill)
    for child in (image, sdf, radiance, distill):
        child.add_argument("output", metavar="OUT", type=Path, help="like NAME.field.safetensors")
        child.add_argument("--overwrite", action="store_true", help="replace what stands at OUT")


def _kind(
    kinds: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    words: str,
    source: str,
    make: Callable[[argparse.Namespace, ProgressBar], Fit],
) -> argparse.ArgumentParser:
    from render.fitting.architectures import ENCODINGS, SIZES

    parser = kinds.add_parser(name, help=words, description=f"Fit a neural field {words}.")
    parser.add_argument("input", metavar=source, type=Path)
    parser.add_argument("--encoding", choices=ENCODINGS, default="hash", help="default hash")
    parser.add_argument("--size", choices=SIZES, default="base", help="default base")
    parser.add_argument("--steps", type=positive, metavar="N", help="end after so many steps")
    parser.add_argument(
        "--seconds", type=_seconds, metavar="S",
        help=f"end after so long; default {DEFAULT_SECONDS:.0f} where no steps are given",
    )  # fmt: skip
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="default auto"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of random numbers")
    parser.add_argument(
        "--resume", action="store_true", help="go on from OUT.fit, which every fit leaves"
    )
    parser.set_defaults(make=make)
    return parser


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not (math.isfinite(number) and number > 0):
        raise argparse.ArgumentTypeError(f"must be above 0, got {text!r}")
    return number


def run(arguments: argparse.Namespace) -> int:
    """Prepare, fit, write."""
    from render.export.records import ExportError
    from render.fitting.fit import device_of
    from scenes.open import format_to_write, save_scene

    target: Path = arguments.output
    format_to_write(target, "field")
    if target.exists() and not (arguments.overwrite or arguments.resume):
        raise ExportError(f"{target} exists; --overwrite replaces it")
    if not target.parent.is_dir():
        raise ExportError(f"{target} cannot be written: there is no folder {target.parent}")
    if not 0 <= arguments.seed < 2**63:
        raise UsageError("--seed must be 0 to 2^63 - 1")
    arguments.device = device_of(arguments.device)
    with ProgressBar(f"Preparing {target.name}") as bar:
        fit = arguments.make(arguments, bar)
    _fit(fit, arguments, target.with_name(target.name + ".fit"))
    scene = fit.scene()
    with ProgressBar(f"Writing {target.name}") as bar:
        save_scene(scene, target, bar)
    print(f"{target}: {scene.count:,} parameters, {size_text(scene.nbytes)}, {_result(fit)}")
    return 0


def _fit(fit: Fit, arguments: argparse.Namespace, checkpoint: Path) -> None:
    from render.fitting.loop import run as run_fit

    if arguments.resume:
        fit.load(checkpoint)
    seconds = arguments.seconds
    if arguments.steps is None and seconds is None:
        seconds = DEFAULT_SECONDS
    said = _Said()
    with ProgressBar(f"Fitting {arguments.output.name}") as bar:
        run_fit(fit, arguments.steps, seconds, bar, report=said, checkpoint=checkpoint)


class _Said:
    """Lines for who reads a log, now and then; a terminal has the bar."""

    EVERY = 10.0

    def __init__(self) -> None:
        self._next = self.EVERY

    def __call__(self, report: Report) -> None:
        if sys.stderr.isatty() or report.seconds < self._next:
            return
        self._next = report.seconds + self.EVERY
        left = f", {duration(report.left)} left" if report.left > 0 else ""
        print(
            f"{report.steps:,} steps, loss {report.loss:.3g}, {report.psnr:.1f} dB{left}",
            file=sys.stderr,
        )


def _result(fit: Fit) -> str:
    from render.fitting.distance import DistanceFit, overlap
    from render.fitting.distill import Student, likeness
    from render.fitting.image import ImageFit, psnr_of

    words = f"{fit.steps_done:,} steps in {duration(fit.seconds_spent)}"
    if isinstance(fit, Student):
        return f"{words}, {likeness(fit):.1f} dB to the teacher"
    if isinstance(fit, ImageFit):
        return f"{words}, {psnr_of(fit):.1f} dB"
    if isinstance(fit, DistanceFit):
        return f"{words}, insides overlap by {100 * overlap(fit):.1f} %"
    return f"{words}, {fit.psnr:.1f} dB on the pictures that it saw"


def _image(arguments: argparse.Namespace, bar: ProgressBar) -> Fit:
    from render.fitting.image import ImageFit

    return ImageFit.of_file(
        arguments.input, arguments.encoding, arguments.size, arguments.seed, arguments.device
    )


def _distance(arguments: argparse.Namespace, bar: ProgressBar) -> Fit:
    from render.fitting.distance import DistanceFit

    return DistanceFit.of_file(
        arguments.input, arguments.encoding, arguments.size, arguments.seed, arguments.device,
        progress=bar,
    )  # fmt: skip


def _radiance(arguments: argparse.Namespace, bar: ProgressBar) -> Fit:
    from render.fitting.radiance import RadianceFit

    return RadianceFit.of_file(
        arguments.input, arguments.encoding, arguments.size, arguments.seed, arguments.device,
        arguments.scale, bar,
    )  # fmt: skip


def _distill(arguments: argparse.Namespace, bar: ProgressBar) -> Fit:
    from render.fitting.distill import distill
    from scenes.errors import SceneError
    from scenes.fields import FieldScene
    from scenes.open import open_scene

    scene = open_scene(arguments.input, bar)
    if not isinstance(scene, FieldScene):
        raise SceneError(arguments.input, "a neural field", f"a scene of {scene.kind}")
    return distill(scene, arguments.encoding, arguments.size, arguments.seed, arguments.device, bar)


COMMAND = Command("fit", "fit a neural field", add_arguments, run, 5)
