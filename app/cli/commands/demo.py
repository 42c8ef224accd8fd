"""``plenoscope demo``: a tour through the sample scene, as a video and a table of its kernels."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.commands import Command
from app.cli.commands.view import has_display, open_window
from app.cli.console import ProgressBar, duration, size

if TYPE_CHECKING:
    from render.export import ExportProgress, ExportResult

DEFAULT = Path("tour.mp4")
COUNT = 150_000
SIZE = (960, 540)
SECONDS = 8.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to write, and whether the window opens."""
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="default tour.mp4, which is replaced"
    )
    parser.add_argument("--no-window", action="store_true", help="only write the video")
    parser.add_argument("--overwrite", action="store_true", help="replace a named output")


def run(arguments: argparse.Namespace) -> int:
    """Make the sample, write the tour, print the table, open the window."""
    output = arguments.output or DEFAULT
    result = _write_tour(output, arguments.overwrite or arguments.output is None)
    print(
        f"{output}: {result.frames} frames of {SIZE[0]}x{SIZE[1]}, {size(result.nbytes)}, "
        f"in {duration(result.seconds)}\n"
    )
    _print_table(result)
    if arguments.no_window:
        return 0
    if not has_display():
        print("\nThere is no display here, so no window opens.")
        return 0
    return open_window([], None)


def _write_tour(output: Path, overwrite: bool) -> ExportResult:
    from dataclasses import replace

    from render.export import ExportSettings, export
    from render.render import warm_up
    from render.request import RenderRequest
    from scenes.paths.interpolate import cameras_of
    from scenes.samples import make_sample, tour

    with ProgressBar("Making the garden") as bar:
        scene = make_sample("garden", COUNT, 0, bar)
    with ProgressBar("Starting kernels (compiled once on a machine)") as bar:
        warm_up("auto", bar)
    path = tour(scene)
    if path.duration > SECONDS:
        pace = SECONDS / path.duration
        keys = tuple(replace(key, time=key.time * pace) for key in path.keys)
        path = replace(path, keys=keys, duration=SECONDS)
    requests = [RenderRequest(scene, camera) for camera in cameras_of(path, *SIZE)]
    with ProgressBar(f"Writing {output.name}") as bar:

        def show(progress: ExportProgress) -> None:
            bar(progress.frame, progress.total, "frames")

        return export(requests, ExportSettings(output, path.fps, overwrite=overwrite), show)


def _print_table(result: ExportResult) -> None:
    """The kernels of the tour, as the profiler panel shows them."""
    from render.profile import ProfileStore
    from render.request import Frame
    from render.trace import table_text

    store = ProfileStore()
    for records, total in zip(result.records, result.totals_ns, strict=True):
        start = records[0].start_ns if records else 0
        store.add_shown(Frame({}, records, start, total, backend=records[0].backend))
    print(table_text(store.rows()))


COMMAND = Command("demo", "render a tour of the sample and open it", add_arguments, run, 7)
