"""Opening and writing a PLY of a million splats, beside reading its bytes.

Run: python -m tests.bench.ply [--count 1000000] [--repeat 7]
"""

from __future__ import annotations

import argparse
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np

from scenes.open import open_scene, save_scene
from scenes.samples import make_sample


def fastest(work: Callable[[], object], repeat: int) -> float:
    """Milliseconds of the fastest of several runs: others on the machine only slow it down."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def main() -> None:
    """Print times and the peak of memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=7)
    arguments = parser.parse_args()
    scene = make_sample("room", arguments.count)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "room.ply"
        written = fastest(lambda: save_scene(scene, file), 3)
        open_scene(file)
        read = fastest(lambda: np.fromfile(file, np.uint8), arguments.repeat)
        opened = fastest(lambda: open_scene(file), arguments.repeat)
        tracemalloc.start()
        again = open_scene(file)
        peak = tracemalloc.get_traced_memory()[1] / again.nbytes
        size = file.stat().st_size / 1e6
    print(
        f"{arguments.count:,} splats, {size:.0f} MB: bytes read in {read:.0f} ms, opened in "
        f"{opened:.0f} ms ({opened / read:.2f} times), written in {written:.0f} ms; "
        f"peak memory {peak:.2f} times the scene's arrays"
    )


if __name__ == "__main__":
    main()
