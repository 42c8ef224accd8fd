"""Encodings: nanoseconds a sample, beside the same in torch, alone and with a small network.

Run: python -m tests.bench.encodings [--samples 131072] [--threads 2]
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numba import set_num_threads

from kernels.fields.encode import encode
from kernels.fields.encodings import (
    Encoding,
    Frequency,
    HashGrid,
    OneBlob,
    Simplex,
    SphericalHarmonics,
    TriangleWave,
    TriPlane,
)
from kernels.fields.network import network
from kernels.fields.networks import chain

ROUNDS = 20
ROUNDS_OF_TORCH = 6


def _growth(levels: int) -> float:
    """The factor from level to level between 16 and 2048 cells."""
    return math.exp(math.log(2048 / 16) / (levels - 1))


SMALL = HashGrid(3, 8, 4, 14, 16, _growth(8))
LARGE = HashGrid(3, 16, 2, 19, 16, _growth(16))
ENCODINGS: dict[str, Encoding] = {
    "cubes 2^14, 8 x 4": SMALL,
    "simplices 2^14, 8 x 4": Simplex(3, 8, 4, 14, 16, _growth(8)),
    "cubes 2^19, 16 x 2": LARGE,
    "simplices 2^19, 16 x 2": Simplex(3, 16, 2, 19, 16, _growth(16)),
    "cubes 2^19, 8 x 4": HashGrid(3, 8, 4, 19, 16, _growth(8)),
    "2D cubes 2^15, 16 x 2": HashGrid(2, 16, 2, 15, 16, _growth(16)),
    "planes 256, 16": TriPlane(256, 16),
    "planes 256, 16, product": TriPlane(256, 16, "product"),
    "frequency 3 x 10": Frequency(3, 10),
    "triangle wave 3 x 12": TriangleWave(3, 12),
    "one blob 3 x 16": OneBlob(3, 16),
    "harmonics, degree 4": SphericalHarmonics(4),
}


def _parameters(encoding: Encoding) -> np.ndarray:
    return np.random.default_rng(0).normal(size=encoding.parameters).astype(np.float32)


def _random(count: int, dims: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(size=(count, dims)).astype(np.float32)


def _coherent(count: int, dims: int) -> np.ndarray:
    """Neighbouring rays of a picture of 512 by 512, 64 samples along each."""
    s = np.arange(count)
    ray, t = s // 64, (s % 64 + 0.5) / 64
    across, down = ray % 512 / 512, ray // 512 / 512
    found = np.stack([0.1 + 0.7 * across + 0.1 * t, 0.4 + 0.5 * down + 0.1 * t, t], -1)
    return found[:, :dims].astype(np.float32)


def _seconds(work: list[Callable[[], Any]], rounds: int = ROUNDS) -> list[float]:
    """The fastest of some rounds of each, taken in turn."""
    times: list[list[float]] = [[] for _ in work]
    for one in work:
        one()
    for _ in range(rounds):
        for own, one in zip(times, work, strict=True):
            # Threads of the other library may still be waiting in a loop for more.
            time.sleep(0.02)
            start = time.perf_counter()
            one()
            own.append(time.perf_counter() - start)
    return [min(own) for own in times]


def encodings(samples: int) -> None:
    """Each encoding on random and on neighbouring positions, and the reference on random ones.

    The reference comes first: threads of two libraries in turn take each other's time.
    """
    references = {}
    few = min(samples, 1 << 15)
    for name, encoding in ENCODINGS.items():
        given = torch.from_numpy(_random(few, encoding.inputs))
        table = torch.from_numpy(_parameters(encoding))
        work = partial(encode, "reference", encoding, given, table)
        references[name] = 1e9 * _seconds([work], ROUNDS_OF_TORCH)[0] / few
    print(
        f"{'ns/sample':26} {'random':>8} {'coherent':>8} {'torch':>8} {'ratio':>6} {'to first':>8}"
    )
    first = 0.0
    for name, encoding in ENCODINGS.items():
        parameters, dims = _parameters(encoding), encoding.inputs
        given = [_random(samples, dims), _coherent(samples, dims)]
        times = _seconds([partial(encode, "cpu", encoding, one, parameters) for one in given])
        random, coherent = (1e9 * t / samples for t in times)
        first = first or random
        print(
            f"{name:26} {random:8.1f} {coherent:8.1f} {references[name]:8.1f}"
            f" {references[name] / random:5.0f}x {random / first:7.0%}",
            flush=True,
        )


def together(samples: int) -> None:
    """An encoding and the network that reads it."""
    description = chain([32, 64, 64, 16], "relu", bias=False)
    rng = np.random.default_rng(2)
    weights = rng.normal(0, 0.15, description.parameter_count).astype(np.float32)
    print(f"\n{'with 32-64-64-16':26} {'random':>8} {'coherent':>8}")
    for name, encoding in (("cubes 2^14, 8 x 4", SMALL), ("cubes 2^19, 16 x 2", LARGE)):
        parameters = _parameters(encoding)

        def both(
            positions: np.ndarray, encoding: Encoding = encoding, table: Any = parameters
        ) -> Any:
            return network("cpu", description, encode("cpu", encoding, positions, table), weights)

        given = [_random(samples, 3), _coherent(samples, 3)]
        times = _seconds([partial(both, positions) for positions in given])
        random, coherent = (1e9 * t / samples for t in times)
        print(f"{name:26} {random:8.1f} {coherent:8.1f}", flush=True)


WANTED = 60.0, 200.0, 0.7
"""Most ns a sample of the small grid, and with its network; least share of matrix products."""
PLAIN_LOOP = 136.0
"""ns a sample of the small grid by a plain Numba loop on 2 threads of such a machine."""
PRODUCTS = 480.0
"""GFLOP/s of float32 matrix products that 2 cores of such a machine reach at best."""


def limits(samples: int) -> None:
    """What was wanted, and what the machine could do."""
    widths = [32, 64, 64, 16]
    description = chain(widths, "relu", bias=False)
    rng = np.random.default_rng(2)
    weights = rng.normal(0, 0.15, description.parameter_count).astype(np.float32)
    inputs = rng.random((samples, 32), np.float32)
    square = torch.from_numpy(rng.random((64, 64), np.float32))
    block = torch.from_numpy(rng.random((2048, 64), np.float32))
    product = _seconds([lambda: [block @ square for _ in range(samples // 2048)]], 12)[0]
    rate = 2e-9 * 64 * 64 * (samples // 2048 * 2048) / product
    small = _parameters(SMALL)
    positions = _random(samples, 3)
    times = _seconds(
        [
            partial(network, "cpu", description, inputs, weights),
            partial(encode, "cpu", SMALL, positions, small),
            lambda: network(
                "cpu", description, encode("cpu", SMALL, positions, small), weights
            ),
        ]
    )  # fmt: skip
    alone, grid, both = (1e9 * t / samples for t in times)
    flops = 2 * sum(a * b for a, b in pairwise(widths)) / alone
    print(f"\nsmall grid: {grid:.1f} ns, wanted {WANTED[0]:.0f}, a plain loop {PLAIN_LOOP:.0f}")
    print(f"with its network: {both:.1f} ns, wanted {WANTED[1]:.0f}")
    print(
        f"network: {alone:.1f} ns, {flops:.0f} GFLOP/s: {flops / rate:.0%} of torch's products of"
        f" 2048 x 64 x 64 ({rate:.0f}), wanted {WANTED[2]:.0%}; {flops / PRODUCTS:.0%} of the best"
        f" that the machine reaches ({PRODUCTS:.0f})"
    )


def main() -> None:
    """Print the tables and the limits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=1 << 17)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    set_num_threads(arguments.threads)
    print(f"{arguments.samples:,} samples, {arguments.threads} threads")
    encodings(arguments.samples)
    together(arguments.samples)
    limits(arguments.samples)


if __name__ == "__main__":
    main()
