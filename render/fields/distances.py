"""Fields whose zero is a surface: what tracing and meshing ask of them, and networks as such."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from kernels.fields.encode import encode
from kernels.fields.model import Field, Weights
from kernels.fields.network import network
from kernels.fields.slope import slope
from render.fields.arrays import beside, host, library, zeros
from render.request import RenderCancelled
from render.turns import KERNELS

CHUNK = 1 << 14
"""Points that are evaluated together: what they are encoded as stays in a cache, and a wide
network looks up several times a second for whether it is still wanted."""
DEVICE_CHUNK = 1 << 18
"""The same of points on a device, which has ten thousands of threads; what a small network makes of
so many stays in the cache of a large device."""

Floats = Any
"""NumPy float32, or a tensor of the device of ``cuda``."""


class Distances(Protocol):
    """A signed distance, negative inside, of points (N, 3) of the scene, float32.

    Results are where the points are.
    """

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
            self._factor, self._offset = float(model.unit), 0.0
        elif model.form in ("radiance", "volume") and threshold is not None:
            self._factor, self._offset = -1.0, before_activation(model.density, threshold)
        else:
            raise ValueError(f"a {model.form} field has no surface without a density to cut at")
        self._lower, self._rate = lower.astype(np.float32), (1 / (upper - lower)).astype(np.float32)

    def _own(self, points: Floats) -> Floats:
        """Where the backend has its numbers."""
        if self._backend != "cuda":
            return points
        from kernels.cuda.device import to_device

        return to_device(points)

    def _placed(self, points: Floats) -> Floats:
        return (points - beside(self._lower, points)) * beside(self._rate, points)

    def _extra(self, points: Floats) -> Floats | None:
        """In place of an encoded direction, on which density does not depend."""
        direction = self._model.direction
        return None if direction is None else zeros(points, (len(points), direction.width))

    def distances(self, points: Floats) -> Floats:
        """See :class:`Distances`."""
        model, weights, own = self._model, self._weights, self._own(points)
        with KERNELS:
            inputs = encode(self._backend, model.encoding, self._placed(own), weights.encoding)
            if (extra := self._extra(own)) is not None:
                inputs = library(own).concatenate([_where(own, inputs), extra], 1)
            found = network(self._backend, model.network, inputs, weights.network)
        return _where(points, found)[:, 0] * self._factor + self._offset

    def slopes(self, points: Floats) -> tuple[Floats, Floats]:
        """See :class:`Distances`."""
        model, weights, own = self._model, self._weights, self._own(points)
        with KERNELS:
            values, gradients = slope(
                self._backend, model.encoding, model.network, self._placed(own),
                weights.encoding, weights.network, 0, self._extra(own),
            )  # fmt: skip
        return (
            _where(points, values) * self._factor + self._offset,
            _where(points, gradients) * beside(self._rate, points) * self._factor,
        )


def _where(points: Floats, found: Any) -> Floats:
    """What a backend found, float32, where the points are."""
    return host(found) if isinstance(points, np.ndarray) else found


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
    """``function`` of all points, so many at a time; an array or a tuple of arrays.

    Raises
    ------
    RenderCancelled
        When ``cancelled()`` became true.
    """
    parts = []
    chunk = CHUNK if isinstance(points, np.ndarray) else DEVICE_CHUNK
    for first in range(0, max(len(points), 1), chunk):
        if cancelled is not None and cancelled():
            raise RenderCancelled
        parts.append(function(points[first : first + chunk]))
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], tuple):
        return tuple(library(arrays[0]).concatenate(arrays) for arrays in zip(*parts, strict=True))
    return library(parts[0]).concatenate(parts)
