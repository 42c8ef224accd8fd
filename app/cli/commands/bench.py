"""``plenoscope bench``: how fast a scene renders here, kernel by kernel; captures and replays."""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.arguments import add_json, add_rendering, count, positive, size
from app.cli.commands import Command
from app.cli.console import ProgressBar, UsageError, print_json, print_table
from app.cli.format_options import add_read_options, read_options

if TYPE_CHECKING:
    from render.request import RenderRequest
    from scenes.scene import Scene

FRAMES, WARM_UP = 20, 3
"""Of a replay."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Scene, cameras, size and repeats; or a captured frame."""
    parser.add_argument("scene", metavar="SCENE", type=Path, nargs="?", help="scene file or folder")
    add_read_options(parser)
    parser.add_argument("--cameras", type=Path, metavar="FILE", help="default: 12 around the scene")
    parser.add_argument("--size", type=size, metavar="WxH", help="default: the cameras', 1280x720")
    parser.add_argument("--repeat", type=positive, default=10, metavar="N", help="default 10")
    parser.add_argument(
        "--capture", type=Path, metavar="FILE", help="also save the slowest frame, with its scene"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the file of --capture")
    replay = parser.add_argument_group(
        "replay", "a captured frame instead of a scene; under nsys or ncu it alone is recorded"
    )
    replay.add_argument("--replay", type=Path, metavar="FILE", help="what --capture has saved")
    replay.add_argument("--frames", type=positive, metavar="N", help=f"default {FRAMES}")
    replay.add_argument("--warm-up", type=count, metavar="N", help=f"default {WARM_UP}")
    add_rendering(parser)
    # So that a replay can tell a wish from the default, which is what was captured.
    parser.set_defaults(backend=None)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    _check(arguments)
    if arguments.replay is not None:
        return _replay(arguments)
    return _bench(arguments)


def _check(arguments: argparse.Namespace) -> None:
    if (arguments.scene is None) == (arguments.replay is None):
        raise UsageError("bench needs a SCENE, or a captured frame by --replay")
    if arguments.replay is None and (arguments.frames or arguments.warm_up is not None):
        raise UsageError("--frames and --warm-up are for --replay; a scene has --repeat")
    if arguments.replay and (arguments.capture or arguments.cameras or arguments.size):
        raise UsageError("a captured frame is replayed as it is: no --cameras, --size or --capture")
    if arguments.capture and arguments.capture.exists() and not arguments.overwrite:
        raise UsageError(f"{arguments.capture} exists; --overwrite replaces it")


def _bench(arguments: argparse.Namespace) -> int:
    from app.cli.diagnosis import machine
    from app.cli.loading import load, named_cameras, ready
    from app.limits import KeptLimits
    from kernels.backends import resolve
    from render.bench import bench
    from render.request import RenderRequest, RenderSettings

    asked = arguments.backend or "auto"
    backend = resolve(asked)
    limits = KeptLimits()
    ceilings = limits(backend)
    scene = ready(load(arguments.scene, **read_options(arguments)), asked)
    if arguments.cameras is not None:
        cameras = named_cameras(arguments.cameras)
        if arguments.size is not None:
            cameras = [(name, camera.resized(*arguments.size)) for name, camera in cameras]
    else:
        cameras = _around(scene, arguments.size or (1280, 720))
    cameras = _unique(cameras)
    settings = RenderSettings(
        preset=arguments.preset, backend=backend, back_faces=arguments.back_faces
    )
    with ProgressBar("Measuring") as bar:
        request = RenderRequest(scene, cameras[0][1], settings)
        figures = bench(request, cameras, arguments.repeat, bar, limits=limits)
    first = cameras[0][1]
    report = {
        "scene": str(arguments.scene),
        "count": scene.count,
        "made_of": next(iter(scene.facts())).lower(),
        "size": [first.width, first.height],
        "backend": backend,
        "preset": arguments.preset,
        "machine": machine(),
        "limits": ceilings and asdict(ceilings),
        **figures,
    }
    if arguments.capture is not None:
        slowest = max(report["frames"], key=lambda frame: frame["ms_median"])["camera"]
        asking = replace(
            request, camera=dict(cameras)[slowest], settings=replace(settings, backend=asked)
        )
        _capture(asking, arguments.capture)
        report["captured"] = {"camera": slowest, "file": str(arguments.capture)}
    if arguments.json:
        print_json(report)
    else:
        _print(report)
        if arguments.capture is not None:
            print(f"\n{slowest}, the slowest frame, is in {arguments.capture}")
    return 0


def _capture(request: RenderRequest, file: Path) -> None:
    from app.cli.diagnosis import machine
    from render.render import render
    from render.replay import write_capture

    frame = render(request)
    with ProgressBar(f"Writing {file.name}") as bar:
        write_capture(request, frame, machine(), file, bar)


def _replay(arguments: argparse.Namespace) -> int:
    from app.cli.diagnosis import machine
    from app.limits import KeptLimits
    from kernels.backends import resolve
    from render.replay import ALIKE, read_capture, replay

    with ProgressBar(f"Opening {arguments.replay.name}") as bar:
        captured = read_capture(arguments.replay, bar)
    request = captured.request
    backend = resolve(arguments.backend or request.settings.backend)
    limits = KeptLimits()
    ceilings = limits(backend)
    warm_up = WARM_UP if arguments.warm_up is None else arguments.warm_up
    with ProgressBar("Measuring") as bar:
        figures = replay(captured, backend, arguments.frames or FRAMES, warm_up, bar, limits)
    likeness = figures.pop("psnr")
    scene, camera = request.scene, request.camera
    report = {
        "capture": str(arguments.replay),
        "scene": scene.name,
        "sha256": captured.sha256,
        "count": scene.count,
        "made_of": next(iter(scene.facts())).lower(),
        "size": [camera.width, camera.height],
        "backend": backend,
        "captured_with": captured.backend,
        "preset": request.settings.preset,
        "machine": machine(),
        "limits": ceilings and asdict(ceilings),
        "same_picture": math.isinf(likeness),
        "psnr_db": None if math.isinf(likeness) else likeness,
        **figures,
    }
    if arguments.json:
        print_json(report)
    else:
        _print(report)
        same = math.isinf(likeness)
        words = "the captured one" if same else f"{likeness:.1f} dB from the captured one"
        print(f"\npicture: {words}, which {captured.backend} drew")
    if likeness < ALIKE:
        print(
            f"plenoscope: warning: this is not the picture that was captured: {likeness:.1f} dB, "
            f"where pictures of different backends have {ALIKE:.0f} or more",
            file=sys.stderr,
        )
    return 0


def _around(scene: Scene, size: tuple[int, int]) -> list[tuple[str, Any]]:
    """Twelve views from around the scene; of a multiplane image, from near its camera."""
    from render.bench import orbit_cameras
    from scenes.planes import PlaneScene
    from scenes.sway import PERIOD, swayed

    count = 12
    if isinstance(scene, PlaneScene) and scene.safe_radius:
        home = scene.default_camera(*size)
        return [(f"sway {i}", swayed(scene, home, PERIOD * i / count)) for i in range(count)]
    around = orbit_cameras(*scene.focus, size, count)
    return [(f"orbit {number}", camera) for number, camera in enumerate(around)]


def _unique(cameras: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Names made unique by their place, where a file repeats them."""
    names = [name for name, _ in cameras]
    if len(set(names)) == len(names):
        return cameras
    return [(f"{index} {name}", camera) for index, (name, camera) in enumerate(cameras)]


def _print(report: dict[str, Any]) -> None:
    frame = report["frame_ms"]
    width, height = report["size"]
    made_of = f"{report['count']:,} {report['made_of']}"
    print(f"{report['scene']}: {made_of}, {width}x{height}, {report['backend']}")
    print(
        f"frame {frame['median']:.2f} ms (5 % below {frame['p5']:.2f}, 95 % below "
        f"{frame['p95']:.2f}), {1000 / frame['median']:.1f} frames a second\n"
    )
    rows = [
        (
            row["name"],
            row["backend"] or "-",
            f"{row['ms_median']:.3f}",
            f"{row['ms_p95']:.3f}",
            f"{row['share']:.1%}",
            f"{row['bytes'] / 1e6:.2f}",
            f"{row['flops'] / 1e6:.1f}",
            f"{row['gb_s']:.1f}",
            f"{row['gflop_s']:.1f}",
            "-" if row["of_limit"] is None else f"{row['of_limit']:.0%}",
            row["bound"] or "-",
            ", ".join(f"{value:,} {name}" for name, value in row["counters"].items()),
        )
        for row in report["kernels"]
    ]
    head = (
        "kernel", "backend", "median ms", "p95 ms", "share", "MB", "MFLOP", "GB/s", "GFLOP/s",
        "of limit", "bound", "counters",
    )  # fmt: skip
    print_table(head, rows)


COMMAND = Command("bench", "measure frames and kernels", add_arguments, run, 3)
