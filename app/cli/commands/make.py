"""``plenoscope make``: multiplane images from photos, pairs and scenes."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.arguments import add_rendering, add_scene, positive, size
from app.cli.commands import Command
from app.cli.console import ProgressBar, UsageError
from app.cli.console import size as size_text
from app.cli.format_options import read_options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from scenes.camera import Camera
    from scenes.planes import PlaneScene


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to make it from, and what each way needs."""
    kinds = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    photo = _kind(kinds, "photo", "from a photo and its depth", 32, _from_photo)
    _add_depth(photo)
    tilted = _kind(
        kinds, "structural", "from a photo and its depth, planes of any pose", 8, _structural
    )
    _add_depth(tilted)
    stereo = _kind(kinds, "stereo", "from two photos of a rectified pair", 64, _from_stereo)
    stereo.add_argument("left", metavar="LEFT", type=Path, help="the photo that it will show")
    stereo.add_argument("right", metavar="RIGHT", type=Path)
    stereo.add_argument("--baseline", type=above_zero, metavar="B", help="scene units; default 1")
    stereo.add_argument("--focal", type=above_zero, metavar="F", help="pixels; instead of --fov")
    stereo.add_argument(
        "--offset", type=float, metavar="X",
        help="pixels by which the right principal point lies right of the left one",
    )  # fmt: skip
    _add_fov(stereo)
    scene = _kind(kinds, "scene", "from a scene, near one camera", 32, _from_scene)
    add_scene(scene)
    scene.add_argument("--camera", type=Path, metavar="FILE", help="cameras.json or a path file")
    scene.add_argument("--index", type=int, metavar="I", help="which of the cameras; default 0")
    scene.add_argument("--size", type=size, metavar="WxH", help="default: the camera's, 1280x720")
    add_rendering(scene)
    for child in (photo, tilted, stereo, scene):
        child.add_argument("output", metavar="OUT", type=Path, help="its extension, like .mpi")
        child.add_argument("--overwrite", action="store_true", help="replace what stands at OUT")


def _kind(
    kinds: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    words: str,
    planes: int,
    make: Callable[[argparse.Namespace, ProgressBar], PlaneScene],
) -> argparse.ArgumentParser:
    parser = kinds.add_parser(name, help=words, description=f"A multiplane image {words}.")
    parser.add_argument(
        "--planes", type=positive, default=planes, metavar="N", help=f"at most; default {planes}"
    )
    parser.set_defaults(make=make)
    return parser


def _add_depth(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("photo", metavar="PHOTO", type=Path)
    parser.add_argument(
        "--depth", required=True, type=Path, metavar="DEPTH", help=".png, .pfm, .npy, .npz or .exr"
    )
    parser.add_argument(
        "--disparity", action="store_true", help="large values are near; stretched to --near, --far"
    )
    parser.add_argument("--near", type=above_zero, metavar="Z", help="depth of the nearest value")
    parser.add_argument("--far", type=above_zero, metavar="Z", help="depth of the farthest value")
    _add_fov(parser)


def _add_fov(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--fov", type=angle, default=50.0, metavar="DEG", help="vertical field of view; default 50"
    )


def above_zero(text: str) -> float:
    """A finite number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not (math.isfinite(number) and number > 0):
        raise argparse.ArgumentTypeError(f"must be above 0, got {text!r}")
    return number


def angle(text: str) -> float:
    """Degrees between 1 and 170."""
    number = above_zero(text)
    if not 1 <= number <= 170:
        raise argparse.ArgumentTypeError(f"must be 1 to 170 degrees, got {text!r}")
    return number


def run(arguments: argparse.Namespace) -> int:
    """Read, make, write."""
    from render.export.records import ExportError
    from scenes.open import format_to_write, save_scene

    target: Path = arguments.output
    format_to_write(target, "planes")
    if target.exists() and not arguments.overwrite:
        raise ExportError(f"{target} exists; --overwrite replaces it")
    if not target.parent.is_dir():
        raise ExportError(f"{target} cannot be written: there is no folder {target.parent}")
    with ProgressBar(f"Making {target.name}") as bar:
        scene = arguments.make(arguments, bar)
    with ProgressBar(f"Writing {target.name}") as bar:
        save_scene(scene, target, bar)
    print(f"{target}: {scene.count:,} planes, {size_text(scene.nbytes)} of pictures")
    return 0


def _camera(photo: NDArray[np.uint8], fov: float, focal: float | None = None) -> Camera:
    import numpy as np

    from scenes.camera import Camera

    height, width = photo.shape[:2]
    if focal is not None:
        return Camera(np.eye(4), width, height, focal, focal, width / 2, height / 2)
    return Camera.from_fov(np.eye(4), math.radians(fov), width, height)


def _photo_and_depth(
    arguments: argparse.Namespace,
) -> tuple[NDArray[np.uint8], NDArray[np.float64], Camera]:
    from render.making.depth_files import as_depth, read_depth, read_photo

    near, far = arguments.near, arguments.far
    if (near is None) != (far is None):
        raise UsageError("--near and --far belong together")
    if near is not None and not near < far:
        raise UsageError("--near must be less than --far")
    photo = read_photo(arguments.photo)
    depth = as_depth(read_depth(arguments.depth), near, far, arguments.disparity)
    return photo, depth, _camera(photo, arguments.fov)


def _from_photo(arguments: argparse.Namespace, bar: ProgressBar) -> PlaneScene:
    from render.making import from_depth

    photo, depth, camera = _photo_and_depth(arguments)
    return from_depth(
        photo, depth, camera, arguments.planes, name=arguments.photo.stem, progress=bar
    )


def _structural(arguments: argparse.Namespace, bar: ProgressBar) -> PlaneScene:
    from render.making import structural

    photo, depth, camera = _photo_and_depth(arguments)
    return structural(
        photo, depth, camera, arguments.planes, name=arguments.photo.stem, progress=bar
    )


def _from_stereo(arguments: argparse.Namespace, bar: ProgressBar) -> PlaneScene:
    from render.making import from_stereo
    from render.making.depth_files import read_photo

    left, right = read_photo(arguments.left), read_photo(arguments.right)
    camera = _camera(left, arguments.fov, arguments.focal)
    return from_stereo(
        left, right, camera, arguments.baseline, arguments.offset, arguments.planes,
        name=arguments.left.stem, progress=bar,
    )  # fmt: skip


def _from_scene(arguments: argparse.Namespace, bar: ProgressBar) -> PlaneScene:
    if arguments.index is not None and not arguments.camera:
        raise UsageError("--index chooses one of --camera, which is missing")
    from app.cli.loading import load, one_camera, ready
    from render.making import from_scene
    from render.request import RenderSettings

    scene = ready(load(arguments.scene, **read_options(arguments)), arguments.backend)
    camera = one_camera(scene, arguments.camera, arguments.index or 0, arguments.size)
    settings = RenderSettings(
        preset=arguments.preset, backend=arguments.backend, back_faces=arguments.back_faces
    )
    return from_scene(scene, camera, arguments.planes, settings, bar)


COMMAND = Command("make", "make a multiplane image", add_arguments, run, 4)
