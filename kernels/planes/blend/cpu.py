"""Blending for the ``cpu`` backend."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _add(color, weight, total, alpha, out):
    for row in prange(out.shape[0]):
        for x in range(out.shape[1]):
            a = color[row, x, 3]
            total[row, x] += weight * a
            alpha[row, x] = max(alpha[row, x], a)
            for c in range(3):
                out[row, x, c] += weight * color[row, x, c]


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _finish(total, alpha, out):
    for row in prange(out.shape[0]):
        for x in range(out.shape[1]):
            scale = np.float32(0)
            if total[row, x] > 0:
                scale = alpha[row, x] / total[row, x]
            for c in range(3):
                out[row, x, c] *= scale
            out[row, x, 3] = alpha[row, x]


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _add_depth(color, depth, weight, total, out):
    for row in prange(out.shape[0]):
        for x in range(out.shape[1]):
            if total[row, x] > 0:
                out[row, x] += weight * color[row, x, 3] / total[row, x] * depth[row, x]


def run(colors: Any, depths: Any, weights: Any) -> Any:
    """See :func:`kernels.planes.blend.blend`."""
    # Weights of far images vanish in float32; only their ratios count.
    shares = (np.asarray(weights, np.float64) / max(weights)).astype(np.float32)
    height, width = colors[0].shape[:2]
    total, alpha = np.zeros((2, height, width), np.float32)
    out = np.zeros((height, width, 4), np.float32)
    for color, share in zip(colors, shares, strict=True):
        _add(color, share, total, alpha, out)
    _finish(total, alpha, out)
    if not depths:
        return out, None
    mean = np.zeros((height, width), np.float32)
    for color, depth, share in zip(colors, depths, shares, strict=True):
        _add_depth(color, depth, share, total, mean)
    return out, mean
