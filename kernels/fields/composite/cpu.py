"""Compositing for the ``cpu`` backend."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from kernels.fields.model import ACTIVATIONS, Field
from kernels.fields.types import Light, Samples

RELU, EXPONENTIAL, SIGMOID, SOFTPLUS = (
    ACTIVATIONS.index(name) for name in ("relu", "exponential", "sigmoid", "softplus")
)


@njit(inline="always")
def activated(kind, value):
    """One of :data:`kernels.fields.model.ACTIVATIONS` by its place."""
    if kind == EXPONENTIAL:
        return np.exp(min(value, np.float32(15.0)))
    if kind == SIGMOID:
        return np.float32(1.0) / (np.float32(1.0) + np.exp(-value))
    if kind == RELU:
        return max(value, np.float32(0.0))
    if kind == SOFTPLUS:
        return max(value, np.float32(0.0)) + np.log1p(np.exp(-abs(value)))
    return value


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _composite(
    outputs, distances, lengths, spans, live, density_kind, color_kind, stop, transfer, color,
    transmittance, distance, samples,
):  # fmt: skip
    one = np.float32(1.0)
    last = np.float32(len(transfer) - 1)
    for item in prange(len(live)):
        ray = live[item]
        left, far = transmittance[ray], distance[ray]
        red, green, blue = color[ray, 0], color[ray, 1], color[ray, 2]
        start, end = spans[item, 0], spans[item, 0] + spans[item, 1]
        at = start
        while at < end and left > stop:
            sigma = activated(density_kind, outputs[at, 0])
            row, share = 0, np.float32(0.0)
            finite = np.isfinite(outputs[at, 0])
            if len(transfer) > 0:
                place = min(max(sigma, np.float32(0.0)), one) * last
                if finite:
                    row = min(int(place), len(transfer) - 2)
                share = place - np.float32(row)
                sigma = transfer[row, 3] * (one - share) + transfer[row + 1, 3] * share
            else:
                for channel in range(1, 4):
                    finite &= np.isfinite(outputs[at, channel])
            if finite and sigma > 0:
                alpha = -np.expm1(-sigma * lengths[at])
                weight = left * alpha
                if len(transfer) > 0:
                    red += weight * (
                        transfer[row, 0] * (one - share) + transfer[row + 1, 0] * share
                    )
                    green += weight * (
                        transfer[row, 1] * (one - share) + transfer[row + 1, 1] * share
                    )
                    blue += weight * (
                        transfer[row, 2] * (one - share) + transfer[row + 1, 2] * share
                    )
                else:
                    red += weight * activated(color_kind, outputs[at, 1])
                    green += weight * activated(color_kind, outputs[at, 2])
                    blue += weight * activated(color_kind, outputs[at, 3])
                far += weight * distances[at]
                left -= weight
            at += 1
        color[ray, 0], color[ray, 1], color[ray, 2] = red, green, blue
        transmittance[ray], distance[ray] = left, far
        samples[ray] += at - start


_NONE = np.zeros((0, 4), np.float32)


def run(
    model: Field,
    outputs: Any,
    samples: Samples,
    live: Any,
    light: Light,
    stop: float,
    transfer: Any,
) -> Any:
    """See :func:`kernels.fields.composite.composite`."""
    _composite(
        outputs, samples.distances, samples.lengths, samples.spans, live,
        ACTIVATIONS.index(model.density), ACTIVATIONS.index(model.color), np.float32(stop),
        _NONE if transfer is None else transfer, light.color, light.transmittance, light.distance,
        light.samples,
    )  # fmt: skip
    counts = samples.spans[:, 1]
    most = counts.max() if len(counts) else 0
    if most == 0:
        return live[:0]
    return live[(counts == most) & (light.transmittance[live] > stop)]
