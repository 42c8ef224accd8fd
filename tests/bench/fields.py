"""Pictures of neural fields: how like the photos, samples saved, frames per second, shares.

Run: python -m tests.bench.fields [--repeat 5] [--threads 2]

The chair is a NeRF that others trained, before the eight held views of its photos that the shared
data has; without the shared data only the shipped samples are measured.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from numba import set_num_threads
from PIL import Image

from app.cli.console import print_table
from kernels.image.psnr import psnr
from render.render import prepared, render
from render.request import Frame, RenderRequest, RenderSettings
from scenes.camera import Camera
from scenes.fields import FieldScene
from scenes.open import open_scene
from scenes.paths.files import read_camera_set
from scenes.samples import make_sample
from tests.data import shared_folder

WHITE = (1.0, 1.0, 1.0)


def _frames(request: RenderRequest, repeat: int) -> list[Frame]:
    """After one that compiles and measures what is empty."""
    render(request)
    return [render(request) for _ in range(repeat)]


def _median(frames: list[Frame]) -> float:
    return float(np.median([frame.total_ns for frame in frames])) / 1e6


def _shares(frames: list[Frame]) -> str:
    total: dict[str, float] = {}
    for frame in frames:
        for record in frame.records:
            name = record.name if record.group == "fields" else "picture"
            total[name] = total.get(name, 0.0) + record.duration_ns
    whole = sum(frame.total_ns for frame in frames)
    words = [f"{name} {100 * value / whole:.0f} %" for name, value in total.items()]
    return ", ".join(words)


def chair(folder: Path, size: int) -> None:
    """PSNR at the held views, and what the occupancy grid saves."""
    scene = prepared(open_scene(folder / "neural/nerf_chair_lowres/checkpoint155000.ckpt"))
    held = read_camera_set(folder / "multiview/nerf_synthetic_chair/transforms_test.json")
    settings = RenderSettings(background=WHITE)
    rows = []
    for name, camera, file in zip(held.names, held.cameras, held.pictures, strict=True):
        assert file is not None
        photo = Image.open(file).convert("RGBA").resize((size, size), Image.Resampling.BOX)
        values = np.asarray(photo, np.float32) / 255
        wanted = values[..., :3] * values[..., 3:] + (1 - values[..., 3:])
        request = RenderRequest(
            scene, camera.resized(size, size), settings, ("color", "cost"), display=False
        )
        frame = render(request)
        quality = psnr("cpu", np.ascontiguousarray(frame.images["color"]), wanted)
        rows.append((name, float(quality), frame.images["cost"].mean(), frame.total_ns / 1e6))
    print(f"chair (NeRF of others), {size} x {size}, before its held photos:")
    print_table(
        ("view", "PSNR dB", "samples a pixel", "ms"),
        [(n, f"{q:.2f}", f"{c:.2f}", f"{t:.0f}") for n, q, c, t in rows],
    )
    print(f"mean PSNR {np.mean([row[1] for row in rows]):.2f} dB")
    small = RenderRequest(
        scene, held.cameras[0].resized(100, 100), settings, ("color", "cost"), display=False
    )
    skipped = render(small).images
    every = render(replace(small, settings=replace(settings, skip_empty=False))).images
    ratio = every["cost"].sum() / skipped["cost"].sum()
    error = np.abs(every["color"] - skipped["color"]).max()
    print(f"occupancy: {ratio:.0f} times fewer samples, largest difference {error:.1e}")


def preview(scene: FieldScene, title: str, camera: Camera, repeat: int) -> None:
    """Frames of a size, at rest and as they are while the camera moves."""
    size = f"{camera.width} x {camera.height}"
    for effort, when in ((1.0, "at rest"), (0.5, "moving")):
        frames = _frames(RenderRequest(scene, camera, effort=effort), repeat)
        ms = _median(frames)
        print(f"{title}, {size}, {when}: {ms:.1f} ms, {1000 / ms:.1f} a second")
        if effort == 1:
            print(f"  {_shares(frames)}")


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", type=int, default=400, help="pixels of the chair's pictures")
    arguments = parser.parse_args()
    set_num_threads(arguments.threads)
    for name in ("field-spheres", "field-knot", "field-garden"):
        scene = prepared(make_sample(name))
        assert isinstance(scene, FieldScene)
        preview(scene, name, scene.default_camera(320, 240), arguments.repeat)
        preview(scene, name, scene.default_camera(1280, 720), arguments.repeat)
    folder = shared_folder("data")
    if not folder.exists():
        print("no shared data: the chair is left out")
    else:
        chair(folder, arguments.size)


if __name__ == "__main__":
    main()
