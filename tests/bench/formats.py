"""Opening and writing a million splats in every format that is written.

Run: python -m tests.bench.formats [--count 1000000] [--only spz sog]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from scenes.open import open_scene, save_scene, scene_formats
from scenes.samples import make_sample


def main() -> None:
    """Print a line for each format: size, seconds to write, to open the first time and again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--only", nargs="*", help="names of formats; default all")
    arguments = parser.parse_args()
    scene = make_sample("room", arguments.count)
    print(f"{scene.count:,} splats, SH degree {scene.sh_degree}, {scene.nbytes / 1e6:.0f} MB")
    print(f"{'format':16} {'MB':>8} {'B/splat':>8} {'write s':>8} {'open s':>8} {'SH':>3}")
    for format in scene_formats():
        if format.write is None or (arguments.only and format.name not in arguments.only):
            continue
        ending = format.extensions[0]
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / (ending if not ending.startswith(".") else "a" + ending)
            # The first write and read compile kernels; a small scene takes that upon itself.
            save_scene(head(scene, 2000), path)
            open_scene(path)
            start = time.perf_counter()
            save_scene(scene, path)
            written = time.perf_counter() - start
            nbytes = sum(file.stat().st_size for file in Path(place).rglob("*") if file.is_file())
            times = []
            for _ in range(3):
                start = time.perf_counter()
                degree = open_scene(path).sh_degree
                times.append(time.perf_counter() - start)
        print(
            f"{format.name:16} {nbytes / 1e6:8.1f} {nbytes / scene.count:8.2f} {written:8.2f} "
            f"{min(times):8.3f} {degree:3}",
            flush=True,
        )


def head(scene, count: int):
    """The first splats of a scene."""
    names = ("means", "quats", "scales", "opacities", "sh")
    return replace(scene, **{name: getattr(scene, name)[:count] for name in names})


if __name__ == "__main__":
    main()
