"""Rays for the ``cpu`` backend."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from kernels.fields.types import Rays
from kernels.gaussians.types import View


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _rays(
    pixels, width, rotation, position, inverse, orthographic, lower, upper, seed, origins,
    directions, near, far, jitter,
):  # fmt: skip
    word = np.uint64(0xFFFFFFFF)
    offset = np.uint64(seed) * np.uint64(0x9E3779B9)
    for i in prange(len(pixels)):
        pixel = pixels[i]
        x = (pixel % width + 0.5 - inverse[2]) * inverse[0]
        y = (pixel // width + 0.5 - inverse[3]) * inverse[1]
        length = 1.0 if orthographic else np.sqrt(x * x + y * y + 1.0)
        first, last = 0.0, np.inf
        for axis in range(3):
            start, along = position[axis], rotation[2, axis]
            aside = x * rotation[0, axis] + y * rotation[1, axis]
            if orthographic:
                start += aside
            else:
                along = (along + aside) / length
            origins[i, axis] = start
            directions[i, axis] = along
            one, other = (lower[axis] - start) / along, (upper[axis] - start) / along
            if one == one and other == other:
                first = max(first, min(one, other))
                last = min(last, max(one, other))
        near[i] = first
        far[i] = last if first < last else first
        if seed < 0:
            jitter[i] = 0.5
            continue
        state = (np.uint64(pixel) + offset) & word
        state = (state * np.uint64(747796405) + np.uint64(2891336453)) & word
        turned = (state >> ((state >> np.uint64(28)) + np.uint64(4))) ^ state
        turned = (turned * np.uint64(277803737)) & word
        turned = (turned >> np.uint64(22)) ^ turned
        jitter[i] = np.float32(turned >> np.uint64(8)) * np.float32(2.0**-24)


def run(view: View, pixels: Any, lower: Any, upper: Any, seed: int) -> Rays:
    """See :func:`kernels.fields.rays.rays`."""
    pixels = np.ascontiguousarray(pixels, np.int64)
    count = len(pixels)
    vectors = np.empty((2, count, 3), np.float32)
    numbers = np.empty((3, count), np.float32)
    _rays(
        pixels, view.width, np.asarray(view.rotation, np.float64),
        np.asarray(view.position, np.float64),
        np.array([1 / view.fx, 1 / view.fy, view.cx, view.cy]), view.orthographic,
        np.asarray(lower, np.float64), np.asarray(upper, np.float64), seed,
        vectors[0], vectors[1], numbers[0], numbers[1], numbers[2],
    )  # fmt: skip
    return Rays(vectors[0], vectors[1], numbers[0], numbers[1], numbers[2])
