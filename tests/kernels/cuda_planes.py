"""Multiplane images on the ``cuda`` backend beside the reference: what ``cuda_cases`` measures.

Pictures are small, so that Triton's interpreter is done within seconds, and of odd sizes, so that
blocks reach beyond them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kernels import timing
from kernels.gaussians.types import View
from kernels.planes.basis import basis
from kernels.planes.blend import blend
from kernels.planes.halve import halve
from kernels.planes.pack import pack
from kernels.planes.types import Coefficients, Options, Wanted
from kernels.workspace import Workspace
from render.render import render
from render.request import RenderRequest, RenderSettings
from render.views import view_of
from scenes.camera import Camera
from scenes.open import open_scene
from scenes.planes import Plane, PlaneScene, Shell, ViewBasis
from tests.data import shared_folder
from tests.kernels.planes_inputs import (
    EVERYTHING,
    NO_PLANES,
    Stack,
    decibels,
    looking,
    noise,
    shells,
    stack,
    turned,
)

BACKENDS = ("cuda", "reference")
BEHIND = Options(back_faces=True)
Measured = dict[str, Any]


def beside(
    layers: Stack,
    view: View,
    options: Options | None = None,
    levels: int = 1,
    background: tuple[float, float, float] | None = (0.2, 0.3, 0.4),
    functions: int = 0,
) -> Measured:
    """How far the pictures of both backends are apart."""
    wanted = Wanted(True, background, True, True, True)
    found = []
    for backend in BACKENDS:
        known = coefficients(backend, view, layers, functions) if functions else None
        found.append(layers.rendered(backend, view, options, wanted, levels, known))
    fast, truth = found
    color, depth = np.asarray(fast.color), np.asarray(fast.depth)
    seen = truth.color[..., 3] > 0.01
    far = np.abs(depth - truth.depth)[seen] / truth.depth[seen]
    close = np.abs(color - truth.color).max(axis=2) < 2e-3
    return {
        "finite": bool(np.isfinite(color).all() and np.isfinite(depth).all()),
        "psnr": decibels(color, truth.color),
        "close": float(close.mean()),
        "psnr of close": decibels(color[close], truth.color[close]) if close.any() else 0.0,
        "byte": int(np.abs(fast.rgba8.astype(int) - truth.rgba8)[seen].max(initial=0)),
        "depth": float(far.mean()) if seen.any() else 0.0,
        "index": float((fast.index != truth.index)[seen].mean()) if seen.any() else 0.0,
        "drawn": float(truth.color[..., 3].max(initial=0)),
    }


def coefficients(backend: str, view: View, layers: Stack, functions: int) -> Coefficients:
    """A basis of noise, and coefficients that change colours by up to a third."""
    rng = np.random.default_rng(7)
    maps = rng.uniform(-1, 1, (functions, 9, 11)).astype(np.float32)
    values = basis(backend, maps, (0.7, 0.6), turned(0.1, 0.05), view, Workspace())
    texels = [image.shape[0] * image.shape[1] for image in layers.images]
    factors = rng.integers(90, 166, (sum(texels), functions, 3)).astype(np.uint8)
    starts = np.cumsum([0, *texels[:-1]])
    return Coefficients(factors, starts.astype(np.int64), values)


def textures() -> Measured:
    """Packing and halving, texel by texel."""
    rng = np.random.default_rng(0)
    images = [noise(rng, h, w, (0, 255)) for h, w in ((1, 1), (33, 64), (7, 130), (50, 3))]
    images[1][:, :40, 3] = 0
    images[2].setflags(write=False)
    wraps = [False, True, False, True]
    both = []
    for backend in BACKENDS:
        packed = pack(backend, images, wraps)
        while packed.filled[0] < packed.levels:
            halve(backend, packed)
        both.append(packed)
    fast, truth = both
    return {
        "texels": bool(
            np.array_equal(np.asarray(fast.texels).view("u4")[:-64], truth.texels[:-64])
        ),
        "occupied": bool(np.array_equal(fast.occupied, truth.occupied)),
        "levels": truth.levels,
    }


def counters() -> Measured:
    """What is told to have been spared, and to the timer, as whole numbers."""
    told = {}
    for name, alpha in (("opaque", 255), ("empty", 0), ("thin", 9)):
        with timing.Recorder() as recorder:
            stack(3, alpha=(min(alpha, 255), alpha)).rendered("cuda", looking(64, 8, focal=60))
        told[name] = dict(recorder.records[-1].counters)
    return told


def portions() -> Measured:
    """Few blocks at once make the same picture to the last bit."""
    from kernels.planes.composite import cuda as composite_on_device

    layers, view = stack(3, seed=3, askew=0.3), looking(50, 9)
    whole = layers.rendered("cuda", view, BEHIND)
    kept = composite_on_device.SLOTS
    composite_on_device.SLOTS = 9
    try:
        parts = layers.rendered("cuda", view, BEHIND)
    finally:
        composite_on_device.SLOTS = kept
    return {
        "equal": bool(np.array_equal(whole.color, parts.color)),
        "counters": {name: int(n) for name, n in whole.counters.items()}
        == {name: int(n) for name, n in parts.counters.items()},
    }


def alone() -> Measured:
    """A picture alone, as the screen is drawn, is that of all outputs."""
    layers, view = stack(3, seed=2), looking(35, 9)
    background = EVERYTHING.background
    everything = layers.rendered("cuda", view)
    picture = layers.rendered("cuda", view, wanted=Wanted(True, background))
    empty = layers.rendered("cuda", view, wanted=Wanted(False, None, True))
    return {
        "equal": bool(np.array_equal(everything.rgba8, picture.rgba8)),
        "others": all(each is None for each in (picture.color, picture.depth, picture.index)),
        "color": bool(np.array_equal(everything.color, empty.color)) and empty.rgba8 is None,
    }


def coplanar() -> Measured:
    """Of layers in the same place the later one is in front, also beside one that crosses."""
    images = [np.full((4, 4, 4), value, np.uint8) for value in (255, 128, 60)]
    images[1][..., 3] = images[2][..., 3] = 255
    sides = [np.array([side] * 3, float) for side in ([-1, -1, 2], [2, 0, 0], [0, 2, 0])]
    sides[0][2], sides[1][2] = (-1, -1, 1.5), (2, 0, 1.0)
    found = {}
    for name, count in (("two", 2), ("crossed", 3)):
        layers = Stack(images[:count], tuple(side[:count] for side in sides))
        index = [layers.rendered(b, looking(35, 7, focal=36), BEHIND).index for b in BACKENDS]
        found[name] = bool(np.array_equal(*index))
        found[f"{name} shown"] = sorted(set(index[0].ravel().tolist()))
    return found


def blending() -> Measured:
    """Pictures of a set as one, beside the reference."""
    rng = np.random.default_rng(0)
    colors = []
    for _ in range(3):
        alpha = rng.random((7, 50, 1)) * (rng.random((7, 50, 1)) > 0.3)
        colors.append(np.concatenate([rng.random((7, 50, 3)) * alpha, alpha], 2, dtype=np.float32))
    depths = [rng.uniform(1, 5, (7, 50)).astype(np.float32) for _ in colors]
    weights = [1e-30, 3e-31, 2e-32]
    fast, truth = (blend(backend, colors, depths, weights) for backend in BACKENDS)
    errors = [float(np.abs(np.asarray(a) - b).max()) for a, b in zip(fast, truth, strict=True)]
    return {"errors": errors, "no depth": blend("cuda", colors, [], weights)[1] is None}


def directions() -> Measured:
    """A basis of a direction, beside the reference."""
    maps = np.random.default_rng(0).uniform(-1, 1, (3, 40, 50)).astype(np.float32)
    views = (
        looking(30, 20, rotation=turned(0.2, -0.1, 0.05)),
        looking(21, 9, focal=30, orthographic=True),
        looking(30, 20, focal=8),
    )
    errors, shapes = [], []
    for view in views:
        fast, truth = (
            np.asarray(basis(backend, maps, (0.7, 0.6), turned(0.3, 0.2), view, Workspace()))
            for backend in BACKENDS
        )
        errors.append(float(np.abs(fast - truth).max()))
        shapes.append(fast.shape == (view.height, view.width, 3))
    return {"error": max(errors), "shapes": all(shapes)}


def _scene(kind: str) -> PlaneScene:
    rng = np.random.default_rng(4)
    camera = Camera.look_at((0, 0, 0), (0, 0, 1), width=40, height=24)
    depths = (4.0, 2.0, 1.5)
    planes = [Plane.facing(camera, depth, noise(rng, 20, 30, (0, 255))) for depth in depths]
    if kind == "set":
        places = ((0, 0, 0), (0.05, 0, 0), (0, 0.05, 0))
        cameras = [Camera.look_at(p, (p[0], p[1], 1), width=40, height=24) for p in places]
        members = tuple(
            PlaneScene(tuple(Plane.facing(c, d, noise(rng, 12, 18, (0, 255))) for d in depths[:2]),
                       camera=c)
            for c in cameras
        )  # fmt: skip
        return PlaneScene((), members=members)
    if kind == "basis":
        maps = rng.uniform(-1, 1, (2, 8, 9)).astype(np.float32)
        tiles = (rng.integers(90, 166, (2, 20, 30, 3)).astype(np.uint8),)
        return PlaneScene(
            tuple(planes), camera=camera, basis=ViewBasis(maps, (0.7, 0.6), tiles, (0, 0, 0))
        )
    if kind == "shells":
        spheres = [Shell(noise(rng, 20, 40, (0, 255)), np.zeros(3), r) for r in (3.0, 2.0)]
        return PlaneScene(tuple(spheres), camera=camera)
    return PlaneScene(tuple(planes), camera=camera)


def drawn(kind: str) -> Measured:
    """Whole frames by the door to pixels, beside those of the ``cpu`` backend."""
    scene = _scene(kind)
    camera = Camera.look_at((0.05, 0.02, -0.3), (0, 0.05, 2), width=17, height=5)
    found: Measured = {"byte": 0, "psnr": 999.0, "depth": 0.0, "on": []}
    cases: list[tuple[dict[str, Any], tuple[str, ...], int]] = [
        ({}, (), 1),
        ({"background": None}, ("color", "alpha", "depth"), 1),
        ({"output": "depth"}, ("depth",), 2),
    ]
    if kind == "planes":
        cases.append(({"output": "layer"}, ("layer",), 2))
    for settings, outputs, factor in cases:
        frames = []
        for backend in ("cuda", "cpu"):
            request = RenderRequest(
                scene,
                camera,
                RenderSettings(backend=backend, **settings),
                outputs,
                supersample=factor,
            )
            frames.append(render(request))
        fast, truth = (frame.images for frame in frames)
        alpha = truth.get("alpha", np.ones((5, 17)))
        byte = np.abs(fast["rgba8"].astype(int) - truth["rgba8"])[alpha > 0.01]
        share = float((byte > 1).mean())
        found["byte"] = max(found["byte"], int(np.quantile(byte, 0.995)))
        found["share"] = max(found.get("share", 0.0), share)
        found["numpy"] = all(isinstance(image, np.ndarray) for image in fast.values())
        if "color" in outputs:
            found["psnr"] = decibels(fast["color"], truth["color"])
        if "depth" in outputs:
            error = np.abs(fast["depth"] - truth["depth"]) / np.maximum(truth["depth"], 1e-3)
            found["depth"] = max(found["depth"], float(np.quantile(error, 0.99)))
        found["on"] += sorted(
            {record.backend for record in frames[0].records if record.group == "planes"}
        )
    return found


def real() -> Measured:
    """Some layers of a real multiplane image, with a texel in sixteen, and smaller than that."""
    path = shared_folder("data") / "mpi/single_view_mpi_5"
    if not path.exists():
        return {"skipped": f"real data folder {path.name} is not on this machine"}
    scene = open_scene(path)
    assert isinstance(scene, PlaneScene)
    assert scene.camera is not None
    layers = [layer for layer in scene.layers if isinstance(layer, Plane)][::12]
    places = [[getattr(layer, name) for layer in layers] for name in ("corner", "across", "down")]
    planes = Stack([layer.image[::4, ::4] for layer in layers], tuple(map(np.array, places)))
    whole = view_of(scene.camera, None)
    return beside(planes, _scaled(whole, 35 / whole.width), levels=4)


VIEWS = {
    "moved": looking(35, 9, eye=(0.05, -0.03, 0.02), focal=30),
    "turned": looking(35, 9, eye=(0.1, 0.05, -0.5), rotation=turned(0.2, -0.1, 0.05), focal=30),
    "grazing": looking(20, 9, eye=(1.5, 0, 1.9), rotation=turned(1.45, 0.02), focal=30),
    "between": looking(35, 9, eye=(0.1, 0, 2.6), rotation=turned(0.3, 0.1), focal=30),
    "close": looking(35, 9, eye=(0.1, 0.1, 0.93), focal=300),
    "narrow": looking(3, 50, eye=(0, 0, -0.1), focal=30),
    "one pixel": looking(1, 1),
    "orthographic": looking(35, 9, eye=(0.1, 0, -1), focal=20, orthographic=True),
}


def crossing(count: int) -> Measured:
    """Planes that cross everywhere."""
    layers = stack(count, 20, 16, seed=5, askew=1.0)
    view = looking(40, 9, (0.3, -0.2, -1.4), turned(0.1, -0.2, 0.1))
    return beside(layers, view, BEHIND)


def spheres(spread: float, planes: int, view: View) -> Measured:
    """Spheres, which cross and are crossed."""
    layers = shells(2, spread=spread)
    if planes:
        flat = stack(planes, askew=0.4)
        layers = Stack(flat.images + layers.images, flat.planes, layers.shells)
    return beside(layers, view, BEHIND, levels=4)


def large() -> Measured:
    """8192 x 8 texels: places beyond what float32 numbers hold exactly."""
    image = np.zeros((8, 8192, 4), np.uint8)
    image[..., 3] = 255
    image[::2, ::2, 0] = 255
    sides = tuple(np.array([each], float) for each in ([0, 0, 1], [8192, 0, 0], [0, 8, 0]))
    return beside(Stack([image], sides), looking(33, 7, eye=(8100.25, 4.5, 0.0), focal=1.0))


def absurd() -> Measured:
    """Planes in absurd places draw something finite."""
    rng = np.random.default_rng(1)
    layers = stack(6, 8, 8, askew=0.2)
    strange = [1e-30, 1e30, 1e12, -1e15, 0.0, 1e-9]
    for side, row in zip(layers.planes, range(3), strict=True):
        side[row] = rng.choice(strange, 3)
        side[row + 3] *= strange[row]
    found = layers.rendered("cuda", looking(40, 9, focal=30), BEHIND, levels=3)
    color = np.asarray(found.color)
    return {
        "finite": bool(np.isfinite(color).all()),
        "low": float(color[..., 3].min()),
        "high": float(color[..., 3].max()),
    }


def _cases() -> dict[str, Callable[[], Measured]]:
    cases: dict[str, Callable[[], Measured]] = {
        f"view {name}": lambda view=view: beside(stack(4, seed=3), view)
        for name, view in VIEWS.items()
    }
    cases |= {
        f"askew {name}": lambda name=name: beside(stack(4, seed=3, askew=0.3), VIEWS[name], BEHIND)
        for name in ("between", "orthographic")
    }
    cases |= {
        f"smaller {name} {scale}": lambda name=name, scale=scale, askew=askew: beside(
            stack(3, 130, 90, askew=askew), _scaled(VIEWS[name], scale), BEHIND, 9
        )
        for name, scale, askew in (
            ("moved", 0.7, 0.0), ("turned", 0.24, 0.1), ("grazing", 1.0, 0.1),
            ("orthographic", 0.05, 0.1),
        )
    }  # fmt: skip
    inside = looking(33, 3, eye=(0.3, 0.1, 0.2), rotation=turned(2.0, 1.3), focal=20)
    ahead = looking(33, 3, eye=(0.1, 0.1, 0.2), rotation=turned(0.3, 0.1), focal=20)
    parallel = looking(33, 3, eye=(0.3, 0.1, -9), focal=10, orthographic=True)
    cases |= {
        f"shells {name}": lambda spread=spread, planes=planes, view=view: spheres(
            spread, planes, view
        )
        for name, spread, planes, view in (
            ("nested", 0.0, 0, inside), ("spread", 0.4, 0, inside), ("mixed", 0.4, 2, ahead),
            ("parallel", 0.4, 1, parallel),
        )
    }  # fmt: skip
    empty = Stack([], NO_PLANES)
    return cases | {
        "textures": textures,
        "mipmaps off": lambda: beside(stack(2, 130, 90), looking(20, 9, focal=18),
                                      Options(mipmaps=False), 9),
        "crossing": lambda: crossing(9),
        "no layers": lambda: beside(empty, looking(33, 9)),
        "one layer": lambda: beside(stack(1), looking(33, 9, focal=30)),
        "many layers": lambda: beside(stack(70, 9, 7, alpha=(0, 40)), looking(20, 7, focal=18)),
        "odd pictures": lambda: beside(stack(3, 1, 60, alpha=(100, 255)), VIEWS["turned"], None, 9),
        "transparent": lambda: beside(stack(2, alpha=(0, 200)), VIEWS["moved"], background=None),
        "view-dependent": lambda: beside(stack(3), VIEWS["turned"], functions=3),
        "view-dependent and askew": lambda: beside(
            stack(3, seed=3, askew=0.3), VIEWS["between"], BEHIND, functions=2
        ),
        "large": large,
        "absurd": absurd,
        "coplanar": coplanar,
        "counters": counters,
        "portions": portions,
        "alone": alone,
        "blending": blending,
        "directions": directions,
        "real": real,
    } | {f"drawn {kind}": lambda kind=kind: drawn(kind)
         for kind in ("planes", "shells", "basis", "set")}  # fmt: skip


def _scaled(view: View, scale: float) -> View:
    return View(
        view.rotation, view.position, view.fx * scale, view.fy * scale, view.cx * scale,
        view.cy * scale, max(1, int(view.width * scale)), max(1, int(view.height * scale)),
        view.orthographic,
    )  # fmt: skip


CASES = _cases()


def draw() -> None:
    """Launch every kernel in every variant that matters."""
    view = looking(33, 9, focal=30)
    flat = looking(33, 9, focal=20, orthographic=True)
    planes, askew = stack(2, 9, 8), stack(3, 9, 8, askew=0.8)
    mixed = Stack(askew.images + shells(1).images, askew.planes, shells(1).shells)
    picture, transparent = Wanted(True, (0.0, 0.0, 0.0)), Wanted(True)
    planes.rendered("cuda", view, wanted=picture)
    planes.rendered("cuda", view, wanted=transparent)
    planes.rendered("cuda", _scaled(view, 0.2), BEHIND, picture, levels=3)
    planes.rendered("cuda", flat, BEHIND, EVERYTHING, levels=3)
    askew.rendered("cuda", view, BEHIND, picture, levels=3)
    shells(2).rendered("cuda", view, BEHIND, picture, levels=3)
    mixed.rendered("cuda", view, BEHIND, EVERYTHING, levels=3)
    known = coefficients("cuda", view, planes, 2)
    planes.rendered("cuda", view, BEHIND, picture, coefficients=known)
    blending()
