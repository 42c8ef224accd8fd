"""Every writer, seen with the eyes: what is read back renders the same picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kernels.image.psnr import psnr
from render.render import render
from render.request import RenderRequest, RenderSettings
from scenes.camera import Camera
from scenes.frames import frame_of, matrix_between, turned_axes
from scenes.gaussians import GaussianScene
from scenes.open import open_scene, save_scene, scene_formats
from scenes.registry import Format
from scenes.samples import make_sample

WRITABLE = [f for f in scene_formats() if f.write is not None and f.kind == "gaussians"]

LEAST_PSNR = {True: 90.0, False: 34.0}
"""Decibels of a lossless format (float32 may round once, for logarithms and logits) and of one
that quantises: colours in 8 bits, rotations in 7 to 10 and, worst, palettes of few colours."""


@pytest.fixture(scope="module")
def sample() -> GaussianScene:
    """A scene whose colours depend on the direction, and that looks different from all sides."""
    scene = make_sample("spheres", 6000)
    view = scene.metadata["default_view"]
    return replace(scene, metadata={"default_view": view})


def picture(scene: GaussianScene, camera: Camera) -> np.ndarray:
    request = RenderRequest(scene, camera, RenderSettings(background=(0.2, 0.3, 0.4)))
    color = render(replace(request, outputs=("color",), display=False)).images["color"]
    return np.clip(color, 0, 1)


def to(scene: GaussianScene, format: Format, folder: Path) -> GaussianScene:
    """Written and read again."""
    ending = format.extensions[0]
    place = folder / "scene"
    place.mkdir(exist_ok=True)
    path = place / (ending if not ending.startswith(".") else "a" + ending)
    save_scene(scene, path)
    return open_scene(path)


@pytest.mark.parametrize("axis", [None, "y", "z"])
@pytest.mark.parametrize("format", WRITABLE, ids=lambda format: format.name)
def test_the_same_picture(
    format: Format, axis: str | None, sample: GaussianScene, tmp_path: Path
) -> None:
    """From the same place in space, whichever way the axes of the scene and of the file point."""
    degree = min(sample.sh_degree, format.sh_degree)
    scene = replace(sample, sh=sample.sh[:, : (degree + 1) ** 2])
    camera = scene.default_camera(320, 240)
    whole = picture(scene, camera)
    if axis is not None:
        source = {"y": "rub", "z": "rfu"}[axis]
        turned = turned_axes(scene, matrix_between("rdf", source))
        scene = replace(turned, metadata=dict(turned.metadata) | {"vertical_axis": axis})
    again = to(scene, format, tmp_path)
    assert again.sh_degree == degree
    assert again.count == scene.count
    turn = np.eye(4)
    # Formats that say nothing of a frame keep the numbers, and forget what pointed up.
    kept = "stored_frame" not in again.metadata and frame_of(again) != frame_of(scene)
    turn[:3, :3] = matrix_between("rdf", frame_of(scene if kept else again))
    found = float(psnr("cpu", picture(again, camera.transformed(turn)), whole))
    assert found > LEAST_PSNR[format.precision == "lossless"]


@pytest.mark.parametrize("format", WRITABLE, ids=lambda format: format.name)
def test_what_is_told_of_training_survives_or_is_missed(
    format: Format, sample: GaussianScene, tmp_path: Path
) -> None:
    """A file either keeps that splats were trained for antialiasing, or its writer says so."""
    ending = format.extensions[0]
    path = tmp_path / (ending if not ending.startswith(".") else "a" + ending)
    notes = save_scene(replace(sample, training="mip"), path)
    again = open_scene(path)
    assert again.training == "mip" or any("antialias" in note.lower() for note in notes)


@pytest.mark.parametrize("format", WRITABLE, ids=lambda format: format.name)
def test_cut_harmonics_are_told(format: Format, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    scene = make_sample("spheres", 1000)
    scene = replace(scene, sh=rng.normal(0, 0.1, (scene.count, 25, 3)))
    ending = format.extensions[0]
    path = tmp_path / (ending if not ending.startswith(".") else "a" + ending)
    notes = save_scene(scene, path)
    again = open_scene(path)
    assert again.sh_degree == format.sh_degree
    assert any("harmonics" in note for note in notes) == (format.sh_degree < 4)


@pytest.mark.parametrize("format", WRITABLE, ids=lambda format: format.name)
def test_estimates_are_of_the_right_size(
    format: Format, sample: GaussianScene, tmp_path: Path
) -> None:
    assert format.estimate is not None
    to(sample, format, tmp_path)
    nbytes = sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
    # Six thousand splats compress worse than millions, and palettes weigh more.
    assert 0.4 < format.estimate(sample) / nbytes < 2.5
