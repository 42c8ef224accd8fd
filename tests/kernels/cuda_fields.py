"""Encodings, networks, slopes and fused fields of the ``cuda`` backend beside the reference.

See :mod:`tests.kernels.cuda_cases`. Errors are shares of the largest number of the reference, or
of 1 where that is smaller.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kernels.cuda.device import to_device
from kernels.fields.clearance import clearance
from kernels.fields.encode import encode
from kernels.fields.encodings import (
    Composite,
    Encoding,
    Frequency,
    HashGrid,
    Identity,
    OneBlob,
    Simplex,
    SphericalHarmonics,
    TriangleWave,
    TriPlane,
)
from kernels.fields.follow import follow, fusable
from kernels.fields.model import Field, Weights
from kernels.fields.network import network
from kernels.fields.networks import ACTIVATIONS, INPUT, Layer, Network, Span, chain, split
from kernels.fields.rays import rays
from kernels.fields.slope import slope
from kernels.fields.types import Grid, Lattice, Rays
from scenes.open import open_scene
from tests.kernels.chain import looking_at, psnr
from tests.kernels.test_networks import MIXED, NERF, NGP, RADIAL
from tests.kernels.test_networks import _parameters as weights_of
from tests.kernels.test_slope import ENCODINGS as FEW

Measured = dict[str, Any]

SAMPLES = Path(__file__).resolve().parents[2] / "assets/fields"

ENCODINGS: dict[str, Encoding] = FEW | {
    "nearest": HashGrid(3, 3, 2, 9, 4, 1.6, "hash", "nearest"),
    "one feature": HashGrid(2, 5, 1, 9, 4, 1.6),
    "four coordinates": HashGrid(4, 2, 2, 9, 4, 1.6),
    "eight features": HashGrid(3, 2, 8, 9, 4, 1.6),
    "four corners": Simplex(2, 4, 8, 9, 4, 1.6),
    "even planes": TriPlane(9, 6, "product"),
    "many planes": TriPlane(5, 20),
    "odd beginning": Composite(
        (HashGrid(2, 1, 3, 4, 3, 2.0, "tiled"), HashGrid(2, 3, 2, 8, 4, 1.5))
    ),
    "nested": Composite(
        (
            Identity(4),
            Composite((OneBlob(1, 4), TriangleWave(2, 2)), "sum", (1, 0)),
            Composite((Identity(2), Frequency(1, 1))),
        ),
        "product",
        (0, 0, 1),
    ),
}  # fmt: skip
NETWORKS: dict[str, Network] = {
    "nerf": NERF,
    "ngp": NGP,
    "radial": RADIAL,
    "mixed": MIXED,
    "wide": chain([7, 200, 3], "relu"),
    "many inputs": chain([70, 40, 5], "sine", omega=3.0),
    "one": Network((Layer(1, 1),)),
    "overlapping": Network(
        (
            Layer(12, 9, "relu", reads=(Span(INPUT, 0, 5), Span(INPUT, 3, 8), Span(INPUT, 9, 11))),
            Layer(9, 5, reads=(Span(0, 2, 8), Span(0, 1, 2), Span(0, 3, 5))),
        ),
        12,
        (Span(1, 1, 4), Span(INPUT, 2, 5), Span(0, 3, 4), Span(1, 0, 2)),
    ),
} | {name: chain([5, 20, 7], name, name) for name in ACTIVATIONS}


def own(values: Any) -> np.ndarray:
    """NumPy of what any backend made, float64."""
    return np.asarray(values.cpu() if hasattr(values, "cpu") else values, np.float64)


def error(fast: Any, truth: Any) -> Measured:
    """The largest difference; and whether the same of them are no numbers."""
    fast, truth = own(fast), own(truth)
    same = fast.shape == truth.shape and bool((np.isfinite(fast) == np.isfinite(truth)).all())
    finite = np.isfinite(truth) & np.isfinite(fast) if same else slice(0, 0)
    size = max(1.0, float(np.abs(truth[finite]).max(initial=0)))
    return {"same": same, "error": float(np.abs(fast - truth)[finite].max(initial=0)) / size}


def table_of(encoding: Encoding, seed: int = 3) -> np.ndarray:
    """Parameters."""
    return np.random.default_rng(seed).normal(0, 1, encoding.parameters).astype(np.float32)


# Encodings and networks -----------------------------------------------------------------------


def encoded(encoding: Encoding, points: np.ndarray) -> Measured:
    """An encoding, in and around the unit cube."""
    table = table_of(encoding)
    fast = encode("cuda", encoding, to_device(points), table)
    return error(fast, encode("reference", encoding, points.astype(np.float64), table))


def around(encoding: Encoding, count: int = 70, low: float = -0.3, high: float = 1.3) -> np.ndarray:
    """Positions: more than a block, and not a whole number of them."""
    rng = np.random.default_rng(count)
    return rng.uniform(low, high, (count, encoding.inputs + 1)).astype(np.float32)


def entries(encoding: Encoding) -> Measured:
    """The same entries as the reference takes, where integers wrap around and saturate."""
    points = around(encoding, 70, -1e12, 1e12)
    points[:40] *= 10.0 ** np.linspace(-12, 0, 40, dtype=np.float32)[:, None]
    table = np.arange(encoding.parameters, dtype=np.float32)
    fast, truth = (own(encode(b, encoding, points, table)) for b in ("cuda", "reference"))
    return {"different": int((fast != truth).sum()), "entries": len(np.unique(truth))}


def hostile(encoding: Encoding) -> Measured:
    """Positions that are no numbers."""
    points = around(encoding)
    points[3, 0], points[5, 1], points[7] = np.nan, np.inf, -np.inf
    return encoded(encoding, points)


def evaluated(description: Network, x: np.ndarray) -> Measured:
    """A network."""
    parameters = weights_of(description)
    fast = network("cuda", description, to_device(x), parameters)
    return error(fast, network("reference", description, x.astype(np.float64), parameters))


def normal(description: Network, count: int = 70, scale: float = 1.0) -> np.ndarray:
    """Inputs of a network."""
    rng = np.random.default_rng(count)
    return rng.normal(0, scale, (count, description.inputs)).astype(np.float32)


def unread() -> Measured:
    """A direction that is no number, which density does not read."""
    x = normal(NGP)
    x[3, 40], x[4, 33] = np.nan, np.inf
    return evaluated(NGP, x)


def changed() -> Measured:
    """Weights that were changed in place, as by a fit."""
    description, x = chain([5, 20, 7], "relu"), normal(chain([5, 20, 7], "relu"))
    parameters = to_device(weights_of(description).copy())
    network("cuda", description, x, parameters)
    parameters *= 0.5
    fast = network("cuda", description, x, parameters)
    return error(fast, network("reference", description, x.astype(np.float64), own(parameters)))


def sloped(
    encoding: Encoding, description: Network, column: int, points: np.ndarray, extra: Any = None
) -> Measured:
    """Values and gradients."""
    given = table_of(encoding), weights_of(description), column, extra
    fast = slope("cuda", encoding, description, to_device(points), *given)
    truth = slope("reference", encoding, description, points.astype(np.float64), *given)
    values, gradients = (error(*pair) for pair in zip(fast, truth, strict=True))
    return {"same": values["same"] and gradients["same"], "value": values["error"],
            "gradient": gradients["error"]}  # fmt: skip


def inside(encoding: Encoding) -> np.ndarray:
    """Positions not beyond the borders of planes."""
    return around(encoding, 70, 0.01, 0.99)[:, : encoding.inputs]


def mixed_slope(column: int) -> Measured:
    """A network with radial bases and joined inputs, one of which is no encoded position."""
    extra = np.random.default_rng(0).normal(size=(70, 1)).astype(np.float32)
    encoding = Frequency(3, 1)
    return sloped(encoding, MIXED, column, inside(encoding), extra)


# Followed rays --------------------------------------------------------------------------------

CORNER = np.ones(3)
STEPS = Lattice(0.15)


def radiance(encoding: Encoding, hidden: int = 16, direction: Encoding | None = None) -> Field:
    """A field as those of instant-ngp: density, and colour that may depend on the direction."""
    width, beside = encoding.width, direction.width if direction else 0
    reads = (Span(1, 0, 16), Span(INPUT, width, width + beside))[: 2 if direction else 1]
    layers = (
        Layer(width, hidden, "relu", bias=False, reads=(Span(INPUT, 0, width),)),
        Layer(hidden, 16, bias=True),
        Layer(16 + beside, hidden, "relu", bias=False, reads=reads),
        Layer(hidden, 3),
    )
    results = (Span(1, 0, 1), Span(3, 0, 3))
    both = Network(layers, width + beside, results)
    return Field("radiance", encoding, both, (-1.0,) * 3, (1.0,) * 3, direction)


SMALL = HashGrid(3, 4, 2, 8, 4, 1.7)
SKIPPING = Network(
    (
        Layer(12, 40, "relu", reads=(Span(INPUT, 0, 12),)),
        Layer(40, 24, "sine", 2.0),
        Layer(24 + 7, 33, "softplus", reads=(Span(1, 0, 24), Span(INPUT, 5, 12))),
        Layer(33, 4),
    ),
    12,
)
"""The input again in the middle, a part of it."""
FIELDS: dict[str, Field] = {
    "grid": radiance(SMALL, direction=SphericalHarmonics(2)),
    "without direction": radiance(SMALL),
    "odd features": radiance(HashGrid(3, 6, 3, 8, 4, 1.5), direction=SphericalHarmonics(3)),
    "frequencies": replace(
        radiance(Composite((Identity(3), Frequency(3, 5)), firsts=(0, 0))), color="none"
    ),
    "skipping": Field("radiance", Frequency(3, 2), SKIPPING, (-1.0,) * 3, (1.0,) * 3,
                      density="softplus", color="sigmoid"),
    "everything": radiance(
        Composite(
            (Simplex(3, 3, 2, 8, 4, 1.6), TriPlane(6, 4), OneBlob(2, 3), TriangleWave(1, 2)),
            firsts=(0, 0, 1, 2),
        ),
        direction=Frequency(3, 2),
    ),
    "relu": replace(radiance(SMALL), density="relu", color="relu"),
    "volume": Field("volume", SMALL, chain([8, 16, 4], "relu"), (-1.0,) * 3, (1.0, 1.0, 1.5)),
}  # fmt: skip


def parameters_of(model: Field, seed: int = 0) -> Weights:
    """Of a field whose density is in some places and not in others."""
    rng = np.random.default_rng(seed)
    flat = weights_of(model.network, seed)
    for layer, own_weights in zip(model.network.layers, split(model.network, flat), strict=True):
        if isinstance(layer, Layer) and layer.outputs == 16:
            own_weights[0][0] *= 4
    encoding = rng.normal(0, 1, model.encoding.parameters).astype(np.float32)
    return Weights(flat, encoding, np.zeros(0, np.float32))


def some_rays(side: int = 14) -> Rays:
    """From aside, some of them past the box."""
    view = looking_at((-1.2, -0.2, -2.6), (0, 0, 0), side, side, fov_y=60)
    found = rays("reference", view, np.arange(side * side), -CORNER, CORNER, 3)
    return Rays(*(np.asarray(own(a), np.float32) for a in vars(found).values()))


def cells(share: float) -> Grid:
    """Two levels at random."""
    full = np.random.default_rng(4).random((2, 8, 8, 8)) < share
    return Grid(clearance("reference", full), -0.6 * CORNER, 0.6 * CORNER)


def followed(model: Field, weights: Weights, given: Rays, lattice: Lattice, *more: Any) -> Measured:
    """Light of the rays, and how many samples that took."""
    assert fusable(model)
    on_device = Rays(*(to_device(a) for a in vars(given).values()))
    fast = follow("cuda", model, weights, on_device, lattice, *more)
    truth = follow("reference", model, weights, given, lattice, *more)
    color = own(fast.color), own(truth.color)
    found = {
        name: error(getattr(fast, name), getattr(truth, name))
        for name in ("color", "transmittance", "distance")
    }
    return {
        "same": all(one["same"] for one in found.values()),
        "error": max(one["error"] for one in found.values()),
        "psnr": psnr(*color),
        "samples": int((own(fast.samples) != own(truth.samples)).sum()),
        "evaluated": [int(fast.evaluated), int(own(fast.samples).sum()), truth.evaluated],
        "light": float(color[1].mean()),
    }


def followed_field(name: str, *more: Any, lattice: Lattice = STEPS) -> Measured:
    """One of the fields."""
    model = FIELDS[name]
    return followed(model, parameters_of(model), some_rays(), lattice, *more)


def transferred() -> Measured:
    """A volume of one output, whose colours come from a table."""
    model = Field("volume", SMALL, chain([8, 16, 1], "relu"), (-1.0,) * 3, (1.0,) * 3,
                  density="none")  # fmt: skip
    table = np.random.default_rng(1).random((256, 4), np.float32)
    weights = parameters_of(model)
    return followed(model, weights, some_rays(), Lattice(0.15), None, 1e-2, table)


def broken() -> Measured:
    """Rays and weights that are no numbers: something comes out, and an end is found."""
    model = FIELDS["grid"]
    weights, given = parameters_of(model), some_rays(9)
    weights.encoding[::7] = np.nan
    given.directions[3], given.origins[5], given.near[7], given.far[9] = (np.nan,) * 4
    given.near[11], given.jitter[13] = -np.inf, np.nan
    fast = follow("cuda", model, weights, given, Lattice(0.2), cells(0.3), 1e-2)
    return {"finite": bool(np.isfinite(own(fast.color)).all())}


def nothing() -> Measured:
    """No rays, and rays that all miss."""
    model = FIELDS["grid"]
    given, weights = some_rays(5), parameters_of(model)
    none = follow("cuda", model, weights, given.part(slice(0)), Lattice(0.2))
    missing = replace(given, far=given.near)
    dark = follow("cuda", model, weights, missing, Lattice(0.2))
    return {"rays": len(none.color), "color": float(own(dark.color).max()),
            "transmittance": float(own(dark.transmittance).min()),
            "samples": int(dark.evaluated)}  # fmt: skip


def real() -> Measured:
    """A fitted field of the samples, at few pixels."""
    if not (path := SAMPLES / "spheres.field.safetensors").is_file():
        return {"skipped": f"{path} is not there"}
    scene = open_scene(path)
    camera = scene.default_camera(12, 8)
    view = looking_at(camera.position, scene.focus[0], 12, 8, fov_y=40)
    found = rays("reference", view, np.arange(96), scene.lower, scene.upper, 3)
    given = Rays(*(np.asarray(own(a), np.float32) for a in vars(found).values()))
    where = None
    if scene.occupancy is not None:
        where = Grid(
            clearance("reference", scene.occupancy.cells),
            scene.occupancy.lower, scene.occupancy.upper,
        )  # fmt: skip
    lattice = Lattice(4 * scene.stride, scene.cone)
    return followed(scene.model, scene.weights, given, lattice, where, 1 / 512)


# ----------------------------------------------------------------------------------------------


def _cases() -> dict[str, Callable[[], Measured]]:
    cases: dict[str, Callable[[], Measured]] = {}
    for name, encoding in ENCODINGS.items():
        cases[f"encode {name}"] = lambda e=encoding: encoded(e, around(e))
        # A side at a time goes through seven coordinates, which takes the interpreter seconds.
        if encoding.inputs < 7:
            cases[f"slope {name}"] = lambda e=encoding: sloped(
                e, chain([e.width, 12, 2], "silu"), 1, inside(e)
            )
    for name in ("hash", "tiled", "simplex", "sum", "smoothstep"):
        cases[f"encode hostile {name}"] = lambda e=ENCODINGS[name]: hostile(e)
    for kind in ("hash", "dense", "tiled"):
        grid = HashGrid(3, 5, 2, 9, 4, 1.6, kind, "nearest")
        cases[f"entries {kind}"] = lambda e=grid: entries(e)
    cases["entries far"] = lambda: entries(HashGrid(3, 8, 1, 19, 16, 9.0, "hash", "nearest"))
    cases["encode nothing"] = lambda: encoded(FEW["mixed"], around(FEW["mixed"], 0))
    cases["encode one"] = lambda: encoded(FEW["mixed"], around(FEW["mixed"], 1))
    for name, description in NETWORKS.items():
        cases[f"network {name}"] = lambda n=description: evaluated(n, normal(n))
        cases[f"network large {name}"] = lambda n=description: evaluated(n, normal(n, 9, 1e6))
    for name in ACTIVATIONS:
        both = chain([5, 12, 2], name)
        cases[f"slope {name}"] = lambda n=both: sloped(
            Identity(2), n, 1, inside(Identity(2)), normal(chain([3, 1], "none"))
        )
    for column in (0, 17, 18):
        cases[f"slope radial {column}"] = lambda c=column: mixed_slope(c)
    cases |= {
        "network nothing": lambda: evaluated(NGP, normal(NGP, 0)),
        "network unread": unread,
        "network changed": changed,
    }
    for name in FIELDS:
        cases[f"follow {name}"] = lambda name=name: followed_field(name, None, 1e-3)
    near = Lattice(0.1, 1 / 16)
    return cases | {
        "follow cells": lambda: followed_field("grid", cells(0.2), 1e-2),
        "follow few cells": lambda: followed_field("grid", cells(0.01), 1e-2),
        "follow no cells": lambda: followed_field("grid", cells(0.0), 1e-2),
        "follow tapered": lambda: followed_field("grid", None, 1e-2, lattice=near),
        "follow tapered cells": lambda: followed_field("grid", cells(0.1), 1e-2, lattice=near),
        "follow transferred": transferred,
        "follow broken": broken,
        "follow nothing": nothing,
        "follow real": real,
    }


CASES = _cases()

NGP_FIELD = Field(
    "radiance",
    HashGrid(3, 16, 2, 8, 4, 1.2),
    replace(
        NGP,
        results=(Span(1, 0, 1), Span(4, 0, 3)),
    ),
    (-1.0,) * 3,
    (1.0,) * 3,
    SphericalHarmonics(4),
)  # fmt: skip
"""As large as instant-ngp's but for the tables, which code does not depend on."""


def draw() -> None:
    """Every kernel, in the sizes that take the most registers."""
    encodings = [
        HashGrid(3, 16, 2, 8, 4, 1.2),
        FEW["seven"],
        FEW["simplex4"],
        TriPlane(5, 32, "product"),
        SphericalHarmonics(8),
        Frequency(3, 10),
        OneBlob(3, 16),
    ]
    for encoding in encodings:
        encode("cuda", encoding, around(encoding, 3), table_of(encoding))
    for encoding in (encodings[0], FEW["simplex"], *encodings[3:6]):
        sloped(encoding, chain([encoding.width, 64], "none"), 0, inside(encoding)[:2])
    for description in (NGP, chain([72, 200, 80], "silu")):
        evaluated(description, normal(description, 2))
    # Radial bases, and sines: the longest of activations.
    mixed_slope(1)
    given = some_rays(2)
    weights = parameters_of(NGP_FIELD)
    follow("cuda", NGP_FIELD, weights, given, Lattice(2.0, 1 / 16), cells(0.1), 0.5)
