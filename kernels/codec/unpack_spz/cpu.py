"""SPZ bytes, splat by splat, on one thread."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from kernels.codec.unpack_spz import COLOR_SCALE, HALF_WIDTH, SMALLEST_THREE, Outputs, Packed, Turn

_BYTES = np.arange(256)
_SCALES = np.exp(_BYTES / 16.0 - 10.0).astype(np.float32)
_COLORS = ((_BYTES / 255.0 - 0.5) / COLOR_SCALE).astype(np.float32)
_ALPHAS = (_BYTES / 255.0).astype(np.float32)
_MAGNITUDE = 1.0 / 511.0 / math.sqrt(2.0)


@njit(nogil=True, cache=True, error_model="numpy")
def _fixed_positions(packed, step, axes, signs, means):
    for index in range(means.shape[0]):
        i = np.uint64(index)
        for axis in range(3):
            a = np.uint64(axis)
            first = np.uint64(3) * axes[a]
            number = np.int32(packed[i, first])
            number |= np.int32(packed[i, first + np.uint64(1)]) << np.int32(8)
            number |= np.int32(packed[i, first + np.uint64(2)]) << np.int32(16)
            if number >= 1 << 23:
                number -= 1 << 24
            means[i, a] = np.float32(number) * step * signs[a]


@njit(nogil=True, cache=True, error_model="numpy")
def _rotations(packed, axes, twists, quats):
    smallest_three = packed.shape[1] == SMALLEST_THREE
    xyzw = np.empty(4, np.float64)
    for index in range(quats.shape[0]):
        i = np.uint64(index)
        square = 0.0
        largest = np.uint64(3)
        if smallest_three:
            number = np.uint32(0)
            for byte in range(4):
                number |= np.uint32(packed[i, np.uint64(byte)]) << np.uint32(8 * byte)
            largest = np.uint64(number >> np.uint32(30))
            for back in range(4):
                c = np.uint64(3 - back)
                if c == largest:
                    continue
                value = np.float64(number & np.uint32(511)) * _MAGNITUDE
                square += value * value
                xyzw[c] = -value if number & np.uint32(512) else value
                number >>= np.uint32(10)
        else:
            for component in range(3):
                c = np.uint64(component)
                value = np.float64(packed[i, c]) / 127.5 - 1.0
                square += value * value
                xyzw[c] = value
        xyzw[largest] = math.sqrt(max(1.0 - square, 0.0))
        quats[i, np.uint64(0)] = np.float32(xyzw[np.uint64(3)])
        for axis in range(3):
            a = np.uint64(axis)
            quats[i, a + np.uint64(1)] = np.float32(xyzw[axes[a]]) * twists[a]


@njit(nogil=True, cache=True, error_model="numpy")
def _appearance(alphas, colors, scale_bytes, rest, axes, flips, opacities, scales, sh):
    steps = np.float32(1.0 / 128.0)
    for index in range(scales.shape[0]):
        i = np.uint64(index)
        opacities[i] = _ALPHAS[np.uint64(alphas[i])]
        for axis in range(3):
            a = np.uint64(axis)
            scales[i, a] = _SCALES[np.uint64(scale_bytes[i, axes[a]])]
            sh[i, a] = _COLORS[np.uint64(colors[i, a])]
        for k in range(1, flips.shape[0]):
            factor = flips[np.uint64(k)] * steps
            for channel in range(3):
                value = rest[i, np.uint64(3 * (k - 1) + channel)]
                sh[i, np.uint64(3 * k + channel)] = np.float32(np.int32(value) - 128) * factor


def run(packed: Packed, step: float, turn: Turn, out: Outputs) -> None:
    """See :func:`kernels.codec.unpack_spz.unpack_spz`."""
    axes, signs, twists, flips = turn
    if packed.positions.shape[1] == HALF_WIDTH:
        halves = packed.positions.view("<f2")
        with np.errstate(invalid="ignore"):
            np.multiply(halves[:, axes], signs, out=out.means)
    else:
        _fixed_positions(packed.positions, np.float32(step), axes, signs, out.means)
    _rotations(packed.rotations, axes, twists, out.quats)
    count, terms = out.sh.shape[:2]
    sh: Any = out.sh.reshape(count, 3 * terms)
    _appearance(
        packed.alphas,
        packed.colors,
        packed.scales,
        packed.sh,
        axes,
        flips,
        out.opacities,
        out.scales,
        sh,
    )
