"""Rays, clearance, march, composite and trace of the ``cuda`` backend; pictures of fields.

See :mod:`tests.kernels.cuda_cases`. Each case compares with the float64 reference.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from kernels.cuda.device import to_device
from kernels.cuda.residents import resident
from kernels.fields.clearance import clearance
from kernels.fields.composite import composite
from kernels.fields.encodings import Identity
from kernels.fields.march import ENDED, march
from kernels.fields.model import ACTIVATIONS, Field
from kernels.fields.networks import chain
from kernels.fields.rays import rays
from kernels.fields.trace import Stride, trace
from kernels.fields.trace.rays import HIT, LOW, LOW_VALUE, PHASE, T, is_live, start
from kernels.fields.types import Grid, Lattice, Light, March, Rays, Samples
from kernels.gaussians.types import View
from tests.kernels.cuda_field_pictures import PICTURES
from tests.kernels.fields_distances import box, sphere, torus

Measured = dict[str, Any]
LOWER, UPPER = np.array([-1.0, -2, 0]), np.array([1.0, 1, 3])
WIDTH = 1e-3


def own(values: Any) -> np.ndarray:
    """NumPy of what any backend made."""
    return np.asarray(values.cpu() if hasattr(values, "cpu") else values)


def view(orthographic: bool = False, eye: Any = (0.3, -0.2, -2.0)) -> View:
    """40 x 30 px from before the box."""
    c, s = np.cos(0.4), np.sin(0.4)
    rotation = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    scale = 12.0 if orthographic else 40.0
    return View(rotation, np.array(eye), scale, scale * 1.1, 20, 14, 40, 30, orthographic)


def residents() -> Measured:
    """Whether the device keeps a copy of an array, and no longer than the array lives."""
    array = np.arange(5.0)
    first = resident(array)
    again = resident(array) is first
    other = resident(array.copy())
    copy = weakref.ref(first)
    del array, first
    gc.collect()
    return {"again": again, "values": own(other).tolist(), "forgotten": copy() is None}


# Rays and clearance ---------------------------------------------------------------------------


def all_rays(count: int = 1200, seen: View | None = None, seed: int = 7) -> Measured:
    """How far the rays of both backends are apart."""
    seen, pixels = seen or view(), np.arange(count)
    fast, truth = (rays(b, seen, pixels, LOWER, UPPER, seed) for b in ("cuda", "reference"))
    apart = {
        name: float(np.abs(own(getattr(fast, name)) - own(slow)).max(initial=0))
        for name, slow in vars(truth).items()
    }
    return apart | {"hit": int((own(fast.far) > own(fast.near)).sum())}


def along_a_side() -> Measured:
    """Rays parallel to the sides of the box, between two of them and not."""
    reach = []
    for x in (0.0, 1.5):
        seen = View(np.eye(3), np.array([x, 0.0, -1]), 10.0, 10.0, 0.5, 0.5, 1, 1)
        found = rays("cuda", seen, np.zeros(1, np.int64), LOWER, UPPER)
        reach.append([float(found.near[0]), float(found.far[0])])
    return {"inside": reach[0], "outside": reach[1]}


def clear(share: float, shape: tuple[int, ...]) -> Measured:
    """Whether every cell has the same clearance."""
    cells = np.random.default_rng(1).random(shape) < share
    fast, truth = (own(clearance(b, cells)) for b in ("cuda", "reference"))
    return {"same": bool((fast == truth).all()), "kind": str(fast.dtype)}


# March ----------------------------------------------------------------------------------------


def on_device(given: Rays) -> Rays:
    """Rays as tensors."""
    return Rays(*(to_device(np.asarray(a, np.float32)) for a in vars(given).values()))


def some_rays(every: int = 17, orthographic: bool = False) -> Rays:
    """A part of those of a picture, float32."""
    found = rays("reference", view(orthographic), np.arange(0, 1200, every), LOWER, UPPER, 7)
    return Rays(*(np.asarray(a, np.float32) for a in vars(found).values()))


def grid(share: float, levels: int = 2, side: int = 16) -> Grid:
    """Cells at random, of which outer levels know the inner ones."""
    cells = np.random.default_rng(3).random((levels, side, side, side)) < share
    for level in range(1, levels):
        half = cells[level - 1].reshape(*[side // 2, 2] * 3).any((1, 3, 5))
        inner = slice(side // 4, 3 * side // 4)
        cells[level, inner, inner, inner] |= half
    middle = (LOWER + UPPER) / 2
    return Grid(clearance("reference", cells), middle - 0.5, middle + 0.5)


def marched(backend: str, found: Rays, how: March, where: Grid | None) -> tuple[Any, int]:
    """All samples of each ray, rows of position, distance and length; and the rounds it took."""
    live: Any = np.flatnonzero(found.far > found.near).astype(np.int32)
    cursor: Any = np.full(len(found), -1, np.int64)
    if backend == "cuda":
        found, live, cursor = on_device(found), to_device(live), to_device(cursor)
    taken: list[list[Any]] = [[] for _ in range(len(found))]
    for turn in range(200):
        samples = march(backend, found, live, cursor, how, where)
        spans = own(samples.spans)
        live = live[: len(spans)]
        numbers = (samples.positions, samples.distances, samples.lengths)
        rows = np.column_stack([own(a).astype(np.float64) for a in numbers])
        assert len(rows) == spans[:, 1].sum()
        assert spans[:, 1].max(initial=0) <= how.most
        for ray, (first, count) in zip(own(live), spans, strict=True):
            assert (own(samples.rays[first : first + count]) == ray).all()
            taken[ray].extend(rows[first : first + count])
        if not len(rows):
            assert (own(cursor)[own(live)] == ENDED).all()
            return [np.array(one) for one in taken], turn
    raise AssertionError("a march does not end")


def steps(lattice: Lattice, where: Grid | None, directed: bool = False, **more: Any) -> Measured:
    """Samples that only one of the backends takes, and how far the others are apart."""
    toward = (-1.0, 3.0) if directed else None
    how = March(tuple(LOWER), tuple(UPPER), lattice, 6, toward)
    found = some_rays(**more)
    (fast, _), (truth, _) = (marched(b, found, how, where) for b in ("cuda", "reference"))
    error, different, count = 0.0, 0, 0
    for one, other in zip(fast, truth, strict=True):
        count += len(other)
        if len(one) != len(other):
            different += abs(len(one) - len(other)) + 1
        elif len(one):
            error = max(error, float((np.abs(one - other) / np.maximum(1, np.abs(other))).max()))
    return {"different": different, "error": error, "samples": count}


def in_portions() -> Measured:
    """Few samples at a time and many: the same to the last bit."""
    found, where = some_rays(), grid(0.2)
    how = March(tuple(LOWER), tuple(UPPER), Lattice(0.05, 1 / 64), 2)
    few = marched("cuda", found, how, where)
    many = marched("cuda", found, replace(how, most=300), where)
    return {
        "same": all(np.array_equal(one, other) for one, other in zip(few[0], many[0], strict=True)),
        "rounds": [few[1], many[1]],
    }


def strange_rays() -> Measured:
    """Rays that are no rays end, and give numbers of samples in range."""
    strange = np.array([0, 1e-30, 1, 1e10, np.inf, -np.inf, np.nan], np.float32)
    rng = np.random.default_rng(4)
    # No step is skipped along a border, so that only an end makes an end.
    ends = rng.choice(np.array([0, 1, 30, -np.inf, np.nan], np.float32), 150)
    vectors = rng.choice(strange, (2, 150, 3))
    jitter = rng.random(150).astype(np.float32)
    found = Rays(*vectors, rng.choice(strange, 150), ends, jitter)
    counts = []
    for cone in (0.0, 1 / 64):
        how = March(tuple(LOWER), tuple(UPPER), Lattice(0.5, cone), 5)
        cursor = to_device(np.full(150, -1, np.int64))
        live = to_device(np.arange(150, dtype=np.int32))
        samples = march("cuda", on_device(found), live, cursor, how, grid(0.05))
        counts.append(len(samples.distances))
        assert bool((cursor >= 0).all())
    return {"most": max(counts)}


def no_rays() -> Measured:
    """No live ray, a list that ends early, and one ray alone."""
    found = on_device(some_rays())
    how = March(tuple(LOWER), tuple(UPPER), Lattice(0.1), 4)
    sizes = []
    for live in ([], [-1, -1], [30, -1, -1]):
        cursor = to_device(np.full(len(found), -1, np.int64))
        samples = march("cuda", found, to_device(np.array(live, np.int32)), cursor, how)
        sizes.append([len(samples.distances), len(samples.spans)])
    return {"sizes": sizes}


# Composite ------------------------------------------------------------------------------------


def model(density: str = "relu", color: str = "none") -> Field:
    """Of which only the activations matter."""
    return Field(
        "radiance", Identity(3), chain((3, 4), "none"), (0, 0, 0), (1, 1, 1), None, (-1, 1),
        density, color,
    )  # fmt: skip


def some_samples(counts: list[int], seed: int, columns: int = 4) -> tuple[Any, Samples]:
    """Outputs, of which one is no number and one infinite, and where they belong."""
    rng = np.random.default_rng(seed)
    total = sum(counts)
    outputs = 3 * rng.normal(size=(total, columns)).astype(np.float32)
    outputs[[3, 60], [0, columns // 2]] = np.nan, np.inf
    spans = np.stack([np.cumsum([0, *counts[:-1]]), counts], 1).astype(np.int64)
    distances = np.concatenate([np.arange(n) for n in counts]).astype(np.float32)
    owners = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
    # Every other ray stays thin enough to go on.
    lengths = rng.uniform(0.1, 1, total) * np.where(owners % 2, 1, 0.002)
    lengths = lengths.astype(np.float32)
    return outputs, Samples(np.zeros((total, 3), np.float32), distances, lengths, owners, spans)


def gathered(
    outputs: Any, samples: Samples, field: Field, stop: float = 1e-3, transfer: Any = None
) -> Measured:
    """How far the light of both backends is apart, as a share of the largest."""
    rows = np.arange(len(samples.spans), dtype=np.int32)
    fast, truth = Light.dark(len(rows), to_device(np.zeros(0, np.float32))), Light.dark(len(rows))
    alive = own(composite("cuda", field, outputs, samples, rows, fast, stop, transfer))
    known = composite("reference", field, outputs, samples, rows, truth, stop, transfer)
    error = 0.0
    for name in ("color", "transmittance", "distance"):
        slow = getattr(truth, name)
        apart = np.abs(own(getattr(fast, name)) - slow).max()
        error = max(error, float(apart / max(1.0, np.abs(slow).max())))
    kept = alive[: len(known)]
    return {
        "error": error,
        "samples": bool(np.array_equal(own(fast.samples), truth.samples)),
        "live": bool(np.array_equal(kept, known) and (alive[len(known) :] == -1).all()),
        "going": len(known),
    }


def activated(density: str, color: str) -> Measured:
    """With activations."""
    return gathered(*some_samples([7, 40, 0, 1, 40], 5), model(density, color))


def transferred() -> Measured:
    """With a transfer function."""
    transfer = np.random.default_rng(6).uniform(0, 2, (256, 4)).astype(np.float32)
    outputs, samples = some_samples([9, 40, 0, 40], 7, 1)
    return gathered(outputs, samples, model("sigmoid"), 1e-3, transfer)


def thin() -> Measured:
    """Ten thousandths of fog in each of some hundred steps: relative to what they take away."""
    count = 100
    outputs = np.full((count, 4), 1e-4, np.float32)
    samples = Samples(
        np.zeros((count, 3), np.float32), np.arange(count, dtype=np.float32),
        np.full(count, 0.01, np.float32), np.zeros(count, np.int32), np.array([[0, count]]),
    )  # fmt: skip
    light = Light.dark(1, to_device(np.zeros(0, np.float32)))
    composite("cuda", model(), outputs, samples, np.zeros(1, np.int32), light)
    exact = -np.expm1(-np.float64(np.float32(1e-4) * np.float32(0.01)) * count)
    return {"relative": abs(float(light.color[0, 0]) / 1e-4 / exact - 1)}


# Trace ----------------------------------------------------------------------------------------

BODIES: dict[str, tuple[Callable[[Any], Any], Stride]] = {
    "torus": (torus(1.0, 0.3), Stride()),
    "overstated": (lambda p: 1.15 * sphere()(p), Stride(1.0, 40)),
    "clamped": (lambda p: np.clip(box(0.7, 0.5, 0.02)(p), -0.1, 0.1), Stride(0.8)),
    "noise": (lambda p: np.sin(1e4 * p.sum(1)), Stride(1.0, 20)),
    "strange": (lambda p: np.where(p[:, 0] > 0, np.nan, np.where(p[:, 1] > 0, np.inf, 0.5)),
                Stride()),
}  # fmt: skip


def traced(name: str) -> Measured:
    """How many of the steps differ, where rounding does not decide; ended rays stay as they are."""
    function, stride = BODIES[name]
    rng = np.random.default_rng(1)
    origins = rng.normal(0, 1, (250, 3))
    origins *= 4 / np.linalg.norm(origins, axis=1, keepdims=True)
    directions = rng.uniform(-1.3, 1.3, (250, 3)) - origins
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    origins, directions = origins.astype(np.float32), directions.astype(np.float32)
    rays_ = start(np.zeros(250, np.float32), np.full(250, 8, np.float32))
    worst, still, widths = 1.0, True, np.full(250, WIDTH, np.float32)
    for _ in range(120):
        live = is_live(rays_)
        if not live.any():
            break
        found = function(origins + rays_[:, T, None] * directions).astype(np.float32)
        fast = trace("cuda", rays_, found, widths, stride)
        slow = trace("reference", rays_[live], found[live], widths[live], stride)
        still &= np.array_equal(fast[~live], rays_[~live])
        # Along planes spheres touch exactly, and rounding decides the bet.
        step, reach = rays_[live, T] - rays_[live, LOW], rays_[live, LOW_VALUE] + abs(found[live])
        unsure = abs(step - stride.scale * reach) < 1e-5
        same = np.isclose(fast[live], slow, rtol=1e-5, atol=1e-6).all(1)
        worst = min(worst, float((same | unsure).mean()))
        rays_[live] = slow
    hit = rays_[:, PHASE] == HIT
    return {"same": worst, "still": bool(still), "ended": not is_live(rays_).any(),
            "hit": float(hit.mean())}  # fmt: skip


def _cases() -> dict[str, Callable[[], Measured]]:
    cases: dict[str, Callable[[], Measured]] = {
        "residents": residents,
        "rays": all_rays,
        "rays orthographic": lambda: all_rays(seen=view(True)),
        "rays centred": lambda: all_rays(seed=-1),
        "rays of another seed": lambda: all_rays(300, seed=123_456),
        "one ray": lambda: all_rays(1),
        "no rays": lambda: all_rays(0),
        "rays that miss": lambda: all_rays(seen=view(eye=(50, 0, 0))),
        "along a side": along_a_side,
    }
    for share in (0.0, 0.01, 0.5, 1.0):
        cases[f"clearance {share:g}"] = lambda share=share: clear(share, (2, 7, 9, 11))
    cases["clearance of nothing"] = lambda: clear(0.5, (0, 4, 4, 4))
    for cone_ in (0.0, 1 / 32):
        for share in (None, 0.0, 0.02, 0.3):
            name = f"march cone {cone_:g} share {share}"
            cases[name] = lambda cone_=cone_, share=share: steps(
                Lattice(0.05, cone_), None if share is None else grid(share)
            )
    cases |= {
        "march directed": lambda: steps(Lattice(0.1), grid(0.1), True),
        "march orthographic": lambda: steps(Lattice(0.1), grid(0.1), orthographic=True),
        "march fine": lambda: steps(Lattice(0.01), grid(0.1, 3, 32), every=140),
        "march portions": in_portions,
        "march strange": strange_rays,
        "march nothing": no_rays,
    }
    for place, density in enumerate(ACTIVATIONS):
        color = ACTIVATIONS[(place + 2) % len(ACTIVATIONS)]
        cases[f"composite {density} {color}"] = lambda d=density, c=color: activated(d, c)
    cases |= {"composite transfer": transferred, "thin": thin}
    cases |= {f"trace {name}": lambda name=name: traced(name) for name in BODIES}
    return cases


CASES = _cases() | PICTURES


def draw() -> None:
    """Every kernel once in each form that is launched."""
    for orthographic in (False, True):
        all_rays(4, view(orthographic))
    all_rays(4, seed=-1)
    clear(0.5, (1, 4, 4, 4))
    for taper in (0.0, 1 / 32):
        for where in (None, grid(0.3)):
            steps(Lattice(0.5, taper), where, every=140)
            steps(Lattice(0.5, taper), where, True, every=140)
    for density, color in (("exponential", "sigmoid"), ("relu", "none"), ("softplus", "softplus")):
        activated(density, color)
    transferred()
    traced("torus")
