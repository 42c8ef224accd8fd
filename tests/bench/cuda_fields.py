"""Sections of :mod:`tests.bench.cuda`: multiplane images and neural fields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from kernels.backends import interpreted
from kernels.cuda.device import to_device
from kernels.fields.encode import OPERATION as ENCODE
from kernels.fields.encode import encode
from kernels.fields.encodings import HashGrid, SphericalHarmonics
from kernels.fields.model import Field, Occupancy, Weights
from kernels.fields.network import OPERATION as NETWORK
from kernels.fields.network import network
from render.bench import bench
from render.render import render
from render.renderers import renderers
from scenes.camera import Camera
from scenes.fields import FieldScene
from scenes.samples import make_sample
from tests.bench.cuda_tools import (
    BACKEND,
    TINY,
    Run,
    asking,
    kernel_table,
    milliseconds,
    steady,
    table,
)
from tests.bench.encodings import LARGE
from tests.bench.networks import NGP
from tests.bench.planes import stack, views


def planes(run: Run) -> Iterator[str]:
    """A stack of full pictures from aside, beside reading its bytes once."""
    count, size = run.sizes.planes, run.sizes.plane
    rows = []
    for name, alpha, empty in (
        ("0 to 255", (0, 255), 0.0),
        ("0 to 255, 90 % empty", (0, 255), 0.9),
        ("1 to 20, all needed", (1, 20), 0.0),
    ):
        scene = stack(size, count, alpha, empty)
        for view, camera in views(scene):
            if view == "reference" or run.left <= 0:
                continue
            request = asking(scene, camera)
            figures = bench(request, [(view, camera)], 2 * run.sizes.repeat, lambda *_: None)
            kernels = {row["name"]: row for row in figures["kernels"]}
            blend = max(
                (kernels[one] for one in kernels if one != "other"),
                key=lambda row: float(row["ms_median"]),
            )
            reading = 4 * count * size[0] * size[1] / run.limits.copy / 1e6
            rows.append(
                (
                    name,
                    view,
                    f"{figures['frame_ms']['median']:.3f}",
                    f"{steady(request, [camera], run.sizes.repeat):.3f}",
                    f"{blend['name']} ({blend['backend']}) {blend['ms_median']:.3f}",
                    "-" if interpreted() else f"{reading:.3f}",
                    "-" if interpreted() else f"{reading / blend['ms_median']:.0%}",
                )
            )
    yield f"{count} planes, {size[0]}x{size[1]}, RGBA8"
    head = ("alphas", "view", "frame ms", "steady ms", "longest kernel ms", "reading once ms",
            "of that")  # fmt: skip
    yield from table(head, rows)


def fields(run: Run) -> Iterator[str]:
    """Samples a second: of whole frames, and of encoding and network alone."""
    shipped = make_sample("field-spheres")
    if run.sizes is TINY:
        shipped = replace(renderers()["field"].trial(), step=0.5, name="trial")  # type: ignore[attr-defined]
    for scene in (shipped, instant_ngp(run.sizes.log2_table)):
        if run.left <= 0:
            yield "\nNo time was left for the others."
            return
        size = run.sizes.field
        # The second lets all light through to the end of every ray.
        if scene is not shipped:
            size = (max(4, size[0] // 3), max(4, size[1] // 3))
        yield from _frame(run, scene, scene.default_camera(*size))
    yield from _alone(run)


def instant_ngp(log2_table: int) -> FieldScene:
    """A radiance field of the shape of instant-ngp (16 levels of 2 features) with random weights.

    It is as good as empty, so every ray is followed to its end.
    """
    encoding = HashGrid(3, 16, 2, log2_table, 16, LARGE.per_level_scale)
    color, density = NGP.results
    described = replace(NGP, results=(density, color))
    model = Field(
        "radiance", encoding, described, (-1.0,) * 3, (1.0,) * 3, SphericalHarmonics(4)
    )  # fmt: skip
    rng = np.random.default_rng(0)
    flat = (
        rng.normal(0, 0.05, described.parameter_count),
        rng.uniform(-1e-4, 1e-4, encoding.parameters),
        np.zeros(0),
    )
    corner = np.ones(3)
    cells = Occupancy(np.ones((1, 32, 32, 32), bool), -corner, corner)
    weights = Weights(*(values.astype(np.float32) for values in flat))
    step = 2 * 3**0.5 / 1024 if log2_table > 12 else 0.5
    return FieldScene(
        model, weights, -corner, corner, cells, step, name="instant-ngp, random weights"
    )


def _frame(run: Run, scene: Any, camera: Camera) -> Iterator[str]:
    request = asking(scene, camera)
    figures = bench(
        request, [("", camera)], run.sizes.repeat, lambda *_: None, limits=run.limits_of
    )  # fmt: skip
    counted: dict[str, int] = {}
    for record in render(request).records:
        counted[record.name] = counted.get(record.name, 0) + record.counters.get("samples", 0)
    samples = max(counted.values())
    frame = steady(request, [camera], run.sizes.repeat)
    pixels = camera.width * camera.height
    yield (
        f"\n**{scene.name}, {camera.width}x{camera.height}**: {figures['frame_ms']['median']:.2f} "
        f"ms, {frame:.2f} ms in steady state, {samples / pixels:.1f} samples a pixel, "
        f"{samples / frame / 1e6:.3f} G samples/s"
    )
    yield from kernel_table(figures, {})


def _alone(run: Run) -> Iterator[str]:
    """Encoding and network of the full size on random positions, as tensors on the device."""
    count = run.sizes.samples
    encoding = HashGrid(3, 16, 2, run.sizes.log2_table, 16, LARGE.per_level_scale)
    rng = np.random.default_rng(0)

    def on_device(*shape: int) -> Any:
        return to_device(rng.random(shape, np.float32))

    rows = []
    for name, operation, work in (
        (
            "encode, 16 x 2",
            ENCODE,
            partial(encode, BACKEND, encoding, on_device(count, 3), on_device(encoding.parameters)),
        ),
        (
            "network of instant-ngp",
            NETWORK,
            partial(
                network, BACKEND, NGP, on_device(count, NGP.inputs),
                on_device(NGP.parameter_count) - 0.5,
            ),
        ),
    ):  # fmt: skip
        if BACKEND not in operation.backends():
            rows.append((name, "-", "has no CUDA kernel"))
            continue
        found = milliseconds(work, 2 * run.sizes.repeat)
        rows.append((name, f"{found:.3f}", f"{count / found / 1e6:.3f}"))
    yield f"{count:,} random positions, 2^{run.sizes.log2_table} entries a level"
    yield from table(("alone", "ms", "G samples/s"), rows)
