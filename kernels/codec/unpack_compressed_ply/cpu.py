"""Words of a compressed PLY, splat by splat, on one thread."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from kernels.codec.outputs import Outputs
from kernels.codec.unpack_compressed_ply import SH_BOUND, Packed
from kernels.gaussians.shade.basis import C0

_BYTES = np.arange(256)
_UNITS = _BYTES / 255.0
_REST = (((_BYTES + 0.5) / 256.0 - 0.5) * 2.0 * SH_BOUND).astype(np.float32)
_REST[0], _REST[255] = -SH_BOUND, SH_BOUND
_ROOT_TWO = math.sqrt(2.0)


@njit(inline="always")
def _between(ranges, chunk, place, fraction):
    """The value at a fraction of the range whose least number stands at ``place``."""
    low = np.float64(ranges[chunk, place])
    high = np.float64(ranges[chunk, place + np.uint64(3)])
    return low * (1.0 - fraction) + high * fraction


@njit(inline="always")
def _fraction(word, axis):
    """Field 0, 1 or 2 of 11, 10 and 11 bits."""
    if axis == 0:
        return np.float64(word >> np.uint32(21)) / 2047.0
    if axis == 1:
        return np.float64(word >> np.uint32(11) & np.uint32(1023)) / 1023.0
    return np.float64(word & np.uint32(2047)) / 2047.0


@njit(nogil=True, cache=True, error_model="numpy")
def _geometry(words, ranges, means, quats, scales):
    for index in range(words.shape[0]):
        i = np.uint64(index)
        chunk = i >> np.uint64(8)
        position, rotation, size = words[i, 0], words[i, 1], words[i, 2]
        for axis in range(3):
            a = np.uint64(axis)
            means[i, a] = _between(ranges, chunk, a, _fraction(position, axis))
            log_scale = _between(ranges, chunk, a + np.uint64(6), _fraction(size, axis))
            scales[i, a] = math.exp(log_scale)
        largest = rotation >> np.uint32(30)
        square = 0.0
        for back in range(4):
            component = np.uint32(3 - back)
            if component == largest:
                continue
            value = (np.float64(rotation & np.uint32(1023)) / 1023.0 - 0.5) * _ROOT_TWO
            square += value * value
            quats[i, np.uint64(component)] = value
            rotation >>= np.uint32(10)
        quats[i, np.uint64(largest)] = math.sqrt(max(1.0 - square, 0.0))


@njit(nogil=True, cache=True, error_model="numpy")
def _appearance(words, ranges, rest, opacities, sh):
    per_channel = rest.shape[1] // 3
    for index in range(words.shape[0]):
        i = np.uint64(index)
        chunk = i >> np.uint64(8)
        word = words[i, 3]
        opacities[i] = _UNITS[np.uint64(word & np.uint32(255))]
        for channel in range(3):
            shift = np.uint32(24 - 8 * channel)
            fraction = _UNITS[np.uint64(word >> shift & np.uint32(255))]
            color = _between(ranges, chunk, np.uint64(12 + channel), fraction)
            sh[i, np.uint64(channel)] = (color - 0.5) / C0
            for k in range(per_channel):
                value = rest[i, np.uint64(channel * per_channel + k)]
                sh[i, np.uint64(3 * (k + 1) + channel)] = _REST[np.uint64(value)]


def run(packed: Packed, out: Outputs) -> None:
    """See :func:`kernels.codec.unpack_compressed_ply.unpack_compressed_ply`."""
    count, terms = out.sh.shape[:2]
    sh: Any = out.sh.reshape(count, 3 * terms)
    _geometry(packed.words, packed.ranges, out.means, out.quats, out.scales)
    _appearance(packed.words, packed.ranges, packed.sh, out.opacities, sh)
