"""Fields whose zero is a surface: what tracing and meshing ask of them, and networks as such."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kernels.fields.encode import encode
from kernels.fields.model import Field, Weights
from kernels.fields.network import network
from kernels.fields.slope import slope
from render.request import RenderCancelled
from render.turns import KERNELS

CHUNK = 1 << 14
"""Points that are evaluated together: what they are encoded as stays in a cache, and a wide
network looks up several times a second for whether it is still wanted."""

Floats = NDArray[np.float32]


class Distances(Protocol):
    """A signed distance, negative inside, of points (N, 3) of the scene, float32."""

    def distances(self, points: Floats) -> Floats:
        """(N,) scene units."""

    def slopes(self, points: Floats) -> tuple[Floats, Floats]:
        """(N,) and their gradients (N, 3) by the points."""


class NeuralDistance:
    """The distance of a neural field; of one of density, how far its logarithm or the like is off.

    Parameters
    ----------
    model, weights
        A field of the form ``distance``, ``radiance`` or ``volume`` and its parameters.
    backend
        Which one evaluates it, resolved.
    threshold
        Density (per scene unit) of the surface of a field of density; what is denser is inside.
        Values then are ``v0 - v`` for the output v before its activation, v0 that of the
        threshold: they have the sign of a distance and not its size.

    Raises
    ------
    ValueError
        For fields without a surface, and for thresholds that no density reaches.
    """

    def __init__(
        self, model: Field, weights: Weights, backend: str, threshold: float | None = None
    ) -> None:
        self._model, self._weights, self._backend = model, weights, backend
        lower, upper = (np.array(corner, np.float64) for corner in (model.lower, model.upper))
        if model.form == "distance":
            self._factor, self._offset = model.unit, 0.0
        elif model.form in ("radiance", "volume") and threshold is not None:
            self._factor, self._offset = -1.0, before_activation(model.density, threshold)
        else:
            raise ValueError(f"a {model.form} field has no surface without a density to cut at")
        self._lower, self._rate = lower.astype(np.float32), (1 / (upper - lower)).astype(np.float32)

    def _placed(self, points: Floats) -> Floats:
        return np.asarray((points - self._lower) * self._rate, np.float32)

    def _extra(self, count: int) -> Floats | None:
        """In place of an encoded direction, on which density does not depend."""
        direction = self._model.direction
        return None if direction is None else np.zeros((count, direction.width), np.float32)

    def _finished(self, values: Any) -> Floats:
        return np.asarray(values, np.float32) * np.float32(self._factor) + np.float32(self._offset)

    def distances(self, points: Floats) -> Floats:
        """See :class:`Distances`."""
        model, weights = self._model, self._weights
        with KERNELS:
            inputs = encode(self._backend, model.encoding, self._placed(points), weights.encoding)
            if (extra := self._extra(len(points))) is not None:
                inputs = np.concatenate([np.asarray(inputs), extra], 1)
            found = network(self._backend, model.network, inputs, weights.network)
        return self._finished(np.asarray(found)[:, 0])

    def slopes(self, points: Floats) -> tuple[Floats, Floats]:
        """See :class:`Distances`."""
        model, weights = self._model, self._weights
        with KERNELS:
            values, gradients = slope(
                self._backend, model.encoding, model.network, self._placed(points),
                weights.encoding, weights.network, 0, self._extra(len(points)),
            )  # fmt: skip
        return self._finished(values), np.asarray(gradients, np.float32) * (
            self._rate * np.float32(self._factor)
        )


def before_activation(activation: str, density: float) -> float:
    """The v whose activation (:data:`kernels.fields.model.ACTIVATIONS`) is ``density``."""
    limit = 1.0 if activation == "sigmoid" else math.inf
    if not 0 < density < limit:
        raise ValueError(f"a {activation} density must be between 0 and {limit:g}, got {density}")
    match activation:
        case "exponential":
            return math.log(density)
        case "sigmoid":
            return math.log(density / (1 - density))
        case "softplus":
            return density + math.log(-math.expm1(-density))
        case _:
            return density


def in_chunks(
    function: Callable[[Floats], Any], points: Floats, cancelled: Callable[[], bool] | None = None
) -> Any:
    """``function`` of all points, :data:`CHUNK` at a time; an array or a tuple of arrays.

    Raises
    ------
    RenderCancelled
        When ``cancelled()`` became true.
    """
    parts = []
    for first in range(0, max(len(points), 1), CHUNK):
        if cancelled is not None and cancelled():
            raise RenderCancelled
        parts.append(function(points[first : first + CHUNK]))
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], tuple):
        return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return np.concatenate(parts)
