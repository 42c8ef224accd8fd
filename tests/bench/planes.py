"""Planes: milliseconds of a frame, beside torch and beside what memory allows, and what helps.

Run: python -m tests.bench.planes [--size 1920x1080] [--planes 32] [--levers]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from numba import njit, prange

from render.render import render
from render.request import RenderRequest
from scenes.camera import Camera
from scenes.open import open_scene
from scenes.planes import Plane, PlaneScene
from tests.data import shared_folder

LEVERS = {
    "permute": "texels picked in registers",
    "stop": "stopping where no light is left",
    "empty": "skipping what shows nothing",
    "plain": "a loop of its own for the usual case",
}
REPEAT = 9


def pull(lever: str) -> None:
    """Take one lever away; before the kernels are compiled."""
    import kernels.planes.types
    import kernels.simd

    if lever == "permute":
        kernels.simd.CAN_PERMUTE = False
    elif lever == "stop":
        kernels.planes.types.STOP = -1.0
    import kernels.planes.composite.lines as lines

    if lever == "plain":
        lines._plain_lines = lines._plane_lines


def stack(size: tuple[int, int], count: int, alpha: tuple[int, int], empty: float) -> PlaneScene:
    """Random pictures on planes from far to near; a share of their 64-texel squares is empty."""
    width, height = size
    camera = Camera(np.eye(4), width, height, width, width, width / 2, height / 2)
    rng = np.random.default_rng(0)
    layers = []
    for depth in 1 / np.linspace(0.01, 1, count):
        image = rng.integers(0, 256, (height, width, 4), dtype=np.uint8)
        image[..., 3] = rng.integers(alpha[0], alpha[1] + 1, (height, width))
        squares = rng.random((-(-height // 64), -(-width // 64))) >= empty
        image[..., 3] *= np.kron(squares, np.ones((64, 64), np.uint8))[:height, :width]
        layers.append(Plane.facing(camera, depth, image))
    return PlaneScene(tuple(layers), camera)


def views(scene: PlaneScene) -> Iterator[tuple[str, Camera]]:
    """From the reference camera, from aside, and turned."""
    camera = scene.camera
    assert camera is not None
    moved, turned = np.eye(4), np.eye(4)
    moved[:3, 3] = (-0.02, -0.01, 0)
    yaw, pitch = np.cos([0.03, 0.02]), np.sin([0.03, 0.02])
    turned[:3, :3] = np.array([[yaw[0], 0, pitch[0]], [0, 1, 0], [-pitch[0], 0, yaw[0]]]) @ (
        np.array([[1, 0, 0], [0, yaw[1], -pitch[1]], [0, pitch[1], yaw[1]]])
    )
    turned[:3, 3] = moved[:3, 3]
    for name, pose in (("reference", np.eye(4)), ("moved", moved), ("turned", turned)):
        yield (
            name,
            Camera(pose, camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy),
        )


def median_ms(work: Callable[[], Any], repeat: int = REPEAT) -> float:
    """After one run that compiles."""
    work()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times))


def copy_bandwidth() -> float:
    """Bytes read and written a second, by all threads, of a large array."""

    @njit(parallel=True)
    def copy(target: Any, source: Any) -> None:
        for i in prange(len(target)):
            target[i] = source[i]

    source, target = np.ones(64 << 20, np.float32), np.zeros(64 << 20, np.float32)
    return 2 * source.nbytes / (1e-3 * median_ms(lambda: copy(target, source)))


def torch_ms(scene: PlaneScene, camera: Camera) -> float:
    """The same picture by ``grid_sample`` of premultiplied float32 and over-compositing."""
    from kernels.planes.geometry import U, V, W, plane_rows
    from render.views import view_of

    planes = [layer for layer in scene.layers if isinstance(layer, Plane)]
    images = torch.stack([torch.tensor(plane.image).permute(2, 0, 1) for plane in planes])
    images = images.to(torch.float32) / 255
    images[:, :3] *= images[:, 3:]
    names = ("corner", "across", "down")
    sides = [np.array([getattr(plane, name) for plane in planes]) for name in names]
    height, width = images.shape[2:]
    rows, _ = plane_rows(*sides, np.array([[width, height]] * len(planes)), view_of(camera, None))  # type: ignore[arg-type]
    homographies = torch.tensor(rows, dtype=torch.float32)
    y, x = torch.meshgrid(
        torch.arange(camera.height) + 0.5, torch.arange(camera.width) + 0.5, indexing="ij"
    )

    def work() -> torch.Tensor:
        out = torch.zeros(3, camera.height, camera.width)
        light = torch.ones(camera.height, camera.width)
        for index in reversed(range(len(planes))):
            h = homographies[index]
            u, v, w = (h[i] * x + h[i + 1] * y + h[i + 2] for i in (U, V, W))
            grid = torch.stack([(u / w + 0.5) * 2 / width - 1, (v / w + 0.5) * 2 / height - 1], -1)
            sample = torch.nn.functional.grid_sample(
                images[index : index + 1], grid[None], align_corners=False
            )[0]
            out += light * sample[:3]
            light *= 1 - sample[3]
        return out

    return median_ms(work, 3)


def table(size: tuple[int, int], count: int, with_torch: bool) -> None:
    """Dense and sparse stacks from three places."""
    bandwidth = copy_bandwidth() if with_torch else 0.0
    head = f"{count} planes, {size[0]} x {size[1]}"
    print(f"{head}" + (f"; copying: {bandwidth / 1e9:.1f} GB/s" if with_torch else ""))
    print(f"{'alphas':24} {'view':10} {'ms':>7} {'ns/sample':>9}" + (
        f" {'of copying':>11} {'torch ms':>9} {'ratio':>6}" if with_torch else ""))  # fmt: skip
    kinds = {
        "1 to 20, all needed": ((1, 20), 0.0),
        "0 to 255": ((0, 255), 0.0),
        "0 to 255, 60 % empty": ((0, 255), 0.6),
        "0 to 255, 90 % empty": ((0, 255), 0.9),
    }
    for name, (alpha, empty) in kinds.items():
        scene = stack(size, count, alpha, empty)
        for view, camera in views(scene):
            found = median_ms(partial(render, RenderRequest(scene, camera)))
            samples = count * size[0] * size[1]
            line = f"{name:24} {view:10} {found:7.1f} {1e6 * found / samples:9.2f}"
            if with_torch:
                share = 4 * samples / bandwidth / (1e-3 * found)
                slow = torch_ms(scene, camera) if view == "turned" else float("nan")
                line += f" {share:10.0%} {slow:9.0f} {slow / found:6.1f}"
            print(line, flush=True)


def real() -> None:
    """The real stack, the eye circling within the safe range."""
    try:
        scene = open_scene(shared_folder("data") / "mpi/single_view_mpi_5", mpi_aspect=910 / 512)
    except Exception as error:
        print(f"the real stack is not here: {error}")
        return
    cameras = []
    for angle in np.linspace(0, 2 * np.pi, 60, endpoint=False):
        eye = scene.safe_radius * np.array([np.cos(angle), 0.5 * np.sin(angle), 0.2])
        cameras.append(Camera.look_at(eye, scene.focus[0], scene.up, scene.camera.fov_y, 910, 512))
    render(RenderRequest(scene, cameras[0]))
    times = []
    for camera in cameras:
        start = time.perf_counter()
        render(RenderRequest(scene, camera))
        times.append(1e3 * (time.perf_counter() - start))
    low, middle, high = np.quantile(times, (0.05, 0.5, 0.95))
    print(f"real stack, 32 planes, 910 x 512, the eye circling: {middle:.1f} ms "
          f"(p5 {low:.1f}, p95 {high:.1f})")  # fmt: skip


def levers() -> None:
    """Each lever taken away in a process of its own, which compiles anew."""
    for lever in ("", *LEVERS):
        with tempfile.TemporaryDirectory() as cache:
            environment = os.environ | {"NUMBA_CACHE_DIR": cache}
            command = [sys.executable, "-m", "tests.bench.planes", "--one", lever or "none"]
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            words = f"without {LEVERS[lever]}" if lever else "with all"
            print(f"{words:50} {done.stdout.strip() or done.stderr[-200:]}", flush=True)


def one(lever: str) -> None:
    """Milliseconds of three kinds of frames in one line."""
    pull(lever)
    cells = []
    for alpha, empty in (((1, 20), 0.0), ((0, 255), 0.0), ((0, 255), 0.9)):
        scene = stack((1280, 720), 32, alpha, empty)
        if lever == "empty":
            from render.planes.uploads import Upload

            make = Upload.of

            def blind(scene: PlaneScene, backend: str, make: Any = make) -> Upload:
                upload = make(scene, backend)
                for first, columns, rows in upload.textures.blocks:
                    y, x = np.mgrid[: rows + 1, : columns + 1]
                    upload.textures.occupied[first : first + y.size] = (x * y).ravel()
                return upload

            Upload.of = blind  # type: ignore[assignment]
        for name, camera in views(scene):
            if name != "reference":
                work = partial(render, RenderRequest(scene, camera))
                cells.append(f"{median_ms(work):8.1f}")
    print(" ".join(cells))


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--planes", type=int, default=32)
    parser.add_argument("--levers", action="store_true", help="what each of them is worth")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        one(arguments.one)
        return
    if arguments.levers:
        print(
            "ms at 1280 x 720, 32 planes: all needed, 0 to 255, 90 % empty; each moved and turned"
        )
        levers()
        return
    width, height = (int(side) for side in arguments.size.split("x"))
    table((width, height), arguments.planes, True)
    real()


if __name__ == "__main__":
    main()
