"""What the sections of :mod:`tests.bench.cuda` share: sizes, the clock, scenes, tables."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from kernels.backends import interpreted
from render.profile.limits import Limits, measure, unmeasured
from render.renderers import renderers
from render.request import RenderRequest, RenderSettings
from scenes.camera import Camera
from scenes.gaussians import GaussianScene
from scenes.samples import LIMITS, make_sample
from tests.bench.gaussians import orbit, yardstick
from tests.data import shared_folder

BACKEND = "cuda"


@dataclass(frozen=True)
class Sizes:
    """How much is measured; sizes of pictures are (width, height)."""

    splats: tuple[int, ...]
    pictures: tuple[tuple[int, int], ...]
    cameras: int
    repeat: int
    planes: int
    plane: tuple[int, int]
    field: tuple[int, int]
    log2_table: int
    samples: int
    frames: int
    exported: tuple[int, int]


FULL = Sizes(
    (1_000_000, 6_000_000), ((1920, 1080), (3840, 2160)), 12, 5, 32, (1920, 1080), (1920, 1080),
    19, 1 << 22, 120, (1920, 1080),
)  # fmt: skip
TINY = Sizes((200,), ((16, 16),), 1, 1, 2, (16, 8), (4, 4), 8, 64, 2, (16, 16))


class Run:
    """Sizes, the time that is left, and scenes that several sections look at."""

    def __init__(self, sizes: Sizes, seconds: float, generator: Path | None) -> None:
        self.sizes = sizes
        self._end = time.monotonic() + seconds
        self._generator = generator
        self._rooms: dict[int, tuple[GaussianScene, list[Camera]]] = {}

    @property
    def left(self) -> float:
        """Seconds."""
        return self._end - time.monotonic()

    @cached_property
    def limits(self) -> Limits:
        """What the device can do at most; ones where there is none."""
        return Limits(1.0, 1.0, 1.0, 1.0) if interpreted() else measure(BACKEND)

    def limits_of(self, backend: str) -> Limits | None:
        """For the tables: of the device alone."""
        return self.limits if backend == BACKEND and not interpreted() else unmeasured(backend)

    def room(self, count: int) -> tuple[GaussianScene, list[Camera]]:
        """A scene of about so many splats with SH 3, and cameras in it."""
        if count not in self._rooms:
            told(f"making {count:,} splats")
            self._rooms[count] = self._made(count)
        return self._rooms[count]

    def _made(self, count: int) -> tuple[GaussianScene, list[Camera]]:
        generator = self._generator or shared_folder("bench") / "make_room.py"
        if generator.exists():
            scene, cameras = yardstick(count, generator)
        else:
            made = make_sample("garden", min(max(count, LIMITS[0]), LIMITS[1]))
            assert isinstance(made, GaussianScene)
            scene, cameras = made, orbit(made, 1280, 720)
        return scene, cameras[: self.sizes.cameras]


def told(words: str) -> None:
    """Say on the error stream what goes on."""
    print(words, file=sys.stderr, flush=True)


def synchronise() -> None:
    """Wait for the device."""
    if not interpreted():
        import torch

        torch.cuda.synchronize()


def milliseconds(work: Callable[[], Any], repeat: int) -> float:
    """Median of what the device is busy with ``work``, after one run that compiles."""
    work()
    times = []
    for _ in range(repeat):
        if interpreted():
            start = time.perf_counter()
            work()
            times.append(1e3 * (time.perf_counter() - start))
            continue
        import torch

        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        work()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end))
    return float(np.median(times))


def steady(request: RenderRequest, cameras: Sequence[Camera], repeat: int) -> float:
    """Milliseconds of a frame, one after the other, pictures on the host, nobody listening."""
    renderer = renderers()[request.scene.kind]
    for camera in cameras:
        renderer.render(replace(request, camera=camera), BACKEND)
    synchronise()
    start = time.perf_counter()
    for _ in range(repeat):
        for camera in cameras:
            renderer.render(replace(request, camera=camera), BACKEND)
    synchronise()
    return 1e3 * (time.perf_counter() - start) / (repeat * len(cameras))


def asking(scene: Any, camera: Camera) -> RenderRequest:
    """A plain request for the backend."""
    return RenderRequest(scene, camera, RenderSettings(backend=BACKEND))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines of Markdown."""
    yield ""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def kernel_table(figures: dict[str, Any], computed: dict[str, str]) -> Iterator[str]:
    """The kernels of :func:`render.bench.bench`, beside limits that were ``computed``."""
    rows = [
        (
            row["name"],
            row["backend"] or "-",
            f"{row['ms_median']:.3f}",
            f"{row['ms_p95']:.3f}",
            f"{row['gb_s']:.0f}",
            f"{row['gflop_s']:.0f}",
            "-" if row["of_limit"] is None else f"{row['of_limit']:.0%} ({row['bound']})",
            computed.get(row["name"], "-"),
        )
        for row in figures["kernels"]
    ]
    head = ("kernel", "backend", "median ms", "p95 ms", "GB/s", "GFLOP/s", "of limit", "limit ms")
    return table(head, rows)
