"""Pictures of fields by the ``cuda`` backend beside those of the float64 reference.

Cases of the family ``marching``; see :mod:`tests.kernels.cuda_cases`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from render.fields import shading
from render.render import render
from render.request import Frame, RenderCancelled, RenderRequest, RenderSettings
from scenes.camera import Camera
from scenes.fields import FieldScene
from scenes.open import open_scene
from tests.kernels.chain import psnr
from tests.render import field_scenes

Measured = dict[str, Any]
SAMPLES = Path(__file__).resolve().parents[2] / "assets/fields"
EYE = Camera.look_at((0.7, -0.5, -2.6), (0, 0, 0), width=24, height=16)
EVERY = ("color", "alpha", "depth", "normal", "cost")


def shown(scene: FieldScene, camera: Camera, backend: str, **more: Any) -> Frame:
    """Every output, over nothing."""
    settings = RenderSettings(backend=backend, background=None, **more)
    return render(RenderRequest(scene, camera, settings, EVERY))


def beside(scene: FieldScene, camera: Camera = EYE, **more: Any) -> Measured:
    """How far the pictures of both backends are apart."""
    fast, truth = (shown(scene, camera, b, **more).images for b in ("cuda", "reference"))
    solid = truth["alpha"] > 0.5
    depth = np.abs(fast["depth"] - truth["depth"])[solid]
    normal = np.abs(fast["normal"] - truth["normal"]).max(-1) if "normal" in truth else solid * 0
    return {
        "finite": all(bool(np.isfinite(image).all()) for image in fast.values()),
        "psnr": min(999.0, *(psnr(fast[n], truth[n]) for n in ("color", "alpha"))),
        "depth": float(depth.max(initial=0) / max(float(truth["depth"].max()), 1e-6)),
        "normal": float(normal[solid].mean()) if solid.any() else 0.0,
        "cost": int((fast["cost"] != truth["cost"]).sum()),
        "byte": int(np.abs(fast["rgba8"].astype(int) - truth["rgba8"]).max()),
        "drawn": float(truth["alpha"].mean()),
    }


def ball(**changes: Any) -> FieldScene:
    """Thin enough to shine through, in large steps."""
    return replace(field_scenes.ball(density=8.0), step=0.15, **changes)


@contextmanager
def in_rounds(batch: int = 256) -> Iterator[None]:
    """March, encoding, network and compositing one after the other, few samples at a time."""
    known = shading.DEVICE_BATCH, shading.fusable
    shading.DEVICE_BATCH, shading.fusable = batch, lambda model: False
    try:
        yield
    finally:
        shading.DEVICE_BATCH, shading.fusable = known


def rounds(scene: FieldScene, camera: Camera = EYE) -> Measured:
    """How far pictures are apart that are made that way."""
    with in_rounds():
        return beside(scene, camera)


def sampled(name: str, width: int, height: int) -> Measured:
    """A field of the program's own samples; coarser cells, for the interpreter's sake."""
    scene = open_scene(SAMPLES / f"{name}.field.safetensors")
    if scene.occupancy is not None:
        cells = scene.occupancy.cells
        shape = (len(cells), *(n for side in cells.shape[1:] for n in (side // 8, 8)))
        cells = cells.reshape(shape).any((2, 4, 6))
        scene = replace(scene, occupancy=replace(scene.occupancy, cells=cells))
    return rounds(scene, scene.default_camera(width, height))


def views() -> Measured:
    """What the screen can show, supersampled and not, in bytes."""
    worst = {}
    scene, camera = field_scenes.sphere(), EYE.resized(9, 6)
    shown_as = {"color": 1, "alpha": 1, "depth": 2, "normal": 2, "cost": 2}
    for output, factor in shown_as.items():
        fast, truth = (
            render(RenderRequest(scene, camera, RenderSettings(backend=b, output=output),
                                 supersample=factor)).rgba8.astype(int)
            for b in ("cuda", "reference")
        )  # fmt: skip
        worst[output] = int(np.abs(fast - truth).max())
    return worst


def prepared() -> Measured:
    """Meshes and occupied cells, which go through NumPy: beside the reference."""
    from render.fields import mesh, occupancy

    meshes = [mesh.extract(field_scenes.sphere(), 6, None, b) for b in ("cuda", "reference")]
    vertices, normals = (
        float(np.abs(np.subtract(*(getattr(m, name) for m in meshes))).max())
        for name in ("vertices", "normals")
    )
    sides, occupancy.SIDE, occupancy.SURFACE_SIDE = (
        (occupancy.SIDE, occupancy.SURFACE_SIDE), 8, 8,
    )  # fmt: skip
    same = True
    for scene in (field_scenes.ball(), field_scenes.sphere()):
        fast, truth = (occupancy.with_occupancy(scene, b) for b in ("cuda", "reference"))
        same &= np.array_equal(fast.occupancy.cells, truth.occupancy.cells)
    occupancy.SIDE, occupancy.SURFACE_SIDE = sides
    return {"vertices": vertices, "normals": normals, "cells": bool(same)}


def refined() -> Measured:
    """Coarse first, and in the end the same picture as in one go."""
    import render.fields.renderer as renderer

    patience, renderer.PATIENCE = renderer.PATIENCE, 0.0
    seen: list[np.ndarray] = []
    request = RenderRequest(field_scenes.ramp(), EYE, RenderSettings(backend="cuda"))
    try:
        final = render(replace(request, partial=seen.append)).rgba8
    finally:
        renderer.PATIENCE = patience
    return {"same": bool(np.array_equal(final, render(request).rgba8)), "partial": len(seen)}


def told() -> Measured:
    """Samples of the stages; and whether a frame is left when it is cancelled."""
    request = RenderRequest(ball(), EYE.resized(8, 6), RenderSettings(backend="cuda"))
    with in_rounds():
        records = render(request).records
    samples: dict[str, int] = {}
    for record in records:
        count = samples.get(record.name, 0)
        samples[record.name] = count + record.counters.get("samples", 0)
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 2

    try:
        with in_rounds():
            render(replace(request, cancelled=cancelled))
        left = False
    except RenderCancelled:
        left = True
    backends = {record.name: record.backend for record in records}
    return {"samples": samples, "left": left, "backends": backends}


def _pictures() -> dict[str, Callable[[], Measured]]:
    cloud = replace(field_scenes.cloud(), step=0.15)
    soft = replace(field_scenes.sphere(), sharpness=30.0)
    cut = replace(field_scenes.sphere(0.8), lower=-np.full(3, 0.6), upper=np.full(3, 0.6))
    inside = Camera.look_at((0.1, 0, -0.4), (0, 0, 0.5), width=12, height=8)
    return {
        "radiance": lambda: beside(ball()),
        "radiance in rounds": lambda: rounds(ball(), EYE.resized(16, 12)),
        "radiance in a cone": lambda: beside(ball(cone=1 / 16)),
        "radiance in a cone, in rounds": lambda: rounds(ball(cone=1 / 16), EYE.resized(16, 12)),
        "radiance from within": lambda: rounds(ball(), inside),
        "volume": lambda: beside(cloud, EYE.resized(16, 12)),
        "volume in rounds": lambda: rounds(cloud, EYE.resized(16, 12)),
        "image": lambda: beside(field_scenes.ramp()),
        "light": lambda: beside(field_scenes.window()),
        "distance": lambda: beside(field_scenes.sphere()),
        "distance by NeuS": lambda: beside(soft, EYE.resized(16, 12), surface="neus"),
        "distance cut": lambda: beside(cut, EYE.resized(16, 12)),
        "sample garden": lambda: sampled("garden", 16, 10),
        "sample knot": lambda: sampled("knot", 16, 10),
        "sample spheres": lambda: sampled("spheres", 8, 6),
        "views": views,
        "prepared": prepared,
        "refined": refined,
        "told": told,
    }


PICTURES = _pictures()
