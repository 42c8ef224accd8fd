"""Opening and writing a multiplane image of 32 layers, as a folder of PNG and as one file.

Run: python -m tests.bench.planes_files [--width 910] [--height 512] [--repeat 5]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from scenes.open import open_scene, save_scene
from tests.bench.ply import fastest
from tests.data import shared_folder
from tests.scenes.mpi_files import picture, put

REAL = "data/mpi/single_view_mpi_5"


def main() -> None:
    """Print milliseconds and megabytes; the real layers where they are on the machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=910)
    parser.add_argument("--height", type=int, default=512)
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        smooth = _smooth(Path(place) / "layers", arguments.width, arguments.height)
        folders = {"smooth": smooth, "real": shared_folder(REAL)}
        print(f"{'layers':8}{'form':8}{'MB':>8}{'open ms':>10}{'write ms':>10}")
        for name, folder in folders.items():
            if folder.is_dir():
                _print_rows(name, folder, Path(place) / "a.mpi", arguments.repeat)


def _print_rows(name: str, folder: Path, file: Path, repeat: int) -> None:
    size = sum(each.stat().st_size for each in folder.iterdir()) / 1e6
    opened = fastest(lambda: open_scene(folder), repeat)
    print(f"{name:8}{'folder':8}{size:8.1f}{opened:10.0f}{'-':>10}")
    scene = open_scene(folder)
    for kind in ("webp", "png"):
        written = fastest(lambda kind=kind: save_scene(scene, file, layer_images=kind), 2)  # type: ignore[misc]
        opened = fastest(lambda: open_scene(file), repeat)
        print(f"{name:8}{kind:8}{file.stat().st_size / 1e6:8.1f}{opened:10.0f}{written:10.0f}")


def _smooth(folder: Path, width: int, height: int) -> Path:
    y, x = np.mgrid[:height, :width]
    files = {}
    for number in range(32):
        channels = [x % 256, y % 256, (x + y + number) % 256, (x * y >> 6) % 256]
        files[f"layer_{number:02d}.png"] = picture(np.stack(channels, -1).astype(np.uint8))
    return put(folder, files)


if __name__ == "__main__":
    main()
