"""``plenoscope bench``: how fast a scene renders here, kernel by kernel."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.arguments import add_json, add_rendering, add_scene, positive, size
from app.cli.commands import Command
from app.cli.console import ProgressBar, print_json, print_table
from app.cli.format_options import read_options

if TYPE_CHECKING:
    from scenes.scene import Scene


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Scene, cameras, size and repeats."""
    add_scene(parser)
    parser.add_argument("--cameras", type=Path, metavar="FILE", help="default: 12 around the scene")
    parser.add_argument("--size", type=size, metavar="WxH", help="default: the cameras', 1280x720")
    parser.add_argument("--repeat", type=positive, default=10, metavar="N", help="default 10")
    add_rendering(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    from app.cli.diagnosis import machine
    from app.cli.loading import load, named_cameras, ready
    from app.limits import KeptLimits
    from kernels.backends import resolve
    from render.bench import bench
    from render.presets import preset_options
    from render.request import RenderRequest, RenderSettings

    preset_options(arguments.preset)
    backend = resolve(arguments.backend)
    limits = KeptLimits()
    ceilings = limits(backend)
    scene = ready(load(arguments.scene, **read_options(arguments)), arguments.backend)
    if arguments.cameras is not None:
        cameras = named_cameras(arguments.cameras)
        if arguments.size is not None:
            cameras = [(name, camera.resized(*arguments.size)) for name, camera in cameras]
    else:
        cameras = _around(scene, arguments.size or (1280, 720))
    settings = RenderSettings(
        preset=arguments.preset, backend=backend, back_faces=arguments.back_faces
    )
    with ProgressBar("Measuring") as bar:
        request = RenderRequest(scene, cameras[0][1], settings)
        figures = bench(request, _unique(cameras), arguments.repeat, bar, limits=limits)
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
    if arguments.json:
        print_json(report)
    else:
        _print(report)
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
