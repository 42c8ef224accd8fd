"""Speed of Gaussian rendering on this machine.

Run: python -m tests.bench.gaussians [--repeat 10] [--only room,real,cubes,growth,profiling]

``room`` and ``profiling`` need the generator of the yardstick scene, ``real`` the captures; both
lie in the folder ``shared`` (see the README). Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import runpy
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kernels.timing import Recorder
from render.render import render, warm_up
from render.renderers import renderers
from render.request import Frame, RenderRequest, RenderSettings
from scenes.camera import Camera
from scenes.gaussians import GaussianScene
from tests.bench.ceiling import pairs_per_second
from tests.data import shared_folder
from tests.real_scenes import real_scene


def yardstick(
    count: int = 300_000, generator: Path | None = None
) -> tuple[GaussianScene, list[Camera]]:
    """The room of the speed figures, and its twelve cameras; ``generator`` is its program."""
    module = runpy.run_path(str(generator or shared_folder("bench") / "make_room.py"))
    names, rows = module["build"](count)
    column = {name: i for i, name in enumerate(names)}
    rest = [column[f"f_rest_{i}"] for i in range(45)]
    sh = np.empty((count, 16, 3), np.float32)
    sh[:, 0] = rows[:, [column[f"f_dc_{i}"] for i in range(3)]]
    sh[:, 1:] = rows[:, rest].reshape(count, 3, 15).transpose(0, 2, 1)
    quats = rows[:, [column[f"rot_{i}"] for i in range(4)]]
    scene = GaussianScene(
        rows[:, [column[axis] for axis in "xyz"]],
        quats / np.linalg.norm(quats, axis=1, keepdims=True),
        np.exp(rows[:, [column[f"scale_{i}"] for i in range(3)]]),
        1 / (1 + np.exp(-rows[:, column["opacity"]])),
        sh,
        name="room",
    )
    return scene, [_inria(entry) for entry in module["cameras"]()]


def _inria(entry: dict) -> Camera:
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = entry["rotation"], entry["position"]
    width, height = entry["width"], entry["height"]
    return Camera(
        np.linalg.inv(pose), width, height, entry["fx"], entry["fy"], width / 2, height / 2
    )


def cube(count: int, scale: float) -> GaussianScene:
    """The uniform cube of the CPU figures of other renderers: no view dependence."""
    rng = np.random.default_rng(0)
    quats = rng.normal(size=(count, 4))
    return GaussianScene(
        rng.uniform(-1, 1, (count, 3)).astype(np.float32),
        (quats / np.linalg.norm(quats, axis=1, keepdims=True)).astype(np.float32),
        (rng.uniform(0.005, 0.03, (count, 3)) * scale).astype(np.float32),
        rng.uniform(0.2, 0.9, count).astype(np.float32),
        rng.uniform(-1.7, 1.7, (count, 1, 3)).astype(np.float32),
        name=f"cube {count}",
    )


def orbit(scene: GaussianScene, width: int, height: int, count: int = 12) -> list[Camera]:
    """Cameras around what the scene is about."""
    centre, radius = scene.focus
    angles = np.arange(count) * 2 * np.pi / count
    return [
        Camera.look_at(
            centre + 2.4 * radius * np.array([np.sin(a), -0.25, -np.cos(a)]),
            centre,
            width=width,
            height=height,
        )
        for a in angles
    ]


def frames(scene: GaussianScene, cameras: list[Camera], repeat: int) -> Iterator[Frame]:
    """A new camera for every frame, the first round left out."""
    for number in range(repeat + 1):
        for camera in cameras:
            frame = render(RenderRequest(scene, camera, RenderSettings(backend="cpu")))
            if number:
                yield frame


def report(name: str, scene: GaussianScene, cameras: list[Camera], repeat: int) -> float:
    """Print medians of the frame and its kernels; returns the frame's, milliseconds."""
    totals, kernels, counters = [], {}, {}
    for frame in frames(scene, cameras, repeat):
        totals.append(frame.total_ns / 1e6)
        sums: dict[str, float] = {}
        for record in frame.records:
            sums[record.name] = sums.get(record.name, 0) + record.duration_ns / 1e6
            for key, value in record.counters.items():
                counters.setdefault(key, []).append(value)
        for key, value in sums.items():
            kernels.setdefault(key, []).append(value)
    low, median, high = np.quantile(totals, (0.05, 0.5, 0.95))
    parts = ", ".join(f"{key} {np.median(value):.2f}" for key, value in kernels.items())
    size = f"{cameras[0].width}x{cameras[0].height}"
    print(f"{name}, {size}: {median:.1f} ms (p5 {low:.1f}, p95 {high:.1f}): {parts}")
    pixels = np.median(counters["pixels"])
    pairs = np.median(counters["evaluated pairs"])
    print(
        f"  {np.median(counters['visible splats']):,.0f} visible, "
        f"{np.median(counters['tile keys']):,.0f} tile keys, {pairs / pixels:.0f} pairs a pixel, "
        f"{np.median(counters['contributing pairs']) / pixels:.0f} contribute"
    )
    rate = pairs / np.median(kernels["blend"]) * 1e3
    bare, full = pairs_per_second()
    print(
        f"  blend {rate / 1e9:.2f} G pairs/s, {rate / full:.0%} of the same arithmetic in registers"
        f" ({full / 1e9:.2f}), {rate / bare:.0%} of 2^x and multiply-adds alone ({bare / 1e9:.2f})"
    )
    others = sum(float(np.median(kernels[name])) for name in ("project", "sort", "bin"))
    print(
        f"  project + sort + bin {others:.2f} ms beside blend {np.median(kernels['blend']):.2f} ms"
    )
    return float(median)


