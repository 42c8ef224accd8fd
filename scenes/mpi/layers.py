"""Folders of numbered layers, as single-view MPI and stereo magnification write them.

``layer_00.png, layer_01.png, ...``, the farthest first, of straight alpha; or colours and alphas in
files of their own (``mpi_rgb_00.png`` and ``mpi_alpha_00.png``). The folder says nothing of the
camera: depths are linear in disparity, and the pictures fill the view. Sources:
``single-view-mpi/single-view-mpi.github.io:view.html`` (near 1, far 100, 60 degrees across),
``google/stereo-magnification:mpi_from_images.py`` (names) and ``:geometry/projector.py`` (the
farthest layer of separate colours and alphas is opaque, whatever its alpha says).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scenes.camera import Camera
from scenes.errors import SceneError
from scenes.mpi.depths import linear_in_disparity
from scenes.mpi.pictures import Mode, Picture, Pixels, check_total
from scenes.mpi.source import Folder, decoded, look, names_in
from scenes.planes import MOST_LAYERS, Plane, PlaneScene
from scenes.registry import Cancel, Progress

LEAST_LAYERS = 2
_NAME = re.compile(
    r"(layer|mpi_?rgba|rgba|mpi_?rgb|rgb|mpi_?alpha|alpha|mpi)_?(\d{1,6})\.(png|webp|jpe?g)",
    re.IGNORECASE,
)
_COLOURS = ("layer", "mpirgba", "rgba", "mpi", "mpirgb", "rgb")
_ALPHAS = ("mpialpha", "alpha")
_PHOTO = re.compile(r"(input|photo)\.(png|webp|jpe?g)", re.IGNORECASE)


@dataclass(frozen=True)
class Found:
    """Names of the files of a folder, the farthest layer first.

    ``alphas`` is empty where the colours have an alpha of their own.
    """

    colours: tuple[str, ...]
    alphas: tuple[str, ...]
    photo: str | None


def is_layers(folder: Path) -> bool:
    """Whether a folder holds numbered layers, and no description that would say more of them."""
    families: dict[str, set[int]] = {}
    found = False
    for name in names_in(folder):
        if name.lower() in ("metadata.txt", "config.js"):
            return False
        if not found and (match := _NAME.fullmatch(name)):
            numbers = families.setdefault(_family(match), set())
            numbers.add(int(match[2]))
            found = _family(match) in _COLOURS and len(numbers) >= LEAST_LAYERS
    return found


def found_in(names: Iterable[str], path: Path) -> Found:
    """Sort the names of a folder.

    Raises
    ------
    SceneError
        For too few or too many layers, for a number that is missing, and for alphas that are not
        as many as the colours.
    """
    families: dict[str, dict[int, str]] = {}
    photo = None
    for name in sorted(names, key=_lossless_last):
        if match := _NAME.fullmatch(name):
            # The later name wins where a picture is there in several kinds.
            families.setdefault(_family(match), {})[int(match[2])] = name
        elif _PHOTO.fullmatch(name):
            photo = name
    colours = next((families[f] for f in _COLOURS if len(families.get(f, ())) > 1), {})
    _check_numbers(colours, path)
    alphas = next((families[f] for f in _ALPHAS if f in families), {})
    if alphas and set(alphas) != set(colours):
        missing = sorted(set(colours) ^ set(alphas))[0]
        raise SceneError(path, "a colour and an alpha of each layer", f"one of layer {missing}")
    order = sorted(colours)
    return Found(
        tuple(colours[number] for number in order),
        tuple(alphas[number] for number in order) if alphas else (),
        photo,
    )


def _lossless_last(name: str) -> tuple[bool, bool, str]:
    return name.lower().endswith("png"), name.lower().endswith("webp"), name


def _family(match: re.Match[str]) -> str:
    return match[1].lower().replace("_", "")


def _check_numbers(layers: dict[int, str], path: Path) -> None:
    if not LEAST_LAYERS <= len(layers) <= MOST_LAYERS:
        expected = f"{LEAST_LAYERS} to {MOST_LAYERS:,} numbered layers (layer_00.png)"
        raise SceneError(path, expected, f"{len(layers):,}")
    first = min(layers)
    if first > 1:
        raise SceneError(path, "layers from number 0 or 1", f"{layers[first]} first")
    missing = next((number for number in range(first, max(layers)) if number not in layers), None)
    if missing is not None:
        raise SceneError(path, f"layers without a gap up to {max(layers)}", f"no number {missing}")


def read_scene(
    path: Path,
    progress: Progress,
    cancel: Cancel,
    near: float,
    far: float,
    fov: float,
    aspect: float = 0.0,
) -> PlaneScene:
    """Read a folder of layers.

    Parameters
    ----------
    near, far
        Depths of the last and of the first layer, scene units.
    fov
        Horizontal field of view of the picture as it is displayed, degrees. A photo beside the
        layers says how wide that is; without one, it is as wide as the layers.
    aspect
        Width over height of the picture as it is displayed; 0 leaves it as it is.

    Raises
    ------
    SceneError, Cancelled
    """
    _check_view(path, near, far, fov, aspect)
    if not path.is_dir():
        raise SceneError(path, "a folder of layers", "a file")
    source = Folder(path, path)
    found = found_in(names_in(path), path)
    colours = [look(source, name) for name in found.colours]
    alphas = [look(source, name) for name in found.alphas]
    _check_sizes(colours + alphas, path)
    photo = look(source, found.photo) if found.photo else None
    check_total([*colours, *alphas, *([photo] if photo else [])], path)
    camera = _camera(photo or colours[0], fov, aspect)

    wanted: list[tuple[Picture, Mode]] = [(photo, "RGB")] if photo else []
    for index, colour in enumerate(colours):
        wanted.append((colour, "RGBA"))
        if alphas:
            wanted.append((alphas[index], "L"))
    pictures = decoded(source, wanted, progress, cancel)
    shown = next(pictures) if photo else None
    layers = []
    for index, depth in enumerate(linear_in_disparity(far, near, len(colours))):
        image = next(pictures)
        if alphas:
            image = _joined(image, next(pictures), opaque=index == 0)
        layers.append(Plane.facing(camera, depth, image, Path(found.colours[index]).stem))
    for _ in pictures:  # which tells of the end
        pass
    return PlaneScene(
        layers=tuple(layers),
        camera=camera,
        photo=shown,
        name=path.resolve().name,
        source=path,
        format="layers",
        metadata={"near": near, "far": far, "fov": fov, "aspect": camera.width / camera.height},
        warnings=_doubts(layers[-1].image),
    )


def _check_view(path: Path, near: float, far: float, fov: float, aspect: float) -> None:
    if not 0 < near < far < math.inf:
        raise SceneError(path, "depths 0 < near < far", f"near {near:g} and far {far:g}")
    if not 1 <= fov <= 170:
        raise SceneError(path, "a field of view of 1 to 170 degrees", f"{fov:g}")
    if aspect and not 0.01 <= aspect <= 100:
        raise SceneError(path, "a width of 0.01 to 100 times the height", f"{aspect:g}")


def _check_sizes(pictures: list[Picture], path: Path) -> None:
    first = pictures[0]
    for picture in pictures:
        if (picture.width, picture.height) != (first.width, first.height):
            found = f"{picture.width} x {picture.height}"
            raise SceneError(path, f"{first.width} x {first.height} pixels", found, picture.name)


def _camera(shown: Picture, fov: float, aspect: float) -> Camera:
    """At the origin, with square pixels in the picture as it is displayed."""
    width, height = shown.width, shown.height
    if aspect > 0:
        width = max(1, round(height * aspect))
    focal = width / 2 / math.tan(math.radians(fov) / 2)
    return Camera(np.eye(4), width, height, focal, focal, width / 2, height / 2)


def _joined(colour: Pixels, alpha: Pixels, opaque: bool) -> Pixels:
    image = colour.copy()
    image[..., 3] = 255 if opaque else alpha
    return image


def _doubts(nearest: Pixels) -> tuple[str, ...]:
    if nearest[..., 3].min() < 255:
        return ()
    return ("The nearest layer has no transparency and hides the others.",)
