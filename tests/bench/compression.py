"""SOG against PLY: how small, how right, how long, and what the order of the splats is worth.

Run: python -m tests.bench.compression [--count 1000000] [--quality good]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from kernels.image.psnr import psnr
from render.bench import orbit_cameras
from render.render import render
from render.request import RenderRequest, RenderSettings
from scenes.camera import Camera
from scenes.formats.ply import estimate
from scenes.gaussians import GaussianScene
from scenes.open import open_scene, save_scene
from scenes.registry import never, no_progress
from scenes.samples import make_sample, tour
from scenes.sog.quality import QUALITIES
from scenes.sog.writer import make_files
from tests.data import shared_folder


def picture(scene: GaussianScene, camera: Camera) -> np.ndarray:
    """Colour in 0..1."""
    request = RenderRequest(scene, camera, RenderSettings(), outputs=("color",), display=False)
    return np.clip(render(request).images["color"], 0, 1)


def scenes_of(count: int) -> Iterator[tuple[str, GaussianScene, list[Camera]]]:
    """Real captures around their middle, and a sample along its tour."""
    real = shared_folder("data") / "splats"
    for name in ("plant.splat", "luma-seal.splat", "playbot_sog_lod", "semarang_5_9_sog"):
        if (real / name).exists():
            scene = open_scene(real / name)
            yield name, scene, orbit_cameras(*scene.focus, (960, 540))
    scene = make_sample("garden", count)
    from scenes.paths.interpolate import cameras_of

    cameras = cameras_of(tour(scene), 960, 540)
    yield f"garden sample, {count:,}", scene, cameras[:: max(1, len(cameras) // 12)][:12]


def main() -> None:
    """Print a line for each scene."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--quality", choices=tuple(QUALITIES), default="good")
    arguments = parser.parse_args()
    quality = QUALITIES[arguments.quality]
    print(f"{'scene':26} {'SH':>3} {'splats':>10} {'MB':>7} {'B/splat':>8} {'of PLY':>7} "
          f"{'mean dB':>8} {'worst dB':>8} {'write s':>8} {'grid order':>11}")  # fmt: skip
    for name, scene, cameras in scenes_of(arguments.count):
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "a.sog"
            start = time.perf_counter()
            save_scene(scene, path, sog_quality=arguments.quality)
            took = time.perf_counter() - start
            nbytes = path.stat().st_size
            again = open_scene(path)
        found = [
            float(psnr("cpu", picture(again, camera), picture(scene, camera))) for camera in cameras
        ]
        print(
            f"{name:26} {scene.sh_degree:3} {scene.count:10,} {nbytes / 1e6:7.1f} "
            f"{nbytes / scene.count:8.2f} {estimate(scene) / nbytes:6.1f}x {np.mean(found):8.1f} "
            f"{min(found):8.1f} {took:8.1f} {order_gain(scene, quality):10.1%}",
            flush=True,
        )


def order_gain(scene: GaussianScene, quality) -> float:
    """Bytes that a self-organising grid saves against a Morton curve, as a share; equal quality."""
    import scenes.sog.writer as writer

    sizes = []
    every = writer.orders_of
    try:
        for index in (0, 1):
            writer.orders_of = lambda *given, at=index: [list(every(*given))[at]]
            files = make_files(
                scene, Path("a.sog"), replace(quality, grid="high"), no_progress, never
            )
            sizes.append(sum(map(len, files.values())))
    finally:
        writer.orders_of = every
    return 1 - sizes[1] / sizes[0]


if __name__ == "__main__":
    main()
