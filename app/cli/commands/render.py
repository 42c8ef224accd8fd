"""``plenoscope render``: pictures, videos and arrays without a window."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.arguments import (
    add_rendering,
    add_scene,
    background,
    frame_range,
    frame_rate,
    outputs,
    positive,
    size,
)
from app.cli.commands import Command
from app.cli.console import ProgressBar, UsageError, duration
from app.cli.console import size as size_text
from app.cli.format_options import read_options

if TYPE_CHECKING:
    from render.export import ExportProgress
    from render.request import RenderRequest
    from scenes.camera import Camera
    from scenes.scene import Scene


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Scene, output, cameras, and how to draw."""
    add_scene(parser)
    parser.add_argument(
        "-o", "--output", required=True, type=Path, metavar="OUT",
        help=".png, .mp4, .webm, .mov, .gif, .npz (float arrays), or a folder of pictures",
    )  # fmt: skip
    parser.add_argument("--cameras", type=Path, metavar="FILE", help="cameras.json or a path file")
    parser.add_argument("--index", type=int, metavar="N", help="which of the cameras; default 0")
    parser.add_argument("--path", type=Path, metavar="FILE", help="camera path to follow")
    parser.add_argument("--size", type=size, metavar="WxH", help="default: the camera's, 1280x720")
    parser.add_argument("--fps", type=frame_rate, metavar="F", help="default: the path's")
    parser.add_argument("--frames", type=frame_range, metavar="A:B", help="frames A up to B - 1")
    parser.add_argument("--outputs", type=outputs, default=("color",), metavar="color,alpha,depth")
    add_rendering(parser)
    parser.add_argument("--sh-degree", type=int, choices=range(5), metavar="D")
    from kernels.gaussians.storage import STORAGES

    parser.add_argument(
        "--sh-storage", choices=STORAGES, default="fp32",
        help="how view-dependent colour is stored while drawing; default fp32",
    )  # fmt: skip
    parser.add_argument(
        "--background", type=background, default=(0.0, 0.0, 0.0), metavar="R,G,B",
        help="0..1 or 0..255, or none; default black",
    )  # fmt: skip
    parser.add_argument("--supersample", type=positive, default=1, metavar="N", help="1 to 4")
    parser.add_argument("--quality", type=int, default=80, metavar="Q", help="0 to 100; default 80")
    parser.add_argument("--overwrite", action="store_true", help="replace what stands at OUT")


def run(arguments: argparse.Namespace) -> int:
    """Render and write."""
    if arguments.cameras and arguments.path:
        raise UsageError("--cameras gives one picture and --path a clip: name one of them")
    if arguments.index is not None and not arguments.cameras:
        raise UsageError("--index chooses one of --cameras, which is missing")
    if arguments.supersample > 4:
        raise UsageError("--supersample must be 1 to 4")
    if arguments.frames and not arguments.path:
        raise UsageError("--frames chooses frames of --path, which is missing")
    from app.cli.loading import load, ready
    from kernels.backends import resolve

    resolve(arguments.backend)
    _check_output(arguments.output, arguments.overwrite)
    scene = ready(load(arguments.scene, **read_options(arguments)), arguments.backend)
    requests, fps = _requests(arguments, scene)
    if arguments.output.suffix.lower() == ".npz":
        _write_arrays(arguments, requests)
        return 0
    _export(arguments, requests, fps)
    return 0


def _check_output(out: Path, overwrite: bool) -> None:
    """Refuse what cannot be written before a large scene is read."""
    from render.export import ExportError
    from render.export.encoders import encoder_for

    folder = False
    if out.suffix.lower() != ".npz":
        folder = encoder_for(out).shape == "sequence"
    if not folder and out.exists() and not overwrite:
        raise ExportError(f"{out} exists; --overwrite replaces it")
    if not folder and not out.parent.is_dir():
        raise ExportError(f"{out} cannot be written: there is no folder {out.parent}")


def _requests(arguments: argparse.Namespace, scene: Scene) -> tuple[list[RenderRequest], float]:
    from render.request import RenderRequest, RenderSettings

    settings = RenderSettings(
        preset=arguments.preset,
        sh_degree=arguments.sh_degree,
        sh_storage=arguments.sh_storage,
        background=arguments.background,
        backend=arguments.backend,
        back_faces=arguments.back_faces,
    )
    cameras, fps = _cameras(arguments, scene)
    requests = [
        RenderRequest(scene, camera, settings, supersample=arguments.supersample)
        for camera in cameras
    ]
    return requests, fps


def _cameras(arguments: argparse.Namespace, scene: Scene) -> tuple[list[Camera], float]:
    """The cameras in order and the frame rate."""
    from dataclasses import replace

    from app.cli.loading import one_camera
    from scenes.paths.files import read_path
    from scenes.paths.interpolate import cameras_of

    if arguments.path is None:
        camera = one_camera(scene, arguments.cameras, arguments.index or 0, arguments.size)
        return [camera], arguments.fps or 30.0
    path = read_path(arguments.path)
    if arguments.fps:
        path = replace(path, fps=arguments.fps)
    cameras = cameras_of(path, *(arguments.size or (1280, 720)))
    first, last = arguments.frames or (None, None)
    chosen = cameras[first:last]
    if not chosen:
        raise UsageError(f"--frames leaves none of the {len(cameras)} frames of the path")
    if arguments.output.suffix.lower() in (".png", ".npz"):
        chosen = chosen[:1]
    return chosen, path.fps


def _write_arrays(arguments: argparse.Namespace, requests: list[RenderRequest]) -> None:
    """Colour, alpha, depth and what else there is of one camera, as arrays."""
    import os
    from dataclasses import replace

    import numpy as np

    from render.render import render
    from render.request import OUTPUTS, VIEWS_OF

    out: Path = arguments.output
    outputs = OUTPUTS + VIEWS_OF.get(requests[0].scene.kind, ())
    frame = render(replace(requests[0], outputs=outputs, display=False))
    part = out.with_name(out.name + ".part")
    try:
        with part.open("wb") as file:
            # Sets of multiplane images have no layers to tell.
            found = {name: frame.images[name] for name in outputs if name in frame.images}
            np.savez(file, allow_pickle=False, **found)
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)


def _export(arguments: argparse.Namespace, requests: list[RenderRequest], fps: float) -> None:
    from render.export import ExportSettings, export

    settings = ExportSettings(
        arguments.output, fps, arguments.quality, arguments.outputs, arguments.overwrite
    )
    with ProgressBar(f"Writing {arguments.output.name}") as bar:

        def show(progress: ExportProgress) -> None:
            bar(progress.frame, progress.total, "frames")

        result = export(requests, settings, show)
    for note in result.notes:
        print(f"plenoscope: {note}", file=sys.stderr)
    if sys.stderr.isatty():
        print(
            f"{result.path}: {result.frames} frames, {size_text(result.nbytes)}, "
            f"in {duration(result.seconds)}",
            file=sys.stderr,
        )


COMMAND = Command("render", "write a picture, a video or arrays", add_arguments, run, 2)
