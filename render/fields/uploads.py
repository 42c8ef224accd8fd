"""Fields as the kernels want them, kept from frame to frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.fields.clearance import clearance
from kernels.fields.encode import encode
from kernels.fields.encodings import Composite, Encoding
from kernels.fields.model import Occupancy
from kernels.fields.network import network
from kernels.fields.networks import Network, part
from kernels.fields.types import Grid
from render.fields.distances import in_chunks
from scenes.fields import FieldScene


@dataclass(frozen=True, eq=False)
class Upload:
    """One field, ready to be evaluated by a backend.

    Attributes
    ----------
    scene
        Kept, so that its identity stays its own.
    backend
        That evaluates it.
    """

    scene: FieldScene
    backend: str

    @cached_property
    def _whole(self) -> tuple[Encoding, NDArray[np.float32]]:
        """Of position and direction together."""
        model, weights = self.scene.model, self.scene.weights
        if model.direction is None:
            return model.encoding, weights.encoding
        parts = Composite((model.encoding, model.direction))
        return parts, np.concatenate([weights.encoding, weights.direction])

    def outputs(self, positions: Any) -> Any:
        """(M, outputs) of the network at (M, 3), or (M, 6) with directions, units of encodings.

        Tensors of a device for tensors.
        """
        return in_chunks(self._evaluated, positions)

    def _evaluated(self, positions: Any) -> Any:
        encoding, parameters = self._whole
        features = encode(self.backend, encoding, positions, parameters)
        model, weights = self.scene.model, self.scene.weights
        return network(self.backend, model.network, features, weights.network)

    @cached_property
    def first_output(self) -> tuple[Network, NDArray[np.float32]]:
        """The network of the first output alone, which no direction changes, and its parameters."""
        model, weights = self.scene.model, self.scene.weights
        found, parameters = part(model.network, weights.network, 0, 1)
        return replace(found, inputs=model.encoding.width), parameters

    def density(self, positions: Any) -> Any:
        """(M,) the first output at (M, 3) positions, units of the encoding."""
        model, weights = self.scene.model, self.scene.weights
        features = encode(self.backend, model.encoding, positions, weights.encoding)
        return network(self.backend, self.first_output[0], features, self.first_output[1])[:, 0]

    @cached_property
    def grid(self) -> Grid | None:
        """Where to sample, from the occupancy of the scene; None where that is not known."""
        occupancy = self.scene.occupancy
        if occupancy is None:
            return None
        cells = nested(occupancy).cells
        return Grid(clearance(self.backend, cells), occupancy.lower, occupancy.upper)


def nested(occupancy: Occupancy) -> Occupancy:
    """The occupancy whose outer levels know what is in the inner ones.

    The middle half of a level, each way, is the level before it: a march that skips cells of the
    one may pass cells of the other.
    """
    cells = occupancy.cells.copy()
    side = cells.shape[1]
    inner = slice(side // 4, side // 4 + side // 2)
    for level in range(1, len(cells)):
        finer = cells[level - 1].reshape(*(n for _ in range(3) for n in (side // 2, 2)))
        cells[level, inner, inner, inner] |= finer.any((1, 3, 5))
    return replace(occupancy, cells=cells)
