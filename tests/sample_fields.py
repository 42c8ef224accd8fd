"""Fits the neural fields that are shipped as samples, from scenes that are made by formula.

Run: python -m tests.sample_fields assets/fields [--seconds 240] [--only NAME]

The radiance field learns from pictures of the sample "spheres", the image from one of the sample
"garden", the distance field from a trefoil knot.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from render.fields.mesh import polygonize
from render.fitting.distance import DistanceFit, distance_field, overlap
from render.fitting.fit import Fit
from render.fitting.image import ImageFit, psnr_of
from render.fitting.loop import run
from render.fitting.radiance import RadianceFit
from render.fitting.surfaces import Surface
from render.render import prepared, render
from render.request import RenderRequest, RenderSettings
from scenes.camera import Camera
from scenes.fields import FieldScene
from scenes.open import save_scene
from scenes.samples import SHIPPED, make_sample

VIEWS = 60
SIDE = 256
SPLATS = 200_000


def spheres(seconds: float, folder: Path) -> Fit:
    """A radiance field of the spheres, from pictures on the upper half of a ball around them."""
    scene = make_sample("spheres", SPLATS)
    centre, radius = scene.focus
    frames = []
    for number in range(VIEWS):
        # A spiral of equal areas from low to high.
        height = 0.05 + 0.85 * (number + 0.5) / VIEWS
        angle = number * np.pi * (3 - np.sqrt(5))
        flat = np.sqrt(1 - height**2)
        toward = np.array([flat * np.cos(angle), -height, flat * np.sin(angle)])
        camera = Camera.look_at(
            centre + 3.2 * radius * toward, centre, fov_y=0.8, width=SIDE, height=SIDE
        )
        settings = RenderSettings(background=None)
        picture = render(RenderRequest(scene, camera, settings, supersample=2)).rgba8
        Image.fromarray(picture, "RGBA").save(folder / f"{number:03}.png")
        pose = camera.world_from_camera @ np.diag([1.0, -1, -1, 1])
        frames.append({"file_path": f"{number:03}.png", "transform_matrix": pose.tolist()})
    file = folder / "transforms.json"
    placing = {"scale": 0.45 / radius, "offset": (0.5 - 0.45 / radius * centre).tolist()}
    file.write_text(json.dumps({"camera_angle_x": 0.8, "frames": frames} | placing))
    fit = RadianceFit.of_file(file, "hash", "small")
    run(fit, seconds=seconds)
    return fit


class _Knot:
    """The distance to a tube around a trefoil knot."""

    def __init__(self) -> None:
        t = np.linspace(0, 2 * np.pi, 2048, endpoint=False)
        curve = [np.sin(t) + 2 * np.sin(2 * t), np.cos(t) - 2 * np.cos(2 * t), -np.sin(3 * t)]
        from scipy.spatial import cKDTree

        self._curve = np.stack(curve, 1) / 3
        self._tree = cKDTree(self._curve)

    def distances(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N,) of (N, 3)."""
        return (self._tree.query(points)[0] - 0.17).astype(np.float32)

    def slopes(self, points: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """The same, and gradients (N, 3)."""
        distance, index = self._tree.query(points)
        away = points - self._curve[index]
        lengths = np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)
        return (distance - 0.17).astype(np.float32), (away / lengths).astype(np.float32)


def knot(seconds: float, folder: Path) -> Fit:
    """A distance field of a trefoil knot."""
    mesh = polygonize(_Knot(), np.full(3, -1.3), np.full(3, 1.3), 160)
    surface = Surface.of(mesh.vertices, mesh.faces, "knot")
    fit = DistanceFit(distance_field(surface.lower, surface.side, "hash", "small"), surface)
    run(fit, seconds=seconds)
    print(f"knot: intersection over union {overlap(fit):.4f}")
    return fit


def garden(seconds: float, folder: Path) -> Fit:
    """An image field of the garden from its first view."""
    scene = make_sample("garden", SPLATS)
    request = RenderRequest(scene, scene.default_camera(768, 512), supersample=2)
    file = folder / "garden.png"
    Image.fromarray(render(request).rgba8[..., :3], "RGB").save(file)
    fit = ImageFit.of_file(file, "hash", "small")
    run(fit, seconds=seconds)
    print(f"garden: PSNR {psnr_of(fit):.2f} dB")
    return fit


def _view(fit: Fit) -> dict[str, Any]:
    """The first view of the spheres, in the frame of their field."""
    if not isinstance(fit, RadianceFit):
        return {}
    camera = make_sample("spheres", SPLATS).default_camera()
    camera = camera.transformed(fit.box.scene_from_file)
    ahead, down = camera.camera_from_world[2, :3], camera.camera_from_world[1, :3]
    view = {"eye": camera.position, "target": camera.position + ahead, "up": -down}
    told: dict[str, Any] = {name: value.tolist() for name, value in view.items()}
    return {"default_view": told | {"fov_y": float(np.rad2deg(camera.fov_y))}}


MAKERS = {"field-spheres": spheres, "field-knot": knot, "field-garden": garden}


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=240.0, help="of each fit")
    parser.add_argument("--only", choices=tuple(MAKERS))
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name, make in MAKERS.items():
        if arguments.only not in (None, name):
            continue
        with tempfile.TemporaryDirectory() as folder:
            fit = make(arguments.seconds, Path(folder))
        scene = prepared(fit.scene())
        assert isinstance(scene, FieldScene)
        file = arguments.folder / SHIPPED[name].file
        # Neither a way to pictures that are gone, nor their cameras or their name.
        own = file.name.removesuffix(".field.safetensors")
        scene = replace(scene, name=own, cameras=(), metadata=_view(fit))
        save_scene(scene, file, weights="float16")
        print(f"{file}: {file.stat().st_size:,} bytes, {fit.steps_done:,} steps, {fit.psnr:.1f} dB")


if __name__ == "__main__":
    main()
