"""The k-means of codebooks beside scikit-learn's, from the same start, on real and made colours.

Run: python -m tests.bench.kmeans
"""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
from sklearn.cluster import KMeans

from kernels.codec.kmeans import kmeans
from scenes.samples import make_sample
from tests.data import shared_folder
from tests.real_scenes import read_gsplat_npz, read_sog

ITERATIONS = 10


def harmonics() -> dict[str, tuple[np.ndarray, int]]:
    """View-dependent colours (N, 45) and how many entries their palette gets."""
    found = {"room sample": (make_sample("room", 200_000).sh, 8192)}
    real = shared_folder("data") / "splats"
    if real.exists():
        found["gsplat capture"] = (read_gsplat_npz(real / "gsplat_sh3_929views.npz").sh, 1024)
        city = read_sog(real / "semarang_5_9_sog").sh
        # Its file kept 65,536 different ones; noise of the size of its steps makes all differ.
        noise = np.random.default_rng(0).normal(0, 0.01, city.shape)
        found["city"] = ((city + noise).astype(np.float32), 8192)
    return {name: (np.ascontiguousarray(sh[:, 1:]).reshape(len(sh), 45), count)
            for name, (sh, count) in found.items()}  # fmt: skip


def inertia(points: np.ndarray, middle: np.ndarray, labels: np.ndarray) -> float:
    """Sum of squared distances."""
    return float(np.square(points - middle[labels]).sum(dtype=np.float64))


def main() -> None:
    """Print a line for each set."""
    print(f"{'points':16} {'N':>8} {'K':>6} {'ours s':>7} {'sklearn s':>9} {'ratio':>6} "
          f"{'inertia ours / theirs':>22} {'memory / points':>16}")  # fmt: skip
    for name, (points, count) in harmonics().items():
        rng = np.random.default_rng(1)
        start = points[rng.choice(len(points), count, replace=False)]
        kmeans(points[:1000], 50, 2)
        began = time.perf_counter()
        middle, labels = kmeans(points, count, ITERATIONS, start=start)
        ours = time.perf_counter() - began
        tracemalloc.start()
        kmeans(points, count, 1, start=start)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        began = time.perf_counter()
        fitted = KMeans(
            count, init=start, n_init=1, max_iter=ITERATIONS, tol=0, algorithm="lloyd"
        ).fit(points)
        theirs = time.perf_counter() - began
        ratio = inertia(points, middle, labels) / inertia(
            points, fitted.cluster_centers_, fitted.labels_
        )
        print(f"{name:16} {len(points):8,} {count:6,} {ours:7.2f} {theirs:9.2f} "
              f"{theirs / ours:6.1f} {ratio:22.5f} {peak / points.nbytes:16.2f}",
              flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
