"""Gaussians and float images: the ``cuda`` backend beside the reference on small scenes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from kernels import timing
from kernels.cuda import graphs
from kernels.cuda.tables import FrameTables
from kernels.gaussians.bin import bin as bin_splats
from kernels.gaussians.blend import blend
from kernels.gaussians.pack import pack
from kernels.gaussians.project import project
from kernels.gaussians.resolve import resolve
from kernels.gaussians.shade import shade
from kernels.gaussians.sort import sort
from kernels.gaussians.storage import STORAGES
from kernels.gaussians.types import SOURCE, Options, View
from kernels.image.downsample import downsample
from kernels.image.quantize import quantize
from kernels.workspace import Workspace
from render.gaussians.renderer import RENDERER
from render.presets import PRESETS
from render.render import render
from render.request import RenderRequest, RenderSettings
from scenes.camera import Camera
from scenes.gaussians import GaussianScene
from tests.data import shared_folder
from tests.kernels.chain import Result, looking_at, psnr, random_splats, run_chain
from tests.real_scenes import read_ply

VIEW = looking_at((0.3, -0.4, -3.5), (0, 0, 0), 64, 48)
KINDS = (
    "huge", "needles", "discs", "points", "behind", "near plane", "transparent", "opaque", "cut",
    "far", "equal depth",
)  # fmt: skip
STRANGE = np.array(
    [0, -0.0, 1e-45, 1e-20, 1e-6, 1, 5, 1e4, 1e12, 1e30, 3e38, np.inf, -np.inf, np.nan],
    np.float32,
)
Measured = dict[str, Any]


def small(seed: int, count: int = 40, **changes: Any) -> tuple[np.ndarray, ...]:
    """A scene that the interpreter draws in half a second."""
    return random_splats(seed, count=count, **changes)


def beside(arrays: Any, view: View = VIEW, options: Options | None = None, **kw: Any) -> Measured:
    """How far the pictures of both backends are apart."""
    fast, truth = (run_chain(backend, arrays, view, options, **kw) for backend in BACKENDS)
    errors = [np.abs(getattr(fast, n) - getattr(truth, n)).max() for n in ("color", "alpha")]
    covered = truth.alpha > 0.05
    depth = np.abs(fast.depth - truth.depth)[covered].sum() / max(covered.sum(), 1)
    return {
        "finite": bool(np.isfinite(fast.color).all() and np.isfinite(fast.alpha).all()),
        "psnr": min(psnr(fast.color, truth.color), psnr(fast.alpha, truth.alpha), 999.0),
        "error": max(errors),
        "depth": depth / max(float(truth.depth.max()), 1e-6),
        "byte": int(np.abs(fast.rgba8.astype(int) - truth.rgba8).max()),
        "missing": _missing(fast, truth, view),
        "keys": fast.lists.count,
        "drawn": float(truth.alpha.max()),
    }


BACKENDS = ("cuda", "reference")


def _missing(fast: Result, truth: Result, view: View) -> int:
    """Pairs of tile and splat that the reference lists and the backend does not."""
    sources = np.asarray(fast.splats.records).view(np.int32)[:, SOURCE]
    rows, starts = np.asarray(fast.lists.rows), np.asarray(fast.lists.starts)
    known = truth.splats.records[:, SOURCE].numpy().astype(int)
    missing = 0
    for tile in range(view.tiles_x * view.tiles_y):
        ours = set(sources[rows[starts[4 * tile] : starts[4 * tile + 4]]].tolist())
        part = slice(truth.lists.starts[tile], truth.lists.starts[tile + 1])
        missing += len(set(known[np.asarray(truth.lists.rows)[part]].tolist()) - ours)
    return missing


def hostile(kind: str) -> tuple[np.ndarray, ...]:
    """Splats that a renderer gets wrong easily."""
    means, quats, scales, opacities, sh = small(3, degree=1, opacity=(0.05, 1.0))
    count = len(means)
    if kind == "huge":
        scales[::2] *= 200
    elif kind == "needles":
        scales[:] = [3.0, 1e-5, 1e-5]
    elif kind == "discs":
        scales[:, 2] = 0
    elif kind == "points":
        scales[:] = 0
    elif kind == "behind":
        means[:, 2] -= 4
    elif kind == "near plane":
        means *= 0.005
        means[:, 2] = np.linspace(-3.52, -3.48, count)
        scales *= 0.02
    elif kind == "transparent":
        opacities[:] = 0
    elif kind == "opaque":
        opacities[:] = 1
        scales[:] = 0.5
    elif kind == "cut":
        opacities[:] = np.float32(1 / 255) + np.linspace(-1e-4, 1e-4, count)
        scales *= 5
    elif kind == "far":
        means *= 1e6
        scales *= 1e6
    elif kind == "equal depth":
        means[:, 2] = 0
    return means, quats, scales, opacities, sh


def real() -> Measured:
    """The splats of a real scene that are nearest its middle."""
    path = shared_folder("data") / "splats/train-1000.ply"
    if not path.exists():
        return {"skipped": f"real data file {path.name} is not on this machine"}
    arrays = read_ply(path).arrays()
    middle = np.median(arrays[0], axis=0)
    away = np.linalg.norm(arrays[0] - middle, axis=1)
    nearest = np.sort(np.argsort(away)[:150])
    eye = middle + np.array([0.4, -0.5, -2.2]) * away[nearest].max()
    return beside(tuple(a[nearest] for a in arrays), looking_at(eye, middle, 64, 48))


def absurd(seed: int, preset: str) -> Measured:
    """Infinite, denormal, huge and undefined values."""
    rng = np.random.default_rng(seed)
    arrays = tuple(a.copy() for a in small(seed, count=100, degree=1))
    for array in arrays:
        hit = rng.random(array.shape) < 0.15
        array[hit] = rng.choice(STRANGE, int(hit.sum())) * rng.choice([-1, 1], int(hit.sum()))
    view = looking_at((0, 0, -2.5), (0, 0, 0), 49, 35, orthographic=bool(seed % 2))
    arrays = (*arrays[:2], np.abs(arrays[2]), np.clip(arrays[3], 0, 1), arrays[4])
    alpha = run_chain("cuda", arrays, view, PRESETS[preset].options).alpha
    return {"finite": bool(np.isfinite(alpha).all()), "low": alpha.min(), "high": alpha.max()}


def portions() -> Measured:
    """Few keys at once, and tiles in any order: the same picture to the last bit."""
    arrays = small(31)
    whole = run_chain("cuda", arrays, VIEW)
    parts = run_chain("cuda", arrays, VIEW, limit=40)
    workspace = Workspace()
    packed = pack("cuda", *arrays)
    splats = project("cuda", packed, VIEW, Options(), 1.0, workspace)
    splats = shade("cuda", packed, splats, VIEW, 3)
    lists = bin_splats("cuda", splats, sort("cuda", splats, workspace), VIEW, workspace)
    tiles = np.random.default_rng(0).permutation(VIEW.tiles_x * VIEW.tiles_y)
    accumulation = None
    for part in np.array_split(tiles, 3):
        accumulation = blend(
            "cuda", splats, lists, VIEW, Options(), False, workspace, part, accumulation
        )
    color, _, depth = resolve("cuda", accumulation, (0.0, 0.0, 0.0))
    return {
        "portions": bool(np.array_equal(whole.color, parts.color)),
        "consumed": parts.lists.consumed,
        "tiles": bool(np.array_equal(whole.color, color.astype(np.float64))),
        "no depth": depth is None,
    }


def batches() -> Measured:
    """Lists that several programs share, of which some pixels end early, some late, some never."""
    from kernels.gaussians.blend import cuda

    usual, cuda.BATCH = cuda.BATCH, 32
    try:
        arrays = small(37, count=80, scale=(0.4, 1.5), opacity=(0.5, 1.0))
        found = beside(arrays) | {"counts": counters(arrays)}
        faint = small(38, count=60, opacity=(0.02, 0.2))
        never = beside(faint, VIEW, replace(Options(), stop=-1.0))
    finally:
        cuda.BATCH = usual
    return found | {"never": never}


def products() -> Measured:
    """The other way to blend: its own batches, and what is hard for sums of terms that cancel."""
    from kernels.gaussians.blend import choice, cuda, matrix

    usual = choice.way, cuda.BATCH
    choice.way = lambda loop, options: (matrix.blend_by_products, matrix.WARPS)
    dense = small(37, count=80, scale=(0.4, 1.5), opacity=(0.5, 1.0))
    found = {}
    try:
        for name, arrays in (("plain", small(9, count=90)), ("needles", hostile("needles"))):
            found[name] = beside(arrays)
        fade = PRESETS["playcanvas"].options
        found["fade"] = beside(small(10), VIEW, fade)
        found["never"] = beside(small(8), VIEW, replace(Options(), stop=-1.0, alpha_cap=1.0))
        found["bare"] = beside(small(8), background=None)
        cuda.BATCH = 32
        found["batches"] = beside(dense)
        found["counts"] = counters(dense)
    finally:
        choice.way, cuda.BATCH = usual
    return found


class Listener:
    """Notes what makes a host wait for a device: numbers of tensors that the house asks for."""

    ASKING = ("item", "tolist", "numpy", "cpu", "__int__", "__bool__", "__index__", "__float__",
              "__array__", "nonzero")  # fmt: skip

    def __enter__(self) -> list[str]:
        self.asked: list[str] = []
        self.usual = {name: getattr(torch.Tensor, name) for name in self.ASKING}
        for name, method in self.usual.items():
            setattr(torch.Tensor, name, self._noted(name, method))
        return self.asked

    def __exit__(self, *error: object) -> None:
        for name, method in self.usual.items():
            setattr(torch.Tensor, name, method)

    def _noted(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def noted(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            place = sys._getframe(1).f_code.co_filename
            # The interpreter, not the house, copies what it launches with.
            if "/kernels/" in place and "triton" not in place:
                self.asked.append(f"{name} in {place}")
            return method(tensor, *args, **kwargs)

        return noted


def waiting() -> Measured:
    """Numbers that the host asks the device for in a frame, and after it."""
    arrays, workspace = small(6), Workspace()
    packed = pack("cuda", *arrays)
    tiles = np.arange(VIEW.tiles_x * VIEW.tiles_y)
    with Listener() as asked:
        splats = project("cuda", packed, VIEW, Options(), 1.0, workspace)
        splats = shade("cuda", packed, splats, VIEW, 3)
        lists = bin_splats("cuda", splats, sort("cuda", splats, workspace), VIEW, workspace)
        blend("cuda", splats, lists, VIEW, Options(), True, workspace, tiles)
    with Listener() as after:
        splats.settled()
    return {"asked": asked, "after": after}


class Again:
    """In place of a recording: launches again, with the numbers that are there."""

    def __init__(self, launch: Callable[[], Any]) -> None:
        self.launch, self.result = launch, launch()

    def run(self) -> Any:
        """Into the same tables."""
        fill, FrameTables.fill = FrameTables.fill, lambda tables, values: None
        self.result[1].planes.copy_(self.launch()[1].planes)
        FrameTables.fill = fill
        return self.result


def recorded() -> Measured:
    """Frames of a camera that moves, of which all but the first few are run from a recording."""
    from kernels.gaussians.recorded import RecordedGaussians, _same

    packed = pack("cuda", *small(6))
    graphs.interpreted, graphs.Recording = lambda: False, Again
    frames = RecordedGaussians(Workspace(), graphs.Recordings(_same, Again))
    equal, settled = [], []
    for place in range(5):
        view = looking_at((0.3 * place, -0.4, -3.5), (0, 0, 0), 64, 48)
        splats, found = frames.draw(packed, view, Options(), 1.0, 3, True, 1 << 24)
        truth = run_chain("cuda", small(6), view).accumulation
        equal.append(bool(torch.equal(found.planes, truth.planes)))
        settled.append(splats.settled())
    kinds = [type(kept).__name__ for kept in frames._recordings._kept.values()]
    return {"equal": equal, "settled": settled, "kinds": kinds}


def rendered() -> Measured:
    """Whole frames, of which the first finds too little room, beside those of the processor."""
    arrays = small(6, count=60)
    scene = GaussianScene(*arrays)
    camera = Camera.look_at((0.3, -0.4, -3.5), (0, 0, 0), width=64, height=48)
    RENDERER.forget()
    packed = RENDERER._resident(scene, "cuda", "fp32")
    packed.visible.rows, packed.keys.rows = 8, 16
    apart = []
    for output in ("color", "depth", "alpha"):
        pictures = [
            render(
                RenderRequest(scene, camera, RenderSettings(backend=backend, output=output))
            ).rgba8.astype(int)
            for backend in ("cuda", "cpu")
        ]
        apart.append(int(np.abs(pictures[0] - pictures[1]).max()))
    twice = RenderRequest(scene, camera, RenderSettings(backend="cuda"), ("depth",), True, 2)
    return {"apart": apart, "shape": render(twice).images["depth"].shape}


def crowded() -> Measured:
    """Tables that are too small at first: drawn again with room, then never again."""
    arrays = small(41, count=60)
    workspace, packed = Workspace(), pack("cuda", *arrays)
    packed.visible.rows, packed.keys.rows = 8, 16
    rounds = []
    for _ in range(3):
        splats = project("cuda", packed, VIEW, Options(), 1.0, workspace)
        splats = shade("cuda", packed, splats, VIEW, 3)
        lists = bin_splats("cuda", splats, sort("cuda", splats, workspace), VIEW, workspace)
        tiles = np.arange(VIEW.tiles_x * VIEW.tiles_y)
        found = blend("cuda", splats, lists, VIEW, Options(), True, workspace, tiles)
        rounds.append(splats.settled())
    color = resolve("cuda", found, (0.0, 0.0, 0.0))[0]
    truth = run_chain("reference", arrays, VIEW).color
    return {"rounds": rounds, "psnr": psnr(color.astype(np.float64), truth)}


def images() -> Measured:
    """Quantising and averaging, beside the reference."""
    rng = np.random.default_rng(2)
    color = rng.uniform(-0.2, 1.3, (12, 24, 3)).astype(np.float32)
    alpha = rng.uniform(0, 1, (12, 24)).astype(np.float32)
    alpha[:4] = 0
    color.setflags(write=False)
    byte = 0
    for opaque in (True, False):
        fast, truth = (quantize(b, color[4:], alpha[4:], opaque) for b in BACKENDS)
        byte = max(byte, int(np.abs(fast.astype(int) - truth).max()))
    error = 0.0
    for factor in (2, 3, 4):
        for depth in (None, rng.uniform(1, 5, (12, 24)).astype(np.float32)):
            fast, truth = (downsample(b, color, alpha, depth, factor) for b in BACKENDS)
            pairs = zip(fast[: 2 if depth is None else 3], truth, strict=False)
            error = max(error, *(float(np.abs(a - np.asarray(b)).max()) for a, b in pairs))
    return {"byte": byte, "error": error}


def counters(arrays: Any = None) -> Measured:
    """What the timer is told of each launch, as plain whole numbers."""
    arrays = arrays or small(5)
    with timing.Recorder() as recorder:
        run_chain("cuda", arrays, VIEW)
    truth = run_chain("reference", arrays, VIEW).accumulation.contributing
    told = {record.name: dict(record.counters) for record in recorder.records}
    return {"told": told, "contributing": truth}


def _cases() -> dict[str, Callable[[], Measured]]:
    inside = looking_at((0, 0, 0), (0.2, 0.1, 1), 64, 48, fov_y=95)
    base = looking_at((0, 0, -3), (0, 0, 0), 61, 37)
    uneven = View(base.rotation, base.position, 40.0, 60.0, 12.0, 30.0, 61, 37)
    parallel = replace(base, fx=15.0, fy=15.0, orthographic=True)
    offset = np.array([503.0, 162.0, 770.0])
    distant = small(21)
    distant = ((distant[0] + offset).astype(np.float32), *distant[1:])
    away = looking_at(offset + np.array([0.3, -0.4, -3.5]), offset, 64, 48)
    empty = tuple(a[:0] for a in random_splats(0))
    cases: dict[str, Callable[[], Measured]] = {
        f"degree {degree}": lambda degree=degree: beside(small(degree, degree=degree))
        for degree in range(5)
    }
    cases |= {
        f"storage {name}": lambda name=name: beside(small(9, degree=3), storage=name)
        for name in STORAGES
    }
    cases |= {
        f"preset {name}": lambda name=name: beside(
            small(7, opacity=(0.0, 0.98)), VIEW, PRESETS[name].options
        )
        for name in PRESETS
    }
    front = looking_at((0, 0, -3.5), (0, 0, 0), 64, 48)
    cases |= {f"hostile {kind}": lambda kind=kind: beside(hostile(kind), front) for kind in KINDS}
    cases |= {
        f"absurd {preset} {seed}": lambda preset=preset, seed=seed: absurd(seed, preset)
        for seed, preset in enumerate(("gsplat", "inria", "playcanvas", "antimatter15"))
    }
    return cases | {
        "inside": lambda: beside(small(11, count=100), inside),
        "uneven": lambda: beside(small(13), uneven),
        "parallel": lambda: beside(small(12), parallel),
        "large coordinates": lambda: beside(distant, away),
        "background": lambda: beside(small(17), background=(0.2, 0.5, 0.9)),
        "no background": lambda: beside(small(18), background=None),
        "empty": lambda: beside(empty),
        "real": real,
        "portions": portions,
        "batches": batches,
        "products": products,
        "crowded": crowded,
        "rendered": rendered,
        "recorded": recorded,
        "waiting": waiting,
        "images": images,
        "counters": counters,
    }


CASES = _cases()


def draw() -> None:
    """Launch everything the backend can do, on a handful of splats."""
    view = looking_at((0, 0, -3), (0, 0, 0), 40, 20)
    run_chain("cuda", random_splats(0, 9, degree=4), view, limit=5)
    run_chain("cuda", random_splats(0, 9, degree=4), view)
    for storage in ("fp16", "uint8"):
        run_chain("cuda", random_splats(0, 9, degree=3), view, storage=storage)
    _draw_without_depth(random_splats(0, 9, degree=1), view)
    # All options that remove code at once; without a background.
    everything = replace(PRESETS["playcanvas"].options, box_sigma=3.0, compensate=True, radial=True)
    run_chain("cuda", random_splats(0, 9, degree=3), view, everything, background=None)
    parallel = replace(view, orthographic=True, fx=20.0, fy=20.0)
    run_chain("cuda", random_splats(0, 9, degree=0), parallel, Options())
    color, alpha = np.zeros((4, 4, 3), np.float32), np.ones((4, 4), np.float32)
    for depth in (alpha, None):
        downsample("cuda", color, alpha, depth, 2)
    for opaque in (True, False):
        quantize("cuda", color, alpha, opaque)


def _draw_without_depth(arrays: Any, view: Any) -> None:
    """As the screen is drawn: colour alone, the tiles in two portions."""
    workspace, options = Workspace(), Options()
    packed = pack("cuda", *arrays)
    splats = project("cuda", packed, view, options, 1.0, workspace)
    splats = shade("cuda", packed, splats, view, 1)
    lists = bin_splats("cuda", splats, sort("cuda", splats, workspace), view, workspace)
    onto = None
    for tiles in (np.arange(1), np.arange(1, 2)):
        onto = blend("cuda", splats, lists, view, options, False, workspace, tiles, onto)
    resolve("cuda", onto, None)
    whole = np.arange(view.tiles_x * view.tiles_y)
    blend("cuda", splats, lists, view, options, False, workspace, whole)
    from kernels.gaussians.blend import choice, matrix

    choice.way = lambda loop, options: (matrix.blend_by_products, matrix.WARPS)
    for depth, options in ((True, Options()), (False, PRESETS["playcanvas"].options)):
        blend("cuda", splats, lists, view, options, depth, workspace, whole)
