"""Sections of :mod:`tests.bench.cuda`: splats, their blends, gsplat beside them, exports."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.backends import interpreted
from render.bench import bench
from render.export import ExportError, ExportSettings, export
from render.render import release, render, warm_up
from scenes.camera import Camera
from scenes.gaussians import GaussianScene
from tests.bench.cuda_tools import (
    BACKEND,
    Run,
    asking,
    kernel_table,
    milliseconds,
    steady,
    synchronise,
    table,
)

COMPUTED = {"project": "0.34 (reads fp32 splats)", "sort": "0.22", "blend": "0.1"}
"""Milliseconds for 6 million splats at 1080p on an H200: 1.45 GB at 4.3 TB/s; 10 million keys of
12 bytes in 4 passes, read and written; 100 pairs a pixel at 2.2 T pairs/s."""
PUBLISHED = """\
- gsplat 1.5.3, its profiling/main.py, MI300X: 349 to 380 frames a second (rocm.docs.amd.com)
- gsplat 1.0.0, the same on a TITAN RTX: 172 (its docs/source/tests/profile.rst)
- HiGS, 5.8 M splats at 1080p: 0.89 ms (arXiv 2606.00352)
- vk_gaussian_splatting, bicycle, 6.13 M at 1080p, RTX 6000 Ada: 1.98 ms, 1.60 with 8-bit SH
- FlashGS, truck: 1080p 2.22 ms, 4K 3.46 ms (CVPR 2025)"""


def frames(run: Run) -> Iterator[str]:
    """Kernels and frames of each scene in each size."""
    start = time.perf_counter()
    warm_up(BACKEND)
    yield f"Kernels loaded or compiled in {time.perf_counter() - start:.1f} s."
    for count in run.sizes.splats:
        for size in run.sizes.pictures:
            scene, cameras = _sized(run, count, size)
            if run.left <= 0:
                yield "\nNo time was left for the others."
                return
            request = asking(scene, cameras[0])
            named = [(str(number), camera) for number, camera in enumerate(cameras)]
            figures = bench(
                request, named, run.sizes.repeat, lambda *_: None, limits=run.limits_of
            )  # fmt: skip
            frame = figures["frame_ms"]
            yield (
                f"\n**{scene.name}, {scene.count:,} splats, {size[0]}x{size[1]}**: "
                f"{frame['median']:.2f} ms from the camera to the picture on the host "
                f"(p5 {frame['p5']:.2f}, p95 {frame['p95']:.2f}), "
                f"{steady(request, cameras, run.sizes.repeat):.2f} ms in steady state{_memory()}"
            )
            yield from kernel_table(figures, COMPUTED)
        release()


def _sized(run: Run, count: int, size: tuple[int, int]) -> tuple[GaussianScene, list[Camera]]:
    scene, cameras = run.room(count)
    return scene, [camera.stretched(*size) for camera in cameras]


def _memory() -> str:
    if interpreted():
        return ""
    import torch

    peak = torch.cuda.max_memory_allocated() / 2**30
    torch.cuda.reset_peak_memory_stats()
    return f", at most {peak:.2f} GiB on the device"


def blends(run: Run) -> Iterator[str]:
    """Both ways to blend, in the same frames, and which one is chosen here."""
    # Kernels: imported when it is known that they can be.
    from kernels.gaussians.blend import choice
    from kernels.gaussians.blend.matrix import WARPS, blend_by_products

    scene, cameras = _sized(run, run.sizes.splats[0], run.sizes.pictures[0])
    request = asking(scene, cameras[0])
    named = [(str(number), camera) for number, camera in enumerate(cameras)]
    ways: dict[str, Any] = {
        "loop": lambda loop, options: loop,
        "products": lambda loop, options: (blend_by_products, WARPS),
        "chosen": choice.way,
    }
    rows, pictures = [], []
    try:
        for name, way in ways.items():
            choice.way = way
            release()
            figures = bench(
                request, named, run.sizes.repeat, lambda *_: None, limits=run.limits_of
            )  # fmt: skip
            row = next(row for row in figures["kernels"] if row["name"] == "blend")
            pictures.append(render(request).rgba8)
            same = decibels(pictures[0], pictures[-1])
            rows.append((name, f"{row['ms_median']:.3f}", f"{row['ms_p95']:.3f}", f"{same:.1f}"))
    finally:
        choice.way = ways["chosen"]
        release()
    yield f"{scene.count:,} splats, {request.camera.width}x{request.camera.height}"
    yield from table(("blend", "median ms", "p95 ms", "dB from the loop"), rows)


def decibels(picture: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """PSNR of the colours of two pictures, (H, W, 4) uint8; infinite for equal ones."""
    difference = picture[..., :3].astype(np.float64) - other[..., :3]
    with np.errstate(divide="ignore"):
        return float(-10 * np.log10(np.mean((difference / 255) ** 2)))


def gsplat(run: Run, asked: bool) -> Iterator[str]:
    """The same scenes and cameras by gsplat, where it runs."""
    if not asked:
        yield f"Not asked for (--gsplat). Published by others, on other machines:\n\n{PUBLISHED}"
        return
    try:
        if interpreted():
            raise RuntimeError("there is no GPU")
        from gsplat import rasterization
    except Exception as error:  # whatever its compiler or its loader says
        reason = " ".join(str(error).split())[:200]
        yield f"gsplat cannot be run here: {reason}. Published, on other machines:\n\n{PUBLISHED}"
        return
    rows = []
    for count in run.sizes.splats:
        for size in run.sizes.pictures:
            if run.left <= 0:
                break
            scene, cameras = _sized(run, count, size)
            theirs = _Theirs(rasterization, scene)
            busy = [milliseconds(lambda c=c, t=theirs: t.draw(c), 5) for c in cameras]
            start = time.perf_counter()
            for camera in cameras:
                picture = theirs.picture(camera)
            end_to_end = 1e3 * (time.perf_counter() - start) / len(cameras)
            request = asking(scene, cameras[-1])
            ours = steady(request, cameras, run.sizes.repeat)
            same = decibels(render(request).rgba8, picture)
            rows.append(
                (
                    f"{scene.count:,}",
                    f"{size[0]}x{size[1]}",
                    f"{np.median(busy):.2f}",
                    f"{end_to_end:.2f}",
                    f"{ours:.2f}",
                    f"{end_to_end / ours:.2f}",
                    f"{same:.1f}",
                )
            )
    head = ("splats", "size", "gsplat ms", "with the picture on the host", "ours", "ratio", "dB")
    yield from table(head, rows)


class _Theirs:
    """A scene on the device as gsplat wants it."""

    def __init__(self, rasterization: Any, scene: GaussianScene) -> None:
        import torch

        self._rasterization = rasterization
        names = ("means", "quats", "scales", "opacities", "sh")
        self._arrays = [torch.tensor(getattr(scene, name), device="cuda") for name in names]
        self._degree = scene.sh_degree

    def draw(self, camera: Camera) -> Any:
        """(H, W, 3) float32 on the device, before black."""
        import torch

        lens = [[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]]
        pose = torch.tensor(camera.camera_from_world, dtype=torch.float32, device="cuda")
        colors, _, _ = self._rasterization(
            *self._arrays,
            viewmats=pose[None],
            Ks=torch.tensor([lens], dtype=torch.float32, device="cuda"),
            width=camera.width,
            height=camera.height,
            sh_degree=self._degree,
            packed=False,
        )
        return colors[0]

    def picture(self, camera: Camera) -> NDArray[np.uint8]:
        """The same in 8 bits on the host."""
        import torch

        with torch.no_grad():
            values = self.draw(camera).clamp(0, 1).mul(255).add(0.5).to(torch.uint8)
        return np.asarray(values.cpu())


def exporting(run: Run) -> Iterator[str]:
    """A video: how long it takes, and how long drawing its frames alone does."""
    scene, cameras = _sized(run, run.sizes.splats[0], run.sizes.exported)
    requests = [asking(scene, cameras[i % len(cameras)]) for i in range(run.sizes.frames)]
    render(requests[0])
    synchronise()
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = export(requests, ExportSettings(Path(folder) / "a.mp4"))
        except (ExportError, ImportError) as error:
            yield f"No video here ({error}); pictures instead."
            few = [replace(request) for request in requests[: max(2, len(requests) // 10)]]
            found = export(few, ExportSettings(Path(folder) / "pictures"))
    drawing = sum(found.totals_ns) / 1e9
    width, height = run.sizes.exported
    yield (
        f"{found.path.name}, {found.frames} frames of {width}x{height}, {scene.count:,} splats: "
        f"{found.seconds:.2f} s, {found.frames / found.seconds:.1f} frames a second; drawing took "
        f"{drawing:.2f} s of it ({found.frames / drawing:.1f} a second)"
    )
