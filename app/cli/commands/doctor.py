"""``plenoscope doctor``: versions, OpenGL, backends and why one cannot run, limits."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from app.cli.arguments import add_json
from app.cli.commands import Command
from app.cli.console import ProgressBar, print_facts, print_json, size

if TYPE_CHECKING:
    from kernels.limits import Effort

_UNMEASURED = "not measured; do: plenoscope doctor --calibrate"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whether to measure, and how to print."""
    parser.add_argument(
        "--calibrate",
        action="store_true",
        help="measure and keep what this machine can do at most; some seconds, in which nothing "
        "else should run",
    )
    add_json(parser)


def run(arguments: argparse.Namespace, effort: Effort | None = None) -> int:
    """Ask everything and print it; ``effort`` is how much a calibration measures."""
    from app.cli.diagnosis import ffmpeg, kernel_cache, opengl, processor, threads, versions
    from app.limits import BACKENDS as MEASURED
    from app.limits import KeptLimits, measure_machine
    from app.settings import config_folder, state_folder
    from kernels.backends import BACKENDS, available, resolve
    from kernels.cuda.interop import picture_way
    from scenes.registry import never

    if arguments.calibrate:
        with ProgressBar("Measuring") as bar:
            measure_machine(bar, never, effort)
    kept = KeptLimits()
    limits = {name: kept(name) for name in MEASURED if available(name)[0]}
    backends = {name: available(name) for name in BACKENDS}
    graphics = opengl()
    report: dict[str, Any] = {
        "versions": versions(),
        "cpu": processor(),
        "threads": threads(),
        "kernel_cache": kernel_cache(),
        "ffmpeg": ffmpeg(),
        "opengl": graphics,
        "backends": {
            name: {"available": ready, "reason": reason}
            for name, (ready, reason) in backends.items()
        },
        "auto": resolve("auto"),
        "picture": picture_way(resolve("auto"), graphics)[1],
        "limits": {name: found and asdict(found) for name, found in limits.items()},
        "folders": {"settings": str(config_folder()), "state": str(state_folder())},
    }
    if arguments.json:
        print_json(report)
        return 0
    print_facts(
        [
            *report["versions"].items(),
            ("processor", report["cpu"]),
            ("threads", f"{report['threads']['count']} through {report['threads']['layer']}"),
            ("kernel cache", _cache_text(report["kernel_cache"])),
            ("ffmpeg", report["ffmpeg"]),
            ("OpenGL", report["opengl"]),
            *(
                (f"backend {name}", f"{'ready' if ready else 'cannot run'}: {reason}")
                for name, (ready, reason) in backends.items()
            ),
            ("backend auto", report["auto"]),
            ("picture to canvas", report["picture"]),
            *(
                (f"limits of {name}", found.words if found else _UNMEASURED)
                for name, found in limits.items()
            ),
            ("settings folder", report["folders"]["settings"]),
            ("state folder", report["folders"]["state"]),
        ]
    )
    return 0


def _cache_text(cache: dict[str, Any]) -> str:
    return f"{cache['files']} kernels, {size(cache['bytes'])}, in {cache['folder']}"


COMMAND = Command("doctor", "check what runs on this machine", add_arguments, run, 6)
