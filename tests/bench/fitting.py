"""What fields reach that are fitted here: a picture, a mesh and posed photos, in so much time.

Run: python -m tests.bench.fitting [--picture 60] [--mesh 60] [--radiance 600] [--threads 2]

Seconds of each; 0 leaves one out. The photos are those of a chair, 26 to learn from and 8 held.
"""

from __future__ import annotations

import argparse

import torch

from render.fitting.distance import DistanceFit, overlap
from render.fitting.fit import Fit
from render.fitting.image import ImageFit, psnr_of
from render.fitting.loop import run
from render.fitting.radiance import RadianceFit, psnr_of_views
from render.fitting.views import read_views
from scenes.paths.files import read_camera_set
from tests.data import shared_folder

SCALE = 2
"""The chair's photos are made so many times smaller."""


def _line(what: str, fit: Fit, result: str) -> None:
    each = 1000 * fit.seconds_spent / max(fit.steps_done, 1)
    spent = f"{fit.steps_done:,} steps in {fit.seconds_spent:.0f} s, {each:.1f} ms each"
    print(f"{what}: {result} ({spent})", flush=True)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--picture", type=float, default=60.0)
    parser.add_argument("--mesh", type=float, default=60.0)
    parser.add_argument("--radiance", type=float, default=600.0)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    folder = shared_folder("data")
    if not folder.exists():
        raise SystemExit("the pictures, mesh and photos are in the shared data, which is not here")
    if arguments.picture:
        picture = ImageFit.of_file(folder / "images/kodim08.png", "hash", "base")
        run(picture, seconds=arguments.picture)
        _line("kodim08, hash grid, base", picture, f"PSNR {psnr_of(picture):.2f} dB")
    if arguments.mesh:
        mesh = DistanceFit.of_file(folder / "meshes/spot_triangulated_nvdiffrec.obj")
        run(mesh, seconds=arguments.mesh)
        result = f"intersection over union {overlap(mesh):.4f}"
        _line("spot, hash grid, base", mesh, result)
    if arguments.radiance:
        photos = folder / "multiview/nerf_synthetic_chair"
        chair = RadianceFit.of_file(
            photos / "transforms_train.json", "hash", "small", scale=SCALE
        )  # fmt: skip
        file = photos / "transforms_test.json"
        held = read_views(file, read_camera_set(file), chair.box, SCALE)
        run(chair, seconds=arguments.radiance)
        result = f"PSNR {psnr_of_views(chair, held, 2):.2f} dB at held views"
        _line("chair, hash grid, small", chair, result)


if __name__ == "__main__":
    main()
