"""Small fields whose every value is known: linear in the position, made by hand."""

from __future__ import annotations

import numpy as np

from kernels.fields.encodings import HashGrid, Identity, SphericalHarmonics
from kernels.fields.model import Field, Weights
from kernels.fields.networks import Layer, Network, Span, chain, flatten
from scenes.fields import FieldScene

SIDE = 33


def grid_of(values: np.ndarray) -> tuple[HashGrid, np.ndarray]:
    """A dense grid that takes (SIDE, SIDE, SIDE, F) values, by z, y, x, at its vertices."""
    features = values.shape[-1]
    grid = HashGrid(3, 1, features, 19, SIDE - 1, 1.0, kind="dense")
    level = grid.tables[0]
    assert level.resolution == SIDE - 1
    table = np.zeros((level.size, features), np.float32)
    side = level.resolution
    table[: side**3] = values[:side, :side, :side].reshape(-1, features)
    return grid, table.ravel()


def ball(
    color: str = "view", density: float = 40.0, radius: float = 0.6, directional: bool = True
) -> FieldScene:
    """A ball of constant density in the middle of -1..1 whose colour is that of the position.

    Its density falls to 0 within a cell of the grid; with ``directional`` red grows with the x of
    the direction of view.
    """
    centres = (np.arange(SIDE) - 0.5) / (SIDE - 2) * 2 - 1
    z, y, x = np.meshgrid(centres, centres, centres, indexing="ij")
    inside = np.where(x**2 + y**2 + z**2 < radius**2, density, 0.0)
    grid, table = grid_of(
        np.stack([inside, 0.5 + 0.4 * x, 0.5 + 0.4 * y, 0.5 + 0.4 * z], -1).astype(np.float32)
    )
    direction = SphericalHarmonics(2) if directional else None
    if directional:
        layer = Layer(8, 4, bias=False, reads=(Span(-1, 0, 8),))
        weights = np.zeros((4, 8), np.float32)
        weights[:, :4] = np.eye(4)
        # The fourth value of the harmonics is -0.4886 x.
        weights[1, 7] = -0.1 / 0.48860251
        # Density must not know the direction: it comes from a layer of its own.
        first = Layer(4, 1, bias=False, reads=(Span(-1, 0, 4),))
        network = Network((first, layer), 8, (Span(0, 0, 1), Span(1, 1, 4)))
        own = [np.array([[1, 0, 0, 0]], np.float32), weights]
    else:
        network = chain((4, 4), "none", bias=False)
        own = [np.eye(4, dtype=np.float32)]
    model = Field(
        "radiance", grid, network, (-1.0,) * 3, (1.0,) * 3, direction, density="relu",
        color="none",
    )  # fmt: skip
    none = np.zeros(0, np.float32)
    return FieldScene(
        model, Weights(flatten(network, own), table, none), -np.ones(3), np.ones(3), step=0.01
    )


def ramp() -> FieldScene:
    """An image field of 40 x 20 pixels: red grows to the right, green downwards, blue is 0.25."""
    network = chain((2, 3), "none")
    arrays = [np.array([[1, 0], [0, 1], [0, 0]], np.float32), np.array([0, 0, 0.25], np.float32)]
    model = Field("image", Identity(2), network, (-1.0, -0.5), (1.0, 0.5), color="none")
    none = np.zeros(0, np.float32)
    return FieldScene(
        model, Weights(flatten(network, arrays), none, none), np.array([-1, -0.5, 0]),
        np.array([1, 0.5, 0]), size=(40, 20),
    )  # fmt: skip


def window() -> FieldScene:
    """A light field: red is the x at which a ray enters the box, green the y at which it leaves."""
    network = chain((6, 3), "none", bias=False)
    weights = np.zeros((3, 6), np.float32)
    weights[0, 0], weights[1, 4] = 1, 1
    model = Field("light", Identity(6), network, (-1.0,) * 6, (1.0,) * 6, color="none")
    none = np.zeros(0, np.float32)
    return FieldScene(
        model, Weights(flatten(network, [weights]), none, none), -np.ones(3), np.ones(3)
    )


def cloud() -> FieldScene:
    """A volume of one output, 0.5 in the middle third of -1..1, and a transfer function."""
    values = np.zeros((SIDE, SIDE, SIDE, 1), np.float32)
    third = slice(SIDE // 3, 2 * SIDE // 3)
    values[third, third, third] = 0.5
    grid, table = grid_of(values)
    network = chain((1, 1), "none", bias=False)
    model = Field("volume", grid, network, (-1.0,) * 3, (1.0,) * 3, density="none", color="none")
    transfer = np.zeros((256, 4), np.float32)
    transfer[64:, 1], transfer[64:, 3] = 0.8, 30.0
    none = np.zeros(0, np.float32)
    return FieldScene(
        model, Weights(np.ones(1, np.float32), table, none), -np.ones(3), np.ones(3),
        transfer=transfer,
    )  # fmt: skip


def sphere(radius: float = 0.5) -> FieldScene:
    """A distance field: the distance to a sphere at the vertices of a grid."""
    centres = (np.arange(SIDE) - 0.5) / (SIDE - 2) * 2 - 1
    z, y, x = np.meshgrid(centres, centres, centres, indexing="ij")
    grid, table = grid_of((np.sqrt(x**2 + y**2 + z**2) - radius)[..., None].astype(np.float32))
    network = chain((1, 1), "none", bias=False)
    model = Field("distance", grid, network, (-1.0,) * 3, (1.0,) * 3)
    none = np.zeros(0, np.float32)
    return FieldScene(model, Weights(np.ones(1, np.float32), table, none), -np.ones(3), np.ones(3))
