"""Surfaces of neural fields: gradients beside evaluations, steps of rays, meshes.

Run: python -m tests.bench.surfaces [--side 512] [--threads 2]

Each number is the best of three runs, after one that compiles.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import set_num_threads

from app.cli.console import print_table
from kernels.fields.encodings import HashGrid
from kernels.fields.model import Field, Weights
from kernels.fields.networks import chain
from render.fields.distances import NeuralDistance
from render.fields.mesh import polygonize
from render.fields.surface import neus, trace_surface
from scenes.open import open_scene
from tests.data import shared_folder

ROUNDS = 3
POINTS = 1 << 18


def _best(function: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what came out."""
    function()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        found = function()
        times.append(time.perf_counter() - start)
    return min(times), found


def _hash_grid() -> tuple[Field, Weights]:
    """Sixteen levels and two layers of 64, of noise that is too weak to matter."""
    encoding = HashGrid(3, 16, 2, 19, 16, 1.38)
    model = Field("distance", encoding, chain([32, 64, 64, 1], "relu"), (-1,) * 3, (1,) * 3)
    rng = np.random.default_rng(0)
    network = rng.normal(0, 0.1, model.network.parameter_count)
    table = rng.normal(0, 0.1, encoding.parameters)
    return model, Weights(network.astype("f4"), table.astype("f4"), np.zeros(0, "f4"))


def _rays(side: int) -> tuple[np.ndarray, ...]:
    """Parallel and a little slanted, over the box -1..1."""
    across = (np.arange(side) + 0.5) / side * 2 - 1
    x, y = np.meshgrid(across, across)
    origins = np.stack([x.ravel(), y.ravel(), np.full(side * side, -3.0)], 1)
    directions = np.tile(np.array([0.05, 0.1, 1.0]), (side * side, 1))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    ends = (-1 - origins) / directions, (1 - origins) / directions
    near, far = np.minimum(*ends).max(1), np.maximum(*ends).min(1)
    return tuple(array.astype(np.float32) for array in (origins, directions, near, far))


def main() -> None:
    """Print one row for each network."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    set_num_threads(arguments.threads)
    fields = {"hash grid 16x2, 64x2": (*_hash_grid(), False)}
    for name in ("deepsdf_round_cross", "deepsdf_primitives", "deepsdf_maurock/weights.pt"):
        path = shared_folder("data") / "neural" / name
        if path.exists():
            scene: Any = open_scene(path)
            fields[name.split("/")[0]] = (scene.model, scene.weights, True)
    points = np.random.default_rng(1).uniform(-1, 1, (POINTS, 3)).astype(np.float32)
    rays = _rays(arguments.side)
    pixel = (2 / arguments.side, 0.0)
    rows = []
    for name, (model, weights, is_body) in fields.items():
        field = NeuralDistance(model, weights, "cpu")
        plain, _ = _best(lambda f=field: f.distances(points))
        steep, _ = _best(lambda f=field: f.slopes(points))
        row = [name, f"{POINTS / plain / 1e6:.2f}", f"{POINTS / steep / 1e6:.2f}",
               f"{steep / plain:.2f}"]  # fmt: skip
        if is_body:
            live = rays[3] > rays[2]
            traced, hard = _best(lambda f=field: trace_surface(f, *rays, pixel))
            volume, soft = _best(lambda f=field: neus(f, *rays, pixel, 115.0))
            corners = np.full(3, -1.0), np.full(3, 1.0)
            meshed, mesh = _best(lambda f=field, c=corners: polygonize(f, *c, 128))
            row += [f"{traced * 1e3:.0f}", f"{hard.evaluations[live].mean():.1f}",
                    f"{volume * 1e3:.0f}", f"{soft.evaluations[live].mean():.1f}",
                    f"{meshed:.2f}", f"{len(mesh.faces)}"]  # fmt: skip
        rows.append([*row, *["-"] * (10 - len(row))])
    head = ("field", "M values/s", "M gradients/s", "ratio", "trace ms", "evaluations", "NeuS ms",
            "evaluations", "mesh 128 s", "triangles")  # fmt: skip
    print_table(head, rows)


if __name__ == "__main__":
    main()
