"""Small networks: how close to the matrix products of torch, and what each activation costs.

Run: python -m tests.bench.networks [--samples 524288] [--threads 2]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numba import set_num_threads

from kernels.fields.network import OPERATION, network
from kernels.fields.networks import (
    ACTIVATIONS,
    INPUT,
    Layer,
    Network,
    RadialBasis,
    Span,
    chain,
    split,
)

ROUNDS = 12

NGP = Network(
    (
        Layer(32, 64, "relu", bias=False, reads=(Span(INPUT, 0, 32),)),
        Layer(64, 16, bias=False),
        Layer(32, 64, "relu", bias=False, reads=(Span(1, 0, 16), Span(INPUT, 32, 48))),
        Layer(64, 64, "relu", bias=False),
        Layer(64, 16, bias=False),
    ),
    inputs=48,
    results=(Span(4, 0, 3), Span(1, 0, 1)),
)
NERF = Network(
    (
        Layer(63, 256, "relu", reads=(Span(INPUT, 0, 63),)),
        *[Layer(256, 256, "relu")] * 4,
        Layer(319, 256, "relu", reads=(Span(INPUT, 0, 63), Span(4, 0, 256))),
        *[Layer(256, 256, "relu")] * 2,
        Layer(256, 1),
        Layer(256, 256, reads=(Span(7, 0, 256),)),
        Layer(283, 128, "relu", reads=(Span(9, 0, 256), Span(INPUT, 63, 90))),
        Layer(128, 3, "sigmoid"),
    ),
    inputs=90,
    results=(Span(11, 0, 3), Span(8, 0, 1)),
)
NETWORKS = {
    "32-64-64-16 relu": chain([32, 64, 64, 16], "relu", bias=False),
    "instant-ngp, both": NGP,
    "SIREN 2-256x5-3": chain([2, *[256] * 5, 3], "sine", omega=30.0),
    "DeepSDF 67-128x4-1": chain([67, *[128] * 4, 1], "relu", "tanh"),
    "NeRF 8 x 256": NERF,
    "kernels 32-64, 64-16": Network((RadialBasis(32, 64), Layer(64, 16))),
}


def _parameters(description: Network) -> np.ndarray:
    flat = np.empty(description.parameter_count, np.float32)
    rng = np.random.default_rng(0)
    for layer, views in zip(description.layers, split(description, flat), strict=True):
        views[0][...] = rng.normal(0, layer.inputs**-0.5, views[0].shape)
        for view in views[1:]:
            view[...] = rng.uniform(0.5, 1, view.shape)
    return flat


def _seconds(work: list[Callable[[], Any]]) -> list[float]:
    """The fastest of each, taken in turn: what else the machine does slows all of them alike."""
    times: list[list[float]] = [[] for _ in work]
    for one in work:
        one()
    for _ in range(ROUNDS):
        for own, one in zip(times, work, strict=True):
            # Threads of the other library may still be waiting in a loop for more.
            time.sleep(0.02)
            start = time.perf_counter()
            one()
            own.append(time.perf_counter() - start)
    return [min(own) for own in times]


def _product(side: int = 1024) -> tuple[Callable[[], Any], float]:
    one, other = torch.randn(side, side), torch.randn(side, side)
    return partial(torch.mm, one, other), 2.0 * side**3


def rates(samples: int) -> None:
    """Each network beside a square product of torch in turn with it."""
    print(f"{'network':22} {'ns/sample':>9} {'GFLOP/s':>8} {'torch mm':>8} {'share':>6}")
    product, work = _product()
    for name, description in NETWORKS.items():
        parameters = _parameters(description)
        count = min(samples, samples * 20000 // description.parameter_count)
        inputs = np.random.default_rng(1).normal(size=(count, description.inputs))
        inputs = inputs.astype(np.float32)
        ours, limit = _seconds([partial(network, "cpu", description, inputs, parameters), product])
        flops = OPERATION._cost(None, description, inputs, parameters).flops
        rate, best = flops / ours / 1e9, work / limit / 1e9
        print(
            f"{name:22} {1e9 * ours / count:9.1f} {rate:8.1f} {best:8.1f} {rate / best:6.0%}",
            flush=True,
        )


def activations(samples: int) -> None:
    """What an activation adds to a layer of 64 to 64."""
    print(f"\n{'64-64 and':22} {'ns/sample':>9} {'more ns a value':>16}")
    inputs = np.random.default_rng(2).normal(size=(samples, 64)).astype(np.float32)
    work = []
    for activation in ACTIVATIONS:
        description = chain([64, 64], "none", activation)
        parameters = _parameters(description)
        work.append(partial(network, "cpu", description, inputs, parameters))
    times = _seconds(work)
    for activation, took in zip(ACTIVATIONS, times, strict=True):
        more = 1e9 * (took - times[0]) / samples / 64
        print(f"{activation:22} {1e9 * took / samples:9.1f} {more:16.3f}")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=1 << 19)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    set_num_threads(arguments.threads)
    print(f"{arguments.samples:,} samples, {arguments.threads} threads")
    rates(arguments.samples)
    activations(arguments.samples // 4)


if __name__ == "__main__":
    main()
