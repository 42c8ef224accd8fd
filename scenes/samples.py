"""Sample scenes made by formula or shipped, and camera tours for any scene."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from importlib.resources import as_file, files
from typing import Any, cast

import numpy as np

from scenes.camera import look_at_pose
from scenes.fields import FieldScene
from scenes.paths.path import CameraPath, Keyframe
from scenes.planes import PlaneScene
from scenes.registry import Cancel, Progress, never, no_progress
from scenes.scene import Scene
from scenes.sway import sway

LIMITS = (1_000, 5_000_000)
"""Fewest and most Gaussians of a sample."""


@dataclass(frozen=True)
class Sample:
    """A sample scene: the module that models it, its title, and stations (eye, target) of a tour.

    The module has ``patches()``, ``LIGHT`` and ``VIEW``. Stations are in the frame of the scene,
    y down.
    """

    module: str
    title: str
    stations: tuple[tuple[tuple[float, float, float], tuple[float, float, float]], ...]


SAMPLES: dict[str, Sample] = {
    "garden": Sample(
        "scenes.sample_garden",
        "Garden island",
        (
            ((13.0, -6.4, -19.0), (-0.2, -3.0, 0.6)),
            ((20.0, -4.2, -6.0), (0.6, -2.8, 0.8)),
            ((16.0, -6.0, 11.5), (0.2, -2.9, 1.0)),
            ((1.0, -9.5, 20.0), (-0.8, -3.0, 0.0)),
            ((-16.5, -7.0, 13.0), (-1.2, -3.6, 0.5)),
            ((-19.0, -4.6, -6.5), (-0.8, -3.5, 0.5)),
            ((-4.0, -3.4, -18.0), (0.0, -3.0, 0.6)),
        ),
    ),
    "room": Sample(
        "scenes.sample_room",
        "Evening room",
        (
            ((-2.9, -1.75, -2.75), (0.75, -0.85, 0.75)),
            ((-0.2, -1.45, -2.6), (0.6, -0.8, 1.2)),
            ((2.6, -1.8, -2.3), (0.2, -0.7, 1.0)),
            ((2.9, -1.5, 1.5), (0.9, -0.75, 0.2)),
            ((0.6, -1.25, 1.3), (2.6, -1.05, 0.4)),
            ((-1.9, -1.5, 0.4), (-3.4, -1.0, 1.3)),
            ((-3.0, -1.4, -1.2), (0.0, -0.7, 1.3)),
        ),
    ),
    "spheres": Sample(
        "scenes.sample_spheres",
        "Spheres",
        (
            ((0.6, -3.6, -6.6), (0.0, -0.45, 0.1)),
            ((5.6, -2.6, -3.4), (0.0, -0.45, 0.0)),
            ((5.8, -3.4, 3.6), (0.0, -0.45, 0.0)),
            ((-0.4, -2.4, 6.6), (0.0, -0.45, 0.0)),
            ((-5.8, -3.6, 3.2), (0.0, -0.45, 0.0)),
            ((-5.4, -2.4, -3.6), (0.0, -0.45, 0.0)),
        ),
    ),
}


@dataclass(frozen=True)
class Shipped:
    """A sample that is a file of the program: its title and its name in ``assets/fields``."""

    title: str
    file: str


SHIPPED: dict[str, Shipped] = {
    "field-spheres": Shipped("Spheres, a radiance field", "spheres.field.safetensors"),
    "field-knot": Shipped("Knot, a distance field", "knot.field.safetensors"),
    "field-garden": Shipped("Garden, an image field", "garden.field.safetensors"),
}
"""Fields that were fitted to the other samples by ``python -m tests.sample_fields``."""


def sample_names() -> tuple[str, ...]:
    """The samples there are, the default one first."""
    return (*SAMPLES, *SHIPPED)


def sample_titles() -> dict[str, str]:
    """What the samples are called, by name."""
    return {name: sample.title for name, sample in (SAMPLES | SHIPPED).items()}


def make_sample(
    name: str = "garden",
    count: int = 100_000,
    seed: int = 0,
    progress: Progress = no_progress,
    cancel: Cancel = never,
) -> Scene:
    """A sample scene of exactly ``count`` Gaussians; the same arguments give the same scene.

    ``metadata["default_view"]`` holds the view to start from. Shipped samples are as they are,
    whatever count and seed. Raises ValueError for an unknown name or a count out of
    :data:`LIMITS`, and Cancelled.
    """
    if name in SHIPPED:
        return _shipped(name, progress, cancel)
    if name not in SAMPLES:
        raise ValueError(f"there is no sample {name!r}; there are {', '.join(sample_names())}")
    if not LIMITS[0] <= count <= LIMITS[1]:
        raise ValueError(f"count must be {LIMITS[0]:,} to {LIMITS[1]:,}, got {count:,}")
    from scenes.sample_pack import build

    model: Any = import_module(SAMPLES[name].module)
    return build(model.patches(), model.LIGHT, name, count, seed, model.VIEW, progress, cancel)


def _shipped(name: str, progress: Progress, cancel: Cancel) -> Scene:
    from scenes.open import open_scene

    with as_file(files("assets") / "fields" / SHIPPED[name].file) as file:
        scene = cast(FieldScene, open_scene(file, progress, cancel))
    metadata = dict(scene.metadata) | {"sample": name}
    title = SHIPPED[name].title
    return replace(scene, name=title, source=None, format="sample", metadata=metadata)


def tour(scene: Scene) -> CameraPath:
    """A smooth looping flight: through the stations of a sample, around any other scene.

    Of a multiplane image it stays near the reference camera.
    """
    if isinstance(scene, PlaneScene) and scene.safe_radius:
        return sway(scene, scene.default_camera(), 8.0)
    sample = SAMPLES.get(str(scene.metadata.get("sample")))
    if sample is None:
        return _turntable(scene)
    fov_y = float(np.deg2rad(scene.metadata["default_view"]["fov_y"]))
    spacing = 3.0
    keys = tuple(
        Keyframe(index * spacing, look_at_pose(eye, target), fov_y)
        for index, (eye, target) in enumerate(sample.stations)
    )
    return CameraPath(keys, duration=len(keys) * spacing, loop=True, name=f"{sample.title} tour")


def _turntable(scene: Scene, keys: int = 8, duration: float = 12.0) -> CameraPath:
    """Once around the scene's focus, at the distance and height of its default view."""
    camera = scene.default_camera()
    centre, _ = scene.focus
    up = scene.up / np.linalg.norm(scene.up)
    offset = camera.position - centre
    height = (offset @ up) * up
    outward = offset - height
    aside = np.cross(up, outward)
    frames = []
    for index in range(keys):
        angle = -2 * np.pi * index / keys
        eye = centre + height + np.cos(angle) * outward + np.sin(angle) * aside
        time = duration * index / keys
        frames.append(Keyframe(time, look_at_pose(eye, centre, up), camera.fov_y))
    return CameraPath(tuple(frames), duration=duration, loop=True, name="turntable")
