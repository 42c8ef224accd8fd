"""Neural fields with numbers drawn by chance, of all forms and structures."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
from kernels.fields.model import Field, Occupancy, Weights
from kernels.fields.networks import INPUT, Layer, Network, RadialBasis, Span, chain
from scenes.camera import Camera
from scenes.fields import FieldScene


def drawn(model: Field, seed: int = 0) -> Weights:
    """Parameters that float16 holds, too."""
    rng = np.random.default_rng(seed)
    empty = Weights.empty(model)
    sizes = (len(part) for part in (empty.network, empty.encoding, empty.direction))
    return Weights(*(rng.normal(0, 0.3, n).astype(np.float16).astype(np.float32) for n in sizes))


def two_networks(position: int, direction: int, neurons: int = 16) -> Network:
    """As instant-ngp has them: density, then colour of its 16 outputs and the direction."""
    inputs = position + direction
    layers = (
        Layer(position, neurons, "relu", bias=False, reads=(Span(INPUT, 0, position),)),
        Layer(neurons, 16, bias=False),
        Layer(
            16 + direction,
            neurons,
            "relu",
            bias=False,
            reads=(Span(1, 0, 16), Span(INPUT, position, inputs)),
        ),
        Layer(neurons, neurons, "relu", bias=False),
        Layer(neurons, 3, bias=False),
    )
    return Network(layers, inputs, (Span(1, 0, 1), Span(4, 0, 3)))


def growing_cells(levels: int, seed: int = 0) -> NDArray[np.bool_]:
    """Cells of 128^3; what is occupied in one cube is in the next."""
    cells = np.random.default_rng(seed).random((levels, 128, 128, 128)) > 0.999
    for smaller, larger in pairwise(cells):
        eighths = smaller.reshape(64, 2, 64, 2, 64, 2).any((1, 3, 5))
        larger[32:96, 32:96, 32:96] |= eighths
    return cells


def cameras(count: int) -> tuple[Camera, ...]:
    rng = np.random.default_rng(7)
    eyes = rng.normal(0.5, 2, (count, 3))
    return tuple(Camera.look_at(eye, (0.5,) * 3, (0, 1, 0), width=80, height=60) for eye in eyes)


def radiance(scale: int = 2, levels: int = 3, **changes: Any) -> FieldScene:
    """As a snapshot of instant-ngp holds it."""
    encoding = HashGrid(3, levels, 2, 8, 4, 1.5)
    direction = SphericalHarmonics(4)
    model = Field(
        "radiance",
        encoding,
        two_networks(encoding.width, direction.width),
        (0.5 - scale / 2,) * 3,
        (0.5 + scale / 2,) * 3,
        direction,
    )
    scene = FieldScene(
        model,
        drawn(model),
        np.array(model.lower),
        np.array(model.upper),
        step=3**0.5 / 1024,
        cone=1 / 256 if scale > 1 else 0.0,
        background=(1.0, 0.5, 0.0),
        cameras=cameras(2),
        upward=(0.0, 1.0, 0.0),
        name="radiance",
    )
    return replace(scene, **changes)


def distance(**changes: Any) -> FieldScene:
    encoding = HashGrid(3, 4, 2, 8, 4, 1.5)
    network = chain((encoding.width, 16, 1), "relu", bias=False)
    model = Field("distance", encoding, network, (0.0,) * 3, (1.0,) * 3)
    scene = FieldScene(
        model, drawn(model), np.zeros(3), np.ones(3), upward=(0.0, 1.0, 0.0), name="distance"
    )
    return replace(scene, **changes)


def image(**changes: Any) -> FieldScene:
    encoding = HashGrid(2, 4, 2, 8, 4, 1.5, "hash", "smoothstep")
    network = chain((encoding.width, 32, 32, 3), "relu", bias=False)
    model = Field("image", encoding, network, (0.0, 0.0), (1.0, 0.75), color="none")
    upper = np.array([1.0, 0.75, 0.0])
    scene = FieldScene(model, drawn(model), np.zeros(3), upper, size=(40, 30), name="image")
    return replace(scene, **changes)


def volume(outputs: int = 1) -> FieldScene:
    encoding = HashGrid(3, 2, 2, 8, 4, 2.0, "tiled")
    network = chain((encoding.width, 16, outputs), "silu")
    model = Field("volume", encoding, network, (-1.0,) * 3, (1.0,) * 3, density="relu")
    table = np.random.default_rng(3).random((256, 4)).astype(np.float32)
    transfer = table if outputs == 1 else None
    return FieldScene(model, drawn(model), np.full(3, -1), np.ones(3), transfer=transfer)


def of_all_encodings() -> FieldScene:
    """Every encoding and every kind of layer, and all that a scene may have besides."""
    parts: tuple[Encoding, ...] = (
        HashGrid(3, 2, 2, 8, 4, 1.7, "dense", "nearest"),
        Simplex(3, 2, 2, 8, 4, 1.3),
        TriPlane(4, 3, "product"),
        Frequency(2, 3),
        TriangleWave(1, 2),
        OneBlob(1, 4),
        Composite((Identity(1, 2.0, -1.0), Identity(1)), "sum", (0, 2)),
    )
    encoding = Composite(parts, firsts=(0, 0, 0, 1, 2, 0, 0))
    width = encoding.width
    layers = (
        RadialBasis(width, 5, (Span(INPUT, 0, width),)),
        Layer(5, 8, "sine", 30.0, True),
        Layer(8, 1, "none", bias=False),
        Layer(17, 3, "tanh", reads=(Span(1, 0, 8), Span(INPUT, width, width + 9))),
    )
    network = Network(layers, width + 9, (Span(2, 0, 1), Span(3, 0, 3)))
    model = Field(
        "radiance", encoding, network, (-1.0, 0.25, 3.0), (1.0, 0.1, 1e3), SphericalHarmonics(3),
        (0.0, 3.25), "softplus", "none",
    )  # fmt: skip
    cells = np.random.default_rng(1).random((2, 5, 5, 5)) > 0.5
    view = Camera(np.eye(4), 8, 6, 2.0, 3.0, 4.5, 2.5, "orthographic")
    return FieldScene(
        model,
        drawn(model),
        np.array([-1.0, 0.1, 3]),
        np.array([1, 0.3, 5]),
        Occupancy(cells, np.array([-1.0, -2, -3]), np.array([1.0, 2, 3])),
        step=0.125,
        cone=0.1,
        background=(0.1, 0.2, 0.3),
        sharpness=12.0,
        cameras=(*cameras(3), view),
        upward=(0.0, 0.0, 1.0),
        name="all",
        metadata={"words": "é", "numbers": [1, 2.5, None]},
    )


def light() -> FieldScene:
    network = chain((6, 8, 4), "leaky_relu")
    model = Field("light", Identity(6), network, (0.0,) * 6, (1.0,) * 6)
    return FieldScene(model, drawn(model), np.zeros(3), np.ones(3))


SCENES = {
    "radiance": radiance,
    "distance": distance,
    "image": image,
    "density": volume,
    "volume": lambda: volume(4),
    "all": of_all_encodings,
    "light": light,
}


def same(found: FieldScene, wanted: FieldScene) -> None:
    """All that files keep, to the bit."""
    same_function(found.model, wanted.model)
    for name in ("network", "encoding", "direction"):
        np.testing.assert_array_equal(
            getattr(found.weights, name), getattr(wanted.weights, name), strict=True
        )
    np.testing.assert_array_equal(found.lower, wanted.lower)
    np.testing.assert_array_equal(found.upper, wanted.upper)
    assert (found.occupancy is None) == (wanted.occupancy is None)
    if found.occupancy is not None and wanted.occupancy is not None:
        for name in ("cells", "lower", "upper"):
            np.testing.assert_array_equal(
                getattr(found.occupancy, name), getattr(wanted.occupancy, name)
            )
    for name in ("step", "cone", "background", "size", "upward"):
        assert getattr(found, name) == getattr(wanted, name), name


def same_function(found: Field, wanted: Field) -> None:
    """The same fields; what a layer reads may be said or left to the usual."""
    assert said(found.network) == said(wanted.network)
    assert replace(found, network=wanted.network) == wanted


def said(network: Network) -> Network:
    layers = (replace(layer, reads=network.reads(n)) for n, layer in enumerate(network.layers))
    return replace(network, layers=tuple(layers))