def growth(repeat: int, plot: Path | None) -> None:
    """Frame time from 100,000 to 5 million splats of one look: never more than linear."""
    counts = (100_000, 300_000, 1_000_000, 3_000_000, 5_000_000)
    times = []
    for count in counts:
        scene = cube(count, (100_000 / count) ** (1 / 3))
        times.append(report(f"cube {count:,}", scene, orbit(scene, 1280, 720), max(2, repeat // 3)))
        renderers()["gaussians"].forget()
    for count, milliseconds in zip(counts, times, strict=True):
        linear = times[0] * count / counts[0]
        print(
            f"  {count:>9,} splats: {milliseconds:7.1f} ms, {milliseconds / linear:.2f} of linear"
        )
    if plot is not None:
        _plot(counts, times, plot)


def _plot(counts: tuple[int, ...], times: list[float], path: Path) -> None:
    """A log-log picture of the growth, with the line of proportion."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (640, 420), "white")
    draw = ImageDraw.Draw(picture)

    def place(count: float, milliseconds: float) -> tuple[float, float]:
        x = 60 + 540 * (np.log10(count) - 5) / (np.log10(5e6) - 5)
        return x, 380 - 340 * np.log10(max(milliseconds, 1)) / 3

    for power in range(4):
        y = place(1e5, 10**power)[1]
        draw.line((60, y, 600, y), fill="#dddddd")
        draw.text((8, y - 6), f"{10**power} ms", fill="black")
    line = [place(count, times[0] * count / counts[0]) for count in counts]
    draw.line(line, fill="#aaaaaa", width=1)
    draw.line([place(*pair) for pair in zip(counts, times, strict=True)], fill="#1f6feb", width=3)
    for count, milliseconds in zip(counts, times, strict=True):
        x, y = place(count, milliseconds)
        draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill="#1f6feb")
        draw.text((x - 20, 386), f"{count / 1e6:g} M", fill="black")
    picture.save(path)


def profiling(repeat: int) -> None:
    """What listening costs: the same frame with and without a recorder, in turn."""
    scene, cameras = yardstick()
    renderer = renderers()["gaussians"]
    on, off = [], []
    for number in range(4 * repeat):
        for camera in cameras:
            request = RenderRequest(scene, camera)
            for listening in ((True, False), (False, True))[number % 2]:
                start = time.perf_counter()
                if listening:
                    with Recorder():
                        renderer.render(request, "cpu")
                else:
                    renderer.render(request, "cpu")
                (on if listening else off).append(time.perf_counter() - start)
    ratio = np.median(np.array(on) / np.array(off))
    print(f"profiling on / off: {ratio:.4f} (median of {len(on)} interleaved pairs)")


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=8)
    parser.add_argument("--only", default="room,real,cubes,growth,profiling")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--json", type=Path, help="write the medians")
    arguments = parser.parse_args()
    chosen = arguments.only.split(",")
    warm_up("cpu")
    medians = {}
    if "room" in chosen:
        scene, cameras = yardstick()
        medians["room"] = report("room 300k SH3", scene, cameras, arguments.repeat)
    if "real" in chosen:
        for name in ("plant.splat", "luma-seal.splat", "semarang_5_9_sog"):
            scene = GaussianScene(*real_scene(name).arrays(), name=name)
            medians[name] = report(name, scene, orbit(scene, 1280, 720), arguments.repeat)
    if "cubes" in chosen:
        eye = [Camera.look_at((0, 0, -4), (0, 0, 0), fov_y=np.deg2rad(45), width=w, height=w)
               for w in (512, 1024)]  # fmt: skip
        medians["200k"] = report("cube 200k", cube(200_000, 1.0), eye[:1], arguments.repeat * 3)
        medians["1M"] = report("cube 1M", cube(1_000_000, 0.4), eye[1:], arguments.repeat * 3)
    if "growth" in chosen:
        growth(arguments.repeat, arguments.plot)
    if "profiling" in chosen:
        profiling(arguments.repeat)
    if arguments.json:
        arguments.json.write_text(json.dumps(medians, indent=1))


if __name__ == "__main__":
    main()
