"""Table lookups of SOG pixels, splat by splat, on one thread."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from kernels.codec.outputs import Outputs
from kernels.codec.unpack_sog import IDENTITY_BELOW, Pixels, Tables

_NO_PIXELS = np.zeros((0, 2), np.uint8)
_NO_PALETTE = np.zeros((0, 0), np.float32)
# Decoded pictures cannot be written to; Numba compiles for that once more otherwise.
_NO_PIXELS.setflags(write=False)
_STEP = 2.0 / 255.0 / math.sqrt(2.0)
_LEAST = -1.0 / math.sqrt(2.0)


@njit(nogil=True, cache=True, error_model="numpy")
def _geometry(low, high, scale_pixels, quat_pixels, mean_table, scale_table, means, quats, scales):
    one, zero = np.float32(1.0), np.float32(0.0)
    for index in range(means.shape[0]):
        i = np.uint64(index)
        for axis in range(3):
            a = np.uint64(axis)
            code = np.uint64(low[i, a]) | np.uint64(high[i, a]) << np.uint64(8)
            means[i, a] = mean_table[a, code]
            scales[i, a] = scale_table[np.uint64(scale_pixels[i, a]), a]
        place = np.int64(quat_pixels[i, np.uint64(3)]) - IDENTITY_BELOW
        # In float64: where the rest is nearly 0, its root would lose half of the digits.
        rest = 1.0
        source = np.uint64(0)
        for component in range(4):
            c = np.uint64(component)
            if place < 0:
                quats[i, c] = one if component == 0 else zero
            elif component != place:
                value = np.float64(quat_pixels[i, source]) * _STEP + _LEAST
                source += np.uint64(1)
                quats[i, c] = value
                rest -= value * value
        if place >= 0:
            quats[i, np.uint64(place)] = math.sqrt(max(rest, 0.0))


@njit(nogil=True, cache=True, error_model="numpy")
def _colour(base_pixels, labels, base_table, palette, opacities, sh):
    lost = 0
    rest = sh.shape[1] - 3
    for index in range(sh.shape[0]):
        i = np.uint64(index)
        for channel in range(3):
            c = np.uint64(channel)
            sh[i, c] = base_table[np.uint64(base_pixels[i, c]), c]
        a = np.uint64(3)
        opacities[i] = base_table[np.uint64(base_pixels[i, a]), a]
        if rest == 0:
            continue
        label = np.uint64(labels[i, np.uint64(0)])
        label |= np.uint64(labels[i, np.uint64(1)]) << np.uint64(8)
        if label >= np.uint64(palette.shape[0]):
            lost += 1
            sh[i, 3:] = np.float32(0.0)
        else:
            for k in range(rest):
                sh[i, np.uint64(k + 3)] = palette[label, np.uint64(k)]
    return lost


def run(pixels: Pixels, tables: Tables, out: Outputs) -> int:
    """See :func:`kernels.codec.unpack_sog.unpack_sog`."""
    _geometry(
        pixels.means_low,
        pixels.means_high,
        pixels.scales,
        pixels.quats,
        tables.means,
        tables.scales,
        out.means,
        out.quats,
        out.scales,
    )
    count, terms = out.sh.shape[:2]
    sh: Any = out.sh.reshape(count, 3 * terms)
    flat = terms == 1
    return _colour(
        pixels.base,
        _NO_PIXELS if flat else pixels.labels,
        tables.base,
        _NO_PALETTE if flat else tables.palette,
        out.opacities,
        sh,
    )
